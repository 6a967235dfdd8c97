"""Lists of tickets, page by page: whatever its connection sees."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self
from uuid import UUID

import asyncpg

from shared.database import Connection
from shared.envelope import format_instant
from shared.events import TicketStatus
from shared.plans import Priority


@dataclass(frozen=True, slots=True)
class Sieve:
    """Which tickets are listed; None lets all through."""

    status: TicketStatus | None = None
    queue: str | None = None
    assignee: str | None = None
    tag: str | None = None
    account: str | None = None


@dataclass(frozen=True, slots=True)
class After:
    """A place in a list that runs from new to old."""

    at: datetime
    ticket: UUID

    @property
    def written(self) -> str:
        """For an address."""
        return f"{format_instant(self.at)}_{self.ticket}"

    @classmethod
    def read(cls, text: str) -> Self:
        """From an address.

        Raises:
            ValueError: for anything that is no such place.
        """
        at, _, ticket = text.partition("_")
        instant = datetime.fromisoformat(at)
        if instant.tzinfo is None:
            raise ValueError("has no zone")
        try:
            return cls(instant.astimezone(UTC), UUID(ticket))
        except OverflowError:
            raise ValueError("is no moment") from None


@dataclass(frozen=True, slots=True)
class TicketRow:
    """A ticket in a list."""

    ticket: UUID
    account: str
    subject: str | None
    queue: str
    priority: Priority
    status: TicketStatus
    assignee: str | None
    assignee_name: str | None
    tags: tuple[str, ...]
    merged_into: UUID | None
    opened_at: datetime
    last_message_at: datetime | None

    @property
    def place(self) -> After:
        """Where it stands in the list."""
        return After(self.opened_at, self.ticket)


_SIEVED = """
    SELECT ticket, account, subject, queue, priority, status, assignee, assignee_name, tags,
        merged_into, opened_at, last_message_at
    FROM threads
    WHERE ($1::text IS NULL OR status = $1)
        AND ($2::text IS NULL OR queue = $2)
        AND ($3::text IS NULL OR assignee = $3)
        AND ($4::text IS NULL OR tags @> ARRAY[$4])
        AND ($5::text IS NULL OR account = $5)
        AND ($6::timestamptz IS NULL OR (opened_at, ticket) < ($6, $7::uuid))
"""
_PAGE = "ORDER BY opened_at DESC, ticket DESC LIMIT $8"
STAFF_LIST = f"{_SIEVED} {_PAGE}"
OWN_LIST = f"WITH own AS MATERIALIZED ({_SIEVED}) SELECT * FROM own {_PAGE}"  # noqa: S608 - texts of ours


async def list_tickets(
    connection: Connection,
    sieve: Sieve,
    *,
    limit: int,
    after: After | None = None,
    own: bool = False,
) -> list[TicketRow]:
    """Tickets, the newest first, behind a place in the list.

    Args:
        connection: Sees what its visitor may see.
        sieve: Which of those.
        limit: How many at the most.
        after: The place.
        own: Whether these are the few of a customer among many: then theirs are collected first,
            instead of looking at all from the newest on until enough of them are found.
    """
    rows = await connection.fetch(
        OWN_LIST if own else STAFF_LIST,
        sieve.status and sieve.status.value,
        sieve.queue,
        sieve.assignee,
        sieve.tag,
        sieve.account,
        after and after.at,
        after and after.ticket,
        limit,
    )
    return [_row(row) for row in rows]


def _row(row: asyncpg.Record) -> TicketRow:
    fields = dict(row)
    fields["priority"] = Priority(fields["priority"])
    fields["status"] = TicketStatus(fields["status"])
    fields["tags"] = tuple(fields["tags"])
    return TicketRow(**fields)
