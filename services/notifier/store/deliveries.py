"""Deliveries: planned, taken by a sender, ended."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from services.notifier.domain import Delivery, DeliveryKind, DeliveryState
from shared.database import Connection
from shared.notifications import NotificationChannel
from shared.plans import Clock


async def plan_deliveries(connection: Connection, deliveries: Sequence[Delivery]) -> None:
    """Keep deliveries to be made; one that is planned already stays as it is."""
    await connection.executemany(
        """
        INSERT INTO deliveries (
            id, ticket, kind, channel, lane, address, state, not_before, caused_at, ended_at,
            caused_by, correlation, traceparent, facts, clock, cycle, step, digest, withdrawn_by,
            reason
        )
        VALUES (
            $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
            $20
        )
        ON CONFLICT (id) DO NOTHING
        """,
        [
            (
                d.id,
                d.ticket,
                d.kind.value,
                d.channel.value,
                d.lane,
                d.address,
                d.state.value,
                d.not_before,
                d.caused_at,
                d.ended_at,
                d.caused_by,
                d.correlation,
                d.traceparent,
                json.dumps(dict(d.facts)),
                d.clock,
                d.cycle,
                d.step,
                d.digest,
                d.withdrawn_by,
                d.reason,
            )
            for d in deliveries
        ],
    )


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
    connection: Connection, *, now: datetime, held_until: datetime, limit: int
) -> list[Delivery]:
    """Take deliveries whose time has come; until `held_until` no other sender takes them.

    One that was being sent when its hold ran out is marked uncertain: its sender died, perhaps
    after the server had taken it.
    """
    rows = await connection.fetch(
        """
        UPDATE deliveries
        SET uncertain = uncertain OR state = 'sending',
            state = 'sending',
            attempts = attempts + 1,
            not_before = $2
        WHERE id IN (
            SELECT id FROM deliveries
            WHERE state IN ('planned', 'sending') AND digest IS NULL AND not_before <= $1
            ORDER BY not_before
            LIMIT $3
            FOR UPDATE SKIP LOCKED
        )
        RETURNING *
        """,
        now,
        held_until,
        limit,
    )
    return [delivery_of(row) for row in rows]


async def lock_tried(connection: Connection, tried: Delivery) -> Delivery | None:
    """A delivery as it stands after a try, locked; None if another sender has taken it over."""
    row = await connection.fetchrow(
        """
        SELECT * FROM deliveries
        WHERE id = $1 AND state = 'sending' AND attempts = $2
        FOR UPDATE
        """,
        tried.id,
        tried.attempts,
    )
    return None if row is None else delivery_of(row)


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
    await connection.executemany(
        """
        UPDATE deliveries
        SET state = $2, not_before = $3, attempts = $4, uncertain = $5, ended_at = $6, digest = $7,
            withdrawn_by = $8, reason = $9, code = $10, detail = $11, bounced_at = $12
        WHERE id = $1
        """,
        [
            (
                d.id,
                d.state.value,
                d.not_before,
                d.attempts,
                d.uncertain,
                d.ended_at,
                d.digest,
                d.withdrawn_by,
                d.reason,
                d.code,
                d.detail,
                d.bounced_at,
            )
            for d in deliveries
        ],
    )


def delivery_of(row: asyncpg.Record) -> Delivery:
    """The delivery in a row."""
    fields = dict(row)
    fields["kind"] = DeliveryKind(fields["kind"])
    fields["channel"] = NotificationChannel(fields["channel"])
    fields["state"] = DeliveryState(fields["state"])
    fields["facts"] = json.loads(fields["facts"])
    fields["clock"] = None if fields["clock"] is None else Clock(fields["clock"])
    return Delivery(**fields)
