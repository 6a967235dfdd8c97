"""Tickets: how to write to their requesters, and how they stand."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from services.notifier.customers import OVER
from services.notifier.deliveries import Ticket
from shared.database import Connection
from shared.events import TicketCreated, TicketPriorityChanged, TicketSlotted, TicketStatusChanged
from shared.messages import MessagePosted, MessageReceived
from shared.plans import Clock, Priority


async def lock_tickets(connection: Connection, tickets: Collection[UUID]) -> None:
    """Let only this transaction plan for these tickets; what is not known yet has a row then."""
    await connection.execute(
        """
        INSERT INTO tickets (ticket)
        SELECT DISTINCT ticket FROM unnest($1::uuid[]) AS asked (ticket) ORDER BY ticket
        ON CONFLICT (ticket) DO NOTHING
        """,
        list(tickets),
    )
    await connection.execute(
        "SELECT FROM tickets WHERE ticket = ANY($1::uuid[]) ORDER BY ticket FOR UPDATE",
        list(tickets),
    )


async def add_tickets(connection: Connection, created: Sequence[TicketCreated]) -> None:
    """Keep how to write to them; a repeat changes nothing, and brings back nothing forgotten."""
    await connection.execute(
        """
        INSERT INTO tickets AS t (
            ticket, requester, address, name, locale, time_zone, queue, automatic, message_id,
            priority, known_at
        )
        SELECT DISTINCT ON (ticket) *
        FROM unnest(
            $1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
            $8::boolean[], $9::text[], $10::text[], $11::timestamptz[]
        ) AS new (
            ticket, requester, address, name, locale, time_zone, queue, automatic, message_id,
            priority, known_at
        )
        ORDER BY ticket
        ON CONFLICT (ticket) DO UPDATE
        SET requester = excluded.requester, address = excluded.address, name = excluded.name,
            locale = excluded.locale, time_zone = excluded.time_zone,
            automatic = excluded.automatic, message_id = excluded.message_id,
            known_at = excluded.known_at,
            -- A change of these may have been heard before.
            priority = coalesce(t.priority, excluded.priority),
            queue = CASE WHEN t.queue_at IS NULL THEN excluded.queue ELSE t.queue END
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
        [event.data.priority.value for event in created],
        [event.time for event in created],
    )


async def record_slots(connection: Connection, slotted: Sequence[TicketSlotted]) -> None:
    """Keep each ticket's plan, and by when it is answered; a repeat changes nothing."""
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
        [_first_response(event) for event in slotted],
        [event.time for event in slotted],
    )


def _first_response(slotted: TicketSlotted) -> datetime | None:
    """By when somebody answers: nobody is promised that by the other clocks, however soon."""
    dues = {target.clock: target.due for target in slotted.data.targets}
    return dues.get(Clock.FIRST_RESPONSE)


async def record_statuses(connection: Connection, changed: Sequence[TicketStatusChanged]) -> None:
    """Keep since when tickets are over; the latest change counts, in whatever order it is heard."""
    await connection.execute(
        """
        UPDATE tickets AS t
        SET over_since = CASE WHEN new.is_over THEN new.at END, status_at = new.at
        FROM (
            SELECT DISTINCT ON (ticket) ticket, is_over, at
            FROM unnest($1::uuid[], $2::boolean[], $3::timestamptz[]) AS each (ticket, is_over, at)
            ORDER BY ticket, at DESC
        ) AS new
        WHERE t.ticket = new.ticket AND (t.status_at IS NULL OR t.status_at < new.at)
        """,
        [UUID(event.subject) for event in changed],
        [event.data.status in OVER for event in changed],
        [event.time for event in changed],
    )


async def record_priorities(
    connection: Connection, changed: Sequence[TicketPriorityChanged]
) -> None:
    """Keep how urgent tickets are; the latest change counts, in whatever order it is heard."""
    await connection.execute(
        """
        UPDATE tickets AS t SET priority = new.priority, priority_at = new.at
        FROM (
            SELECT DISTINCT ON (ticket) ticket, priority, at
            FROM unnest($1::uuid[], $2::text[], $3::timestamptz[]) AS each (ticket, priority, at)
            ORDER BY ticket, at DESC
        ) AS new
        WHERE t.ticket = new.ticket AND (t.priority_at IS NULL OR t.priority_at < new.at)
        """,
        [UUID(event.subject) for event in changed],
        [event.data.priority.value for event in changed],
        [event.time for event in changed],
    )


async def record_answers(connection: Connection, answers: Sequence[MessagePosted]) -> None:
    """Keep when agents last told the customer something."""
    await connection.execute(
        """
        UPDATE tickets AS t SET answered_at = greatest(t.answered_at, new.at)
        FROM (
            SELECT ticket, max(at) AS at
            FROM unnest($1::uuid[], $2::timestamptz[]) AS each (ticket, at)
            GROUP BY ticket
        ) AS new
        WHERE t.ticket = new.ticket
        """,
        [UUID(event.subject) for event in answers],
        [event.time for event in answers],
    )


async def keep_received(connection: Connection, received: Sequence[MessageReceived]) -> None:
    """Keep which mails came in from people, and what may be lacking of whose they are."""
    await connection.executemany(
        """
        INSERT INTO received (message, ticket, requester, message_id, received_at)
        VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (message) DO NOTHING
        """,
        [
            (
                event.data.message,
                UUID(event.subject),
                event.data.requester,
                event.data.private and event.data.private.message_id,
                event.time,
            )
            for event in received
        ],
    )


async def restore_addresses(connection: Connection, received: Sequence[MessageReceived]) -> None:
    """Whoever writes into a thread that had been forgotten can be written to again."""
    await connection.executemany(
        """
        UPDATE tickets SET address = $3, name = $4, known_at = $5
        WHERE ticket = $1 AND requester = $2 AND address IS NULL
          AND (over_since IS NULL OR over_since < $5)
        """,
        [
            (
                UUID(event.subject),
                event.data.requester,
                event.data.private.address,
                event.data.private.name,
                event.time,
            )
            for event in received
            if event.data.private
        ],
    )


async def heed_received(connection: Connection, tickets: Collection[UUID]) -> None:
    """Draw from the mails of tickets' own requesters what our next mail answers, and whose it is.

    Called after either was heard, the ticket or the mail: it comes to the same in both orders.
    """
    await connection.execute(
        """
        UPDATE tickets AS t
        SET verified_at = least(t.verified_at, new.verified_at),
            message_id = coalesce(new.message_id, t.message_id)
        FROM (
            SELECT ticket, requester, min(received_at) AS verified_at,
                (array_agg(message_id ORDER BY received_at DESC, message)
                    FILTER (WHERE message_id IS NOT NULL))[1] AS message_id
            FROM received
            WHERE ticket = ANY($1::uuid[])
            GROUP BY ticket, requester
        ) AS new
        WHERE t.ticket = new.ticket AND t.requester = new.requester
        """,
        list(tickets),
    )


async def read_tickets(connection: Connection, tickets: Sequence[UUID]) -> dict[UUID, Ticket]:
    """What is known of these tickets."""
    rows = await connection.fetch(
        """
        SELECT ticket, requester, address, name, locale, time_zone, queue, automatic, message_id,
            verified_at, plan, due_at, slotted_at, answered_at, over_since, priority
        FROM tickets
        WHERE ticket = ANY($1::uuid[])
        """,
        tickets,
    )
    return {row["ticket"]: _ticket_of(row) for row in rows}


def _ticket_of(row: asyncpg.Record) -> Ticket:
    fields = dict(row)
    del fields["ticket"]
    fields["priority"] = fields["priority"] and Priority(fields["priority"])
    return Ticket(**fields)
