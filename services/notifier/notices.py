"""What is said of deliveries that have ended. Pure."""

from dataclasses import replace
from datetime import datetime

from services.notifier.deliveries import Delivery, DeliveryKind
from shared.envelope import Cause
from shared.links import Link
from shared.notifications import (
    FailureReason,
    NotificationFailed,
    NotificationFailedData,
    NotificationKind,
    NotificationPrivate,
    NotificationSent,
    NotificationSentData,
    NotificationSuppressed,
    NotificationSuppressedData,
    SuppressionReason,
)

SOURCE = "/services/notifier"

Notification = NotificationSent | NotificationFailed | NotificationSuppressed
"""What is said of a delivery that has ended."""


def sent(delivery: Delivery, now: datetime, link: Link | None = None) -> NotificationSent:
    """The other side took it."""
    data = NotificationSentData(
        delivery=delivery.id,
        round=delivery.round,
        kind=NotificationKind(delivery.kind.value),
        channel=delivery.channel,
        template=_template(delivery),
        attempt=delivery.attempts,
        latency_seconds=max(0.0, (now - delivery.counts_from).total_seconds()),
        second_copy_possible=delivery.uncertain,
        digest=delivery.digest,
        messages=delivery.messages,
        link=link,
        private=_private(delivery),
    )
    return NotificationSent.say(
        data, cause=_cause(delivery), source=SOURCE, time=now, part=_part(delivery)
    )


def failed(delivery: Delivery, reason: FailureReason, now: datetime) -> NotificationFailed:
    """It was given up."""
    data = NotificationFailedData(
        delivery=delivery.id,
        round=delivery.round,
        kind=NotificationKind(delivery.kind.value),
        channel=delivery.channel,
        template=_template(delivery),
        attempt=delivery.attempts,
        reason=reason,
        code=delivery.code,
        digest=delivery.digest,
        messages=delivery.messages,
        private=_private(delivery, delivery.detail),
    )
    return NotificationFailed.say(
        data, cause=_cause(delivery), source=SOURCE, time=now, part=_part(delivery)
    )


def suppressed(delivery: Delivery, now: datetime) -> NotificationSuppressed:
    """It is not sent, or not tried again."""
    data = NotificationSuppressedData(
        delivery=delivery.id,
        round=delivery.round,
        kind=NotificationKind(delivery.kind.value),
        channel=delivery.channel,
        template=_template(delivery),
        reason=SuppressionReason(delivery.reason or ""),
        attempts=delivery.attempts,
        messages=delivery.messages,
        private=_private(delivery),
    )
    cause = replace(_cause(delivery), event_id=delivery.withdrawn_by)
    return NotificationSuppressed.say(
        data, cause=cause, source=SOURCE, time=now, part=_part(delivery)
    )


def _private(delivery: Delivery, detail: str | None = None) -> NotificationPrivate | None:
    """None of whom was forgotten: nothing is sealed for them any more."""
    if not delivery.address:
        return None
    return NotificationPrivate(person=delivery.person, address=delivery.address, detail=detail)


def _part(delivery: Delivery) -> str:
    """What is said of a delivery that was sent again is another event than the one before."""
    return str(delivery.round) if delivery.round else ""


def _template(delivery: Delivery) -> str:
    """What its words are made from: a digest's own, where one carries it."""
    return DeliveryKind.DIGEST.value if delivery.digest else delivery.kind.value


def _cause(delivery: Delivery) -> Cause:
    return Cause(
        delivery.id,
        str(delivery.ticket),
        delivery.correlation,
        delivery.caused_by,
        delivery.traceparent,
    )
