"""What notifier says of what it sends: one event once a delivery has ended, however it went."""

from enum import StrEnum
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import Field

from shared.envelope import Envelope, Fact, Topic
from shared.links import Link


class NotificationKind(StrEnum):
    """What a notification is about."""

    ACKNOWLEDGEMENT = "acknowledgement"
    REPLY = "reply"
    """What agents wrote to the customer; one notification may carry several messages."""
    AT_RISK_ALERT = "at_risk_alert"
    BREACH_ALERT = "breach_alert"
    BREACH_RETRACTION = "breach_retraction"
    ASSIGNMENT = "assignment"
    """An agent is told that a ticket is theirs."""


class NotificationChannel(StrEnum):
    """How a notification goes."""

    EMAIL = "email"
    SLACK = "slack"
    PAGERDUTY = "pagerduty"
    WEBHOOK = "webhook"


class SuppressionReason(StrEnum):
    """Why something is not sent, or not tried again."""

    BREACH_RETRACTED = "breach_retracted"
    """The breach that it told of does not hold."""
    OVERTAKEN = "overtaken"
    """A warning whose clock has ended, or stands still, by now."""
    DEALT_WITH = "dealt_with"
    """A later step of an alert, after somebody had answered or the ticket was over."""
    REASSIGNED = "reassigned"
    """Who is told that a ticket is theirs, and it is somebody else's by now."""
    AUTOMATIC_MAIL = "automatic_mail"
    """What it would answer was written by a machine (RFC 3834)."""
    ADDRESS_BOUNCED = "address_bounced"
    """Mail to this address came back for good."""
    TOO_MANY = "too_many"
    """The address, its domain or the thread had as many as it gets for now."""


class FailureReason(StrEnum):
    """Why a notification was given up."""

    REFUSED = "refused"
    """The other side said no for good."""
    ATTEMPTS_EXHAUSTED = "attempts_exhausted"
    """It was tried for too long."""
    UNKNOWN_DESTINATION = "unknown_destination"
    """The plan catalogue names somebody whom the file of destinations doesn't know."""


Template = Annotated[str, Field(description="What the message was made from.")]
Attempt = Annotated[int, Field(description="Which try this was, from 1.")]
Digest = Annotated[
    UUID | None, Field(description="The digest that carries it, if it goes with others in one.")
]


class NotificationPrivate(Fact):
    """The personal part of a notification."""

    address: str
    """Where it went: an e-mail address, or the name of a destination."""
    detail: str | None = None
    """What the other side answered; it may repeat the address."""


class NotificationSentData(Fact):
    """The other side took a notification."""

    kind: NotificationKind
    channel: NotificationChannel
    """How it went."""
    template: Template
    attempt: Attempt
    latency_seconds: float
    """From what caused it to when it was taken."""
    second_copy_possible: bool
    """An earlier try may have arrived: we died, or lost the line, before its outcome was kept."""
    digest: Digest = None
    link: Link | None = None
    """A link in it that opens the ticket without signing in."""
    private: NotificationPrivate | None = None


class NotificationFailedData(Fact):
    """A notification was given up."""

    kind: NotificationKind
    channel: NotificationChannel
    """How it went."""
    template: Template
    attempt: Attempt
    reason: FailureReason
    code: int | None = None
    """SMTP reply code or HTTP status, where there was one."""
    digest: Digest = None
    private: NotificationPrivate | None = None


class NotificationSuppressedData(Fact):
    """A notification is not sent, or not tried again."""

    kind: NotificationKind
    channel: NotificationChannel
    """How it would have gone."""
    template: Template
    reason: SuppressionReason
    private: NotificationPrivate | None = None


class NotificationSent(Envelope[NotificationSentData]):
    """Said by notifier."""

    TOPIC: ClassVar[Topic] = Topic.NOTIFICATIONS
    type: Literal["careline.notification.sent.v1"] = "careline.notification.sent.v1"


class NotificationFailed(Envelope[NotificationFailedData]):
    """Said by notifier."""

    TOPIC: ClassVar[Topic] = Topic.NOTIFICATIONS
    type: Literal["careline.notification.failed.v1"] = "careline.notification.failed.v1"


class NotificationSuppressed(Envelope[NotificationSuppressedData]):
    """Said by notifier."""

    TOPIC: ClassVar[Topic] = Topic.NOTIFICATIONS
    type: Literal["careline.notification.suppressed.v1"] = "careline.notification.suppressed.v1"
