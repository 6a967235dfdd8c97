"""Threads and messages."""

from collections.abc import Collection, Iterable, Sequence
from uuid import UUID

import asyncpg

from services.messaging.domain import Message, Thread
from shared import metrics
from shared.database import Connection
from shared.events import TicketStatus
from shared.messages import AuthorKind, Channel, Visibility
from shared.plans import Priority

LATEST = 2**31 - 1
"""A place behind each message that there can be."""

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
        f"INSERT INTO threads ({', '.join(_OPENED)}) VALUES ({_places(len(_OPENED))})"  # noqa: S608 - names of our own columns
        " ON CONFLICT (ticket) DO NOTHING",
        [
            tuple(getattr(thread, column) for column in _OPENED)
            for thread in sorted(threads, key=lambda thread: thread.ticket)
        ],
    )
    rows = await connection.fetch(
        "SELECT ticket, fingerprint FROM threads WHERE ticket = ANY($1::uuid[])",
        [t.ticket for t in threads],
    )
    return {row["ticket"]: row["fingerprint"] for row in rows}


_OPENED = (
    "ticket",
    "account",
    "requester",
    "requester_name",
    "subject",
    "channel",
    "queue",
    "priority",
    "opened_at",
    "correlation",
    "traceparent",
    "fingerprint",
    "last_sequence",
    "continues",
    "automatic",
    "address",
    "account_verified",
    "locale",
    "time_zone",
    "last_message_at",
)
"""What is known of a thread when it opens; columns are called as the fields of `Thread`."""


def _places(number: int) -> str:
    return ", ".join(f"${place}" for place in range(1, number + 1))


async def add_messages(connection: Connection, messages: Sequence[Message]) -> None:
    """Keep messages; one that is there already stays as it is."""
    await connection.executemany(
        """
        INSERT INTO messages (
            id, ticket, sequence, author_kind, author, author_name, visibility, channel, text,
            posted_at, quoted, asks_for_plan, came_to
        )
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
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
                m.asks_for_plan,
                m.came_to,
            )
            for m in messages
        ],
    )
    for message in messages:
        metrics.MESSAGES.labels(message.author_kind).inc()


async def read_thread(connection: Connection, ticket: UUID) -> Thread | None:
    """A thread, or None."""
    row = await connection.fetchrow("SELECT * FROM threads WHERE ticket = $1", ticket)
    return None if row is None else _thread(row)


async def lock_threads(connection: Connection, tickets: Collection[UUID]) -> dict[UUID, Thread]:
    """Those of these threads that there are, locked: always in one order, so never in a circle.

    What they have gone into is among them.
    """
    found = await connection.fetch(
        """
        SELECT ticket, merged_into FROM threads WHERE ticket = ANY($1::uuid[])
        """,
        tickets,
    )
    wanted = {ticket for row in found for ticket in row if ticket is not None}
    locked = await _lock(connection, wanted)
    # One may have gone into another while we waited for its lock.
    gone = {each.merged_into for each in locked.values() if each.merged_into} - locked.keys()
    return locked | await _lock(connection, gone) if gone else locked


async def _lock(connection: Connection, tickets: Collection[UUID]) -> dict[UUID, Thread]:
    rows = await connection.fetch(
        """
        SELECT * FROM threads WHERE ticket = ANY($1::uuid[]) ORDER BY ticket FOR NO KEY UPDATE
        """,
        tickets,
    )
    return {row["ticket"]: _thread(row) for row in rows}


async def list_merged(connection: Connection, into: UUID) -> list[UUID]:
    """The tickets that have gone into this one."""
    rows = await connection.fetch(
        "SELECT ticket FROM threads WHERE merged_into = $1 ORDER BY ticket", into
    )
    return [row["ticket"] for row in rows]


async def lock_thread(connection: Connection, ticket: UUID) -> Thread | None:
    """A thread, locked: who writes into it does so one after the other."""
    row = await connection.fetchrow(
        "SELECT * FROM threads WHERE ticket = $1 FOR NO KEY UPDATE", ticket
    )
    return None if row is None else _thread(row)


async def read_message(connection: Connection, id_: UUID) -> Message | None:
    """A message, or None."""
    row = await connection.fetchrow("SELECT * FROM messages WHERE id = $1", id_)
    return None if row is None else _message(row)


async def append_message(connection: Connection, message: Message) -> None:
    """Keep the next message of a thread that this transaction has locked."""
    await add_messages(connection, [message])
    await connection.execute(
        """
        UPDATE threads
        SET last_sequence = $2, last_message_at = $3, revision = revision + 1,
            asked_plan = coalesce($4, asked_plan)
        WHERE ticket = $1
        """,
        message.ticket,
        message.sequence,
        message.posted_at,
        message.asks_for_plan,
    )


async def update_status(connection: Connection, thread: Thread) -> None:
    """Keep the status of a thread that this transaction has locked: customers may do this alone."""
    await connection.execute(
        """
        UPDATE threads
        SET status = $2, closed_by = $3, changes = $4, changed_at = $5, revision = revision + 1
        WHERE ticket = $1
        """,
        thread.ticket,
        thread.status.value,
        thread.closed_by and thread.closed_by.value,
        thread.changes,
        thread.changed_at,
    )


async def update_thread(connection: Connection, thread: Thread) -> None:
    """Keep how a thread stands that this transaction has locked, and that was changed."""
    await connection.execute(
        """
        UPDATE threads
        SET priority = $2, queue = $3, assignee = $4, assignee_name = $5, tags = $6,
            merged_into = $7, changes = $8, changed_at = $9, revision = revision + 1
        WHERE ticket = $1
        """,
        thread.ticket,
        thread.priority.value,
        thread.queue,
        thread.assignee,
        thread.assignee_name,
        list(thread.tags),
        thread.merged_into,
        thread.changes,
        thread.changed_at,
    )


_BETWEEN = """
    SELECT * FROM messages
    WHERE ticket = $1 AND sequence > $2 AND sequence < $3 AND (visibility = 'public' OR $5)
"""
FROM_BEGINNING = f"{_BETWEEN} ORDER BY sequence LIMIT $4"
FROM_END = f"{_BETWEEN} ORDER BY sequence DESC LIMIT $4"


async def list_messages(
    connection: Connection,
    ticket: UUID,
    *,
    after: int = 0,
    before: int | None = None,
    limit: int,
    notes: bool,
) -> list[Message]:
    """Messages in order, from one end of what lies between two places in the thread.

    Args:
        connection: In a transaction or not.
        ticket: Whose thread it is.
        after: They stand behind this place; without `before` the first of them are returned.
        before: They stand before this place, and the last of them are returned.
        limit: How many there are at the most.
        notes: Whether notes are among them, which only our own people read.
    """
    rows = await connection.fetch(
        FROM_BEGINNING if before is None else FROM_END,
        ticket,
        after,
        LATEST if before is None else before,
        limit,
        notes,
    )
    return sorted(map(_message, rows), key=lambda message: message.sequence)


def _thread(row: asyncpg.Record) -> Thread:
    fields = dict(row)
    fields["channel"] = Channel(fields["channel"])
    fields["priority"] = Priority(fields["priority"])
    fields["status"] = TicketStatus(fields["status"])
    fields["tags"] = tuple(fields["tags"])
    fields["closed_by"] = fields["closed_by"] and AuthorKind(fields["closed_by"])
    return Thread(**fields)


def _message(row: asyncpg.Record) -> Message:
    fields = dict(row)
    del fields["words"]
    fields["author_kind"] = AuthorKind(fields["author_kind"])
    fields["visibility"] = Visibility(fields["visibility"])
    fields["channel"] = Channel(fields["channel"])
    return Message(**fields)
