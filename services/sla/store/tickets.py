"""Tickets, and what happened to them."""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

import asyncpg

from services.sla.clocks import Fact, FactKind, Opening
from services.sla.domain import Ticket
from shared.database import Connection
from shared.events import TicketStatus
from shared.plans import Priority

_BEGIN = """
INSERT INTO tickets AS t (
    ticket, partition, opened_by_event, opened_at, opened_by_agent, account, priority, plan,
    catalogue_version, traceparent, plan_change
)
SELECT DISTINCT ON (ticket) *
FROM unnest(
    $1::uuid[], $2::int[], $3::uuid[], $4::timestamptz[], $5::bool[], $6::text[],
    $7::text[], $8::text[], $9::text[], $10::text[], $11::uuid[]
) AS new (
    ticket, partition, opened_by_event, opened_at, opened_by_agent, account, priority, plan,
    catalogue_version, traceparent, plan_change
)
ORDER BY ticket
ON CONFLICT (ticket) DO UPDATE
SET opened_by_event = excluded.opened_by_event,
    opened_at = excluded.opened_at,
    opened_by_agent = excluded.opened_by_agent,
    account = excluded.account,
    priority = excluded.priority,
    plan = excluded.plan,
    catalogue_version = excluded.catalogue_version,
    traceparent = excluded.traceparent,
    plan_change = excluded.plan_change
WHERE t.opened_at IS NULL
RETURNING ticket
"""


async def add_tickets(connection: Connection, tickets: Sequence[Ticket]) -> set[UUID]:
    """Keep how tickets began; returns those of which that was new."""
    rows = await connection.fetch(
        _BEGIN,
        [t.ticket for t in tickets],
        [t.partition for t in tickets],
        [t.opening.id for t in tickets],
        [t.opening.at for t in tickets],
        [t.opening.by_agent for t in tickets],
        [t.account for t in tickets],
        [t.opening.priority.value for t in tickets],
        [t.opening.plan for t in tickets],
        [t.opening.catalogue_version for t in tickets],
        [t.traceparent for t in tickets],
        [t.plan_change for t in tickets],
    )
    return {row["ticket"] for row in rows}


async def add_facts(
    connection: Connection, facts: Sequence[tuple[UUID, Fact]], partitions: Mapping[UUID, int]
) -> set[UUID]:
    """Keep facts of tickets, which may not have begun yet; returns the tickets that learnt some."""
    await connection.execute(
        """
        INSERT INTO tickets (ticket, partition)
        SELECT * FROM unnest($1::uuid[], $2::int[]) AS new (ticket, partition) ORDER BY ticket
        ON CONFLICT (ticket) DO NOTHING
        """,
        list(partitions.keys()),
        list(partitions.values()),
    )
    rows = await connection.fetch(
        """
        INSERT INTO facts (ticket, id, kind, at, value)
        SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[], $5::text[])
        ON CONFLICT DO NOTHING
        RETURNING ticket
        """,
        [ticket for ticket, _ in facts],
        [fact.id for _, fact in facts],
        [fact.kind.value for _, fact in facts],
        [fact.at for _, fact in facts],
        [fact.value for _, fact in facts],
    )
    return {row["ticket"] for row in rows}


async def lock_tickets(connection: Connection, tickets: Collection[UUID]) -> list[Ticket]:
    """These tickets, locked one after the other.

    Those that have not begun yet are left out, and those that stand as they were said.
    """
    rows = await connection.fetch(
        """
        SELECT * FROM tickets WHERE ticket = ANY($1::uuid[])
        ORDER BY ticket
        FOR NO KEY UPDATE
        """,
        list(tickets),
    )
    counted = (row for row in rows if not row["stands_as_said"])
    return [_ticket(row) for row in counted if row["opened_at"] is not None]


async def read_ticket(connection: Connection, ticket: UUID) -> Ticket | None:
    """A ticket, or None as long as it has not begun."""
    row = await connection.fetchrow(
        "SELECT * FROM tickets WHERE ticket = $1 AND opened_at IS NOT NULL", ticket
    )
    return None if row is None else _ticket(row)


async def is_counted(connection: Connection, ticket: UUID) -> bool:
    """Whether its clocks can be counted: not if it only stands as it was said."""
    found: bool | None = await connection.fetchval(
        "SELECT NOT stands_as_said FROM tickets WHERE ticket = $1", ticket
    )
    return bool(found)


async def read_facts(connection: Connection, tickets: Collection[UUID]) -> dict[UUID, list[Fact]]:
    """All facts of these tickets, in no order."""
    rows = await connection.fetch(
        "SELECT ticket, id, kind, at, value FROM facts WHERE ticket = ANY($1::uuid[])",
        list(tickets),
    )
    facts: dict[UUID, list[Fact]] = {}
    for ticket, id_, kind, at, value in rows:
        facts.setdefault(ticket, []).append(Fact(id_, FactKind(kind), at, value))
    return facts


async def record_status(connection: Connection, statuses: Mapping[UUID, TicketStatus]) -> None:
    """Keep where tickets stand that this transaction has locked."""
    await connection.execute(
        """
        UPDATE tickets SET status = new.status
        FROM unnest($1::uuid[], $2::text[]) AS new (ticket, status)
        WHERE tickets.ticket = new.ticket
        """,
        list(statuses.keys()),
        [status.value for status in statuses.values()],
    )


def _ticket(row: asyncpg.Record) -> Ticket:
    opening = Opening(
        id=row["opened_by_event"],
        at=row["opened_at"],
        priority=Priority(row["priority"]),
        plan=row["plan"],
        catalogue_version=row["catalogue_version"],
        by_agent=row["opened_by_agent"],
    )
    return Ticket(
        ticket=row["ticket"],
        partition=row["partition"],
        account=row["account"],
        opening=opening,
        traceparent=row["traceparent"],
        status=TicketStatus(row["status"]),
        plan_change=row["plan_change"],
    )
