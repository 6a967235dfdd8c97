"""Addresses of thanks: they bring along what the page shows, and nobody else can make one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.intake import sent, thanks
from services.intake.thanks import Taken
from shared.messages import Channel
from shared.plans import Priority

SECRET = "a-secret-of-the-tests"
NOW = datetime(2026, 11, 24, 10, 30, tzinfo=UTC)
MONTH = timedelta(days=30)
TAKEN = Taken("f" * 43, NOW, "Europe/Berlin", Channel.WEB, Priority.NORMAL, "advanced")


@pytest.mark.parametrize("taken", [TAKEN, replace(TAKEN, plan=None, channel=Channel.CHAT)])
def test_what_was_put_in_comes_out(taken: Taken) -> None:
    """For as long as the link holds that the page shows."""
    key = thanks.make_key(SECRET, taken)
    assert thanks.read_key(SECRET, key, now=NOW, lasts=MONTH) == taken
    assert thanks.read_key(SECRET, key, now=NOW + MONTH, lasts=MONTH) is None


def test_it_stands_in_a_path() -> None:
    """Letters, digits, hyphens and underscores, and not too many."""
    key = thanks.make_key(SECRET, TAKEN)
    assert key.replace("-", "").replace("_", "").isalnum()
    assert len(key) < 400


def test_nobody_is_thanked_for_what_was_not_sent() -> None:
    """A character changed anywhere, another secret, or rubbish: no page."""
    key = thanks.make_key(SECRET, TAKEN)
    for at in range(len(key) - 1):  # of the last one, bits may count for nothing
        other = key[:at] + ("A" if key[at] != "A" else "B") + key[at + 1 :]
        assert thanks.read_key(SECRET, other, now=NOW, lasts=MONTH) is None
    assert thanks.read_key("another-secret-of-tests", key, now=NOW, lasts=MONTH) is None
    for rubbish in ("", "x", "ä", "A" * 5000, key + "A", "=" * 8):
        assert thanks.read_key(SECRET, rubbish, now=NOW, lasts=MONTH) is None


def test_ticket_and_link_are_the_forms() -> None:
    """The same for the same form, whenever it is sent."""
    one, other = "a" * 43, "b" * 43
    assert sent.ticket_of(one) == sent.ticket_of(one) != sent.ticket_of(other)
    link = sent.link_of(one, now=NOW)
    assert link.token == sent.link_of(one, now=NOW + MONTH).token
    assert link.token not in str(link.link)
    assert link.link.expires == NOW + MONTH
