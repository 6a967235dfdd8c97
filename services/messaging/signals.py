"""What replicas of messaging tell one another through Postgres, and how it is written: pure.

A notification of Postgres holds less than 8,000 bytes, so a ticket is written in 22 characters and
many of them stand in one.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

_LENGTH = 22
"""Characters of a ticket: 16 bytes in base 64, without the padding."""
MOST = 7_900 // _LENGTH
"""Tickets in one notification."""
LONGEST_NAME = 80

EVERYBODY = "*"
"""In place of tickets: whoever follows anything."""
INBOXES = "+"
"""In place of tickets: whoever follows all of them."""


class Signal(StrEnum):
    """Channels; each means that something a page shows may be different now."""

    CHANGED = "careline_changed"
    """Of tickets: words, status, clocks, anything that is kept."""
    PRESENT = "careline_present"
    """Who has their pages open."""
    WRITING = "careline_writing"
    """Somebody is typing; nothing of it is kept."""


@dataclass(frozen=True, slots=True)
class Writing:
    """Somebody is typing in a ticket."""

    ticket: UUID
    person: str
    """Not who it is, but the same for one person."""
    name: str | None
    is_agent: bool
    is_note: bool
    """For our own people alone."""


def pack(tickets: Collection[UUID]) -> list[str]:
    """Tickets as the texts of as few notifications as hold them."""
    written = [urlsafe_b64encode(t.bytes)[:_LENGTH].decode() for t in sorted(set(tickets))]
    return ["".join(written[at : at + MOST]) for at in range(0, len(written), MOST)]


def unpack(text: str) -> list[UUID]:
    """The tickets of a notification.

    Raises:
        ValueError: for what `pack` did not make.
    """
    starts = range(0, len(text), _LENGTH)
    return [UUID(bytes=urlsafe_b64decode(text[at : at + _LENGTH] + "==")) for at in starts]


def pack_writing(writing: Writing) -> str:
    """That somebody types, as the text of a notification."""
    name = writing.name[:LONGEST_NAME] if writing.name else None
    said: Sequence[Any] = (
        writing.ticket.hex,
        writing.person,
        name,
        int(writing.is_agent),
        int(writing.is_note),
    )
    return json.dumps(said, separators=(",", ":"))


def unpack_writing(text: str) -> Writing:
    """Who types where.

    Raises:
        ValueError: for what `pack_writing` did not make.
    """
    try:
        ticket, person, name, is_agent, is_note = json.loads(text)
        return Writing(UUID(ticket), str(person), name, bool(is_agent), bool(is_note))
    except (TypeError, AttributeError) as error:
        raise ValueError(text) from error
