"""A ticket's number is short, can be read aloud, and is hardly anybody else's."""

import re
from uuid import UUID, uuid5

from hypothesis import given
from hypothesis import strategies as st

from shared.envelope import NAMESPACE
from shared.tickets import read_ticket_number, ticket_number


@given(st.uuids())
def test_a_number_has_one_form(ticket: UUID) -> None:
    """`CL-` and three groups of four, without letters that look like digits."""
    assert re.fullmatch(r"CL(-[0-9A-HJKMNP-TV-Z]{4}){3}", ticket_number(ticket))


def test_a_number_never_changes() -> None:
    """What was told on the telephone last year finds the ticket today."""
    assert ticket_number(UUID("00000000-0000-5000-8000-000000000000")) == "CL-0000-0000-0000"
    assert ticket_number(UUID(int=2**128 - 1)) == "CL-ZZZZ-ZZZZ-ZZZZ"
    assert ticket_number(UUID("00000000-0000-5000-8000-000000000021")) == "CL-0000-0000-0011"


def test_every_letter_of_a_number_tells_tickets_apart() -> None:
    """No place is the same for all: what a UUID says of its kind is not part of the number."""
    numbers = [ticket_number(uuid5(NAMESPACE, str(ticket))) for ticket in range(500)]
    assert len(set(numbers)) == len(numbers)
    places = [set(place) for place in zip(*numbers, strict=True)]
    assert [len(place) for place in places] == [1, 1] + 3 * ([1] + 4 * [32])


@given(st.uuids())
def test_a_number_is_read_as_people_type_it(ticket: UUID) -> None:
    """In small letters, without hyphens, with letters that look like digits: the same ticket."""
    bits, number = ticket.int & (1 << 60) - 1, ticket_number(ticket)
    typed = "CL" + number[2:].replace("0", "o").replace("1", "l").replace("-", " ").lower()
    assert [read_ticket_number(text) for text in (number, f" {typed} ")] == [bits, bits]


@given(st.text())
def test_what_is_no_number_is_read_as_none(text: str) -> None:
    """No text breaks it; one with a letter that stands in no number is none."""
    assert read_ticket_number(text) is None or text.strip().upper().startswith("CL")
    assert read_ticket_number("CL-0000-0000-000U") is None
