"""Who is to be told what and when: pure decisions about deliveries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any
from uuid import UUID

from shared.envelope import Cause, derive_id
from shared.events import (
    DeadlineBreached,
    NotificationFailed,
    NotificationFailedData,
    NotificationKind,
    NotificationPrivate,
    NotificationSent,
    NotificationSentData,
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


def _planned(
    cause: TicketCreated | DeadlineBreached,
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
    event: NotificationSent | NotificationFailed | None


def conclude(
    delivery: Delivery, answer: Answer, *, now: datetime, give_up_after: timedelta
) -> Outcome:
    """What a try comes to: sent, failed for good, or tried again with growing pauses."""
    match answer:
        case Accepted():
            return _sent(delivery, now)
        case Refused(code, detail) if code >= 500:  # noqa: PLR2004 - RFC 5321: 5yz is for good
            return _failed(delivery, now, "refused", code, detail)
        case _ if now - delivery.caused_at > give_up_after:
            return _failed(delivery, now, "attempts_exhausted", None, None)
        case Refused():
            return Outcome(_again(delivery, now), None)
        case Lost(after_data):
            uncertain = delivery.uncertain or after_data
            return Outcome(replace(_again(delivery, now), uncertain=uncertain), None)


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


def _cause(delivery: Delivery) -> Cause:
    return Cause(
        delivery.id,
        str(delivery.ticket),
        delivery.correlation,
        delivery.caused_by,
        delivery.traceparent,
    )
