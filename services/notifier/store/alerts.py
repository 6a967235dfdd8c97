"""Alerts: planned, and held back."""

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from services.notifier.alerting import Slip
from services.notifier.deliveries import Delivery
from services.notifier.store.deliveries import delivery_of
from services.notifier.store.ended import count_ended
from services.notifier.store.traces import keep_traces
from shared import events
from shared.database import Connection
from shared.deadlines import (
    DeadlineAtRisk,
    DeadlineBreached,
    DeadlineBreachRetracted,
    DeadlineCancelled,
    DeadlineMet,
    DeadlinePaused,
)

_ALERTING = 0x0CA2E0A1


async def lock_alerting(connection: Connection) -> None:
    """Wait until no other transaction moves alerts, and be the one until this one ends.

    What a digest carries and what somebody had lately then stand still, and there is one lock to
    wait for: recipients and digests locked by several, each in its order, would end in deadlocks.
    """
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _ALERTING)


async def try_lock_alerting(connection: Connection) -> bool:
    """The same without waiting; says whether it is us."""
    locked: bool = await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", _ALERTING)
    return locked


async def keep_slips(
    connection: Connection, slips: Sequence[Slip], waiting: Collection[UUID]
) -> set[UUID]:
    """Keep that promises slipped; returns those that were not known, whether alerted of or not.

    Args:
        connection: In a transaction.
        slips: Each once.
        waiting: Those of tickets that were not heard of yet: kept until they are.
    """
    rows = await connection.fetch(
        """
        INSERT INTO slips (event, ticket, waits)
        SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::jsonb[])
        ON CONFLICT (event) DO NOTHING
        RETURNING event
        """,
        [slip.id for slip in slips],
        [UUID(slip.subject) for slip in slips],
        [slip.model_dump_json() if slip.id in waiting else None for slip in slips],
    )
    return {row["event"] for row in rows}


async def take_waiting_slips(connection: Connection, tickets: Collection[UUID]) -> list[Slip]:
    """What slipped before these tickets were heard of, and was not retracted; each once only."""
    rows = await connection.fetch(
        """
        UPDATE slips AS s SET waits = NULL
        FROM (
            SELECT event, waits FROM slips
            WHERE ticket = ANY($1::uuid[]) AND waits IS NOT NULL
            ORDER BY event
            FOR UPDATE
        ) AS waiting
        WHERE s.event = waiting.event
        RETURNING waiting.waits, s.retracted_by
        """,
        list(tickets),
    )
    heard = (events.read(row["waits"].encode()) for row in rows if row["retracted_by"] is None)
    return [event for event in heard if isinstance(event, DeadlineAtRisk | DeadlineBreached)]


async def keep_retracted(
    connection: Connection, retracted: Sequence[DeadlineBreachRetracted]
) -> None:
    """Keep which breaches don't hold, also those that nobody was alerted of."""
    await connection.execute(
        """
        INSERT INTO slips (event, ticket, retracted_by)
        SELECT DISTINCT ON (event) * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[])
            AS new (event, ticket, retracted_by)
        ORDER BY event, retracted_by
        ON CONFLICT (event) DO UPDATE SET retracted_by = excluded.retracted_by
        """,
        [event.data.breach for event in retracted],
        [UUID(event.subject) for event in retracted],
        [event.id for event in retracted],
    )


_ADD = """
    INSERT INTO deliveries (
        id, ticket, kind, channel, lane, address, state, not_before, caused_at, ended_at,
        caused_by, correlation, traceparent, facts, clock, cycle, step, held, admitted_at,
        reason, person, half_heard, withdrawn_by
    )
    SELECT * FROM unnest(
        $1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
        $8::timestamptz[], $9::timestamptz[], $10::timestamptz[], $11::uuid[], $12::uuid[],
        $13::text[], $14::jsonb[], $15::text[], $16::integer[], $17::integer[], $18::boolean[],
        $19::timestamptz[], $20::text[], $21::text[], $22::text[], $23::uuid[]
    )
    ON CONFLICT (id) DO NOTHING
    RETURNING id, kind, state, ended_at IS NOT NULL AS ended
"""


async def add_alerts(connection: Connection, alerts: Sequence[Delivery]) -> set[UUID]:
    """Keep alerts and digests to be sent; returns those that were not there yet."""
    rows = await connection.fetch(_ADD, *_columns(alerts))
    count_ended(rows)
    await keep_traces(connection, alerts)
    return {row["id"] for row in rows}


def _columns(alerts: Sequence[Delivery]) -> list[list[object]]:
    """What `_ADD` takes, in its order."""
    return [
        [d.id for d in alerts],
        [d.ticket for d in alerts],
        [d.kind.value for d in alerts],
        [d.channel.value for d in alerts],
        [d.lane for d in alerts],
        [d.address for d in alerts],
        [d.state.value for d in alerts],
        [d.not_before for d in alerts],
        [d.caused_at for d in alerts],
        [d.ended_at for d in alerts],
        [d.caused_by for d in alerts],
        [d.correlation for d in alerts],
        [d.traceparent for d in alerts],
        [json.dumps(dict(d.facts)) for d in alerts],
        [d.clock for d in alerts],
        [d.cycle for d in alerts],
        [d.step for d in alerts],
        [d.held for d in alerts],
        [d.admitted_at for d in alerts],
        [d.reason for d in alerts],
        [d.person for d in alerts],
        [d.half_heard for d in alerts],
        [d.withdrawn_by for d in alerts],
    ]


async def keep_overtaken(
    connection: Connection,
    ended: Sequence[DeadlineMet | DeadlineCancelled | DeadlinePaused | DeadlineBreached],
) -> None:
    """Remember since which revision the warnings of these clocks are late."""
    await connection.execute(
        """
        INSERT INTO overtaken AS o (ticket, clock, cycle, revision, event)
        SELECT DISTINCT ON (ticket, clock, cycle) *
        FROM unnest($1::uuid[], $2::text[], $3::integer[], $4::integer[], $5::uuid[])
            AS new (ticket, clock, cycle, revision, event)
        ORDER BY ticket, clock, cycle, revision DESC
        ON CONFLICT (ticket, clock, cycle) DO UPDATE
        SET revision = excluded.revision, event = excluded.event
        WHERE o.revision < excluded.revision
        """,
        [UUID(event.subject) for event in ended],
        [event.data.clock.value for event in ended],
        [event.data.cycle for event in ended],
        [event.data.revision for event in ended],
        [event.id for event in ended],
    )


async def lock_digests(connection: Connection, tickets: Collection[UUID]) -> dict[UUID, Delivery]:
    """The digests, not yet at their end, that carry alerts of these tickets.

    Locked before what they carry, as by a sender that keeps what became of them.
    """
    rows = await connection.fetch(
        """
        SELECT * FROM deliveries
        WHERE state IN ('planned', 'sending') AND id IN (
            SELECT digest FROM deliveries
            WHERE ticket = ANY($1::uuid[]) AND digest IS NOT NULL AND state = 'planned'
        )
        ORDER BY id
        FOR NO KEY UPDATE
        """,
        list(tickets),
    )
    return {row["id"]: delivery_of(row) for row in rows}


async def lock_overtaken(
    connection: Connection, tickets: Collection[UUID]
) -> list[tuple[Delivery, UUID]]:
    """Warnings of these tickets that are late, each with the event that it came too late for."""
    rows = await connection.fetch(
        """
        SELECT d AS alert, o.event
        FROM deliveries AS d
        JOIN overtaken AS o USING (ticket, clock, cycle)
        WHERE d.ticket = ANY($1::uuid[]) AND d.kind = 'at_risk_alert'
          AND d.state IN ('planned', 'sending') AND d.withdrawn_by IS NULL
          AND (d.facts ->> 'revision')::integer < o.revision
        ORDER BY d.id
        FOR NO KEY UPDATE OF d
        """,
        list(tickets),
    )
    return [(delivery_of(row["alert"]), row["event"]) for row in rows]


async def lock_stoppable(connection: Connection, tickets: Collection[UUID]) -> list[Delivery]:
    """Later steps and warnings of these tickets that have not gone out."""
    rows = await connection.fetch(
        """
        SELECT * FROM deliveries
        WHERE ticket = ANY($1::uuid[]) AND state IN ('planned', 'sending')
          AND (kind = 'at_risk_alert' OR (kind = 'breach_alert' AND step > 0))
          AND withdrawn_by IS NULL
        ORDER BY id
        FOR NO KEY UPDATE
        """,
        list(tickets),
    )
    return [delivery_of(row) for row in rows]


async def lock_withdrawn_items(connection: Connection, *, limit: int) -> list[Delivery]:
    """What a digest carries that was withdrawn while it was tried, now that the try is over."""
    digests = await connection.fetch(
        """
        SELECT id FROM deliveries
        WHERE state = 'planned' AND id IN (
            SELECT digest FROM deliveries
            WHERE digest IS NOT NULL AND withdrawn_by IS NOT NULL AND state = 'planned'
        )
        ORDER BY id
        FOR NO KEY UPDATE SKIP LOCKED
        """
    )
    if not digests:
        return []
    rows = await connection.fetch(
        """
        SELECT * FROM deliveries
        WHERE digest = ANY($1::uuid[]) AND withdrawn_by IS NOT NULL AND state = 'planned'
        ORDER BY id
        LIMIT $2
        FOR NO KEY UPDATE
        """,
        [row["id"] for row in digests],
        limit,
    )
    return [delivery_of(row) for row in rows]


async def end_empty_digests(
    connection: Connection, digests: Collection[UUID], *, by: UUID, reason: str, now: datetime
) -> None:
    """Of these digests, suppress those that wait and have nothing left to carry."""
    rows = await connection.fetch(
        """
        UPDATE deliveries AS d
        SET state = 'suppressed', ended_at = $2, withdrawn_by = $3, reason = $4
        WHERE d.id = ANY($1::uuid[]) AND d.state = 'planned'
          AND NOT EXISTS (SELECT FROM deliveries WHERE digest = d.id AND state = 'planned')
        RETURNING d.kind, d.state, true AS ended
        """,
        list(digests),
        now,
        by,
        reason,
    )
    count_ended(rows)
