"""What becomes of a customer's wish for another plan."""

from datetime import datetime
from uuid import UUID

from services.messaging import changes, conversations, store
from services.messaging.doing import refusing
from services.messaging.visitors import Visitor
from shared.database import Connection
from shared.handling import PlanChangeRequested


async def request_plan(
    connection: Connection, visitor: Visitor, ticket: UUID, plan: str, *, now: datetime
) -> None:
    """Ask for another plan for the ticket's account; sla changes it, or says why not.

    What is asked for already, and not answered yet, is not asked for again.

    Raises:
        Problem: 404 for no such thread, 403 for customers, 422 for no id of a plan.
    """
    thread = await refusing.locked(connection, visitor, ticket)
    by = refusing.staff(
        visitor, thread, "Plans are changed by agents: ask them for it in the ticket."
    )
    if not changes.is_plan(plan):
        raise refusing.invalid("/plan", "A plan's id has 1 to 64 letters, digits, or one of . _ -")
    if await store.read_plan_request(connection, ticket) == plan:
        return
    change = changes.request_plan(thread, plan, by, now=now)
    await conversations.keep(connection, thread, change)
    assert isinstance(change.event, PlanChangeRequested)  # noqa: S101 - it says nothing else
    await store.add_plan_request(connection, change.event)


async def dismiss_plan(
    connection: Connection, visitor: Visitor, ticket: UUID, *, now: datetime
) -> None:
    """Be done with the plan that a customer asked for, without a change.

    Raises:
        Problem: 404 for no such thread, 403 for customers.
    """
    thread = await refusing.locked(connection, visitor, ticket)
    by = refusing.staff(visitor, thread, "Plans are changed by agents.")
    if change := changes.dismiss_plan(thread, by, now=now):
        await store.dismiss_plan(connection, ticket)
        await conversations.keep(connection, thread, change)
