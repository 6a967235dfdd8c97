"""All the SQL of messaging. Every function runs in its caller's transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from services.messaging.domain import (
    ClockState,
    ClockView,
    Message,
    Thread,
    clock_state,
)
from shared.database import Connection
from shared.deadlines import DeadlineEvent
from shared.events import TicketSlotted, TicketStatus
from shared.messages import AuthorKind, Channel, Visibility
from shared.notifications import NotificationSent
from shared.plans import Clock, Priority


@dataclass(frozen=True, slots=True)
class Standing:
    """What sla and notifier said of a ticket so far."""

    plan: str | None
    service_level: str | None
    acknowledged_at: datetime | None
    clocks: tuple[ClockView, ...]


async def add_threads(connection: Connection, threads: Sequence[Thread]) -> dict[UUID, str | None]:
    """Keep new threads; one that is there already stays as it is.

    Returns:
        Of those that were there already, the fingerprint of what was asked first.
    """
    await connection.executemany(
        """
        INSERT INTO threads (
            ticket, account, requester, requester_name, subject, channel, priority, opened_at,
            correlation, traceparent, fingerprint, last_sequence
        )
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        ON CONFLICT (ticket) DO NOTHING
        """,
        [
            (
                t.ticket,
                t.account,
                t.requester,
                t.requester_name,
                t.subject,
                t.channel.value,
                t.priority.value,
                t.opened_at,
                t.correlation,
                t.traceparent,
                t.fingerprint,
                t.last_sequence,
            )
            for t in threads
        ],
    )
    rows = await connection.fetch(
        "SELECT ticket, fingerprint FROM threads WHERE ticket = ANY($1::uuid[])",
        [t.ticket for t in threads],
    )
    return {row["ticket"]: row["fingerprint"] for row in rows}


async def add_messages(connection: Connection, messages: Sequence[Message]) -> None:
    """Keep messages; one that is there already stays as it is."""
    await connection.executemany(
        """
        INSERT INTO messages (
            id, ticket, sequence, author_kind, author, author_name, visibility, text, posted_at
        )
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        ON CONFLICT (id) DO NOTHING
        """,
        [
            (
                m.id,
                m.ticket,
                m.sequence,
                m.author_kind.value,
                m.author,
                m.author_name,
                m.visibility.value,
                m.text,
                m.posted_at,
            )
            for m in messages
        ],
    )


async def read_thread(connection: Connection, ticket: UUID) -> Thread | None:
    """A thread, or None."""
    row = await connection.fetchrow("SELECT * FROM threads WHERE ticket = $1", ticket)
    return None if row is None else _thread(row)


async def lock_thread(connection: Connection, ticket: UUID) -> Thread | None:
    """A thread, locked: who writes into it does so one after the other."""
    row = await connection.fetchrow("SELECT * FROM threads WHERE ticket = $1 FOR UPDATE", ticket)
    return None if row is None else _thread(row)


async def read_message(connection: Connection, id_: UUID) -> Message | None:
    """A message, or None."""
    row = await connection.fetchrow("SELECT * FROM messages WHERE id = $1", id_)
    return None if row is None else _message(row)


async def append_message(connection: Connection, message: Message) -> None:
    """Keep the next message of a thread that this transaction has locked."""
    await add_messages(connection, [message])
    await connection.execute(
        "UPDATE threads SET last_sequence = $2 WHERE ticket = $1",
        message.ticket,
        message.sequence,
    )


async def update_thread(connection: Connection, thread: Thread) -> None:
    """Keep how a thread stands that this transaction has locked, and that was changed."""
    await connection.execute(
        """
        UPDATE threads SET status = $2, priority = $3, changes = $4, changed_at = $5
        WHERE ticket = $1
        """,
        thread.ticket,
        thread.status.value,
        thread.priority.value,
        thread.changes,
        thread.changed_at,
    )


async def list_messages(
    connection: Connection, ticket: UUID, *, after: int, limit: int, notes: bool
) -> list[Message]:
    """Messages in order behind a place in the thread; notes only for our own people."""
    rows = await connection.fetch(
        """
        SELECT * FROM messages
        WHERE ticket = $1 AND sequence > $2 AND (visibility = 'public' OR $4)
        ORDER BY sequence
        LIMIT $3
        """,
        ticket,
        after,
        limit,
        notes,
    )
    return [_message(row) for row in rows]


async def record_slots(connection: Connection, slotted: Sequence[TicketSlotted]) -> None:
    """Keep the slot of each ticket; a repeat changes nothing."""
    await connection.executemany(
        """
        INSERT INTO slots (ticket, plan, service_level, catalogue_version)
        VALUES ($1, $2, $3, $4)
        ON CONFLICT (ticket) DO NOTHING
        """,
        [
            (
                UUID(event.subject),
                event.data.plan,
                event.data.service_level,
                event.data.catalogue_version,
            )
            for event in slotted
        ],
    )


async def record_clocks(connection: Connection, events: Sequence[DeadlineEvent]) -> None:
    """Move each clock on; what is not newer than what is kept changes nothing."""
    await connection.executemany(
        """
        INSERT INTO clocks AS c (ticket, clock, cycle, revision, state, due_at, changed_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (ticket, clock, cycle) DO UPDATE
        SET revision = excluded.revision, state = excluded.state, due_at = excluded.due_at,
            changed_at = excluded.changed_at
        WHERE c.revision < excluded.revision
        """,
        [
            (
                UUID(event.subject),
                event.data.clock.value,
                event.data.cycle,
                event.data.revision,
                clock_state(event).value,
                event.data.due,
                event.time,
            )
            for event in events
        ],
    )


async def record_acknowledgements(connection: Connection, sent: Sequence[NotificationSent]) -> None:
    """Keep when each ticket was acknowledged; the first time stays."""
    await connection.executemany(
        "INSERT INTO acknowledgements (ticket, sent_at) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        [(UUID(event.subject), event.time) for event in sent],
    )


async def read_standing(connection: Connection, ticket: UUID) -> Standing:
    """What is known of a ticket beside its words."""
    slot = await connection.fetchrow(
        """
        SELECT s.plan, s.service_level, a.sent_at
        FROM (SELECT $1::uuid AS ticket) AS asked
        LEFT JOIN slots AS s USING (ticket)
        LEFT JOIN acknowledgements AS a USING (ticket)
        """,
        ticket,
    )
    clocks = await connection.fetch(
        """
        SELECT clock, cycle, revision, state, due_at, changed_at FROM clocks
        WHERE ticket = $1 ORDER BY clock, cycle
        """,
        ticket,
    )
    assert slot is not None  # noqa: S101 - one row, whatever is joined to it
    return Standing(
        slot["plan"], slot["service_level"], slot["sent_at"], tuple(map(_clock, clocks))
    )


def _thread(row: asyncpg.Record) -> Thread:
    fields = dict(row)
    fields["channel"] = Channel(fields["channel"])
    fields["priority"] = Priority(fields["priority"])
    fields["status"] = TicketStatus(fields["status"])
    return Thread(**fields)


def _message(row: asyncpg.Record) -> Message:
    fields = dict(row)
    fields["author_kind"] = AuthorKind(fields["author_kind"])
    fields["visibility"] = Visibility(fields["visibility"])
    return Message(**fields)


def _clock(row: asyncpg.Record) -> ClockView:
    return ClockView(
        Clock(row["clock"]),
        row["cycle"],
        row["revision"],
        ClockState(row["state"]),
        row["due_at"],
        row["changed_at"],
    )
