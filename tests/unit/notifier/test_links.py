"""Links in mails: each opens one ticket for its reader, and is seen by nobody else."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.notifier.channels import smtp
from services.notifier.deliveries import Accepted, Content, Lost, Refused
from services.notifier.letters import links, samples
from services.notifier.letters.links import link_of, thread_of, without_secret
from services.notifier.letters.samples import ASKED, Sample
from services.notifier.register.contents import source, take_apart
from shared.links import UNSEEN, hash_link
from tests.support.composed import CATALOGUE, DESK, PARTS, Shown, html, mail, part, sample

FOR_CUSTOMERS = ("acknowledgement-basic", "reply", "reply-with-files")
FOR_OURS = ("at-risk-first_response", "breach-resolution", "retraction-met", "assignment")
CENTER = "https://desk.careline.example"


def content(of: Sample) -> Content:
    """It as it is handed over."""
    handed_over = smtp.content_of(mail(of), "customer@customer.example")
    return replace(handed_over, link=link_of(of.delivery, DESK))


def token(of: Sample) -> str:
    """The secret part of its link."""
    made = link_of(of.delivery, DESK)
    assert made is not None
    return made.token


@pytest.mark.parametrize("kind", PARTS)
@pytest.mark.parametrize("name", FOR_CUSTOMERS)
def test_a_customers_mail_has_a_link_of_its_own(name: str, kind: str) -> None:
    """It opens the ticket, and does not name it."""
    of = sample(name)
    whole = html(mail(of)) if kind == "html" else part(mail(of), kind)
    assert f"{CENTER}/open/{token(of)}" in whole
    assert str(of.delivery.ticket) not in whole


@pytest.mark.parametrize("name", FOR_OURS)
def test_people_of_ours_are_led_to_the_inbox(name: str) -> None:
    """Whoever reads it there is signed in as themselves."""
    of = sample(name)
    assert link_of(of.delivery, DESK) is None
    assert f"{CENTER}/inbox/{of.delivery.ticket}" in Shown(html(mail(of))).links
    assert "/open/" not in mail(of).as_string()


def test_a_second_copy_has_the_same_link_and_another_round_another_one() -> None:
    """It holds for 30 days from when the mail was to go; sent again by somebody, from then."""
    first = sample("reply").delivery
    made, copy = link_of(first, DESK), link_of(replace(first, attempts=3), DESK)
    assert made is not None
    assert made == copy
    assert made.link.expires == ASKED + timedelta(days=30)
    assert made.link.sha256 == hash_link(made.token)
    later = ASKED + timedelta(days=40)
    again = link_of(replace(first, round=1, again_at=later), DESK)
    assert again is not None
    assert again.token != made.token
    assert again.link.expires == later + timedelta(days=30)


def test_links_of_two_mails_and_of_two_desks_differ() -> None:
    """Who has one can derive no other."""
    one, two = sample("reply").delivery, sample("acknowledgement-basic").delivery
    other = replace(DESK, link_secret="another secret of the tests")
    assert len({thread_of(one, DESK), thread_of(two, DESK), thread_of(one, other)}) == 3


def test_without_a_secret_customers_sign_in() -> None:
    """The mail leads to the ticket, and opens nothing by itself."""
    of = sample("reply").delivery
    assert thread_of(of, replace(DESK, link_secret=None)) == f"{CENTER}/center/{of.ticket}"


@pytest.mark.parametrize("locale", ["en-GB", "de-DE", "es-ES"])
def test_what_is_kept_of_a_mail_opens_nothing(locale: str) -> None:
    """Text, HTML and source: the link is there, its secret part is not, nothing else is missing."""
    for of in samples.samples(CATALOGUE, locale=locale):
        handed_over = content(of)
        kept = without_secret(handed_over)
        if handed_over.link is None:
            assert kept == handed_over
            continue
        secret = handed_over.link.token
        before, after = take_apart(handed_over), take_apart(kept)
        assert kept.link is None
        assert secret.encode() not in source(kept).replace(b"=\r\n", b"")
        for words, shown in ((before.text, after.text), (before.html, after.html)):
            assert words is not None
            assert secret in words
            assert shown == words.replace(secret, UNSEEN)
        assert after.headers == before.headers


def test_what_a_mail_server_repeats_of_a_link_is_not_kept() -> None:
    """A filter may name the link by which it refuses a mail."""
    of = sample("reply")
    handed_over = content(of)
    said = f"550 5.7.1 blocked: {CENTER}/open/{token(of)}"
    refused = links.answer_without_secret(Refused(550, said, for_good=True), handed_over)
    assert refused == Refused(550, f"550 5.7.1 blocked: {CENTER}/open/…", for_good=True)
    lost = links.answer_without_secret(Lost(after_data=True, detail=said), handed_over)
    assert isinstance(lost, Lost)
    assert lost.detail == f"550 5.7.1 blocked: {CENTER}/open/…"
    assert links.answer_without_secret(Accepted(250), handed_over) == Accepted(250)
    assert links.answer_without_secret(Refused(550, said, for_good=True), None) == Refused(
        550, said, for_good=True
    )
