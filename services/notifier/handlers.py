"""What notifier does with what it hears: plan deliveries, and take alerts back."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from services.notifier import alerting, customers, store
from shared import outbox, plans
from shared.consumer import Handle, Heard
from shared.database import Connection
from shared.deadlines import DeadlineBreached, DeadlineBreachRetracted
from shared.events import TicketCreated, TicketSlotted
from shared.plans import Catalogue


def handle_with(
    catalogue: Callable[[], Catalogue], clock: Callable[[], datetime], *, patience: timedelta
) -> Handle:
    """The handler of a batch.

    Args:
        catalogue: The one in force; names whom to alert.
        clock: The present, with a zone.
        patience: How long an acknowledgement waits for the slot, from when we heard of the ticket:
            after an outage the slot lies in the backlog behind it.
    """

    async def handle(connection: Connection, heard: Sequence[Heard]) -> None:
        said = [item.event for item in heard]
        now = clock()
        slotted = [event for event in said if isinstance(event, TicketSlotted)]
        if slotted:
            await store.record_slots(connection, slotted)
        created = [event for event in said if isinstance(event, TicketCreated)]
        if created:
            await _plan_acknowledgements(connection, created, now=now, patience=patience)
        if slotted:
            tickets = [UUID(event.subject) for event in slotted]
            await store.release_acknowledgements(connection, tickets, now=now)
        breached = [event for event in said if isinstance(event, DeadlineBreached)]
        if breached:
            await _plan_alerts(connection, breached, catalogue(), now=now)
        # Behind the alerts: what is retracted in the batch of its breach goes out to nobody.
        retracted = [event for event in said if isinstance(event, DeadlineBreachRetracted)]
        if retracted:
            await _take_back(connection, retracted, now=now)

    return handle


async def _plan_acknowledgements(
    connection: Connection, created: Sequence[TicketCreated], *, now: datetime, patience: timedelta
) -> None:
    slotted = await store.add_tickets(connection, created)
    planned = (
        customers.acknowledge(
            event, not_before=now if UUID(event.subject) in slotted else now + patience
        )
        for event in created
    )
    await store.plan_deliveries(connection, [delivery for delivery in planned if delivery])


async def _plan_alerts(
    connection: Connection,
    breached: Sequence[DeadlineBreached],
    catalogue: Catalogue,
    *,
    now: datetime,
) -> None:
    planned = [
        delivery
        for event in breached
        for delivery in alerting.alert(event, _recipients(catalogue, event.data.plan), now=now)
    ]
    await store.plan_deliveries(connection, planned)


async def _take_back(
    connection: Connection, retracted: Sequence[DeadlineBreachRetracted], *, now: datetime
) -> None:
    by_breach = {event.data.breach: event for event in retracted}
    tickets = {breach: UUID(event.subject) for breach, event in by_breach.items()}
    retractions = [
        alerting.retract(alert, by_breach[alert.caused_by], now=now)
        for alert in await store.lock_alerts(connection, tickets)
    ]
    await store.save(connection, [each.alert for each in retractions])
    await store.plan_deliveries(connection, [each.mail for each in retractions if each.mail])
    await outbox.append(connection, [each.event for each in retractions if each.event])


def _recipients(catalogue: Catalogue, plan_id: str) -> Sequence[str]:
    try:
        return plans.plan(catalogue, plan_id).alerts.get("breached", ())
    except plans.UnknownPlanError:
        # sla runs with a newer catalogue than we have: somebody must hear of it all the same.
        return sorted({a for plan in catalogue.plans for a in plan.alerts.get("breached", ())})
