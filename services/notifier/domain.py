"""What becomes of deliveries: planned, tried, held back, given up. Pure decisions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, assert_never
from uuid import UUID

from services.notifier import notices
from services.notifier.deliveries import (
    MAIL_LANE,
    Accepted,
    Answer,
    Delivery,
    DeliveryKind,
    DeliveryState,
    HalfHeard,
    Lost,
    Refused,
)
from services.notifier.notices import Notification
from shared.events import Event
from shared.links import Link
from shared.notifications import FailureReason, NotificationChannel, SuppressionReason
from shared.plans import Clock

FIRST_PAUSE = timedelta(seconds=2)
LONGEST_PAUSE = timedelta(minutes=15)


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
    person: str,
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
        person: The requester that it goes to, or `STAFF`.
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
        person=person,
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
    delivery: Delivery,
    answer: Answer,
    *,
    now: datetime,
    give_up_after: timedelta,
    link: Link | None = None,
) -> Outcome:
    """What a try comes to: sent, failed for good, or tried again with growing pauses.

    What was withdrawn meanwhile is not tried again.

    Args:
        delivery: As it stands after the try.
        answer: The other side's.
        now: The present.
        give_up_after: How long it is tried.
        link: What opened the ticket in what was handed over: messaging is told once it was taken.
    """
    match answer:
        case Accepted(code):
            return _sent(replace(delivery, code=code, detail=None), now, link)
        case Refused(code, detail):
            delivery = replace(delivery, code=code, detail=detail)
            if answer.for_good:
                return fail(delivery, FailureReason.REFUSED, now=now)
        case Lost(after_data):
            uncertain = delivery.uncertain or after_data
            delivery = replace(delivery, uncertain=uncertain, code=None, detail=answer.detail)
        case _:
            assert_never(answer)
    if now - delivery.tried_since > give_up_after:
        return fail(delivery, FailureReason.ATTEMPTS_EXHAUSTED, now=now)
    if delivery.withdrawn_by is not None:
        return _suppressed(delivery, now)
    asked = answer.retry_after if isinstance(answer, Refused) else None
    return Outcome(_again(delivery, now, asked), None)


def withdraw(delivery: Delivery, *, by: UUID, reason: SuppressionReason, now: datetime) -> Outcome:
    """Hold back what no longer holds: it is not tried, or not again.

    One that is being sent is its sender's: only marked, so that it ends with this try. So is one
    that a rebuild has yet to hear the outcome of. One that has ended stays as it is.
    """
    marked = replace(delivery, withdrawn_by=by, reason=reason.value)
    if delivery.half_heard is HalfHeard.CAUSE:
        return Outcome(marked, None)
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

    Of each is said what would be said had it gone by itself, and by which digest it went. What was
    withdrawn before the last try was left out of it.
    """
    outcomes = []
    for each in carried:
        if _was_left_out(each, digest.delivery):
            outcomes.append(_suppressed(each, now))
            continue
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
    ended = _end(delivery, DeliveryState.FAILED, now, reason)
    if delivery.kind is DeliveryKind.DIGEST:
        return Outcome(ended, None)
    return Outcome(ended, notices.failed(delivery, reason, now))


def _end(
    delivery: Delivery, state: DeliveryState, now: datetime, reason: FailureReason | None
) -> Delivery:
    """Ended by a try: that it was withdrawn meanwhile counts no more, and not for a next round."""
    return replace(
        delivery,
        state=state,
        ended_at=now,
        reason=reason and reason.value,
        withdrawn_by=None,
        withdrawn_during=None,
    )


def _was_left_out(carried: Delivery, digest: Delivery) -> bool:
    during = carried.withdrawn_during
    return during is not None and during < digest.attempts


def _again(delivery: Delivery, now: datetime, asked: timedelta | None) -> Delivery:
    tries = delivery.attempts - delivery.tried_before
    pause = min(FIRST_PAUSE * 2 ** min(tries - 1, 20), LONGEST_PAUSE)
    # Spread by the id: what failed together doesn't come back together.
    pause *= 0.75 + (delivery.id.int % 1000) / 2000
    if asked is not None:
        pause = max(pause, min(asked, LONGEST_PAUSE))
    return replace(delivery, state=DeliveryState.PLANNED, not_before=now + pause)


def _sent(delivery: Delivery, now: datetime, link: Link | None = None) -> Outcome:
    ended = _end(delivery, DeliveryState.SENT, now, None)
    if delivery.kind is DeliveryKind.DIGEST:
        return Outcome(ended, None)
    return Outcome(ended, notices.sent(delivery, now, link))


def _suppressed(delivery: Delivery, now: datetime) -> Outcome:
    ended = replace(delivery, state=DeliveryState.SUPPRESSED, ended_at=now)
    if delivery.kind is DeliveryKind.DIGEST:
        return Outcome(ended, None)
    return Outcome(ended, notices.suppressed(delivery, now))
