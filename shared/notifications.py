"""What notifier says of what it sends: one event once a delivery has ended, however it went."""

from enum import StrEnum
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import Field

from shared.envelope import Envelope, Fact, Private, Topic
from shared.links import Link


class NotificationKind(StrEnum):
    """What a notification is about."""

    ACKNOWLEDGEMENT = "acknowledgement"
    """A customer is told that we have their request, and by when they hear from us."""
    REPLY = "reply"
    """What agents wrote to the customer; one notification may carry several messages."""
    AT_RISK_ALERT = "at_risk_alert"
    """The organisation is told that a deadline comes near."""
    BREACH_ALERT = "breach_alert"
    """The organisation is told that a deadline has passed."""
    BREACH_RETRACTION = "breach_retraction"
    """Whoever had a breach alert is told that the breach does not hold."""
    ASSIGNMENT = "assignment"
    """An agent is told that a ticket is theirs."""


class NotificationChannel(StrEnum):
    """How a notification goes."""

    EMAIL = "email"
    """A mail."""
    SLACK = "slack"
    """A message in a channel of Slack."""
    PAGERDUTY = "pagerduty"
    """An incident at PagerDuty."""
    WEBHOOK = "webhook"
    """A signed call of an address of the organisation."""


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
    ERASED = "erased"
    """Whom it would go to has asked to be forgotten."""


class FailureReason(StrEnum):
    """Why a notification was given up."""

    REFUSED = "refused"
    """The other side said no for good."""
    ATTEMPTS_EXHAUSTED = "attempts_exhausted"
    """It was tried for too long."""
    UNKNOWN_DESTINATION = "unknown_destination"
    """The plan catalogue names somebody whom the file of destinations doesn't know."""


DeliveryId = Annotated[
    UUID, Field(description="What it is known by: the same in all that is said of it.")
]
Round = Annotated[
    int, Field(description="How often somebody had had it sent again before; each ends anew.")
]
Messages = Annotated[
    tuple[UUID, ...],
    Field(description="Of a reply: ids of the messages that it carries, the earliest first."),
]
Template = Annotated[str, Field(description="What the message was made from.")]
Attempt = Annotated[int, Field(description="Which try this was, counted from 1.")]
Digest = Annotated[
    UUID | None, Field(description="The digest that carries it, if it goes with others in one.")
]


class NotificationPrivate(Private):
    """The personal part of a notification."""

    address: str
    """Where it went: an e-mail address, or the name of a destination."""
    detail: str | None = None
    """What the other side answered; it may repeat the address."""


class NotificationSentData(Fact):
    """The other side took a notification."""

    delivery: DeliveryId
    round: Round = 0
    kind: NotificationKind
    channel: NotificationChannel
    """How it went."""
    template: Template
    attempt: Attempt
    latency_seconds: float
    """From what caused it to when it was taken, in seconds."""
    second_copy_possible: bool
    """An earlier try may have arrived: we died, or lost the line, before its outcome was kept."""
    digest: Digest = None
    messages: Messages = ()
    link: Link | None = None
    """A link in it that opens the ticket without signing in."""
    private: NotificationPrivate | None = None


class NotificationFailedData(Fact):
    """A notification was given up."""

    delivery: DeliveryId
    round: Round = 0
    kind: NotificationKind
    channel: NotificationChannel
    """How it went."""
    template: Template
    attempt: Attempt
    reason: FailureReason
    code: int | None = None
    """SMTP reply code or HTTP status, where there was one."""
    digest: Digest = None
    messages: Messages = ()
    private: NotificationPrivate | None = None


class NotificationSuppressedData(Fact):
    """A notification is not sent, or not tried again."""

    delivery: DeliveryId
    round: Round = 0
    kind: NotificationKind
    channel: NotificationChannel
    """How it would have gone."""
    template: Template
    reason: SuppressionReason
    attempts: int = 0
    """How many tries there were before: where there were any, it may have arrived."""
    messages: Messages = ()
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
