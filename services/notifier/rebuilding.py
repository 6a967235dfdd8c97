"""How notifier's deliveries come back from the stream alone, once its database is lost or new.

Up to the horizon causes are heard as ever, and plan what they plan; what we said ourselves tells
what became of it. Either may be heard first, so each keeps its half (`half_heard`) until the other
comes; what a backup holds as under way is such a half, too. Nothing is sent, said or judged
meanwhile. At the horizon, what has no outcome is settled: it goes out if it is owed for sure, and
is let be if nobody can know any more.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from services.notifier import (
    acknowledging,
    alerting,
    assigning,
    assignments,
    concluding,
    customers,
    outcomes,
    planning,
    retracting,
    store,
)
from services.notifier.acknowledging import Draft
from services.notifier.alerting import Overtaking, Slip
from services.notifier.deliveries import TO_CUSTOMERS, Delivery, DeliveryState, Ticket
from services.notifier.notices import Notification
from services.notifier.outcomes import never_meant, recalled
from services.notifier.planning import AlertRules
from shared.database import Connection
from shared.deadlines import DeadlineBreachRetracted
from shared.events import Event, TicketCreated, TicketStatusChanged
from shared.handling import TicketAssigned
from shared.messages import MailBounced, MessagePosted
from shared.notifications import NotificationFailed, NotificationSent, NotificationSuppressed
from shared.plans import Catalogue
from shared.privacy import PersonErased

RECENT = timedelta(days=7)
"""Requests younger than that are matched with articles again: their acknowledgement may be owed."""


@dataclass(frozen=True, slots=True)
class Causes:
    """What was heard in a batch that deliveries follow from, or are held back by."""

    created: Sequence[TicketCreated]
    slipping: Sequence[Slip]
    ended: Sequence[Overtaking]
    retracted: Sequence[DeadlineBreachRetracted]
    assigned: Sequence[TicketAssigned]
    posted: Sequence[MessagePosted]
    over: Sequence[TicketStatusChanged]
    bounced: Sequence[MailBounced]


async def restore(connection: Connection) -> None:
    """Make ready a database that came from a backup: what is under way there may have ended."""
    await store.doubt_pending(connection)


def remembered(heard: Iterable[Event]) -> tuple[list[Notification], list[PersonErased]]:
    """What we said ourselves of what was heard: how deliveries ended, and who was erased."""
    ended: list[Notification] = []
    erased = []
    for event in heard:
        if isinstance(event, NotificationSent | NotificationFailed | NotificationSuppressed):
            ended.append(event)
        elif isinstance(event, PersonErased) and event.data.service == "notifier":
            erased.append(event)
    return ended, erased


async def recall_outcomes(connection: Connection, said: Sequence[Notification]) -> None:
    """Keep how deliveries ended, whether their causes were heard by now or not."""
    known = outcomes.latest([outcomes.outcome_of(event) for event in said])
    digests = [digest for each in known if (digest := outcomes.digest_of(each))]
    # By their ids, and digests first: replicas that share one must not wait for each other.
    await store.keep_outcomes(connection, outcomes.latest(digests))
    await store.keep_outcomes(connection, known)
    for each in known:
        status = concluding.no_address(each.detail or "")
        if each.state is DeliveryState.FAILED and each.kind in TO_CUSTOMERS and status:
            await store.mark_bounced(
                connection,
                each.address,
                each.ended_at or each.not_before,
                person=each.person,
                status=status,
                detail=each.detail,
            )


async def recall_erased(connection: Connection, said: Sequence[PersonErased]) -> None:
    """Keep which requests were answered."""
    for event in said:
        if event.causationid is not None:
            await store.mark_answered(connection, event.causationid, event.time)


async def recall_causes(
    connection: Connection,
    causes: Causes,
    tickets: Collection[UUID],
    catalogue: Catalogue,
    *,
    rules: AlertRules,
    now: datetime,
) -> None:
    """Plan what follows from these, as it would have been planned when they happened.

    Args:
        connection: In a transaction that has locked the tickets, and keeps what is known of them.
        causes: What was heard.
        tickets: Of which anything was heard.
        catalogue: The one in force: whom it names by now, whoever it named then.
        rules: How alerts go out.
        now: The present.
    """
    await store.note_mailed(connection, tickets)
    await store.keep_bounces(connection, causes.bounced)
    await _plan(connection, await _acknowledgements(connection, causes.created, now))
    told = (assignments.tell(event, now=event.time) for event in causes.assigned)
    await _plan(connection, [recalled(each) for each in told if each])
    await assigning.withdraw_reassigned(connection, _tickets(causes.assigned), now=now)
    await _alerts(connection, causes, catalogue, rules)
    await planning.overtake(connection, causes.ended, now=now)
    await planning.heed_overtaken(connection, _tickets(causes.slipping, causes.created), now=now)
    await _retractions(connection, causes.retracted)
    answered = [event for event in causes.posted if customers.is_answer(event)]
    await planning.react(connection, answered=answered, over=causes.over, now=now)


async def _plan(connection: Connection, planned: Sequence[Delivery]) -> None:
    await store.complete(connection, planned)
    await store.add_alerts(connection, planned)


async def _acknowledgements(
    connection: Connection, created: Sequence[TicketCreated], now: datetime
) -> list[Delivery]:
    planned = [
        Draft(event, recalled(delivery))
        for event in created
        if (delivery := customers.acknowledge(event, not_before=event.time))
    ]
    recent = [draft for draft in planned if draft.created.time > now - RECENT]
    old = [draft.delivery for draft in planned if draft.created.time <= now - RECENT]
    return old + await acknowledging.recommend(connection, recent)


async def _alerts(
    connection: Connection, causes: Causes, catalogue: Catalogue, rules: AlertRules
) -> None:
    """Plan the alerts of what slips, also of what slipped before its ticket was heard of."""
    await store.lock_alerting(connection)
    tickets = await store.read_tickets(connection, list(_tickets(causes.slipping, causes.created)))
    slips = {event.id: event for event in causes.slipping}
    unheard = {id_ for id_, slip in slips.items() if not tickets[UUID(slip.subject)].is_known}
    await store.keep_slips(connection, list(slips.values()), unheard)
    created = _tickets(causes.created)
    waiting = await store.take_waiting_slips(connection, created) if created else []
    planned: dict[UUID, Delivery] = {}
    for slip in [*slips.values(), *waiting]:
        ticket = tickets[UUID(slip.subject)]
        for each in _told(slip, ticket, catalogue, rules):
            planned.setdefault(each.id, each)
    await _plan(connection, list(planned.values()))


def _told(
    slip: Slip, ticket: Ticket, catalogue: Catalogue, rules: AlertRules
) -> Iterable[Delivery]:
    """Whom a slip was told, or is to be told in later steps.

    Who reacts may be heard before what it is a reaction to: then nobody can tell by now which steps
    had been planned by then. Those are kept for an outcome to find them.
    """
    unanswered = replace(ticket, answered_at=None, over_since=None)
    due = {each.id for each in _alert(slip, ticket, catalogue, rules)}
    for each in _alert(slip, unanswered, catalogue, rules):
        yield recalled(each) if each.id in due else never_meant(each)


def _alert(slip: Slip, ticket: Ticket, catalogue: Catalogue, rules: AlertRules) -> list[Delivery]:
    planned = alerting.alert(
        slip, catalogue, ticket, now=slip.time, channel_of=rules.channel_of, grace=rules.grace
    )
    return [outcome.delivery for outcome in planned]


async def _retractions(
    connection: Connection, retracted: Sequence[DeadlineBreachRetracted]
) -> None:
    """Take back what may have gone out; which of it was not, is known at the horizon."""
    by_breach = {event.data.breach: event for event in retracted}
    if not by_breach:
        return
    await store.keep_retracted(connection, retracted)
    breaches = {breach: UUID(event.subject) for breach, event in by_breach.items()}
    alerts = await store.lock_alerts(connection, breaches)
    marked, planned = [], []
    for alert in alerts:
        event = by_breach[alert.caused_by]
        perhaps_tried = alert if alert.ended_at else replace(alert, attempts=1)
        taken_back = retracting.retract(perhaps_tried, None, event, now=event.time)
        marked.append(replace(taken_back.alert, attempts=alert.attempts))
        if taken_back.message is not None:
            planned.append(recalled(taken_back.message))
    await store.save(connection, marked)
    await _plan(connection, planned)


def _tickets(*events: Sequence[Event]) -> set[UUID]:
    return {UUID(event.subject) for each in events for event in each}
