"""Deadlines: as they were last said, and which fire next."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from services.sla.deadlines import Deadline
from shared.database import Connection
from shared.deadlines import DeadlineState
from shared.plans import Clock

_UPSERT = """
INSERT INTO deadlines AS d (
    ticket, clock, cycle, partition, revision, state, plan, catalogue_version, calendar,
    started_at, target_seconds, pauses, due_at, warn_at, warned, fires_at, ended_at,
    last_event, correlation, traceparent
)
SELECT
    ticket, clock, cycle, partition, revision, state, plan, catalogue_version, calendar,
    started_at, target_seconds, pauses::jsonb, due_at, warn_at::jsonb, warned, fires_at,
    ended_at, last_event, correlation, traceparent
FROM unnest(
    $1::uuid[], $2::text[], $3::int[], $4::int[], $5::int[], $6::text[], $7::text[],
    $8::text[], $9::text[], $10::timestamptz[], $11::int[], $12::text[],
    $13::timestamptz[], $14::text[], $15::int[], $16::timestamptz[], $17::timestamptz[],
    $18::uuid[], $19::uuid[], $20::text[]
) AS new (
    ticket, clock, cycle, partition, revision, state, plan, catalogue_version, calendar,
    started_at, target_seconds, pauses, due_at, warn_at, warned, fires_at, ended_at,
    last_event, correlation, traceparent
)
ON CONFLICT (ticket, clock, cycle) DO UPDATE
SET revision = excluded.revision, state = excluded.state, plan = excluded.plan,
    catalogue_version = excluded.catalogue_version, calendar = excluded.calendar,
    started_at = excluded.started_at, target_seconds = excluded.target_seconds,
    pauses = excluded.pauses, due_at = excluded.due_at, warn_at = excluded.warn_at,
    warned = excluded.warned, fires_at = excluded.fires_at, ended_at = excluded.ended_at,
    last_event = excluded.last_event
"""
_UPSERT_AS_SAID = (
    _UPSERT.replace("warned = excluded.warned", "warned = greatest(d.warned, excluded.warned)")
    + "WHERE excluded.revision > d.revision"
)


async def lock_deadlines(
    connection: Connection, tickets: Collection[UUID]
) -> dict[UUID, dict[tuple[Clock, int], Deadline]]:
    """All deadlines of these tickets, locked."""
    rows = await connection.fetch(
        """
        SELECT * FROM deadlines WHERE ticket = ANY($1::uuid[])
        ORDER BY ticket, clock, cycle
        FOR NO KEY UPDATE
        """,
        list(tickets),
    )
    return _by_ticket(map(_deadline, rows))


async def read_deadlines(connection: Connection, ticket: UUID) -> list[Deadline]:
    """All deadlines of a ticket."""
    rows = await connection.fetch("SELECT * FROM deadlines WHERE ticket = $1", ticket)
    return [_deadline(row) for row in rows]


async def lock_due(
    connection: Connection,
    heard_until: Mapping[int, datetime],
    *,
    since: Mapping[int, datetime],
    limit: int,
) -> list[Deadline]:
    """Running deadlines that fire by the instant up to which their partition was heard, locked.

    At most `limit` per partition, the earliest first; what another transaction holds is left to
    it, and what fires before `since` is left for another look.
    """
    rows = await connection.fetch(
        """
        SELECT due.*
        FROM unnest($1::int[], $2::timestamptz[], $3::timestamptz[])
            AS heard (partition, since, until)
        CROSS JOIN LATERAL (
            SELECT * FROM deadlines
            WHERE partition = heard.partition AND state = 'running'
                AND fires_at >= heard.since AND fires_at <= heard.until
            ORDER BY fires_at
            LIMIT $4
            FOR NO KEY UPDATE SKIP LOCKED
        ) AS due
        """,
        list(heard_until.keys()),
        [since[partition] for partition in heard_until],
        list(heard_until.values()),
        limit,
    )
    return [_deadline(row) for row in rows]


async def oldest_unfired(connection: Connection, partitions: Sequence[int]) -> datetime | None:
    """When the first running deadline of these partitions fires, or None if there is none."""
    found: datetime | None = await connection.fetchval(
        """
        SELECT min(next.fires_at)
        FROM unnest($1::int[]) AS owned (partition)
        CROSS JOIN LATERAL (
            SELECT fires_at FROM deadlines
            WHERE partition = owned.partition AND state = 'running'
            ORDER BY fires_at
            LIMIT 1
        ) AS next
        """,
        partitions,
    )
    return found


async def count_overdue(connection: Connection, partitions: Sequence[int], *, now: datetime) -> int:
    """Of how many running deadlines of these partitions a warning or the end should be said."""
    found: int = await connection.fetchval(
        """
        SELECT count(*) FROM (
            SELECT FROM deadlines
            WHERE partition = ANY($1::int[]) AND state = 'running' AND fires_at <= $2
            LIMIT 100000
        ) AS overdue
        """,
        partitions,
        now,
    )
    return found


async def count_due(
    connection: Connection, partitions: Sequence[int], *, before: datetime
) -> dict[tuple[str, str], int]:
    """By plan and clock, the running deadlines of these partitions that are due before then."""
    rows = await connection.fetch(
        """
        SELECT plan, clock, count(*) AS count FROM (
            SELECT plan, clock FROM deadlines
            WHERE partition = ANY($1::int[]) AND state = 'running'
                AND fires_at <= $2 AND due_at <= $2
            LIMIT 100000
        ) AS due
        GROUP BY plan, clock
        """,
        partitions,
        before,
    )
    return {(row["plan"], row["clock"]): row["count"] for row in rows}


async def save_fired(connection: Connection, deadlines: Sequence[Deadline]) -> None:
    """Write what firing made of deadlines that this transaction has locked."""
    await connection.execute(
        """
        UPDATE deadlines AS d
        SET revision = new.revision, state = new.state, warn_at = new.warn_at::jsonb,
            warned = new.warned, fires_at = new.fires_at, ended_at = new.ended_at,
            last_event = new.last_event
        FROM unnest(
            $1::uuid[], $2::text[], $3::int[], $4::int[], $5::text[], $6::text[], $7::int[],
            $8::timestamptz[], $9::timestamptz[], $10::uuid[]
        ) AS new (
            ticket, clock, cycle, revision, state, warn_at, warned, fires_at, ended_at, last_event
        )
        WHERE d.ticket = new.ticket AND d.clock = new.clock AND d.cycle = new.cycle
        """,
        [d.ticket for d in deadlines],
        [d.clock.value for d in deadlines],
        [d.cycle for d in deadlines],
        [d.revision for d in deadlines],
        [d.state.value for d in deadlines],
        [_instants(d.warn_at) for d in deadlines],
        [d.warned for d in deadlines],
        [d.fires_at for d in deadlines],
        [d.ended_at for d in deadlines],
        [d.last_event for d in deadlines],
    )


async def save_deadlines_as_said(connection: Connection, deadlines: Sequence[Deadline]) -> None:
    """Keep deadlines as events say them, in whatever order: the highest revision counts."""
    if deadlines:
        columns = zip(*map(_row, deadlines), strict=True)
        await connection.execute(_UPSERT_AS_SAID, *map(list, columns))


async def save_deadlines(connection: Connection, deadlines: Sequence[Deadline]) -> None:
    """Keep deadlines of tickets that this transaction has locked: new ones, and changed ones."""
    columns = zip(*map(_row, deadlines), strict=True)
    await connection.execute(_UPSERT, *map(list, columns))


def _row(d: Deadline) -> tuple[object, ...]:
    """A deadline's values in the order of `_UPSERT`."""
    return (
        d.ticket,
        d.clock.value,
        d.cycle,
        d.partition,
        d.revision,
        d.state.value,
        d.plan,
        d.catalogue_version,
        d.calendar,
        d.started_at,
        d.target_seconds,
        json.dumps([(_text(since), _text(until)) for since, until in d.pauses]),
        d.due_at,
        _instants(d.warn_at),
        d.warned,
        d.fires_at,
        d.ended_at,
        d.last_event,
        d.correlation,
        d.traceparent,
    )


def _deadline(row: asyncpg.Record) -> Deadline:
    fields = dict(row)
    fields["clock"] = Clock(fields["clock"])
    fields["state"] = DeadlineState(fields["state"])
    fields["pauses"] = tuple(
        (_instant(since), _instant(until) if until else None)
        for since, until in json.loads(fields["pauses"])
    )
    fields["warn_at"] = tuple(map(_instant, json.loads(fields["warn_at"])))
    return Deadline(**fields)


def _by_ticket(
    deadlines: Iterable[Deadline],
) -> dict[UUID, dict[tuple[Clock, int], Deadline]]:
    found: dict[UUID, dict[tuple[Clock, int], Deadline]] = {}
    for each in deadlines:
        found.setdefault(each.ticket, {})[each.clock, each.cycle] = each
    return found


def _instants(points: Iterable[datetime]) -> str:
    return json.dumps([_text(point) for point in points])


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
