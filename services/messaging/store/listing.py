"""The inbox: tickets in the order in which they have to be looked after."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.messaging.clocks import ClockState, ClockView
from services.messaging.filters import MINE, NOBODY, SOMEBODY, URGENCIES, Filter, Place
from services.messaging.store.search import number_tail
from shared.database import Connection
from shared.events import TicketStatus
from shared.plans import Clock, Priority

MOST_COUNTED = 1000
"""Nobody needs to know exactly how many more there are."""
MOST_QUEUES = 50


@dataclass(frozen=True, slots=True)
class Listed:
    """A ticket as the inbox shows it."""

    ticket: UUID
    subject: str | None
    requester_name: str | None
    address: str | None
    account: str
    priority: Priority
    status: TicketStatus
    queue: str
    assignee: str | None
    assignee_name: str | None
    tags: tuple[str, ...]
    urgency: int
    next_due_at: datetime | None
    waiting_since: datetime | None
    """When the customer wrote what nobody has answered yet."""
    opened_at: datetime
    last_message_at: datetime | None
    asked_plan: str | None
    plan: str | None
    is_unread: bool
    clock: ClockView | None
    """The one that has to be looked after next."""
    here: tuple[str, ...] = ()
    """Who else has it open."""

    @property
    def place(self) -> Place:
        """Where it stands in the list."""
        return Place(self.urgency, self.next_due_at or self.waiting_since, self.ticket)


# The order of the list, which indexes of the same expressions give. Where no clock runs, customers
# who wait for an answer stand first, whoever has waited longest before the others.
_KEY = "t.urgency, coalesce(t.next_due_at, t.waiting_since, 'infinity'), t.ticket"
_SCOPES = {
    False: "t.status IN ('open', 'pending', 'on_hold') AND t.merged_into IS NULL",
    True: "t.status IN ('resolved', 'closed') AND t.merged_into IS NULL",
}
# What is null narrows nothing: statements are planned for their values, so it costs nothing.
_CONDITIONS = """
    ($1::text IS NULL OR t.queue = $1)
    AND ($2::text IS NULL OR t.assignee = $2)
    AND ($3::boolean IS NULL OR (t.assignee IS NULL) = $3)
    AND t.status = ANY($4::text[])
    AND ($5::text IS NULL OR t.priority = $5)
    AND ($6::text IS NULL OR EXISTS (
        SELECT FROM slots AS s WHERE s.ticket = t.ticket AND s.plan = $6))
    AND ($7::text IS NULL OR t.tags @> ARRAY[$7])
    AND ($8::integer IS NULL OR t.urgency = $8)
    AND (
        $9::text IS NULL
        OR to_tsvector('simple', coalesce(t.subject, '')) @@ websearch_to_tsquery('simple', $9)
        OR position(lower($9) IN lower(coalesce(t.requester_name, ''))) > 0
        OR position(lower($9) IN lower(coalesce(t.address, ''))) > 0
        OR right(replace(t.ticket::text, '-', ''), 15) = $10
    )
"""
# Of the clocks of a ticket the one that its urgency comes from (store/signals.py), or one that is
# paused. What was breached and has been answered since comes from none.
_CLOCK = """
    SELECT c.* FROM clocks AS c
    WHERE c.ticket = t.ticket AND (
        c.state = 'paused'
        OR (c.state IN ('running', 'at_risk', 'breached') AND c.due_at = t.next_due_at)
    )
    ORDER BY array_position('{breached,at_risk,running,paused}', c.state), c.clock, c.cycle
    LIMIT 1
"""


async def list_inbox(
    connection: Connection,
    wanted: Filter,
    *,
    reader: str,
    limit: int,
    after: Place | None = None,
) -> list[Listed]:
    """A page of the list, behind a place in it."""
    behind = f"AND ({_KEY}) > ($12, $13::text::timestamptz, $14)" if after else ""
    rows = await connection.fetch(
        f"""
        SELECT t.ticket, t.subject, t.requester_name, t.address, t.account, t.priority, t.status,
            t.queue, t.assignee, t.assignee_name, t.tags, t.urgency, t.next_due_at, t.waiting_since,
            t.opened_at, t.last_message_at, t.asked_plan, s.plan AS slotted,
            t.last_sequence > coalesce(r.sequence, 0) AS is_unread,
            c.clock, c.cycle, c.revision, c.state, c.due_at, c.changed_at, c.plan,
            c.catalogue_version, c.calendar, c.started_at, c.target_seconds, c.left_seconds
        FROM (
            SELECT * FROM threads AS t
            WHERE {_SCOPES[wanted.is_done]} AND {_CONDITIONS} {behind}
            ORDER BY {_KEY}
            LIMIT $11
        ) AS t
        LEFT JOIN slots AS s ON s.ticket = t.ticket
        LEFT JOIN reads AS r ON r.ticket = t.ticket AND r.reader = ${15 if after else 12}
        LEFT JOIN LATERAL ({_CLOCK}) AS c ON true
        ORDER BY {_KEY}
        """,  # noqa: S608 - put together from texts of ours; values are arguments
        *_values(wanted, reader),
        limit,
        *_behind(after),
        reader,
    )
    return [_listed(row) for row in rows]


async def count_inbox(connection: Connection, wanted: Filter, *, reader: str) -> int:
    """How many there are, up to `MOST_COUNTED` and one."""
    counted: int = await connection.fetchval(
        f"""
        SELECT count(*) FROM (
            SELECT FROM threads AS t
            WHERE {_SCOPES[wanted.is_done]} AND {_CONDITIONS}
            LIMIT $11
        ) AS found
        """,  # noqa: S608 - the same
        *_values(wanted, reader),
        MOST_COUNTED + 1,
    )
    return counted


async def count_queues(connection: Connection) -> dict[str, int]:
    """What is to do in each queue, up to `MOST_COUNTED` and one: from one to the next by index."""
    rows = await connection.fetch(
        """
        WITH RECURSIVE queues AS (
            (SELECT queue FROM threads
            WHERE status IN ('open', 'pending', 'on_hold') AND merged_into IS NULL
            ORDER BY queue LIMIT 1)
            UNION ALL
            SELECT (SELECT t.queue FROM threads AS t
                WHERE t.status IN ('open', 'pending', 'on_hold') AND t.merged_into IS NULL
                AND t.queue > q.queue
                ORDER BY t.queue LIMIT 1)
            FROM queues AS q WHERE q.queue IS NOT NULL
        )
        SELECT q.queue, n.count
        FROM (SELECT queue FROM queues WHERE queue IS NOT NULL LIMIT $1) AS q
        CROSS JOIN LATERAL (
            SELECT count(*) FROM (
                SELECT FROM threads AS t
                WHERE t.status IN ('open', 'pending', 'on_hold') AND t.merged_into IS NULL
                AND t.queue = q.queue
                LIMIT $2
            ) AS counted
        ) AS n
        ORDER BY q.queue
        """,
        MOST_QUEUES,
        MOST_COUNTED + 1,
    )
    return {row["queue"]: row["count"] for row in rows}


def _values(wanted: Filter, reader: str) -> Sequence[object]:
    """What the conditions are about, in their order."""
    some, nobody = wanted.assignee or None, None
    if wanted.assignee in {NOBODY, SOMEBODY}:
        some, nobody = None, wanted.assignee == NOBODY
    return (
        wanted.queue or None,
        reader if wanted.assignee == MINE else some,
        nobody,
        list(wanted.statuses),
        wanted.priority or None,
        wanted.plan or None,
        wanted.tag or None,
        URGENCIES.get(wanted.urgency),
        wanted.text or None,
        number_tail(wanted.text),
    )


def _behind(after: Place | None) -> Sequence[object]:
    if after is None:
        return ()
    due = after.due_at.isoformat() if after.due_at else "infinity"
    return after.urgency, due, after.ticket


def _listed(row: asyncpg.Record) -> Listed:
    found: dict[str, Any] = dict(row)
    clock = {name: found.pop(name) for name in ClockView.__dataclass_fields__}
    found["plan"] = clock["plan"] or found.pop("slotted")
    found.pop("slotted", None)
    found["priority"] = Priority(found["priority"])
    found["status"] = TicketStatus(found["status"])
    found["tags"] = tuple(found["tags"])
    return Listed(**found, clock=_clock(clock))


def _clock(found: dict[str, Any]) -> ClockView | None:
    if found["clock"] is None:
        return None
    kind, state = Clock(found["clock"]), ClockState(found["state"])
    return ClockView(**found | {"clock": kind, "state": state})
