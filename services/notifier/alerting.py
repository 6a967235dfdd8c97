"""Whom of ours to tell that a promise slips, and how that is taken back: pure decisions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from services.notifier import domain
from services.notifier.domain import Delivery, DeliveryKind, Notification, plan_delivery
from shared.deadlines import DeadlineBreached, DeadlineBreachRetracted
from shared.envelope import derive_id
from shared.notifications import SuppressionReason


def alert(
    breached: DeadlineBreached, recipients: Sequence[str], *, now: datetime
) -> list[Delivery]:
    """One alert per breach and person that the catalogue names."""
    data, kind = breached.data, DeliveryKind.BREACH_ALERT
    facts = {
        "plan": data.plan,
        "due": data.due.isoformat(),
        "overdue_seconds": data.overdue_seconds,
    }
    ids = {address: derive_id(breached.id, kind, address.lower()) for address in recipients}
    return [
        plan_delivery(
            breached,
            kind,
            address,
            id_=id_,
            not_before=now,
            facts=facts,
            clock=data.clock,
            cycle=data.cycle,
        )
        for address, id_ in ids.items()
    ]


@dataclass(frozen=True, slots=True)
class Retraction:
    """An alert after its breach was retracted, what is said of it, and what its reader is told."""

    alert: Delivery
    event: Notification | None
    mail: Delivery | None


def retract(alert: Delivery, retracted: DeadlineBreachRetracted, *, now: datetime) -> Retraction:
    """Take an alert back: it is not tried any more, and who may have had it is told."""
    mail = _take_back(alert, retracted, now) if alert.attempts else None
    reason = SuppressionReason.BREACH_RETRACTED
    outcome = domain.withdraw(alert, by=retracted.id, reason=reason, now=now)
    return Retraction(outcome.delivery, outcome.event, mail)


def _take_back(alert: Delivery, retracted: DeadlineBreachRetracted, now: datetime) -> Delivery:
    data, kind = retracted.data, DeliveryKind.BREACH_RETRACTION
    facts = {
        "plan": data.plan,
        "due": data.breached_due.isoformat(),
        "state": data.state.value,
        "due_now": data.due and data.due.isoformat(),
    }
    id_ = derive_id(retracted.id, kind, alert.address.lower())
    mail = plan_delivery(
        retracted,
        kind,
        alert.address,
        id_=id_,
        not_before=now,
        channel=alert.channel,
        lane=alert.lane,
        facts=facts,
        clock=data.clock,
        cycle=data.cycle,
    )
    # What led to the retraction may be days old: it is tried for as long as any other.
    return replace(mail, caused_at=now)
