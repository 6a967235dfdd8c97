"""Who has a page open now, as all replicas see it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from shared.database import Connection

STALE = timedelta(seconds=30)
"""Who was not said to be here for so long isn't: their replica has crashed."""


@dataclass(frozen=True, slots=True)
class Present:
    """Somebody who has a page of a ticket open."""

    name: str | None
    kind: str
    """`agent` or `customer`."""
    person: str
    """As `Visitor.reader` has it."""


@dataclass(frozen=True, slots=True)
class Presence:
    """A page that is open."""

    connection: UUID
    ticket: UUID | None
    """None for the inbox."""
    person: str
    name: str | None
    is_agent: bool


async def agents_here(connection: Connection, now: datetime) -> int:
    """How many agents have any page open; this may be asked for customers too."""
    count = await connection.fetchval("SELECT agents_since($1)", now - STALE)
    return int(count)


async def present(connection: Connection, ticket: UUID, now: datetime) -> list[Present]:
    """Who has a page of this ticket open, each once."""
    rows = await connection.fetch(
        """
        SELECT DISTINCT ON (person) name, kind, person
        FROM presences
        WHERE ticket = $1 AND seen_at > $2
        ORDER BY person, seen_at DESC
        """,
        ticket,
        now - STALE,
    )
    return [Present(**row) for row in rows]


async def keep_presences(
    connection: Connection, presences: Sequence[Presence], now: datetime
) -> None:
    """Say of all these, in one statement, that they are here now."""
    await connection.execute(
        """
        INSERT INTO presences (connection, ticket, person, name, kind, seen_at)
        SELECT connection, ticket, person, name, kind, $6
        FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[])
            AS here (connection, ticket, person, name, kind)
        ON CONFLICT (connection) DO UPDATE SET seen_at = excluded.seen_at
        """,
        [each.connection for each in presences],
        [each.ticket for each in presences],
        [each.person for each in presences],
        [each.name for each in presences],
        ["agent" if each.is_agent else "customer" for each in presences],
        now,
    )


async def end_presences(connection: Connection, ended: Collection[UUID]) -> None:
    """Those pages are closed."""
    await connection.execute(
        "DELETE FROM presences WHERE connection = ANY($1::uuid[])", list(ended)
    )


async def end_stale(connection: Connection, now: datetime) -> list[Presence]:
    """Let go of those whose replica has crashed, and say which they were."""
    rows = await connection.fetch(
        """
        DELETE FROM presences WHERE connection IN (
            SELECT connection FROM presences WHERE seen_at <= $1 FOR UPDATE SKIP LOCKED
        )
        RETURNING connection, ticket, person, name, kind = 'agent' AS is_agent
        """,
        now - STALE,
    )
    return [Presence(**row) for row in rows]
