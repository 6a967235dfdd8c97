"""Letting one ticket go into another one, and undoing that."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from services.messaging import access, conversations, merging, store, writing
from services.messaging.changes import Change
from services.messaging.doing import refusing
from services.messaging.domain import Message, Thread
from services.messaging.visitors import Visitor
from shared.database import Connection
from shared.problems import Problem


async def merge(
    connection: Connection, visitor: Visitor, ticket: UUID, into: UUID, *, now: datetime
) -> Thread:
    """Let a ticket go into another one that is about the same; what went into it goes along.

    Returns:
        The ticket that is gone.

    Raises:
        Problem: 404 for no such thread, 403 for customers, 409 for two that can't be one.
    """
    gone_before = await store.list_merged(connection, ticket)
    locked = await store.lock_threads(connection, {ticket, into, *gone_before})
    thread = access.allowed(visitor, locked.get(ticket))
    other = access.allowed(visitor, locked.get(into))
    by = refusing.staff(visitor, thread, "Tickets are merged by agents.")
    if thread.merged_into == into:
        return thread
    if found := merging.obstacle(thread, other):
        raise Problem(409, "Can't be merged", found.value)
    noted = merging.note_merge(thread, other, by, now=now)
    thread = await _note(connection, thread, noted.here)
    await _note(connection, other, noted.there)
    thread = await _keep_all(connection, thread, merging.merge(thread, other, by, now=now))
    for moved in await store.list_merged(connection, ticket):
        earlier = locked.get(moved) or await refusing.locked(connection, visitor, moved)
        await conversations.keep(connection, earlier, merging.move(earlier, other, by, now=now))
    return thread


async def unmerge(
    connection: Connection, visitor: Visitor, ticket: UUID, *, now: datetime
) -> Thread:
    """Undo a merge: the ticket is open, and has a conversation of its own again.

    What was written since stays where it is.

    Raises:
        Problem: 404 for no such thread, 403 for customers.
    """
    locked = await store.lock_threads(connection, [ticket])
    thread = access.allowed(visitor, locked.get(ticket))
    by = refusing.staff(visitor, thread, "Tickets are merged by agents.")
    if thread.merged_into is None:
        return thread
    previous = locked[thread.merged_into]
    noted = merging.note_unmerge(thread, previous, by, now=now)
    thread = await _keep_all(connection, thread, merging.unmerge(thread, by, now=now))
    await _note(connection, previous, noted.there)
    return await _note(connection, thread, noted.here)


async def _keep_all(connection: Connection, thread: Thread, steps: Sequence[Change]) -> Thread:
    for step in steps:
        thread = await conversations.keep(connection, thread, step)
    return thread


async def _note(connection: Connection, thread: Thread, note: Message) -> Thread:
    return await conversations.add(connection, thread, note, writing.say_posted(note, thread))
