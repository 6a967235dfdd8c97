"""Whom of ours to tell that a promise slips, and when: pure decisions."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from services.notifier import domain
from services.notifier.deliveries import MAIL_LANE, Delivery, DeliveryKind, Ticket
from services.notifier.domain import Outcome, plan_delivery
from shared import plans
from shared.calendars import Calendar, NeverOpensError, due_at, next_opening, working_time_between
from shared.deadlines import (
    DeadlineAtRisk,
    DeadlineBreached,
    DeadlineCancelled,
    DeadlineMet,
    DeadlinePaused,
)
from shared.envelope import STAFF, derive_id
from shared.notifications import FailureReason, NotificationChannel
from shared.plans import AlertStep, Catalogue, Clock, Plan

Slip = DeadlineAtRisk | DeadlineBreached
"""What people of ours are alerted of."""
Overtaking = DeadlineMet | DeadlineCancelled | DeadlinePaused | DeadlineBreached
"""What makes an earlier warning of the same clock pointless."""
ChannelOf = Callable[[str], NotificationChannel | None]
"""How a destination is reached; None where nobody knows it."""

GRACE = timedelta(minutes=15)
"""After closing time, what is due then may still go: a time that is used up at closing is due at
closing, and takes a moment to be said and sent."""
STORMY = (NotificationChannel.EMAIL, NotificationChannel.SLACK)
"""Read by people: too many at once are put together. Pagers and other machines get each one."""
ANSWERABLE = (Clock.FIRST_RESPONSE, Clock.NEXT_RESPONSE, Clock.UPDATE)
"""Clocks that an agent's message is the end of."""


@dataclass(frozen=True, slots=True)
class _Telling:
    """One recipient of one step."""

    recipient: str
    step: int
    after: timedelta


def alert(
    slip: Slip,
    catalogue: Catalogue,
    ticket: Ticket,
    *,
    now: datetime,
    channel_of: ChannelOf,
    grace: timedelta = GRACE,
) -> list[Outcome]:
    """The alerts that follow from a promise that slips: one to each whom the catalogue names.

    One that goes to a destination which nobody knows has failed at once, and says so.

    Args:
        slip: The clock is at risk, or breached.
        catalogue: The one in force.
        ticket: What is known of the ticket by now.
        now: The present.
        channel_of: How destinations are reached.
        grace: How long after closing time something may still go.
    """
    plan = _plan(catalogue, slip)
    tellings = _everybody(catalogue, slip) if plan is None else _tellings(plan, slip, ticket)
    calendar = _calendar(catalogue, plan)
    facts = _facts(slip, plan, ticket, calendar.tz if calendar else "UTC")
    planned = []
    for telling in tellings:
        if _is_too_late(slip, telling.step, ticket):
            continue
        at = _goes_at(calendar, since(slip), telling.after, now=now, grace=grace)
        planned.append(_plan_one(slip, telling, at, facts, channel_of, now))
    return planned


def since(slip: Slip) -> datetime:
    """From when its steps count, and what comes later has to do with it."""
    return slip.data.warned if isinstance(slip, DeadlineAtRisk) else slip.data.due


def is_dealt_with(alert: Delivery, *, answered: datetime | None, over: datetime | None) -> bool:
    """Whether nobody needs an alert any more: a later step, or a warning.

    Args:
        alert: Of a promise that has slipped.
        answered: When an agent answered the customer.
        over: When the ticket was resolved or closed.
    """
    slipped_at = datetime.fromisoformat(alert.facts.get("warned") or alert.facts["due"])
    is_over = over is not None and over > slipped_at
    is_answered = answered is not None and answered > slipped_at
    return _is_pointless(
        alert.kind, alert.step, alert.clock, is_answered=is_answered, is_over=is_over
    )


def _is_too_late(slip: Slip, step: int, ticket: Ticket) -> bool:
    """The reaction may have been heard before what it is a reaction to."""
    is_answered = ticket.answered_at is not None and ticket.answered_at > since(slip)
    # If it was over even before, the slip was said in error, and will be taken back.
    is_over = ticket.over_since is not None
    return _is_pointless(
        _kind(slip), step, slip.data.clock, is_answered=is_answered, is_over=is_over
    )


def _is_pointless(
    kind: DeliveryKind, step: int, clock: Clock | None, *, is_answered: bool, is_over: bool
) -> bool:
    if is_over:
        return step > 0 or kind is DeliveryKind.AT_RISK_ALERT
    return step > 0 and is_answered and clock in ANSWERABLE


def opening_for(calendar: Calendar, at: datetime, *, grace: timedelta = GRACE) -> datetime:
    """When an alert goes whose time has come: then, or at the next opening if nobody is there.

    What falls shortly after closing time still goes. Where the calendar never opens again, somebody
    must hear of it all the same.
    """
    if working_time_between(calendar, at - grace, at):
        return at
    try:
        return next_opening(calendar, at)
    except NeverOpensError:
        return at


def _goes_at(
    calendar: Calendar | None,
    slipped_at: datetime,
    after: timedelta,
    *,
    now: datetime,
    grace: timedelta,
) -> datetime:
    if calendar is None:
        return now
    try:
        at = due_at(calendar, slipped_at, after) if after else slipped_at
    except NeverOpensError:
        at = slipped_at
    return opening_for(calendar, max(at, now), grace=grace)


def _plan(catalogue: Catalogue, slip: Slip) -> Plan | None:
    """None where sla runs with a newer catalogue than we have."""
    try:
        return plans.plan(catalogue, slip.data.plan)
    except plans.UnknownPlanError:
        return None


def _calendar(catalogue: Catalogue, plan: Plan | None) -> Calendar | None:
    return catalogue.calendars[plan.calendar] if plan and plan.calendar else None


def _kind(slip: Slip) -> DeliveryKind:
    is_risk = isinstance(slip, DeadlineAtRisk)
    return DeliveryKind.AT_RISK_ALERT if is_risk else DeliveryKind.BREACH_ALERT


def _when(slip: Slip) -> Literal["at_risk", "breached"]:
    return "at_risk" if isinstance(slip, DeadlineAtRisk) else "breached"


def _everybody(catalogue: Catalogue, slip: Slip) -> list[_Telling]:
    """Whoever is named by any plan, at once: somebody must hear of it."""
    named = {
        recipient.lower(): recipient
        for plan in catalogue.plans
        for step in plan.alerts.get(_when(slip), ())
        for recipient in step.tell
    }
    return [_Telling(recipient, 0, timedelta(0)) for _, recipient in sorted(named.items())]


def _tellings(plan: Plan, slip: Slip, ticket: Ticket) -> Iterator[_Telling]:
    """Each recipient once, by the earliest step that names them; later ones count from 1."""
    steps = [step for step in plan.alerts.get(_when(slip), ()) if _is_for(step, slip, ticket)]
    waits = sorted({step.after or timedelta(0) for step in steps} | {timedelta(0)})
    named: set[str] = set()
    for number, wait in enumerate(waits):
        for step in steps:
            if (step.after or timedelta(0)) != wait:
                continue
            for recipient in step.tell:
                if recipient.lower() in named:
                    continue
                named.add(recipient.lower())
                # Perhaps the queue of somebody else: told once the ticket itself was heard of.
                if step.queues is None or ticket.is_known:
                    yield _Telling(recipient, number, wait)


def _is_for(step: AlertStep, slip: Slip, ticket: Ticket) -> bool:
    queue_fits = step.queues is None or not ticket.is_known or ticket.queue in step.queues
    return queue_fits and slip.data.clock in step.clocks


def _facts(slip: Slip, plan: Plan | None, ticket: Ticket, zone: str) -> dict[str, Any]:
    facts = {
        "plan": slip.data.plan,
        "service_level": plan and plan.service_level,
        "queue": ticket.queue if ticket.is_known else None,
        "priority": ticket.priority,
        "zone": zone,
        "due": slip.data.due.isoformat(),
        "revision": slip.data.revision,
    }
    if isinstance(slip, DeadlineAtRisk):
        return facts | {"warned": slip.data.warned.isoformat()}
    return facts | {"overdue_seconds": slip.data.overdue_seconds}


def _plan_one(
    slip: Slip,
    telling: _Telling,
    at: datetime,
    facts: dict[str, Any],
    channel_of: ChannelOf,
    now: datetime,
) -> Outcome:
    kind, recipient = _kind(slip), telling.recipient
    is_mail = "@" in recipient
    channel = NotificationChannel.EMAIL if is_mail else channel_of(recipient)
    planned = plan_delivery(
        slip,
        kind,
        recipient,
        person=STAFF,
        id_=derive_id(slip.id, kind, recipient.lower()),
        not_before=at,
        channel=channel or NotificationChannel.WEBHOOK,
        lane=MAIL_LANE if is_mail else recipient.casefold(),
        facts=facts | {"step_after_seconds": int(telling.after.total_seconds())},
        clock=slip.data.clock,
        cycle=slip.data.cycle,
        step=telling.step,
    )
    if channel is None:
        return domain.fail(planned, FailureReason.UNKNOWN_DESTINATION, now=now)
    return Outcome(replace(planned, held=channel in STORMY), None)
