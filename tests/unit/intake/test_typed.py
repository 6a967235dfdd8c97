"""What was typed into the form: read, judged, and said in the reader's words."""

from dataclasses import replace

import pytest

from services.intake import typed
from services.intake.typed import Around, Typed
from shared.forms import Form
from shared.languages import Languages
from shared.messages import Channel
from shared.passes import Pass
from shared.plans import Priority

ENGLISH = Languages().of("en")
WEB = Around(Channel.WEB, "en", "Europe/Berlin")
CHAT = replace(WEB, channel=Channel.CHAT)
GOOD = Typed("f" * 43, address="a@customer.example", subject="It", text="Help", account="one")
ADA = Pass("a-customer", "Ada", "ada@customer.example", "an-account", "advanced")


def test_a_form_without_an_id_of_ours_is_given_one() -> None:
    """What somebody made up is no id; ours stays."""
    ours, theirs = "a" * 43, "made up"
    kept = typed.read(Form((("form", ours),)), new_form=lambda: "fresh")
    given = typed.read(Form((("form", theirs),)), new_form=lambda: "fresh")
    assert (kept.form, given.form) == (ours, "fresh")


def test_lines_end_as_they_do_everywhere_else() -> None:
    """Browsers send CR and LF."""
    read = typed.read(Form((("text", "\r\none\r\n\r\n  two\r\n"),)), new_form=str)
    assert read.text == "one\n\n  two"


@pytest.mark.parametrize(
    ("wrong", "name", "says"),
    [
        ({"address": ""}, "address", "so that we can answer"),
        ({"address": "nobody"}, "address", "in full"),
        ({"subject": ""}, "subject", "in a few words"),
        ({"subject": "a" * 201}, "subject", "200 characters"),
        ({"subject": "a\x07b"}, "subject", "can't be shown"),
        ({"text": " \n "}, "text", "Describe"),
        ({"text": "a" * 50_001}, "text", "50,000"),
        ({"name": "a" * 201}, "name", "200 characters"),
        ({"account": "no spaces here"}, "account", "letters, digits"),
    ],
)
def test_each_field_says_what_to_do_about_it(wrong: dict[str, str], name: str, says: str) -> None:
    """By the field's name, and nothing about the others."""
    asked, problems = typed.check(replace(GOOD, **wrong), WEB, ENGLISH)  # type: ignore[arg-type]  # fields of text
    assert asked is None
    assert list(problems) == [name]
    assert says in problems[name]


def test_a_form_that_will_do_is_a_request() -> None:
    """As the JSON API would take it."""
    asked, problems = typed.check(GOOD, WEB, ENGLISH)
    assert asked is not None
    assert not problems
    assert (asked.channel, asked.account, asked.time_zone) == ("web", "one", "Europe/Berlin")


def test_nobody_hurries_or_names_an_account_beside_their_own() -> None:
    """Priority counts for who is signed in, whose account is the pass's, whatever was sent."""
    urgent = replace(GOOD, priority=Priority.URGENT)
    stranger, _ = typed.check(urgent, WEB, ENGLISH)
    ada, _ = typed.check(urgent, replace(WEB, who=ADA), ENGLISH)
    odd, _ = typed.check(replace(GOOD, priority="now!"), replace(WEB, who=ADA), ENGLISH)
    assert stranger is not None
    assert ada is not None
    assert odd is not None
    assert stranger.priority is odd.priority is Priority.NORMAL
    assert (ada.priority, ada.account) == (Priority.URGENT, "an-account")


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("\n  It is broken  \nsince today", "It is broken"),
        ("word " * 40, "word " * 19 + "word …"),
        ("a" * 150, "a" * 100 + " …"),
        ("turned \u202e round", "turned round"),
    ],
)
def test_a_chat_is_called_by_its_first_line(text: str, subject: str) -> None:
    """Cut off at a word, and without what turns the reading."""
    asked, _ = typed.check(replace(GOOD, subject="", text=text), CHAT, ENGLISH)
    assert asked is not None
    assert asked.subject == subject


def test_an_empty_chat_is_wrong_in_its_text_alone() -> None:
    """There is no field for its subject."""
    _, problems = typed.check(replace(GOOD, subject="", text=" "), CHAT, ENGLISH)
    assert list(problems) == ["text"]


@pytest.mark.parametrize(
    ("given", "zone"),
    [("America/New_York", "America/New_York"), ("", "Europe/Berlin"), ("Mars/X", "Europe/Berlin")],
)
def test_the_zone_is_the_browsers_or_the_desks(given: str, zone: str) -> None:
    """A zone that there isn't harms nobody."""
    assert typed.zone_of(replace(GOOD, time_zone=given), "Europe/Berlin") == zone


@pytest.mark.parametrize(
    ("accepted", "locale"),
    [("de-AT,de;q=0.9", "de-AT"), ("*", "en"), ("", "en"), ("?!, fr;q=0.1", "fr")],
)
def test_the_locale_is_the_first_that_the_browser_names(accepted: str, locale: str) -> None:
    """Also one that we have no words in: an agent may."""
    assert typed.locale_of(accepted) == locale
