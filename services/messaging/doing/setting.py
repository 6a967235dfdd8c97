"""Setting how a ticket stands: status, priority, whose it is, tags."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from services.messaging import changes, conversations, domain, store
from services.messaging.changes import UNSET, Assignee, Unset
from services.messaging.doing import refusing
from services.messaging.domain import Thread
from services.messaging.visitors import Visitor
from shared.database import Connection
from shared.events import TicketStatus
from shared.plans import Priority
from shared.problems import Problem


async def set_status(
    connection: Connection, visitor: Visitor, ticket: UUID, status: TicketStatus, *, now: datetime
) -> Thread:
    """Set a ticket's status; what it has already is no change, and nothing is said of it.

    Raises:
        Problem: 404 for no thread of theirs, 403 for a status that is ours to set, 409 for a
            ticket that an agent closed, that has changed too often, or that was merged.
    """
    thread = await refusing.locked(connection, visitor, ticket)
    by = domain.actor(visitor, thread)
    if not changes.may_set_status(by.kind, status):
        detail = "Customers set their ticket to `resolved` or `closed`, or to `open` again."
        raise Problem(403, "Forbidden", detail)
    if status is thread.status:
        return thread
    refusing.if_merged(thread)
    refusing.if_over(thread, by)
    if not changes.may_change(by.kind, thread):
        detail = "This ticket has changed too often. Please write to us in it."
        raise Problem(409, "Too many changes", detail)
    change = changes.set_status(thread, status, by, now=now)
    return await conversations.keep(connection, thread, change)


async def set_priority(
    connection: Connection, visitor: Visitor, ticket: UUID, priority: Priority, *, now: datetime
) -> Thread:
    """Set a ticket's priority; what it has already is no change, and nothing is said of it.

    Raises:
        Problem: 404 for no thread of theirs, 403 for customers, 409 for a merged ticket.
    """
    thread = await refusing.locked(connection, visitor, ticket)
    detail = "How urgent a ticket is, is for agents to set: write to them in it."
    by = refusing.staff(visitor, thread, detail)
    if priority is not thread.priority:
        refusing.if_merged(thread)
    change = changes.set_priority(thread, priority, by, now=now)
    return await conversations.keep(connection, thread, change)


async def assign(
    connection: Connection,
    visitor: Visitor,
    ticket: UUID,
    *,
    assignee: str | Unset | None = UNSET,
    queue: str | Unset = UNSET,
    now: datetime,
) -> Thread:
    """Give a ticket to an agent, to another queue, or (None) back to whoever takes it.

    Args:
        connection: In a transaction of this visitor.
        visitor: Who does it.
        ticket: Which one.
        assignee: Subject of somebody of the desk who has signed in before, or of the visitor.
        queue: Another team.
        now: The present.

    Raises:
        Problem: 404 for no such thread, 403 for customers, 409 for a merged ticket, 422 for
            somebody who is not known here, or no name of a queue.
    """
    thread = await refusing.locked(connection, visitor, ticket)
    by = refusing.staff(visitor, thread, "Whose a ticket is, is for agents to say.")
    if not isinstance(queue, Unset) and not changes.is_queue(queue):
        raise refusing.invalid(
            "/queue", "A queue's name has 1 to 100 letters, digits, or one of . _ -"
        )
    who = await _assignee(connection, visitor, assignee)
    change = changes.assign(thread, who, queue, by, now=now)
    if change:
        refusing.if_merged(thread)
    return await conversations.keep(connection, thread, change)


async def set_tags(
    connection: Connection, visitor: Visitor, ticket: UUID, tags: Sequence[str], *, now: datetime
) -> Thread:
    """Give a ticket these tags and no others.

    Raises:
        Problem: 404 for no such thread, 403 for customers, 409 for a merged ticket, 422 for what
            is no tag, or too many of them.
    """
    thread = await refusing.locked(connection, visitor, ticket)
    by = refusing.staff(visitor, thread, "Tags are for agents to set.")
    cleaned = {tag.strip().lower() for tag in tags}
    if not all(map(changes.is_tag, cleaned)) or len(cleaned) > changes.MOST_TAGS:
        detail = f"At most {changes.MOST_TAGS} tags, each 1 to 40 letters, digits, or one of . _ -"
        raise refusing.invalid("/tags", detail)
    change = changes.set_tags(thread, cleaned, by, now=now)
    if change:
        refusing.if_merged(thread)
    return await conversations.keep(connection, thread, change)


async def _assignee(
    connection: Connection, visitor: Visitor, asked: str | Unset | None
) -> Assignee | Unset | None:
    if asked is None or isinstance(asked, Unset):
        return asked
    if person := await store.read_colleague(connection, asked):
        return Assignee(person.subject, person.name, person.address)
    if asked == visitor.caller.subject:
        return Assignee(asked, visitor.caller.name, visitor.address)
    raise refusing.invalid("/assignee", "Nobody of the desk with this id has signed in here yet.")
