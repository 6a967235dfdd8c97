"""What stands beside tickets on agents' pages: who is there, whom there is, other tickets."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.messaging.domain import Message
from services.messaging.store.presences import STALE
from services.messaging.store.search import number_tail
from services.messaging.store.threads import read_message
from shared.database import Connection
from shared.events import TicketStatus


@dataclass(frozen=True, slots=True)
class Other:
    """Another ticket of the same account."""

    ticket: UUID
    subject: str | None
    status: TicketStatus
    opened_at: datetime
    requester_name: str | None
    merged_into: UUID | None


async def list_here(
    connection: Connection, tickets: Collection[UUID], *, but: str, now: datetime
) -> Mapping[UUID, tuple[str, ...]]:
    """Which of our people have these tickets open, without the one who asks."""
    rows = await connection.fetch(
        """
        SELECT ticket, array_agg(DISTINCT coalesce(name, person)) AS names FROM presences
        WHERE ticket = ANY($1::uuid[]) AND kind = 'agent' AND person <> $2 AND seen_at > $3
        GROUP BY ticket
        """,
        tickets,
        but,
        now - STALE,
    )
    return {row["ticket"]: tuple(row["names"]) for row in rows}


async def list_tags(connection: Connection, *, most: int = 100) -> list[str]:
    """Tags in use on what was looked at last, for whoever types one."""
    rows = await connection.fetch(
        """
        SELECT DISTINCT unnest(tags) AS tag FROM (
            SELECT tags FROM threads AS t
            WHERE t.status IN ('open', 'pending', 'on_hold') AND t.merged_into IS NULL
            AND t.tags <> '{}'
            LIMIT 1000
        ) AS used
        ORDER BY tag LIMIT $1
        """,
        most,
    )
    return [row["tag"] for row in rows]


async def list_colleagues(connection: Connection, *, most: int = 500) -> list[tuple[str, str]]:
    """Our people, by whom tickets can be taken: id and name, in order of their names."""
    rows = await connection.fetch(
        """
        SELECT subject, coalesce(name, address, subject) AS name FROM people
        WHERE roles && '{agent,lead,admin}' ORDER BY 2, 1 LIMIT $1
        """,
        most,
    )
    return [(row["subject"], row["name"]) for row in rows]


async def list_of_account(
    connection: Connection, account: str, *, but: UUID, limit: int
) -> list[Other]:
    """Other tickets of an account, what is to do first, then the newest."""
    rows = await connection.fetch(
        """
        SELECT ticket, subject, status, opened_at, requester_name, merged_into FROM threads
        WHERE account = $1 AND ticket <> $2
        ORDER BY (status IN ('open', 'pending', 'on_hold') AND merged_into IS NULL) DESC,
            opened_at DESC
        LIMIT $3
        """,
        account,
        but,
        limit,
    )
    return [Other(**{**row, "status": TicketStatus(row["status"])}) for row in rows]


async def find_by_number(connection: Connection, text: str, *, account: str) -> UUID | None:
    """The ticket of an account that is called so, by its number or its id, or None."""
    found: UUID | None = await connection.fetchval(
        """
        SELECT ticket FROM threads
        WHERE account = $1 AND right(replace(ticket::text, '-', ''), 15) = $2
        ORDER BY opened_at DESC LIMIT 1
        """,
        account,
        number_tail(text),
    )
    return found


async def read_place(connection: Connection, ticket: UUID, reader: str) -> int:
    """How far somebody has read a thread; 0 if not at all."""
    found: int | None = await connection.fetchval(
        "SELECT sequence FROM reads WHERE ticket = $1 AND reader = $2", ticket, reader
    )
    return found or 0


async def answered_since(
    connection: Connection, ticket: UUID, seen: int | None, *, but: str
) -> Message | None:
    """The last public message of another agent behind a place in a thread, or None."""
    row = await connection.fetchrow(
        """
        SELECT id FROM messages
        WHERE ticket = $1 AND sequence > $2 AND author_kind = 'agent' AND visibility = 'public'
            AND author <> $3
        ORDER BY sequence DESC LIMIT 1
        """,
        ticket,
        seen,
        but,
    )
    return None if row is None else await read_message(connection, row["id"])
