"""Alerts as they are planned, let go, put together and taken back.

Every function runs in its caller's transaction. One transaction at a time moves alerts, so that
what a digest carries and what somebody had lately stand still while it decides.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from services.notifier import alerting, customers, letting_go, retracting, store, storms
from services.notifier.alerting import ChannelOf, Overtaking, Slip
from services.notifier.deliveries import Delivery, Ticket
from services.notifier.domain import Outcome
from shared import outbox
from shared.database import Connection
from shared.deadlines import DeadlineBreached, DeadlineBreachRetracted
from shared.events import TicketStatusChanged
from shared.messages import MessagePosted
from shared.notifications import SuppressionReason
from shared.plans import Catalogue


def _nobody(_: str) -> None:
    """No destination is known."""


@dataclass(frozen=True, slots=True)
class AlertRules:
    """How alerts go out, beside whom the catalogue names."""

    channel_of: ChannelOf = _nobody
    """How destinations are reached."""
    grace: timedelta = alerting.GRACE
    """How long after closing time an alert may still go."""
    limits: storms.Limits = field(default_factory=storms.Limits)
    """How much one recipient is told."""


async def plan_alerts(
    connection: Connection,
    events: Sequence[Slip],
    catalogue: Catalogue,
    *,
    now: datetime,
    rules: AlertRules,
) -> None:
    """Tell whom the catalogue names that promises slip; what was planned once is not planned again.

    Args:
        connection: In a transaction.
        events: Clocks that are at risk, or breached.
        catalogue: The one in force.
        now: The present.
        rules: How alerts go out.
    """
    slips = {event.id: event for event in events}
    if not slips:
        return
    of = {UUID(event.subject) for event in events}
    # Who reacts at this moment is waited for, or waits and then finds what is planned here.
    await store.lock_tickets(connection, of)
    tickets = await store.read_tickets(connection, list(of))
    await store.lock_alerting(connection)
    unheard = {id_ for id_, slip in slips.items() if not tickets[UUID(slip.subject)].is_known}
    new = await store.keep_slips(connection, list(slips.values()), unheard)
    planned = [slip for id_, slip in slips.items() if id_ in new]
    await _plan(connection, planned, tickets, catalogue, now, rules)
    breached = [event for event in events if isinstance(event, DeadlineBreached)]
    await _overtake(connection, breached, of, now)
    await letting_go.let_go(connection, now, rules.limits)


async def plan_waiting(
    connection: Connection,
    created: Collection[UUID],
    catalogue: Catalogue,
    *,
    now: datetime,
    rules: AlertRules,
) -> None:
    """Tell who is told by queue of what slipped before these tickets were heard of."""
    waiting = await store.take_waiting_slips(connection, created)
    if not waiting:
        return
    of = {UUID(slip.subject) for slip in waiting}
    tickets = await store.read_tickets(connection, list(of))
    await store.lock_alerting(connection)
    await _plan(connection, waiting, tickets, catalogue, now, rules)
    await _overtake(connection, [], of, now)
    await letting_go.let_go(connection, now, rules.limits)


async def overtake(connection: Connection, ended: Sequence[Overtaking], *, now: datetime) -> None:
    """Hold back the warnings of clocks that have ended, stand still, or are breached by now.

    A warning that is heard only after this is late as well.
    """
    if ended:
        await store.lock_alerting(connection)
        await _overtake(connection, ended, {UUID(event.subject) for event in ended}, now)


async def heed_overtaken(
    connection: Connection, tickets: Collection[UUID], *, now: datetime
) -> None:
    """The same for warnings of these tickets that are heard, or planned again, after it."""
    if tickets:
        await store.lock_alerting(connection)
        await _overtake(connection, [], tickets, now)


async def react(
    connection: Connection,
    *,
    answered: Sequence[MessagePosted],
    over: Sequence[TicketStatusChanged],
    now: datetime,
) -> None:
    """Hold back what nobody need be told any more: later steps, and warnings of what is over.

    The tickets must keep when they were answered and since when they are over: what slipped before
    that, but is heard only afterwards, is then not told to anybody in later steps.

    Args:
        connection: In a transaction.
        answered: Messages; those that an agent wrote to the customer count.
        over: Changes of status; those to resolved or closed count.
        now: The present.
    """
    answers = [event for event in answered if customers.is_answer(event)]
    ends = [event for event in over if event.data.status in customers.OVER]
    reactions: list[MessagePosted | TicketStatusChanged] = [*answers, *ends]
    if not reactions:
        return
    tickets = {UUID(event.subject) for event in reactions}
    await store.lock_tickets(connection, tickets)
    await store.lock_alerting(connection)
    digests = await store.lock_digests(connection, tickets)
    answered_at, over_at = _latest(answers), _latest(ends)
    latest = {event.subject: event.id for event in sorted(reactions, key=lambda each: each.time)}
    stopped = [
        (alert, latest[str(alert.ticket)])
        for alert in await store.lock_stoppable(connection, tickets)
        if alerting.is_dealt_with(
            alert, answered=answered_at.get(str(alert.ticket)), over=over_at.get(str(alert.ticket))
        )
    ]
    await _withdraw(connection, stopped, digests, SuppressionReason.DEALT_WITH, now)


async def take_back(
    connection: Connection,
    retracted: Sequence[DeadlineBreachRetracted],
    *,
    now: datetime,
    rules: AlertRules,
) -> None:
    """Hold back the alerts of breaches that don't hold, and tell whoever may know of them."""
    by_breach = {event.data.breach: event for event in retracted}
    if not by_breach:
        return
    causes = {breach: UUID(event.subject) for breach, event in by_breach.items()}
    await store.lock_alerting(connection)
    await store.keep_retracted(connection, retracted)
    digests = await store.lock_digests(connection, set(causes.values()))
    retractions = [
        retracting.retract(
            alert,
            _carrier(alert, digests),
            by_breach[alert.caused_by],
            now=now,
        )
        for alert in await store.lock_alerts(connection, causes)
    ]
    await store.add_alerts(connection, [each.message for each in retractions if each.message])
    outcomes = [Outcome(each.alert, each.event) for each in retractions]
    await _hold_back(connection, outcomes, digests, now)
    await letting_go.let_go(connection, now, rules.limits)


async def thicken(connection: Connection, *, now: datetime, rules: AlertRules) -> bool:
    """Let alerts go whose time has come: by themselves, or in digests where there are too many.

    A step of a worker. Until it was there no sender takes them, so it may be late, but never too
    late. Says whether there may be more to do.
    """
    if not await store.try_lock_alerting(connection):
        return False
    withdrawn = await store.lock_withdrawn_items(connection, limit=letting_go.PAGE)
    outcomes = [retracting.end_withdrawn(alert, now=now) for alert in withdrawn]
    await _hold_back(connection, outcomes, {d.digest for d in withdrawn if d.digest}, now)
    return (
        await letting_go.let_go(connection, now, rules.limits) or len(withdrawn) == letting_go.PAGE
    )


async def _plan(
    connection: Connection,
    slips: Sequence[Slip],
    tickets: Mapping[UUID, Ticket],
    catalogue: Catalogue,
    now: datetime,
    rules: AlertRules,
) -> None:
    """Plan the alerts of these; who has one already gets no other."""
    outcomes = [
        outcome
        for slip in slips
        for outcome in alerting.alert(
            slip,
            catalogue,
            tickets[UUID(slip.subject)],
            now=now,
            channel_of=rules.channel_of,
            grace=rules.grace,
        )
    ]
    added = await store.add_alerts(connection, [outcome.delivery for outcome in outcomes])
    new = [outcome for outcome in outcomes if outcome.delivery.id in added]
    await outbox.append(connection, [outcome.event for outcome in new if outcome.event])


async def _overtake(
    connection: Connection, ended: Sequence[Overtaking], tickets: Collection[UUID], now: datetime
) -> None:
    """Remember what has ended, and hold back the warnings of these tickets that are late."""
    await store.keep_overtaken(connection, ended)
    digests = await store.lock_digests(connection, tickets)
    late = await store.lock_overtaken(connection, tickets)
    await _withdraw(connection, late, digests, SuppressionReason.OVERTAKEN, now)


async def _withdraw(
    connection: Connection,
    pointless: Sequence[tuple[Delivery, UUID]],
    digests: Mapping[UUID, Delivery],
    reason: SuppressionReason,
    now: datetime,
) -> None:
    """Hold back locked alerts, each by an event."""
    outcomes = [
        retracting.withdraw(alert, _carrier(alert, digests), by=by, reason=reason, now=now)
        for alert, by in pointless
    ]
    await _hold_back(connection, outcomes, digests, now)


async def _hold_back(
    connection: Connection, outcomes: Sequence[Outcome], digests: Collection[UUID], now: datetime
) -> None:
    """Keep and say what was withdrawn; a digest that is left with nothing goes with it."""
    if not outcomes:
        return
    await store.save(connection, [outcome.delivery for outcome in outcomes])
    await outbox.append(connection, [outcome.event for outcome in outcomes if outcome.event])
    for each in (outcome.delivery for outcome in outcomes):
        if digests and each.withdrawn_by and each.reason:
            await store.end_empty_digests(
                connection, digests, by=each.withdrawn_by, reason=each.reason, now=now
            )
            return


def _carrier(alert: Delivery, digests: Mapping[UUID, Delivery]) -> Delivery | None:
    return digests.get(alert.digest) if alert.digest else None


def _latest(events: Sequence[MessagePosted | TicketStatusChanged]) -> dict[str, datetime]:
    """When the last of them happened, by ticket."""
    return {event.subject: event.time for event in sorted(events, key=lambda each: each.time)}
