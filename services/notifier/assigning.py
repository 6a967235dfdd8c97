"""Mails to those whom tickets are given, and taken back where somebody else's it is by then."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from services.notifier import assignments, domain, store
from shared import outbox
from shared.database import Connection
from shared.handling import TicketAssigned
from shared.notifications import SuppressionReason


async def plan_assignments(
    connection: Connection, assigned: Sequence[TicketAssigned], *, now: datetime
) -> None:
    """Tell whose tickets are by now, and hold back what earlier holders were still to be told.

    The tickets must keep by which event they are whose they are: it may have been heard before.

    Args:
        connection: In a transaction that has locked the tickets.
        assigned: In the order of the stream.
        now: The present.
    """
    planned = [assignments.tell(event, now=now) for event in assigned]
    await store.plan_deliveries(connection, [each for each in planned if each])
    await withdraw_reassigned(connection, {UUID(event.subject) for event in assigned}, now=now)


async def withdraw_reassigned(
    connection: Connection, tickets: Collection[UUID], *, now: datetime
) -> None:
    """Hold back what tells somebody of a ticket that is another's by now.

    Args:
        connection: In a transaction that has locked the tickets.
        tickets: Of which it may be so.
        now: The present.
    """
    outcomes = [
        domain.withdraw(each, by=by, reason=SuppressionReason.REASSIGNED, now=now)
        for each, by in await store.lock_reassigned(connection, tickets)
    ]
    await store.save(connection, [each.delivery for each in outcomes])
    await outbox.append(connection, [each.event for each in outcomes if each.event])
