"""Tickets: how to write to their requesters, and how they stand."""

from collections.abc import Sequence
from uuid import UUID

from services.notifier.domain import Ticket
from shared.database import Connection
from shared.events import TicketCreated, TicketSlotted


async def add_tickets(connection: Connection, created: Sequence[TicketCreated]) -> set[UUID]:
    """Keep how to write to them; returns the tickets whose slot was heard before them."""
    await connection.execute(
        """
        INSERT INTO tickets AS t (
            ticket, requester, address, name, locale, time_zone, queue, automatic, message_id
        )
        SELECT DISTINCT ON (ticket) *
        FROM unnest(
            $1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
            $8::boolean[], $9::text[]
        ) AS new (
            ticket, requester, address, name, locale, time_zone, queue, automatic, message_id
        )
        ORDER BY ticket
        ON CONFLICT (ticket) DO UPDATE
        SET requester = excluded.requester, address = excluded.address, name = excluded.name,
            locale = excluded.locale, time_zone = excluded.time_zone, queue = excluded.queue,
            automatic = excluded.automatic,
            message_id = coalesce(t.message_id, excluded.message_id)
        WHERE t.requester IS NULL
        """,
        [UUID(event.subject) for event in created],
        [event.data.requester for event in created],
        [event.data.private and event.data.private.address for event in created],
        [event.data.private and event.data.private.name for event in created],
        [event.data.locale for event in created],
        [event.data.time_zone for event in created],
        [event.data.queue for event in created],
        [event.data.automatic for event in created],
        [event.data.private and event.data.private.message_id for event in created],
    )
    rows = await connection.fetch(
        "SELECT ticket, slotted_at FROM tickets WHERE ticket = ANY($1::uuid[])",
        [UUID(event.subject) for event in created],
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


async def read_tickets(connection: Connection, tickets: Sequence[UUID]) -> dict[UUID, Ticket]:
    """What is known of these tickets."""
    rows = await connection.fetch(
        """
        SELECT ticket, requester, address, name, locale, time_zone, queue, automatic, message_id,
            verified_at, plan, due_at, slotted_at, answered_at, over_since
        FROM tickets
        WHERE ticket = ANY($1::uuid[])
        """,
        tickets,
    )
    found = [dict(row) for row in rows]
    return {fields.pop("ticket"): Ticket(**fields) for fields in found}
