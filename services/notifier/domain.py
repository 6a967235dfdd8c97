"""Deliveries: what one is, and what a try of it comes to. Pure decisions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any, assert_never
from uuid import UUID

from shared.envelope import Cause
from shared.events import Event
from shared.messages import AuthorKind
from shared.notifications import (
    FailureReason,
    NotificationChannel,
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
from shared.plans import Clock

SOURCE = "/services/notifier"
MAIL_LANE = "email"
"""The lane of everything that goes through the mail server."""

FIRST_PAUSE = timedelta(seconds=2)
LONGEST_PAUSE = timedelta(minutes=15)


class DeliveryState(StrEnum):
    """What became of a delivery; drawn in `docs/lifecycle.md`."""

    PLANNED = "planned"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    SUPPRESSED = "suppressed"


class DeliveryKind(StrEnum):
    """What a delivery is: a notification of its own, or a digest that carries several."""

    ACKNOWLEDGEMENT = "acknowledgement"
    REPLY = "reply"
    AT_RISK_ALERT = "at_risk_alert"
    BREACH_ALERT = "breach_alert"
    BREACH_RETRACTION = "breach_retraction"
    DIGEST = "digest"


ALERTS = (DeliveryKind.AT_RISK_ALERT, DeliveryKind.BREACH_ALERT, DeliveryKind.BREACH_RETRACTION)
"""What goes to people of ours, and may go in a digest."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """What is known of a ticket; nothing yet where something else was heard before itself."""

    requester: str | None = None
    """Pseudonym of the person who asked."""
    address: str | None = None
    name: str | None = None
    locale: str | None = None
    time_zone: str | None = None
    queue: str = "support"
    automatic: bool = False
    """A machine wrote it."""
    message_id: str | None = None
    """Of the last mail that the requester sent."""
    verified_at: datetime | None = None
    """When they first answered a mail of ours from that address."""
    plan: str | None = None
    due_at: datetime | None = None
    slotted_at: datetime | None = None
    answered_at: datetime | None = None
    """The last public message of an agent."""
    over_since: datetime | None = None
    """Resolved or closed since then."""


@dataclass(frozen=True, slots=True)
class Message:
    """Public words of a thread."""

    id: UUID
    ticket: UUID
    sequence: int
    author_kind: AuthorKind
    author_name: str | None
    text: str
    posted_at: datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message to one recipient. All instants are UTC."""

    id: UUID
    ticket: UUID | None
    """None for a digest."""
    kind: DeliveryKind
    channel: NotificationChannel
    lane: str
    """The way out: `MAIL_LANE`, or the name of a destination."""
    address: str
    """An e-mail address, or the name of a destination."""
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
    clock: Clock | None = None
    """Of an alert, with its `cycle`: which promise it is about."""
    cycle: int | None = None
    step: int = 0
    """Of an alert: 0 goes at once, later ones if nobody has reacted by then."""
    digest: UUID | None = None
    """The delivery that carries it, with others, as one: no sender takes it by itself."""
    withdrawn_by: UUID | None = None
    """The event by which what it says no longer holds: it is not tried any more."""
    reason: str | None = None
    """Why it failed or was suppressed; of one that was withdrawn, why it will be."""
    code: int | None = None
    """What the other side answered last: an SMTP reply code or HTTP status."""
    detail: str | None = None
    """The same in its words."""
    bounced_at: datetime | None = None
    """When it came back after it had been taken."""


@dataclass(frozen=True, slots=True)
class About:
    """All that the words of a delivery are made from."""

    ticket: Ticket = Ticket()
    messages: tuple[Message, ...] = ()
    """Of a reply: what agents wrote, the earliest first."""
    earlier: tuple[Message, ...] = ()
    """Of a reply: what was said before that, the latest first."""
    carried: tuple[Delivery, ...] = ()
    """Of a digest: what it carries, the earliest first; not more than it shows."""
    carried_by_kind: Mapping[DeliveryKind, int] = field(default_factory=dict)
    """Of a digest: how many of each kind it carries in all."""


@dataclass(frozen=True, slots=True)
class Content:
    """What is handed over: as it goes over the line, and as operators are shown it."""

    body: bytes
    media_type: str
    """`message/rfc822` or `application/json`."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The other side took it."""

    code: int | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """The other side said no."""

    code: int
    detail: str
    for_good: bool
    """Whether trying again is in vain: SMTP's 5yz, HTTP's 410 and the like."""
    retry_after: timedelta | None = None
    """When it asked to be tried again, if it did."""


@dataclass(frozen=True, slots=True)
class Lost:
    """There was no answer; `after_data` if it may have been taken all the same."""

    after_data: bool


Answer = Accepted | Refused | Lost

Notification = NotificationSent | NotificationFailed | NotificationSuppressed
"""What is said of a delivery that has ended."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A delivery after something happened to it, and what is said if it has ended by that."""

    delivery: Delivery
    event: Notification | None


def plan_delivery(  # noqa: PLR0913 - it is one row
    cause: Event,
    kind: DeliveryKind,
    address: str,
    *,
    id_: UUID,
    not_before: datetime,
    channel: NotificationChannel = NotificationChannel.EMAIL,
    lane: str = MAIL_LANE,
    facts: Mapping[str, Any] = MappingProxyType({}),
    clock: Clock | None = None,
    cycle: int | None = None,
    step: int = 0,
) -> Delivery:
    """A delivery that follows from an event about a ticket.

    Args:
        cause: The event.
        kind: What it is.
        address: To whom.
        id_: Derived from the cause and the recipient: a repeat plans nothing new.
        not_before: When it may go, in UTC.
        channel: How it goes.
        lane: The way out.
        facts: What its words need beside the ticket, as JSON.
        clock: Which promise it is about, if it is about one.
        cycle: The same.
        step: Of an alert.
    """
    return Delivery(
        id=id_,
        ticket=UUID(cause.subject),
        kind=kind,
        channel=channel,
        lane=lane,
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
        clock=clock,
        cycle=cycle,
        step=step,
    )


def conclude(
    delivery: Delivery, answer: Answer, *, now: datetime, give_up_after: timedelta
) -> Outcome:
    """What a try comes to: sent, failed for good, or tried again with growing pauses.

    What was withdrawn meanwhile is not tried again.
    """
    match answer:
        case Accepted(code):
            return _sent(replace(delivery, code=code, detail=None), now)
        case Refused(code, detail):
            delivery = replace(delivery, code=code, detail=detail)
            if answer.for_good:
                return fail(delivery, FailureReason.REFUSED, now=now)
        case Lost(after_data):
            uncertain = delivery.uncertain or after_data
            delivery = replace(delivery, uncertain=uncertain, code=None, detail=None)
        case _:
            assert_never(answer)
    if now - delivery.caused_at > give_up_after:
        return fail(delivery, FailureReason.ATTEMPTS_EXHAUSTED, now=now)
    if delivery.withdrawn_by is not None:
        return _suppressed(delivery, now)
    asked = answer.retry_after if isinstance(answer, Refused) else None
    return Outcome(_again(delivery, now, asked), None)


def withdraw(delivery: Delivery, *, by: UUID, reason: SuppressionReason, now: datetime) -> Outcome:
    """Hold back what no longer holds: it is not tried, or not again.

    One that is being sent is its sender's: only marked, so that it ends with this try. One that has
    ended stays as it is.
    """
    marked = replace(delivery, withdrawn_by=by, reason=reason.value)
    match delivery.state:
        case DeliveryState.PLANNED:
            return _suppressed(marked, now)
        case DeliveryState.SENDING:
            return Outcome(marked, None)
        case DeliveryState.SENT | DeliveryState.FAILED | DeliveryState.SUPPRESSED:
            return Outcome(delivery, None)
        case _:
            assert_never(delivery.state)


def carry(digest: Outcome, carried: Sequence[Delivery], *, now: datetime) -> list[Outcome]:
    """What became of what a digest carried, once the digest has ended: the same as of the digest.

    Of each is said what would be said had it gone by itself, and by which digest it went.
    """
    outcomes = []
    for each in carried:
        as_digest = replace(
            each,
            attempts=digest.delivery.attempts,
            uncertain=digest.delivery.uncertain,
            code=digest.delivery.code,
            detail=digest.delivery.detail,
        )
        if digest.delivery.state is DeliveryState.SENT:
            outcomes.append(_sent(as_digest, now))
        elif digest.delivery.state is DeliveryState.FAILED:
            reason = FailureReason(digest.delivery.reason or FailureReason.REFUSED)
            outcomes.append(fail(as_digest, reason, now=now))
    return outcomes


def fail(delivery: Delivery, reason: FailureReason, *, now: datetime) -> Outcome:
    """Give a delivery up."""
    ended = replace(delivery, state=DeliveryState.FAILED, ended_at=now, reason=reason.value)
    if delivery.kind is DeliveryKind.DIGEST:
        return Outcome(ended, None)
    data = NotificationFailedData(
        kind=NotificationKind(delivery.kind.value),
        channel=delivery.channel,
        template=_template(delivery),
        attempt=delivery.attempts,
        reason=reason,
        code=delivery.code,
        digest=delivery.digest,
        private=NotificationPrivate(address=delivery.address, detail=delivery.detail),
    )
    event = NotificationFailed.say(data, cause=_cause(delivery), source=SOURCE, time=now)
    return Outcome(ended, event)


def _again(delivery: Delivery, now: datetime, asked: timedelta | None) -> Delivery:
    pause = min(FIRST_PAUSE * 2 ** min(delivery.attempts - 1, 20), LONGEST_PAUSE)
    # Spread by the id: what failed together doesn't come back together.
    pause *= 0.75 + (delivery.id.int % 1000) / 2000
    if asked is not None:
        pause = max(pause, min(asked, LONGEST_PAUSE))
    return replace(delivery, state=DeliveryState.PLANNED, not_before=now + pause)


def _sent(delivery: Delivery, now: datetime) -> Outcome:
    ended = replace(delivery, state=DeliveryState.SENT, ended_at=now, reason=None)
    if delivery.kind is DeliveryKind.DIGEST:
        return Outcome(ended, None)
    data = NotificationSentData(
        kind=NotificationKind(delivery.kind.value),
        channel=delivery.channel,
        template=_template(delivery),
        attempt=delivery.attempts,
        latency_seconds=max(0.0, (now - delivery.caused_at).total_seconds()),
        second_copy_possible=delivery.uncertain,
        digest=delivery.digest,
        private=NotificationPrivate(address=delivery.address),
    )
    event = NotificationSent.say(data, cause=_cause(delivery), source=SOURCE, time=now)
    return Outcome(ended, event)


def _suppressed(delivery: Delivery, now: datetime) -> Outcome:
    ended = replace(delivery, state=DeliveryState.SUPPRESSED, ended_at=now)
    if delivery.kind is DeliveryKind.DIGEST:
        return Outcome(ended, None)
    data = NotificationSuppressedData(
        kind=NotificationKind(delivery.kind.value),
        channel=delivery.channel,
        template=_template(delivery),
        reason=SuppressionReason(delivery.reason or ""),
        private=NotificationPrivate(address=delivery.address),
    )
    cause = replace(_cause(delivery), event_id=delivery.withdrawn_by)
    event = NotificationSuppressed.say(data, cause=cause, source=SOURCE, time=now)
    return Outcome(ended, event)


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
