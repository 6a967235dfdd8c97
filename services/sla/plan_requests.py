"""Changes of plan that agents ask for in a conversation: made as by the API, or declined.

Whoever asks is an agent of messaging; that the account is the ticket's own is looked up here. A
ticket that sla doesn't know can't be looked up: its request is declined. That comes to pass only
where the ticket itself lies among the dead letters, since both stand in one partition, and the
ticket before whatever is asked about it.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

import structlog

from services.sla import directory, plans_said, store
from services.sla.accounts import SOURCE, PlanChange, Wish
from services.sla.domain import Ticket
from shared import outbox
from shared.database import Connection
from shared.handling import (
    DeclineReason,
    PlanChangeDeclined,
    PlanChangeDeclinedData,
    PlanChangeRequested,
)
from shared.plans import Catalogue

log = structlog.get_logger(__name__)


def why_not(
    requested: PlanChangeRequested, ticket: Ticket | None, catalogue: Catalogue
) -> DeclineReason | None:
    """Why a change is not made; None if it is.

    Args:
        requested: What an agent asked for.
        ticket: In whose conversation, or None where that is not known.
        catalogue: The one in force.
    """
    # A ticket whose account was not proved has none that counts.
    if ticket is None or not ticket.account or ticket.account != requested.data.account:
        return DeclineReason.ANOTHER_ACCOUNT
    if requested.data.plan not in {plan.id for plan in catalogue.plans}:
        return DeclineReason.UNKNOWN_PLAN
    return None


def decline(
    requested: PlanChangeRequested, reason: DeclineReason, *, now: datetime
) -> PlanChangeDeclined:
    """What is said of a change that is not made."""
    data = PlanChangeDeclinedData(
        request=requested.id,
        account=requested.data.account,
        plan=requested.data.plan,
        reason=reason,
    )
    return PlanChangeDeclined.say(data, cause=requested.as_cause, source=SOURCE, time=now)


async def answer(
    connection: Connection,
    requests: Sequence[PlanChangeRequested],
    catalogue: Catalogue,
    *,
    clock: Callable[[], datetime],
) -> None:
    """Make the changes that agents ask for, from now on, or say why not; a repeat does nothing.

    Args:
        connection: In a transaction that has locked the accounts, and knows the tickets.
        requests: In the order of the stream.
        catalogue: The one in force.
        clock: The present, with a zone.
    """
    new = await store.add_plan_requests(connection, requests)
    for requested in requests:
        if requested.id not in new:
            continue
        new.discard(requested.id)
        ticket = await store.read_ticket(connection, UUID(requested.subject))
        reason = why_not(requested, ticket, catalogue)
        if reason is None:
            await _change(connection, requested, clock)
        else:
            declined = decline(requested, reason, now=clock())
            await outbox.append(connection, [declined])
        log.info(
            "plan_change_requested",
            ticket=requested.subject,
            correlation=str(requested.correlationid),
            declined=reason,
        )


async def _change(
    connection: Connection, requested: PlanChangeRequested, clock: Callable[[], datetime]
) -> None:
    data = requested.data
    changed = await directory.change(
        connection,
        [Wish(data.account, data.plan, None)],
        changed_by=data.by,
        clock=clock,
        led_by=requested.id,
    )
    if not changed:
        # It is on that plan already: what was said of it is said once more, as an answer.
        await store.note_request_for_what_is(connection, requested.id, data.account)
        in_force = await _in_force(connection, data.account, clock())
        schedules = await store.read_schedules(connection, {data.account})
        said = plans_said.plan_changed(in_force, schedules[data.account])
        await outbox.append(connection, [said])


async def _in_force(connection: Connection, account: str, now: datetime) -> PlanChange:
    history = await store.read_account(connection, account)
    return next(change for change, _ in history if change.since <= now)
