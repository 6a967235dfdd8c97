"""Threads and messages."""

from collections.abc import Iterable, Sequence
from uuid import UUID

import asyncpg

from services.messaging.domain import Message, Thread
from shared.database import Connection
from shared.events import TicketStatus
from shared.messages import AuthorKind, Channel, Visibility
from shared.plans import Priority

_TURNS = 0x0CA2E7
"""Tells the locks of turns from others of this database."""


async def take_turns(connection: Connection, partitions: Iterable[int]) -> None:
    """Let nobody else hear of these partitions until this transaction ends.

    While a partition moves, its old and its new owner may both be at work: one puts a mail aside
    since its thread is not there, the other opens the thread and finds no mail.
    """
    await connection.executemany(
        "SELECT pg_advisory_xact_lock($1, $2)",
        [(_TURNS, partition) for partition in sorted(set(partitions))],
    )


async def add_threads(connection: Connection, threads: Sequence[Thread]) -> dict[UUID, str | None]:
    """Keep new threads; one that is there already stays as it is.

    Returns:
        Of those that were there already, the fingerprint of what was asked first.
    """
    await connection.executemany(
        """
        INSERT INTO threads (
            ticket, account, requester, requester_name, subject, channel, queue, priority,
            opened_at, correlation, traceparent, fingerprint, last_sequence, continues, automatic
        )
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
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
                t.queue,
                t.priority.value,
                t.opened_at,
                t.correlation,
                t.traceparent,
                t.fingerprint,
                t.last_sequence,
                t.continues,
                t.automatic,
            )
            for t in sorted(threads, key=lambda thread: thread.ticket)
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
            id, ticket, sequence, author_kind, author, author_name, visibility, channel, text,
            posted_at, quoted
        )
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
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
                m.channel.value,
                m.text,
                m.posted_at,
                m.quoted,
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
    fields["channel"] = Channel(fields["channel"])
    return Message(**fields)
