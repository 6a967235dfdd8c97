"""What is refused whatever somebody asks for, and how it is said."""

from uuid import UUID

from services.messaging import access, changes, domain, store
from services.messaging.domain import Actor, Thread
from services.messaging.visitors import Visitor
from shared.database import Connection
from shared.problems import Problem
from shared.tickets import ticket_number


async def locked(connection: Connection, visitor: Visitor, ticket: UUID) -> Thread:
    """A thread of theirs, locked.

    Raises:
        Problem: 404 if there is none.
    """
    return access.allowed(visitor, await store.lock_thread(connection, ticket))


def staff(visitor: Visitor, thread: Thread, detail: str) -> Actor:
    """One of us, in this thread.

    Raises:
        Problem: 403 with this detail for customers.
    """
    if not visitor.is_staff:
        raise Problem(403, "Forbidden", detail)
    return domain.actor(visitor, thread)


def if_over(thread: Thread, by: Actor) -> None:
    """Add nothing to what is closed for good.

    Raises:
        Problem: 409.
    """
    if changes.is_over(thread, by.kind):
        detail = "This ticket is closed for good. Please write a new request."
        raise Problem(409, "Ticket closed", detail)


def if_merged(thread: Thread) -> None:
    """Set nothing on what has gone into another ticket.

    Raises:
        Problem: 409, naming that one.
    """
    if thread.merged_into is not None:
        detail = (
            f"This ticket was merged: {ticket_number(thread.merged_into)} goes on in its place."
        )
        raise Problem(409, "Merged", detail, more={"merged_into": str(thread.merged_into)})


def invalid(pointer: str, detail: str) -> Problem:
    """422 for one field, by its JSON pointer."""
    errors = [{"pointer": pointer, "detail": detail}]
    return Problem(422, "Invalid request", "Some fields are not as they must be.", errors=errors)
