"""Deliveries: planned, taken by a sender, ended."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.notifier.deliveries import Delivery, DeliveryKind, DeliveryState, HalfHeard
from services.notifier.store.ended import count_ended
from services.notifier.store.traces import keep_traces
from shared.database import Connection
from shared.notifications import NotificationChannel
from shared.plans import Clock


async def plan_deliveries(connection: Connection, deliveries: Sequence[Delivery]) -> None:
    """Keep deliveries to be made; one that is planned already stays as it is."""
    rows = await connection.fetchmany(
        """
        INSERT INTO deliveries (
            id, ticket, kind, channel, lane, address, state, not_before, caused_at, ended_at,
            caused_by, correlation, traceparent, facts, clock, cycle, step, digest, withdrawn_by,
            reason, person, messages, half_heard
        )
        VALUES (
            $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
            $20, $21, $22, $23
        )
        ON CONFLICT (id) DO NOTHING
        RETURNING kind, state, ended_at IS NOT NULL AS ended
        """,
        [
            [
                json.dumps(dict(d.facts)) if column == "facts" else getattr(d, column)
                for column in _PLANNED
            ]
            for d in deliveries
        ],
    )
    count_ended(rows)
    await keep_traces(connection, deliveries)


async def release_acknowledgements(
    connection: Connection, tickets: Sequence[UUID], *, now: datetime
) -> None:
    """The slot is known: acknowledgements that wait for it may go."""
    await connection.execute(
        """
        UPDATE deliveries SET not_before = $2
        WHERE ticket = ANY($1::uuid[]) AND kind = 'acknowledgement'
          AND state = 'planned' AND attempts = 0 AND not_before > $2
        """,
        tickets,
        now,
    )


async def claim(
    connection: Connection, *, now: datetime, held_until: datetime, free: Mapping[str, int]
) -> list[Delivery]:
    """Take deliveries whose time has come; until `held_until` no other sender takes them.

    One that was being sent when its hold ran out is marked uncertain: its sender died, perhaps
    after the server had taken it. One that another transaction has locked is passed over.

    Args:
        connection: In a transaction.
        now: The present.
        held_until: When the sender's time for them is over.
        free: By lane, how many to take at the most.
    """
    rows = await connection.fetch(
        """
        UPDATE deliveries
        SET uncertain = uncertain OR state = 'sending',
            state = 'sending',
            attempts = attempts + 1,
            first_tried_at = coalesce(first_tried_at, $1),
            not_before = $2
        -- An array, so that the planner expects few: it can't know the limits, and would read all.
        WHERE id = ANY (ARRAY(
            SELECT first.id
            FROM unnest($3::text[], $4::integer[]) AS free (lane, places)
            CROSS JOIN LATERAL (
                SELECT d.id FROM deliveries AS d
                WHERE d.lane = free.lane AND d.not_before <= $1
                  AND d.state IN ('planned', 'sending') AND d.digest IS NULL AND NOT d.held
                ORDER BY d.not_before
                LIMIT free.places
                FOR UPDATE SKIP LOCKED
            ) AS first
        ))
        RETURNING *
        """,
        now,
        held_until,
        list(free),
        list(free.values()),
    )
    return [delivery_of(row) for row in rows]


async def lock_tried(connection: Connection, tried: Delivery) -> Delivery | None:
    """A delivery as it stands after a try, locked; None if another sender has taken it over.

    The lock lets alerts be added that name it as their digest: they are seen to, or wait.
    """
    row = await connection.fetchrow(
        """
        SELECT * FROM deliveries
        WHERE id = $1 AND state = 'sending' AND attempts = $2
        FOR NO KEY UPDATE
        """,
        tried.id,
        tried.attempts,
    )
    return None if row is None else delivery_of(row)


async def count_pending(
    connection: Connection, *, now: datetime
) -> dict[DeliveryKind, tuple[int, datetime]]:
    """By kind, how many deliveries could go out, and since when the first of them is to go.

    What is held for a digest, or for a time that has not come, is not among them.
    """
    rows = await connection.fetch(
        """
        SELECT kind, count(*) AS count, min(coalesce(again_at, caused_at)) AS since
        FROM deliveries
        WHERE state IN ('planned', 'sending') AND digest IS NULL AND NOT held
          AND (state = 'sending' OR not_before <= $1 OR first_tried_at IS NOT NULL)
        GROUP BY kind
        """,
        now,
    )
    return {DeliveryKind(row["kind"]): (row["count"], row["since"]) for row in rows}


async def read_waiting(connection: Connection) -> dict[str, datetime]:
    """By lane on which anything is to be sent, since when the first of it could be.

    What was tried already could go when it was tried first, however often it waits anew.
    """
    rows = await connection.fetch(
        """
        WITH RECURSIVE lanes (lane) AS (
            SELECT min(lane) FROM deliveries
            WHERE state IN ('planned', 'sending') AND digest IS NULL AND NOT held
            UNION ALL
            SELECT (
                SELECT min(d.lane) FROM deliveries AS d
                WHERE d.state IN ('planned', 'sending') AND d.digest IS NULL AND NOT d.held
                  AND d.lane > lanes.lane
            )
            FROM lanes
            WHERE lanes.lane IS NOT NULL
        )
        SELECT lane, (
            SELECT min(coalesce(d.first_tried_at, d.not_before)) FROM deliveries AS d
            WHERE d.state IN ('planned', 'sending') AND d.digest IS NULL AND NOT d.held
              AND d.lane = lanes.lane
        ) AS since
        FROM lanes
        WHERE lane IS NOT NULL
        """
    )
    return {row["lane"]: row["since"] for row in rows if row["since"] is not None}


async def lock_left(
    connection: Connection, lane: str, *, before: datetime, limit: int
) -> list[Delivery]:
    """What should have been taken from a lane before some instant, and was not; locked."""
    rows = await connection.fetch(
        """
        SELECT * FROM deliveries
        WHERE lane = $1 AND not_before < $2
          AND state IN ('planned', 'sending') AND digest IS NULL AND NOT held
        ORDER BY not_before
        LIMIT $3
        FOR UPDATE SKIP LOCKED
        """,
        lane,
        before,
        limit,
    )
    return [delivery_of(row) for row in rows]


async def lock_carried(connection: Connection, digest: UUID, *, limit: int) -> list[Delivery]:
    """Some of what a digest carries and nothing has become of yet, locked."""
    rows = await connection.fetch(
        """
        SELECT * FROM deliveries
        WHERE digest = $1 AND state = 'planned'
        ORDER BY id
        LIMIT $2
        FOR NO KEY UPDATE
        """,
        digest,
        limit,
    )
    return [delivery_of(row) for row in rows]


async def lock_alerts(connection: Connection, breached: Mapping[UUID, UUID]) -> list[Delivery]:
    """The alerts of breaches, locked: a sender takes none of them until the transaction ends.

    Args:
        connection: In a transaction.
        breached: The breaches, each with its ticket.
    """
    rows = await connection.fetch(
        """
        SELECT * FROM deliveries
        WHERE ticket = ANY($1::uuid[]) AND caused_by = ANY($2::uuid[]) AND kind = 'breach_alert'
        ORDER BY id
        FOR UPDATE
        """,
        list(breached.values()),
        list(breached),
    )
    return [delivery_of(row) for row in rows]


async def save(connection: Connection, deliveries: Sequence[Delivery]) -> None:
    """Write what became of deliveries that this transaction has locked."""
    rows = await connection.fetch(
        """
        UPDATE deliveries AS d
        SET state = new.state, not_before = new.not_before, attempts = new.attempts,
            uncertain = new.uncertain, ended_at = new.ended_at, held = new.held,
            admitted_at = new.admitted_at, digest = new.digest, withdrawn_by = new.withdrawn_by,
            withdrawn_during = new.withdrawn_during, reason = new.reason, code = new.code,
            detail = new.detail, bounced_at = new.bounced_at, address = new.address,
            half_heard = new.half_heard
        FROM unnest(
            $1::uuid[], $2::text[], $3::timestamptz[], $4::integer[], $5::boolean[],
            $6::timestamptz[], $7::boolean[], $8::timestamptz[], $9::uuid[], $10::uuid[],
            $11::integer[], $12::text[], $13::integer[], $14::text[], $15::timestamptz[],
            $16::text[], $17::text[]
        ) AS new (
            id, state, not_before, attempts, uncertain, ended_at, held, admitted_at, digest,
            withdrawn_by, withdrawn_during, reason, code, detail, bounced_at, address, half_heard
        ) JOIN deliveries AS was USING (id)
        WHERE d.id = new.id
        RETURNING d.kind, d.state, d.ended_at IS NOT NULL AND was.ended_at IS NULL AS ended
        """,
        *([getattr(d, column) for d in deliveries] for column in _CHANGING),
    )
    count_ended(rows)


_PLANNED = (
    "id",
    "ticket",
    "kind",
    "channel",
    "lane",
    "address",
    "state",
    "not_before",
    "caused_at",
    "ended_at",
    "caused_by",
    "correlation",
    "traceparent",
    "facts",
    "clock",
    "cycle",
    "step",
    "digest",
    "withdrawn_by",
    "reason",
    "person",
    "messages",
    "half_heard",
)

_CHANGING = (
    "id",
    "state",
    "not_before",
    "attempts",
    "uncertain",
    "ended_at",
    "held",
    "admitted_at",
    "digest",
    "withdrawn_by",
    "withdrawn_during",
    "reason",
    "code",
    "detail",
    "bounced_at",
    "address",
    "half_heard",
)


def delivery_of(row: asyncpg.Record | dict[str, Any]) -> Delivery:
    """The delivery in a row."""
    fields = dict(row)
    fields["kind"] = DeliveryKind(fields["kind"])
    fields["channel"] = NotificationChannel(fields["channel"])
    fields["state"] = DeliveryState(fields["state"])
    fields["facts"] = json.loads(fields["facts"])
    fields["messages"] = tuple(fields["messages"])
    fields["half_heard"] = fields["half_heard"] and HalfHeard(fields["half_heard"])
    fields["clock"] = None if fields["clock"] is None else Clock(fields["clock"])
    return Delivery(**fields)
