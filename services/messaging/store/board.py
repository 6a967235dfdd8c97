"""What a lead looks at: what slips, who has how much, and what waits for somebody."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.database import Connection

MOST_ROWS = 100
"""Agents, or queues, those with the most first."""


@dataclass(frozen=True, slots=True)
class Totals:
    """What is to do now."""

    to_do: int
    breached: int
    at_risk: int
    unassigned: int


@dataclass(frozen=True, slots=True)
class Load:
    """What one agent, or one queue, has to do."""

    id: str | None
    """None for what is nobody's."""
    name: str | None
    to_do: int
    breached: int
    at_risk: int
    unassigned: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """A ticket that waits for an answer."""

    ticket: UUID
    subject: str | None
    requester_name: str | None
    assignee_name: str | None
    since: datetime


async def read_totals(connection: Connection) -> Totals:
    """What is to do, in all."""
    row = await connection.fetchrow(
        """
        SELECT count(*) AS to_do,
            count(*) FILTER (WHERE t.urgency = 0) AS breached,
            count(*) FILTER (WHERE t.urgency = 1) AS at_risk,
            count(*) FILTER (WHERE t.assignee IS NULL) AS unassigned
        FROM threads AS t
        WHERE t.status IN ('open', 'pending', 'on_hold') AND t.merged_into IS NULL
        """
    )
    assert row is not None  # noqa: S101 - an aggregate has one row
    return Totals(**dict(row))


async def list_loads(connection: Connection) -> list[Load]:
    """What each agent has to do, what is nobody's too; whoever has most breached stands first."""
    rows = await connection.fetch(
        """
        SELECT t.assignee AS id, max(t.assignee_name) AS name, count(*) AS to_do,
            count(*) FILTER (WHERE t.urgency = 0) AS breached,
            count(*) FILTER (WHERE t.urgency = 1) AS at_risk,
            count(*) FILTER (WHERE t.assignee IS NULL) AS unassigned
        FROM threads AS t
        WHERE t.status IN ('open', 'pending', 'on_hold') AND t.merged_into IS NULL
        GROUP BY t.assignee
        ORDER BY breached DESC, at_risk DESC, to_do DESC, id
        LIMIT $1
        """,
        MOST_ROWS,
    )
    return [Load(**dict(row)) for row in rows]


async def list_queue_loads(connection: Connection) -> list[Load]:
    """What is to do in each queue; whichever has most breached stands first."""
    rows = await connection.fetch(
        """
        SELECT t.queue AS id, t.queue AS name, count(*) AS to_do,
            count(*) FILTER (WHERE t.urgency = 0) AS breached,
            count(*) FILTER (WHERE t.urgency = 1) AS at_risk,
            count(*) FILTER (WHERE t.assignee IS NULL) AS unassigned
        FROM threads AS t
        WHERE t.status IN ('open', 'pending', 'on_hold') AND t.merged_into IS NULL
        GROUP BY t.queue
        ORDER BY breached DESC, at_risk DESC, to_do DESC, id
        LIMIT $1
        """,
        MOST_ROWS,
    )
    return [Load(**dict(row)) for row in rows]


async def count_due_by_hour(connection: Connection, now: datetime, *, hours: int) -> list[int]:
    """How many tickets are due in each of the next hours, by the index of the inbox."""
    rows = await connection.fetch(
        """
        SELECT floor(extract(epoch FROM t.next_due_at - $1) / 3600)::integer AS hour,
            count(*) AS due
        FROM threads AS t
        WHERE t.status IN ('open', 'pending', 'on_hold') AND t.merged_into IS NULL
            AND t.urgency IN (1, 2)
            AND coalesce(t.next_due_at, t.waiting_since, 'infinity') >= $1
            AND coalesce(t.next_due_at, t.waiting_since, 'infinity')
                < $1 + make_interval(hours => $2)
        GROUP BY hour
        """,
        now,
        hours,
    )
    found = {row["hour"]: row["due"] for row in rows}
    return [found.get(hour, 0) for hour in range(hours)]


async def list_waiting_longest(connection: Connection, *, limit: int = 10) -> list[Waiting]:
    """Tickets whose customers have waited longest for an answer."""
    rows = await connection.fetch(
        """
        SELECT t.ticket, t.subject, t.requester_name, t.assignee_name,
            t.waiting_since AS since
        FROM threads AS t
        WHERE t.status IN ('open', 'pending', 'on_hold') AND t.merged_into IS NULL
            AND t.waiting_since IS NOT NULL
        ORDER BY since, t.ticket
        LIMIT $1
        """,
        limit,
    )
    return [Waiting(**dict(row)) for row in rows]
