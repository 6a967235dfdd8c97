"""Whose tickets are, and who is still to be told of one that they have lost."""

from collections.abc import Collection, Sequence
from uuid import UUID

from services.notifier.deliveries import Delivery
from services.notifier.store.deliveries import delivery_of
from shared.database import Connection
from shared.handling import TicketAssigned


async def record_queues(connection: Connection, assigned: Sequence[TicketAssigned]) -> None:
    """Keep which team's tickets are; the latest counts, in whatever order it is heard."""
    await connection.execute(
        """
        UPDATE tickets AS t SET queue = new.queue, queue_at = new.at
        FROM (
            SELECT DISTINCT ON (ticket) ticket, queue, at
            FROM unnest($1::uuid[], $2::text[], $3::timestamptz[]) AS each (ticket, queue, at)
            ORDER BY ticket, at DESC
        ) AS new
        WHERE t.ticket = new.ticket AND (t.queue_at IS NULL OR t.queue_at < new.at)
        """,
        [UUID(event.subject) for event in assigned],
        [event.data.queue for event in assigned],
        [event.time for event in assigned],
    )


async def record_assignments(connection: Connection, assigned: Sequence[TicketAssigned]) -> None:
    """Keep by which event tickets are whose they are; the latest counts."""
    await connection.execute(
        """
        UPDATE tickets AS t SET assignment = new.event, assigned_at = new.at
        FROM (
            SELECT DISTINCT ON (ticket) ticket, event, at
            FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) AS each (ticket, event, at)
            ORDER BY ticket, at DESC
        ) AS new
        WHERE t.ticket = new.ticket AND (t.assigned_at IS NULL OR t.assigned_at < new.at)
        """,
        [UUID(event.subject) for event in assigned],
        [event.id for event in assigned],
        [event.time for event in assigned],
    )


async def lock_reassigned(
    connection: Connection, tickets: Collection[UUID]
) -> list[tuple[Delivery, UUID]]:
    """Mails that are still to tell somebody of a ticket which is another's by now, locked.

    Each with the event by which it is.
    """
    rows = await connection.fetch(
        """
        SELECT d.*, t.assignment FROM deliveries AS d JOIN tickets AS t USING (ticket)
        WHERE d.ticket = ANY($1::uuid[]) AND d.kind = 'assignment'
          AND d.state IN ('planned', 'sending') AND d.withdrawn_by IS NULL
          AND d.caused_by <> t.assignment
        ORDER BY d.id
        FOR UPDATE OF d
        """,
        list(tickets),
    )
    found = []
    for row in rows:
        fields = dict(row)
        by: UUID = fields.pop("assignment")
        found.append((delivery_of(fields), by))
    return found
