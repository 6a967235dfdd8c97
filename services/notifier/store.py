"""All the SQL of notifier. Every function runs in its caller's transaction."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from services.notifier.domain import Delivery, DeliveryState, Ticket
from shared.database import Connection
from shared.events import NotificationKind, TicketCreated, TicketSlotted


async def add_tickets(connection: Connection, created: Sequence[TicketCreated]) -> set[UUID]:
    """Keep how to write to them; returns the tickets whose slot was heard before them."""
    rows = await connection.fetch(
        """
        INSERT INTO tickets AS t (ticket, locale, time_zone)
        SELECT DISTINCT ON (ticket) ticket, locale, time_zone
        FROM unnest($1::uuid[], $2::text[], $3::text[]) AS new (ticket, locale, time_zone)
        ORDER BY ticket
        ON CONFLICT (ticket) DO UPDATE
        SET locale = coalesce(t.locale, excluded.locale),
            time_zone = coalesce(t.time_zone, excluded.time_zone)
        RETURNING ticket, slotted_at
        """,
        [UUID(event.subject) for event in created],
        [event.data.locale for event in created],
        [event.data.time_zone for event in created],
    )
    return {row["ticket"] for row in rows if row["slotted_at"] is not None}


async def record_slots(connection: Connection, slotted: Sequence[TicketSlotted]) -> None:
    """Keep plan and first promise of each ticket; a repeat changes nothing."""
    await connection.execute(
        """
        INSERT INTO tickets AS t (ticket, plan, due_at, slotted_at)
        SELECT DISTINCT ON (ticket) ticket, plan, due_at, slotted_at
        FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::timestamptz[])
            AS new (ticket, plan, due_at, slotted_at)
        ORDER BY ticket
        ON CONFLICT (ticket) DO UPDATE
        SET plan = excluded.plan, due_at = excluded.due_at, slotted_at = excluded.slotted_at
        WHERE t.slotted_at IS NULL
        """,
        [UUID(event.subject) for event in slotted],
        [event.data.plan for event in slotted],
        [min((target.due for target in event.data.targets), default=None) for event in slotted],
        [event.time for event in slotted],
    )


async def plan_deliveries(connection: Connection, deliveries: Sequence[Delivery]) -> None:
    """Keep deliveries to be made; one that is planned already stays as it is."""
    await connection.executemany(
        """
        INSERT INTO deliveries (
            id, ticket, kind, address, state, not_before, caused_at, caused_by, correlation,
            traceparent, facts
        )
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        ON CONFLICT (id) DO NOTHING
        """,
        [
            (
                d.id,
                d.ticket,
                d.kind.value,
                d.address,
                d.state.value,
                d.not_before,
                d.caused_at,
                d.caused_by,
                d.correlation,
                d.traceparent,
                json.dumps(d.facts),
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
            WHERE state IN ('planned', 'sending') AND not_before <= $1
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
    return [_delivery(row) for row in rows]


async def read_tickets(connection: Connection, tickets: Sequence[UUID]) -> dict[UUID, Ticket]:
    """What is known of these tickets."""
    rows = await connection.fetch(
        """
        SELECT ticket, locale, time_zone, plan, due_at, slotted_at FROM tickets
        WHERE ticket = ANY($1::uuid[])
        """,
        tickets,
    )
    return {
        row["ticket"]: Ticket(
            row["locale"], row["time_zone"], row["plan"], row["due_at"], row["slotted_at"]
        )
        for row in rows
    }


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
    return None if row is None else _delivery(row)


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
    return [_delivery(row) for row in rows]


async def save(connection: Connection, deliveries: Sequence[Delivery]) -> None:
    """Write what became of deliveries that this transaction has locked."""
    await connection.executemany(
        """
        UPDATE deliveries
        SET state = $2, not_before = $3, uncertain = $4, ended_at = $5, retracted_by = $6
        WHERE id = $1
        """,
        [
            (d.id, d.state.value, d.not_before, d.uncertain, d.ended_at, d.retracted_by)
            for d in deliveries
        ],
    )


def _delivery(row: asyncpg.Record) -> Delivery:
    fields = dict(row)
    fields["kind"] = NotificationKind(fields["kind"])
    fields["state"] = DeliveryState(fields["state"])
    fields["facts"] = json.loads(fields["facts"])
    return Delivery(**fields)
