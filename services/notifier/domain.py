"""Who is to be told what and when: pure decisions about deliveries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any, assert_never
from uuid import UUID

from shared.deadlines import DeadlineBreached, DeadlineBreachRetracted
from shared.envelope import Cause, derive_id
from shared.events import (
    NotificationFailed,
    NotificationFailedData,
    NotificationKind,
    NotificationPrivate,
    NotificationSent,
    NotificationSentData,
    NotificationSuppressed,
    NotificationSuppressedData,
    TicketCreated,
)

SOURCE = "/services/notifier"

FIRST_PAUSE = timedelta(seconds=2)
LONGEST_PAUSE = timedelta(minutes=15)


class DeliveryState(StrEnum):
    """What became of a delivery; drawn in `docs/lifecycle.md`."""

    PLANNED = "planned"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    SUPPRESSED = "suppressed"


@dataclass(frozen=True, slots=True)
class Ticket:
    """What is known of a ticket when a mail about it goes out."""

    locale: str | None
    time_zone: str | None
    plan: str | None
    due_at: datetime | None
    slotted_at: datetime | None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message to one recipient. All instants are UTC."""

    id: UUID
    ticket: UUID
    kind: NotificationKind
    address: str
    state: DeliveryState
    not_before: datetime
    attempts: int
    uncertain: bool
    caused_at: datetime
    ended_at: datetime | None
    caused_by: UUID
    correlation: UUID
    traceparent: str | None
    facts: Mapping[str, Any]
    """What the template needs and the ticket doesn't know, as JSON."""
    retracted_by: UUID | None = None
    """The event by which what it says no longer holds: it is not tried any more."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The mail server took it."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The mail server said no: for good from 500 on, for now below."""

    code: int
    detail: str


@dataclass(frozen=True, slots=True)
class Lost:
    """There was no answer; `after_data` if the mail may have been taken all the same."""

    after_data: bool


Answer = Accepted | Refused | Lost

Notification = NotificationSent | NotificationFailed | NotificationSuppressed
"""What is said of a delivery that has ended."""


def acknowledge(created: TicketCreated, *, not_before: datetime) -> Delivery | None:
    """The one acknowledgement of a ticket, or None where its personal part was taken away."""
    if created.data.private is None:
        return None
    kind = NotificationKind.ACKNOWLEDGEMENT
    id_ = derive_id(created.id, kind)
    return _planned(created, kind, created.data.private.address, id_=id_, not_before=not_before)


def alert(
    breached: DeadlineBreached, recipients: Sequence[str], *, now: datetime
) -> list[Delivery]:
    """One alert per breach and person that the catalogue names."""
    data, kind = breached.data, NotificationKind.BREACH_ALERT
    facts = {
        "clock": data.clock.value,
        "plan": data.plan,
        "due": data.due.isoformat(),
        "overdue_seconds": data.overdue_seconds,
    }
    ids = {address: derive_id(breached.id, kind, address.lower()) for address in recipients}
    return [
        _planned(breached, kind, address, id_=id_, not_before=now, facts=facts)
        for address, id_ in ids.items()
    ]


@dataclass(frozen=True, slots=True)
class Retraction:
    """An alert after its breach was retracted, what is said of it, and what its reader is told."""

    alert: Delivery
    event: Notification | None
    mail: Delivery | None


def retract(alert: Delivery, retracted: DeadlineBreachRetracted, *, now: datetime) -> Retraction:
    """Take an alert back: it is not tried any more, and who may have had it is told.

    One that is being sent is its sender's: only marked, so that it ends with this try.
    """
    mail = _take_back(alert, retracted, now) if alert.attempts else None
    marked = replace(alert, retracted_by=retracted.id)
    match alert.state:
        case DeliveryState.PLANNED:
            outcome = _suppressed(marked, now)
            return Retraction(outcome.delivery, outcome.event, mail)
        case DeliveryState.SENDING:
            return Retraction(marked, None, mail)
        case DeliveryState.SENT | DeliveryState.FAILED | DeliveryState.SUPPRESSED:
            return Retraction(alert, None, mail)
        case _:
            assert_never(alert.state)


def _take_back(alert: Delivery, retracted: DeadlineBreachRetracted, now: datetime) -> Delivery:
    data, kind = retracted.data, NotificationKind.BREACH_RETRACTION
    facts = {
        "clock": data.clock.value,
        "plan": data.plan,
        "due": data.breached_due.isoformat(),
        "state": data.state.value,
        "due_now": data.due and data.due.isoformat(),
    }
    id_ = derive_id(retracted.id, kind, alert.address.lower())
    mail = _planned(retracted, kind, alert.address, id_=id_, not_before=now, facts=facts)
    # What led to the retraction may be days old: it is tried for as long as any other mail.
    return replace(mail, caused_at=now)


def _planned(
    cause: TicketCreated | DeadlineBreached | DeadlineBreachRetracted,
    kind: NotificationKind,
    address: str,
    *,
    id_: UUID,
    not_before: datetime,
    facts: Mapping[str, Any] = MappingProxyType({}),
) -> Delivery:
    return Delivery(
        id=id_,
        ticket=UUID(cause.subject),
        kind=kind,
        address=address,
        state=DeliveryState.PLANNED,
        not_before=not_before,
        attempts=0,
        uncertain=False,
        caused_at=cause.time,
        ended_at=None,
        caused_by=cause.id,
        correlation=cause.correlationid,
        traceparent=cause.traceparent,
        facts=dict(facts),
    )


@dataclass(frozen=True, slots=True)
class Outcome:
    """A delivery after a try, and what is said of it if it has ended."""

    delivery: Delivery
    event: Notification | None


def conclude(
    delivery: Delivery, answer: Answer, *, now: datetime, give_up_after: timedelta
) -> Outcome:
    """What a try comes to: sent, failed for good, or tried again with growing pauses.

    What was retracted meanwhile is not tried again.
    """
    match answer:
        case Accepted():
            return _sent(delivery, now)
        case Refused(code, detail) if code >= 500:  # noqa: PLR2004 - RFC 5321: 5yz is for good
            return _failed(delivery, now, "refused", code, detail)
        case _ if now - delivery.caused_at > give_up_after:
            return _failed(delivery, now, "attempts_exhausted", None, None)
        case Refused():
            return _unless_retracted(delivery, now)
        case Lost(after_data):
            uncertain = delivery.uncertain or after_data
            return _unless_retracted(replace(delivery, uncertain=uncertain), now)


def _unless_retracted(delivery: Delivery, now: datetime) -> Outcome:
    if delivery.retracted_by is not None:
        return _suppressed(delivery, now)
    return Outcome(_again(delivery, now), None)


def _again(delivery: Delivery, now: datetime) -> Delivery:
    pause = min(FIRST_PAUSE * 2 ** min(delivery.attempts - 1, 20), LONGEST_PAUSE)
    # Spread by the id: mails that failed together don't come back together.
    spread = 0.75 + (delivery.id.int % 1000) / 2000
    return replace(delivery, state=DeliveryState.PLANNED, not_before=now + pause * spread)


def _sent(delivery: Delivery, now: datetime) -> Outcome:
    data = NotificationSentData(
        kind=delivery.kind,
        channel="email",
        template=delivery.kind.value,
        attempt=delivery.attempts,
        latency_seconds=max(0.0, (now - delivery.caused_at).total_seconds()),
        second_copy_possible=delivery.uncertain,
        private=NotificationPrivate(address=delivery.address),
    )
    event = NotificationSent.say(data, cause=_cause(delivery), source=SOURCE, time=now)
    return Outcome(replace(delivery, state=DeliveryState.SENT, ended_at=now), event)


def _failed(
    delivery: Delivery, now: datetime, reason: str, code: int | None, detail: str | None
) -> Outcome:
    data = NotificationFailedData.model_validate(
        {
            "kind": delivery.kind,
            "channel": "email",
            "template": delivery.kind.value,
            "attempt": delivery.attempts,
            "reason": reason,
            "code": code,
            "private": NotificationPrivate(address=delivery.address, detail=detail),
        }
    )
    event = NotificationFailed.say(data, cause=_cause(delivery), source=SOURCE, time=now)
    return Outcome(replace(delivery, state=DeliveryState.FAILED, ended_at=now), event)


def _suppressed(delivery: Delivery, now: datetime) -> Outcome:
    data = NotificationSuppressedData(
        kind=delivery.kind,
        channel="email",
        template=delivery.kind.value,
        reason="breach_retracted",
        private=NotificationPrivate(address=delivery.address),
    )
    cause = replace(_cause(delivery), event_id=delivery.retracted_by)
    event = NotificationSuppressed.say(data, cause=cause, source=SOURCE, time=now)
    return Outcome(replace(delivery, state=DeliveryState.SUPPRESSED, ended_at=now), event)


def _cause(delivery: Delivery) -> Cause:
    return Cause(
        delivery.id,
        str(delivery.ticket),
        delivery.correlation,
        delivery.caused_by,
        delivery.traceparent,
    )
