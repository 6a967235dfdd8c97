"""How replicas write to one another."""

from uuid import NAMESPACE_DNS, UUID, uuid5

import pytest

from services.messaging import signals
from services.messaging.signals import Writing

TICKET = uuid5(NAMESPACE_DNS, "ticket")
MOST_BYTES = 8000


def _tickets(count: int) -> set[UUID]:
    return {uuid5(TICKET, str(number)) for number in range(count)}


@pytest.mark.parametrize("count", [0, 1, signals.MOST, signals.MOST + 1, 2000])
def test_tickets_come_out_as_they_went_in(count: int) -> None:
    """Whatever is packed is unpacked, in texts that Postgres takes."""
    tickets = _tickets(count)
    texts = signals.pack(tickets)
    assert all(0 < len(text.encode()) < MOST_BYTES for text in texts)
    assert {ticket for text in texts for ticket in signals.unpack(text)} == tickets


def test_a_batch_is_few_notifications() -> None:
    """Five hundred tickets are told in two texts."""
    assert len(signals.pack(_tickets(500))) == 2


def test_a_ticket_is_told_once() -> None:
    """Saying a ticket twice is saying it once."""
    assert signals.pack([TICKET, TICKET]) == signals.pack([TICKET])


@pytest.mark.parametrize("name", [None, "An Agent", "Ünï 🙂 \n \x00", "x" * 1000])
def test_who_types_comes_out_as_it_went_in(name: str | None) -> None:
    """A name of any kind arrives, cut where it is longer than a page would show."""
    text = signals.pack_writing(Writing(TICKET, "p" * 16, name, is_agent=True, is_note=False))
    assert len(text.encode()) < MOST_BYTES
    shown = name and name[: signals.LONGEST_NAME]
    assert signals.unpack_writing(text) == Writing(
        TICKET, "p" * 16, shown, is_agent=True, is_note=False
    )


@pytest.mark.parametrize("text", ["x", "*", "A" * 23, "ä" * 22])
def test_what_is_no_ticket_is_refused(text: str) -> None:
    """What none of us said is told apart."""
    with pytest.raises(ValueError, match=r".*"):
        signals.unpack(text)


@pytest.mark.parametrize("text", ["", "{}", "[]", "1", '["x","p",null,0,0]', "[1,2,3,4,5]"])
def test_what_is_no_typing_is_refused(text: str) -> None:
    """What none of us said is told apart here, too."""
    with pytest.raises(ValueError, match=r".*"):
        signals.unpack_writing(text)
