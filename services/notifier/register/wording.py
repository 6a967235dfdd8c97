"""States, kinds and reasons in plain words, and instants as people say them. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import assert_never

from services.notifier.deliveries import (
    Delivery,
    DeliveryKind,
    DeliveryState,
    DigestReason,
    RebuiltReason,
)
from services.notifier.register.again import HOPELESS
from shared.notifications import FailureReason, NotificationChannel, SuppressionReason

STATES = {
    DeliveryState.PLANNED: "Planned",
    DeliveryState.SENDING: "Sending",
    DeliveryState.SENT: "Sent",
    DeliveryState.FAILED: "Failed",
    DeliveryState.SUPPRESSED: "Suppressed",
}
KINDS = {
    DeliveryKind.ACKNOWLEDGEMENT: "Acknowledgement",
    DeliveryKind.REPLY: "Reply",
    DeliveryKind.AT_RISK_ALERT: "At-risk alert",
    DeliveryKind.BREACH_ALERT: "Breach alert",
    DeliveryKind.BREACH_RETRACTION: "Breach retraction",
    DeliveryKind.ASSIGNMENT: "Assignment",
    DeliveryKind.DIGEST: "Digest",
}
CHANNELS = {
    NotificationChannel.EMAIL: "E-mail",
    NotificationChannel.SLACK: "Slack",
    NotificationChannel.PAGERDUTY: "PagerDuty",
    NotificationChannel.WEBHOOK: "Webhook",
}
FAILURES = {
    FailureReason.REFUSED: "The other side said no for good.",
    FailureReason.ATTEMPTS_EXHAUSTED: "It was tried for as long as we try, and was never taken.",
    FailureReason.UNKNOWN_DESTINATION: (
        "The plan catalogue names a destination that the file of destinations does not have."
    ),
}
SUPPRESSIONS: Mapping[str, str] = {
    **{reason.value: words for reason, words in HOPELESS.items()},
    DigestReason.NOTHING_LEFT.value: "None of what it was to carry holds any more.",
    SuppressionReason.AUTOMATIC_MAIL.value: (
        "What it would answer was written by a machine, and two machines that answer each other "
        "never stop."
    ),
    SuppressionReason.ADDRESS_BOUNCED.value: "Mail to this address came back for good.",
    SuppressionReason.TOO_MANY.value: (
        "The address, its domain or the thread had as many mails as it gets for now."
    ),
    RebuiltReason.REBUILT.value: (
        "The database is a new one, and nothing tells any more whether it had gone out."
    ),
}
OUTCOMES = {
    "under_way": "Under way",
    "accepted": "Taken",
    "refused": "Refused",
    "lost": "No answer",
}
_STEPS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def why(delivery: Delivery) -> str | None:
    """Why a delivery stands as it does, in plain words; None where there is nothing to explain."""
    match delivery.state:
        case DeliveryState.FAILED:
            return _failure(delivery.reason)
        case DeliveryState.SUPPRESSED:
            return _suppression(delivery.reason)
        case DeliveryState.PLANNED | DeliveryState.SENDING:
            return _waiting(delivery)
        case DeliveryState.SENT:
            if delivery.bounced_at is not None:
                return "It was taken, and came back later: it did not arrive."
            return None
        case _:
            assert_never(delivery.state)


def _failure(reason: str | None) -> str:
    known = {each.value: words for each, words in FAILURES.items()}
    return known.get(reason or "", "It was given up.")


def _suppression(reason: str | None) -> str:
    return SUPPRESSIONS.get(reason or "", "It was held back.")


def _waiting(delivery: Delivery) -> str | None:
    if delivery.digest is not None:
        return "It goes with others, in a digest."
    if delivery.withdrawn_by is not None:
        return "It no longer holds: it ends with this try."
    if delivery.held:
        return "It waits for storm control to let it go."
    if delivery.state is DeliveryState.PLANNED and delivery.attempts > delivery.tried_before:
        return "The last try did not succeed; it is tried again."
    return None


def ago(instant: datetime, now: datetime) -> str:
    """How long ago, or how far ahead: "3 min ago", "in 2 h"."""
    seconds = round((now - instant).total_seconds())
    size, unit = next((each for each in _STEPS if abs(seconds) >= each[0]), (1, "s"))
    if seconds == 0:
        return "now"
    amount = abs(seconds) // size
    return f"{amount} {unit} ago" if seconds > 0 else f"in {amount} {unit}"


def spell(instant: datetime) -> str:
    """An instant in full: "14 Nov 2026, 09:31:05 UTC"."""
    return f"{instant.day} {_MONTHS[instant.month - 1]} {instant.year}, {instant:%H:%M:%S} UTC"


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
