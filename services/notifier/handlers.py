"""What notifier does with what it hears: keep what mails need, plan, and take back.

In this order, within a batch too: facts first, then what they have planned, then what of all that
no longer holds. So it comes to the same however the stream cuts its batches.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from services.notifier import (
    acknowledging,
    assigning,
    assignments,
    bounces,
    customers,
    erasing,
    planning,
    rebuilding,
    replying,
    store,
)
from services.notifier.customers import Caps, Pace
from services.notifier.planning import AlertRules
from shared.consumer import Handle, Heard
from shared.database import Connection
from shared.deadlines import (
    DeadlineAtRisk,
    DeadlineBreached,
    DeadlineBreachRetracted,
    DeadlineCancelled,
    DeadlineEvent,
    DeadlineMet,
    DeadlineMoved,
    DeadlinePaused,
    DeadlineResumed,
    DeadlineScheduled,
)
from shared.events import (
    Event,
    TicketCreated,
    TicketPriorityChanged,
    TicketSlotted,
    TicketStatusChanged,
)
from shared.forgetting import lock_erasing
from shared.handling import TicketAssigned
from shared.messages import MailBounced, MessagePosted, MessageReceived
from shared.plans import Catalogue
from shared.privacy import ErasureRequested


@dataclass(frozen=True, slots=True)
class Rules:
    """What is sent when, and how much of it."""

    patience: timedelta = timedelta(seconds=30)
    """How long an acknowledgement waits for the slot, from when we heard of the ticket: after an
    outage the slot lies in the backlog behind it."""
    acknowledgements: Caps = field(default_factory=Caps)
    """How many go to one address and to one domain."""
    replies: Pace = field(default_factory=Pace)
    """How soon what agents write is mailed, and how many mails a thread gets."""
    alerts: AlertRules = field(default_factory=AlertRules)
    """How people of ours are told that promises slip."""


@dataclass(slots=True)
class _Batch:
    """What was heard, by what is done with it; each list in the order of the stream."""

    created: list[TicketCreated] = field(default_factory=list)
    slotted: list[TicketSlotted] = field(default_factory=list)
    status_changed: list[TicketStatusChanged] = field(default_factory=list)
    priority_changed: list[TicketPriorityChanged] = field(default_factory=list)
    assigned: list[TicketAssigned] = field(default_factory=list)
    posted: list[MessagePosted] = field(default_factory=list)
    received: list[MessageReceived] = field(default_factory=list)
    bounced: list[MailBounced] = field(default_factory=list)
    clocks: list[DeadlineEvent] = field(default_factory=list)
    slipping: list[DeadlineAtRisk | DeadlineBreached] = field(default_factory=list)
    ended: list[DeadlineMet | DeadlinePaused | DeadlineCancelled | DeadlineBreached] = field(
        default_factory=list
    )
    retracted: list[DeadlineBreachRetracted] = field(default_factory=list)
    tickets: set[UUID] = field(default_factory=set)


def handle_with(
    catalogue: Callable[[], Catalogue], clock: Callable[[], datetime], *, rules: Rules
) -> Handle:
    """The handler of a batch.

    Args:
        catalogue: The one in force; names whom to alert.
        clock: The present, with a zone.
        rules: What is sent when.
    """

    async def handle(connection: Connection, heard: Sequence[Heard]) -> None:
        said, now = [item.event for item in heard], clock()
        # Who erases is alone: of what was opened before that, nothing is kept afterwards.
        requests = [event for event in said if isinstance(event, ErasureRequested)]
        await lock_erasing(connection, alone=bool(requests))
        said = await erasing.without_erased(connection, said)
        is_rebuilding = any(item.rebuilding for item in heard)
        if is_rebuilding and await store.is_rebuilding(connection):
            await _recall(connection, said, catalogue(), rules.alerts, now)
            erase = erasing.recall
        else:
            await _act(connection, said, catalogue(), rules, now)
            erase = erasing.erase
        for request in requests:
            await erase(connection, request, now=now)

    return handle


async def _act(
    connection: Connection, said: Sequence[Event], catalogue: Catalogue, rules: Rules, now: datetime
) -> None:
    batch = _sort(said)
    if batch.tickets:
        await store.lock_tickets(connection, batch.tickets)
        await _learn(connection, batch)
        await _learn_of_mails(connection, batch, batch.bounced)
        await _plan_for_customers(connection, batch, rules, now)
        await _plan_for_ours(connection, batch, catalogue, rules.alerts, now)


async def _recall(
    connection: Connection,
    said: Sequence[Event],
    catalogue: Catalogue,
    rules: AlertRules,
    now: datetime,
) -> None:
    """The same for a new database that learns again what was: nothing is decided or said."""
    batch = _sort(said)
    ended, erased = rebuilding.remembered(said)
    await rebuilding.recall_erased(connection, erased)
    if not (tickets := batch.tickets | _tickets(ended)):
        return
    await store.lock_tickets(connection, tickets)
    await rebuilding.recall_outcomes(connection, ended)
    await _learn(connection, batch)
    await _learn_of_mails(connection, batch)
    await rebuilding.recall_causes(
        connection, _causes(batch), tickets, catalogue, rules=rules, now=now
    )


def _causes(batch: _Batch) -> rebuilding.Causes:
    return rebuilding.Causes(
        created=batch.created,
        slipping=batch.slipping,
        ended=batch.ended,
        retracted=batch.retracted,
        assigned=batch.assigned,
        posted=batch.posted,
        over=[each for each in batch.status_changed if each.data.status in customers.OVER],
        bounced=batch.bounced,
    )


def _sort(said: Sequence[Event]) -> _Batch:  # noqa: C901, PLR0912 - one line for each type
    batch = _Batch()
    for event in said:
        match event:
            case TicketCreated():
                batch.created.append(event)
            case TicketSlotted():
                batch.slotted.append(event)
            case TicketStatusChanged():
                batch.status_changed.append(event)
            case TicketPriorityChanged():
                batch.priority_changed.append(event)
            case TicketAssigned():
                batch.assigned.append(event)
            case MessagePosted():
                batch.posted.append(event)
            case MessageReceived():
                batch.received.append(event)
            case MailBounced():
                batch.bounced.append(event)
            case DeadlineAtRisk():
                batch.slipping.append(event)
            case DeadlineBreached():
                batch.slipping.append(event)
                batch.ended.append(event)
            case DeadlineMet() | DeadlinePaused() | DeadlineCancelled():
                batch.ended.append(event)
            case DeadlineBreachRetracted():
                batch.retracted.append(event)
            case DeadlineScheduled() | DeadlineMoved() | DeadlineResumed():
                pass
            case _:
                continue
        if isinstance(event, DeadlineEvent):
            batch.clocks.append(event)
        batch.tickets.add(UUID(event.subject))
    return batch


async def _learn(connection: Connection, batch: _Batch) -> None:
    """Keep what mails are made from, and by what they are held back."""
    if batch.slotted:
        await store.record_slots(connection, batch.slotted)
    if batch.created:
        await store.add_tickets(connection, batch.created)
    if batch.status_changed:
        await store.record_statuses(connection, batch.status_changed)
    if batch.priority_changed:
        await store.record_priorities(connection, batch.priority_changed)
    await _learn_whose(connection, batch.assigned)
    if batch.clocks:
        await store.record_clocks(connection, batch.clocks)
    if answers := [event for event in batch.posted if customers.is_answer(event)]:
        await store.record_answers(connection, answers)
    written: list[TicketCreated | MessagePosted] = [*batch.created, *batch.posted]
    words = [found for event in written if (found := customers.words_of(event))]
    await store.keep_messages(connection, words)


async def _learn_of_mails(
    connection: Connection, batch: _Batch, bounced: Sequence[MailBounced] = ()
) -> None:
    """Keep which mails came in, and which of these mails of ours came back."""
    # Deliveries are locked before what is known of addresses, as where tries are concluded.
    came_back = await bounces.mark_deliveries(connection, bounced)
    if by_people := [event for event in batch.received if not event.data.automatic]:
        await _keep_received(connection, by_people)
    if batch.created or by_people:
        await store.heed_received(connection, _tickets(batch.created, by_people))
    await bounces.mark_addresses(connection, came_back)


async def _learn_whose(connection: Connection, assigned: Sequence[TicketAssigned]) -> None:
    if assigned:
        await store.record_queues(connection, assigned)
    if handed_over := [event for event in assigned if assignments.is_handed_over(event)]:
        await store.record_assignments(connection, handed_over)


async def _keep_received(connection: Connection, by_people: Sequence[MessageReceived]) -> None:
    await store.keep_received(connection, by_people)
    await store.restore_addresses(connection, by_people)
    wrote = [
        (event.data.private.address, event.time, event.data.private.person)
        for event in by_people
        if event.data.private
    ]
    await store.mark_alive(connection, wrote)


async def _plan_for_customers(
    connection: Connection, batch: _Batch, rules: Rules, now: datetime
) -> None:
    if batch.created:
        await acknowledging.plan_acknowledgements(
            connection,
            batch.created,
            now=now,
            patience=rules.patience,
            caps=rules.acknowledgements,
        )
    if batch.slotted:
        await store.release_acknowledgements(connection, list(_tickets(batch.slotted)), now=now)
    # Any of these may be what a reply has waited for: its words, or its address.
    if tickets := _tickets(batch.created, batch.posted, batch.received):
        await replying.plan_replies(connection, tickets, now=now, pace=rules.replies)


async def _plan_for_ours(
    connection: Connection, batch: _Batch, catalogue: Catalogue, rules: AlertRules, now: datetime
) -> None:
    if batch.created:
        await planning.plan_waiting(
            connection, _tickets(batch.created), catalogue, now=now, rules=rules
        )
    if batch.slipping:
        await planning.plan_alerts(connection, batch.slipping, catalogue, now=now, rules=rules)
    if batch.ended:
        await planning.overtake(connection, batch.ended, now=now)
    # Behind the alerts: what is retracted in the batch of its breach goes out to nobody.
    if batch.retracted:
        await planning.take_back(connection, batch.retracted, now=now, rules=rules)
    if batch.assigned:
        await assigning.plan_assignments(connection, batch.assigned, now=now)
    answered = [event for event in batch.posted if customers.is_answer(event)]
    over = [event for event in batch.status_changed if event.data.status in customers.OVER]
    if answered or over:
        await planning.react(connection, answered=answered, over=over, now=now)


def _tickets(*events: Sequence[Event]) -> set[UUID]:
    return {UUID(event.subject) for each in events for event in each}
