"""Deliveries to people of ours, as planning makes them."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.notifier.deliveries import About, Delivery, DeliveryKind
from services.notifier.domain import plan_delivery
from shared.envelope import STAFF, derive_id
from shared.notifications import NotificationChannel
from tests.support import said

MAIL = NotificationChannel.EMAIL


def breach_alert(
    key: str = "one",
    *,
    lane: str = "team-chat",
    channel: NotificationChannel = NotificationChannel.SLACK,
    address: str | None = None,
    at: datetime | None = None,
    **facts: Any,  # noqa: ANN401 - as JSON
) -> Delivery:
    """The alert of a breach, which may go at once."""
    at = at or said.now() - timedelta(seconds=30)
    breached = said.breach(said.slot(said.ticket_created(key, at=at)))
    address = address or lane
    return plan_delivery(
        breached,
        DeliveryKind.BREACH_ALERT,
        address,
        person=STAFF,
        id_=derive_id(breached.id, DeliveryKind.BREACH_ALERT, address),
        not_before=breached.time,
        channel=channel,
        lane=lane,
        facts={
            "plan": breached.data.plan,
            "due": breached.data.due.isoformat(),
            "overdue_seconds": breached.data.overdue_seconds,
            **facts,
        },
        clock=breached.data.clock,
        cycle=breached.data.cycle,
    )


def retraction(alert: Delivery) -> Delivery:
    """What takes an alert back."""
    now = alert.caused_at + timedelta(minutes=1)
    return replace(
        alert,
        id=derive_id(alert.id, "retracted"),
        kind=DeliveryKind.BREACH_RETRACTION,
        caused_by=derive_id(alert.caused_by, "retracted"),
        caused_at=now,
        facts={
            "plan": alert.facts["plan"],
            "due": alert.facts["due"],
            "breach": str(alert.caused_by),
            "state": "met",
            "due_now": alert.facts["due"],
        },
    )


def digest(of: Delivery, *, id_: UUID | None = None) -> Delivery:
    """What carries alerts to the recipient of this one."""
    return replace(
        of,
        id=id_ or derive_id(of.id, "digest"),
        ticket=None,
        kind=DeliveryKind.DIGEST,
        clock=None,
        cycle=None,
        facts={},
    )


def about(carried: list[Delivery], *, amount: int | None = None) -> About:
    """What a digest is about."""
    counts: dict[DeliveryKind, int] = {}
    for each in carried:
        counts[each.kind] = counts.get(each.kind, 0) + 1
    if amount is not None:
        counts[DeliveryKind.BREACH_ALERT] += amount - len(carried)
    return About(carried=tuple(carried), carried_by_kind=counts)
