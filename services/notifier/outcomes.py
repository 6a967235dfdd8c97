"""What the stream tells of deliveries that have ended, and what is left of those it is silent on.

Pure decisions of a rebuild; `rebuilding.py` keeps what comes of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never
from uuid import UUID

from services.notifier.alerting import STORMY
from services.notifier.deliveries import (
    ALERTS,
    MAIL_LANE,
    TO_CUSTOMERS,
    Delivery,
    DeliveryKind,
    DeliveryState,
    HalfHeard,
    RebuiltReason,
)
from services.notifier.notices import Notification
from shared.envelope import STAFF
from shared.notifications import (
    NotificationChannel,
    NotificationFailed,
    NotificationSent,
    NotificationSuppressed,
    SuppressionReason,
)


def outcome_of(said: Notification) -> Delivery:
    """A delivery as far as what was said of its end tells it."""
    data, cause = said.data, said.causationid or said.id
    private = data.private
    kind, address = DeliveryKind(data.kind.value), private.address if private else ""
    is_mail = data.channel is NotificationChannel.EMAIL
    # What led to a reply are its messages: more is not known of one that was just planned either.
    half = None if kind is DeliveryKind.REPLY else HalfHeard.OUTCOME
    known = Delivery(
        id=data.delivery,
        ticket=UUID(said.subject),
        kind=kind,
        channel=data.channel,
        lane=MAIL_LANE if is_mail else address.casefold(),
        address=address,
        person=private.person if private else STAFF,
        state=DeliveryState.SENT,
        not_before=said.time,
        attempts=0,
        uncertain=False,
        caused_at=said.time,
        ended_at=said.time,
        caused_by=cause,
        correlation=said.correlationid,
        traceparent=said.traceparent,
        facts={},
        messages=data.messages,
        round=data.round,
        again_at=said.time if data.round else None,
        half_heard=half,
    )
    return _ended(known, said)


def _ended(known: Delivery, said: Notification) -> Delivery:
    match said:
        case NotificationSent(data=data):
            began = said.time - timedelta(seconds=data.latency_seconds)
            sent = replace(
                known,
                attempts=data.attempt,
                uncertain=data.second_copy_possible,
                digest=data.digest,
                caused_at=began,
                again_at=began if data.round else None,
            )
            by_itself = known.kind in ALERTS and known.channel in STORMY and data.digest is None
            return replace(sent, admitted_at=said.time if by_itself else None)
        case NotificationFailed(data=data):
            return replace(
                known,
                state=DeliveryState.FAILED,
                attempts=data.attempt,
                reason=data.reason.value,
                code=data.code,
                detail=data.private.detail if data.private else None,
                digest=data.digest,
            )
        case NotificationSuppressed(data=data):
            return replace(
                known,
                state=DeliveryState.SUPPRESSED,
                attempts=data.attempts,
                reason=data.reason.value,
                withdrawn_by=known.caused_by,
            )
        case _:
            assert_never(said)


def digest_of(carried: Delivery) -> Delivery | None:
    """The digest that a delivery went in: nothing is said of it but in what it carried."""
    if carried.digest is None:
        return None
    return replace(
        carried,
        id=carried.digest,
        ticket=None,
        kind=DeliveryKind.DIGEST,
        correlation=carried.digest,
        traceparent=None,
        admitted_at=carried.ended_at,
        digest=None,
        half_heard=None,
    )


def latest(outcomes: Sequence[Delivery]) -> list[Delivery]:
    """The last of each delivery: it may have been sent again."""
    last: dict[UUID, Delivery] = {}
    for each in sorted(outcomes, key=_order):
        last[each.id] = each
    return sorted(last.values(), key=lambda each: each.id)


def _order(outcome: Delivery) -> tuple[int, datetime]:
    return outcome.round, outcome.ended_at or outcome.not_before


def recalled(planned: Delivery) -> Delivery:
    """A delivery as it would be planned now; whether it went out, only its outcome tells."""
    return replace(
        planned,
        state=DeliveryState.PLANNED,
        ended_at=None,
        reason=None,
        withdrawn_by=None,
        half_heard=HalfHeard.CAUSE,
    )


def never_meant(planned: Delivery) -> Delivery:
    """One that may have been planned at its time, but as things stand by now would not be."""
    reason = SuppressionReason.DEALT_WITH.value
    return replace(recalled(planned), withdrawn_by=planned.caused_by, reason=reason)


@dataclass(frozen=True, slots=True)
class Settling:
    """How a rebuild judges what it has heard no outcome of."""

    now: datetime
    give_up_after: timedelta
    was_here: bool
    """Whether we ever said what became of anything; otherwise nothing can have gone out."""

    def is_too_old(self, due: datetime, kind: DeliveryKind) -> bool:
        """Whether something may have ended so long ago that nothing tells of it any more.

        What customers are owed is owed for good where we have never been at work.
        """
        is_old = due < self.now - self.give_up_after
        return is_old and (self.was_here or kind not in TO_CUSTOMERS)

    def settle(self, delivery: Delivery, *, needed: bool) -> Delivery | None:
        """What becomes of it: it goes out, it is let be, or None if it would never have been.

        Args:
            delivery: Its cause was heard, and no outcome.
            needed: Of a retraction, whether it takes back what may have arrived.
        """
        whole = replace(delivery, half_heard=None)
        if not needed or delivery.withdrawn_by == delivery.caused_by:
            return None
        if delivery.withdrawn_by is not None:
            return self._let_be(whole, delivery.reason)
        if self.is_too_old(delivery.not_before, delivery.kind):
            return self._let_be(whole, RebuiltReason.REBUILT.value)
        was_due = delivery.not_before <= self.now
        return replace(whole, uncertain=self.was_here and was_due)

    def let_be(self, delivery: Delivery) -> Delivery:
        """One that is too old to be sent on the chance that it was not."""
        return self._let_be(delivery, RebuiltReason.REBUILT.value)

    def _let_be(self, delivery: Delivery, reason: str | None) -> Delivery:
        ended = min(delivery.not_before, self.now)
        return replace(
            delivery, state=DeliveryState.SUPPRESSED, ended_at=ended, reason=reason, held=False
        )
