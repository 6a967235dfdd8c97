"""Links that open one ticket: nobody guesses one, and whoever repeats one gives nothing away."""

from datetime import UTC, datetime

import pytest

from shared.links import hash_link, hide_links, make_link

EXPIRES = datetime(2026, 12, 23, tzinfo=UTC)
SECRET = "a secret of the tests"


def test_the_same_secret_and_purpose_give_the_same_link() -> None:
    """A mail that is made twice has one link; every other purpose, and secret, another one."""
    made = make_link(SECRET, "mail", "one", expires=EXPIRES)
    assert make_link(SECRET, "mail", "one", expires=EXPIRES) == made
    others = [
        make_link(SECRET, "mail", "two", expires=EXPIRES),
        make_link(SECRET, "form", "one", expires=EXPIRES),
        make_link(SECRET, "mailone", expires=EXPIRES),
        make_link("another secret of the tests", "mail", "one", expires=EXPIRES),
    ]
    assert len({made.token, *(other.token for other in others)}) == 1 + len(others)


def test_what_is_told_of_a_link_is_its_hash() -> None:
    """256 bits that can stand in a path; the event has none of them."""
    made = make_link(SECRET, "mail", "one", expires=EXPIRES)
    assert len(made.token) == 43
    assert made.token.replace("-", "").replace("_", "").isalnum()
    assert made.link.sha256 == hash_link(made.token)
    assert made.token not in made.link.model_dump_json()


@pytest.mark.parametrize("after", ["", "?to=chat", ")", " and more", ".", "\n> next"])
def test_a_link_in_somebodys_text_is_hidden(after: str) -> None:
    """Wherever it stands, and whatever desk it is of."""
    token = make_link(SECRET, "mail", "one", expires=EXPIRES).token
    text = f"> see https://desk.example/center-1/open/{token}{after}"
    assert hide_links(text) == f"> see https://desk.example/center-1/open/…{after}"


@pytest.mark.parametrize(
    "text",
    [
        "https://shop.example/open/monday",
        f"https://shop.example/open/{'x' * 44}",
        f"https://shop.example/close/{'x' * 43}",
    ],
)
def test_what_is_no_link_of_ours_stays(text: str) -> None:
    """Other people have pages too."""
    assert hide_links(text) == text
