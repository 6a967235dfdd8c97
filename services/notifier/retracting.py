"""Alerts that are pointless by now, and how those that went out are taken back: pure decisions."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from services.notifier import domain
from services.notifier.alerting import STORMY
from services.notifier.deliveries import Delivery, DeliveryKind, DeliveryState
from services.notifier.domain import Outcome, plan_delivery
from services.notifier.notices import Notification
from shared.deadlines import DeadlineBreachRetracted
from shared.envelope import derive_id
from shared.notifications import SuppressionReason


def withdraw(
    alert: Delivery,
    digest: Delivery | None,
    *,
    by: UUID,
    reason: SuppressionReason,
    now: datetime,
) -> Outcome:
    """Hold an alert back that is pointless by now.

    Args:
        alert: The alert.
        digest: What carries it, if anything does. It leaves one that was never tried; of one that
            is being sent it can't be taken out, so it is marked until that try has ended.
        by: The event that makes it so.
        reason: In which way.
        now: The present.
    """
    if digest is not None and alert.state is DeliveryState.PLANNED:
        if digest.state is DeliveryState.SENDING:
            during = digest.attempts
            marked = replace(alert, withdrawn_by=by, withdrawn_during=during, reason=reason.value)
            return Outcome(marked, None)
        if not digest.attempts:
            alert = replace(alert, digest=None)
    return domain.withdraw(alert, by=by, reason=reason, now=now)


def end_withdrawn(alert: Delivery, *, now: datetime) -> Outcome:
    """What was marked while a digest that carries it was tried, once that try has ended.

    A mark that does not say why holds nothing back: it is better told than a stop for all others.
    """
    if alert.withdrawn_by is None:
        return Outcome(alert, None)
    try:
        reason = SuppressionReason(alert.reason or "")
    except ValueError:
        return Outcome(replace(alert, withdrawn_by=None, withdrawn_during=None, reason=None), None)
    return domain.withdraw(alert, by=alert.withdrawn_by, reason=reason, now=now)


@dataclass(frozen=True, slots=True)
class Retraction:
    """An alert after its breach was retracted, what is said of it, and what its reader is told."""

    alert: Delivery
    event: Notification | None
    message: Delivery | None


def retract(
    alert: Delivery,
    digest: Delivery | None,
    retracted: DeadlineBreachRetracted,
    *,
    now: datetime,
) -> Retraction:
    """Take an alert back: it is not tried any more, and who may have had it is told."""
    may_be_known = bool(alert.attempts or (digest and digest.attempts))
    message = _take_back(alert, retracted, now) if may_be_known else None
    reason = SuppressionReason.BREACH_RETRACTED
    outcome = withdraw(alert, digest, by=retracted.id, reason=reason, now=now)
    return Retraction(outcome.delivery, outcome.event, message)


def _take_back(alert: Delivery, retracted: DeadlineBreachRetracted, now: datetime) -> Delivery:
    """The same way as the alert, and at once: whoever was told in time is not left in error."""
    data, kind = retracted.data, DeliveryKind.BREACH_RETRACTION
    facts = {
        "plan": data.plan,
        "service_level": alert.facts.get("service_level"),
        "queue": alert.facts.get("queue"),
        "priority": alert.facts.get("priority"),
        "zone": alert.facts.get("zone"),
        "breach": str(data.breach),
        "due": data.breached_due.isoformat(),
        "state": data.state.value,
        "due_now": data.due and data.due.isoformat(),
    }
    planned = plan_delivery(
        retracted,
        kind,
        alert.address,
        person=alert.person,
        id_=derive_id(retracted.id, kind, alert.address.lower()),
        not_before=now,
        channel=alert.channel,
        lane=alert.lane,
        facts=facts,
        clock=data.clock,
        cycle=data.cycle,
    )
    # What led to the retraction may be days old: it is tried for as long as any other.
    return replace(planned, caused_at=now, held=alert.channel in STORMY)
