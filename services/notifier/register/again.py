"""Sending again: what may be, what may not, and why. Pure."""

from dataclasses import dataclass
from typing import assert_never

from services.notifier.deliveries import Delivery, DeliveryState
from shared.notifications import SuppressionReason

HOPELESS = {
    SuppressionReason.BREACH_RETRACTED: "The breach that it told of does not hold.",
    SuppressionReason.OVERTAKEN: "Its clock has ended, or stands still, by now.",
    SuppressionReason.DEALT_WITH: "Somebody had answered by then, or the ticket was over.",
    SuppressionReason.REASSIGNED: "The ticket is somebody else's by now.",
    SuppressionReason.ERASED: "Whom it would go to has asked to be forgotten.",
}
"""What would tell of something that is not so."""

FORGOTTEN = "forgotten"
_HOPELESS = {reason.value: words for reason, words in HOPELESS.items()}
_OUTDATED = _HOPELESS | {FORGOTTEN: "Its words are not kept any more."}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why something is not sent again."""

    reason: str
    """For machines."""
    words: str
    """For people."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What counts for sending a delivery again, beside itself."""

    outdated: str | None = None
    """Why what it says is not so by now, or not kept."""
    empty: bool = False
    """Nothing is left of what it carried, as a digest."""


def refuse(delivery: Delivery, standing: Standing, *, even_if_sent: bool) -> Refusal | None:
    """Why a delivery is not sent again, or None if it may be."""
    match delivery.state:
        case DeliveryState.PLANNED | DeliveryState.SENDING:
            return Refusal("on_its_way", "It is on its way still.")
        case DeliveryState.SUPPRESSED:
            # A digest may have been held back for a reason that only digests have.
            reason = delivery.reason or ""
            if reason in _HOPELESS:
                return Refusal(reason, _HOPELESS[reason])
        case DeliveryState.SENT:
            # What came back did not arrive: the next one is no second copy.
            if delivery.bounced_at is None and not even_if_sent:
                words = "It was sent. Say `even_if_sent` if a second copy is what you want."
                return Refusal("sent", words)
        case DeliveryState.FAILED:
            pass
        case _:
            assert_never(delivery.state)
    return _refuse_contents(delivery, standing)


def _refuse_contents(delivery: Delivery, standing: Standing) -> Refusal | None:
    if delivery.digest is not None:
        return Refusal("in_digest", "It went in a digest, with others: send that again.")
    if standing.outdated is not None:
        return Refusal(standing.outdated, _OUTDATED[standing.outdated])
    if standing.empty:
        return Refusal("empty", "Nothing is left of what it carried.")
    return None


def refuse_stale(delivery: Delivery, seen: int | None) -> Refusal | None:
    """Why it is not sent again by somebody who saw it in an earlier round, or None."""
    if seen is None or seen == delivery.round:
        return None
    return Refusal("again_already", "Somebody has sent it again meanwhile.")
