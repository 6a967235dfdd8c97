"""Every event of the stream: who says it and what it means.

Types only ever gain optional fields; anything else is a new `.v2` type. Personal data stands in
`data.private` alone, so that a reader who must not see it drops one field.
"""

from enum import StrEnum
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from shared.deadlines import (
    CatalogueVersion,
    DeadlineAtRisk,
    DeadlineBreached,
    DeadlineBreachRetracted,
    DeadlineCancelled,
    DeadlineMet,
    DeadlineMoved,
    DeadlinePaused,
    DeadlineResumed,
    DeadlineScheduled,
    PlanId,
    WorkingSeconds,
)
from shared.envelope import CONTENT_TYPE, Envelope, Fact, Instant, Topic
from shared.plans import Clock, Priority


class Channel(StrEnum):
    """How a request reached us."""

    WEB = "web"
    API = "api"
    MAIL = "mail"
    CHAT = "chat"


class AuthorKind(StrEnum):
    """Who wrote a message: `system` is an automatic answer and never counts as a response."""

    CUSTOMER = "customer"
    AGENT = "agent"
    SYSTEM = "system"


class Visibility(StrEnum):
    """`public` is read by the customer, `note` by agents only."""

    PUBLIC = "public"
    NOTE = "note"


class NotificationKind(StrEnum):
    """What a notification is about."""

    ACKNOWLEDGEMENT = "acknowledgement"
    BREACH_ALERT = "breach_alert"
    BREACH_RETRACTION = "breach_retraction"


class TicketStatus(StrEnum):
    """Where a ticket stands: `pending` waits for the customer, `closed` is over for good."""

    OPEN = "open"
    PENDING = "pending"
    ON_HOLD = "on_hold"
    RESOLVED = "resolved"
    CLOSED = "closed"


Due = Annotated[Instant, Field(description="The last instant that is in time.")]
Template = Annotated[str, Field(description="What the mail was made from.")]
Attempt = Annotated[int, Field(description="Which try this was, from 1.")]


class TicketCreatedPrivate(Fact):
    """The personal part of a new ticket."""

    name: str | None = None
    """The requester's name, as they gave it."""
    address: str
    """The requester's e-mail address."""
    subject: str
    """What it is about, in one line."""
    text: str
    """What was asked, as it was written."""
    fingerprint: str
    """SHA-256 of the request's content: tells a repeat from another request under the same key."""


class TicketCreatedData(Fact):
    """A customer asked for help."""

    account: str
    """Whose plan counts: the account that was named, or else the requester's own id."""
    account_verified: bool = False
    """True if the caller proved to belong to the account; false if they only named it."""
    requester: str
    """Pseudonym of the person: derived from the address with the desk's secret."""
    channel: Channel
    priority: Priority
    opened_by: AuthorKind = AuthorKind.CUSTOMER
    """Who opened it: an agent may do so for a customer, and owes no first response then."""
    locale: str
    """BCP 47, for example `en` or `de-AT`."""
    time_zone: str
    """IANA name, for example `Europe/Berlin`."""
    private: TicketCreatedPrivate | None = None


class TicketStatusChangedData(Fact):
    """A ticket was set to another status."""

    status: TicketStatus
    previous: TicketStatus
    """What it was before."""
    by_kind: AuthorKind
    """Whether an agent, the customer or the desk itself did it."""
    by: str
    """Id of who did it: the subject of their token."""


class TicketPriorityChangedData(Fact):
    """A ticket was set to another priority."""

    priority: Priority
    previous: Priority
    """What it was before."""
    by_kind: AuthorKind
    """Whether an agent, the customer or the desk itself did it."""
    by: str
    """Id of who did it: the subject of their token."""


class SlotTarget(Fact):
    """One promise of a slot."""

    clock: Clock
    target_seconds: WorkingSeconds
    due: Due


class TicketSlottedData(Fact):
    """A ticket got its place by the plan of its account."""

    account: str
    """Whose plan it is."""
    plan: PlanId
    service_level: str
    """The plan's service level as customers know it, such as `Gold Service & Support`."""
    calendar: str | None = None
    """The calendar in which time is counted; none where the plan promises no time."""
    catalogue_version: CatalogueVersion
    priority: Priority
    targets: tuple[SlotTarget, ...]
    """What was promised; empty where the plan promises no time."""


class MessagePostedPrivate(Fact):
    """The personal part of a message."""

    author_name: str | None = None
    """The author's name, as their token has it."""
    text: str
    """What was written."""


class MessagePostedData(Fact):
    """Somebody wrote into a ticket's thread; what was asked at first is in `TicketCreated`."""

    message: UUID
    """Id of the message."""
    sequence: int
    """The place in the thread, from 1, without gaps."""
    author_kind: AuthorKind
    author: str
    """Id of the author: the subject of their token."""
    visibility: Visibility
    in_reply_to: UUID | None = None
    """Id of the message that it answers, where that is known."""
    private: MessagePostedPrivate | None = None


class PlanChangedData(Fact):
    """An account has another plan from `since` on."""

    account: str
    """The account; also the event's subject."""
    plan: PlanId
    previous: str | None = None
    """The plan that it was on before; none if it was in no directory."""
    since: Instant
    """From when the plan counts; it may lie in the past or the future."""
    changed_by: str
    """Subject of who changed it."""


class NotificationPrivate(Fact):
    """The personal part of a notification."""

    address: str
    """Where it went."""
    detail: str | None = None
    """What the other side answered; it may repeat the address."""


class NotificationSentData(Fact):
    """The other side took a notification."""

    kind: NotificationKind
    channel: Literal["email"]
    """How it went."""
    template: Template
    attempt: Attempt
    latency_seconds: float
    """From what caused it to when it was taken."""
    second_copy_possible: bool
    """An earlier try may have arrived: we died, or lost the line, before its outcome was kept."""
    private: NotificationPrivate | None = None


class NotificationFailedData(Fact):
    """A notification was given up."""

    kind: NotificationKind
    channel: Literal["email"]
    """How it went."""
    template: Template
    attempt: Attempt
    reason: Literal["refused", "attempts_exhausted"]
    """`refused` for good by the other side, or tried for too long."""
    code: int | None = None
    """SMTP reply code, where there was one."""
    private: NotificationPrivate | None = None


class NotificationSuppressedData(Fact):
    """A notification is not sent, or not tried again: what it would have said no longer holds."""

    kind: NotificationKind
    channel: Literal["email"]
    """How it would have gone."""
    template: Template
    reason: Literal["breach_retracted"]
    """`breach_retracted`: the breach that it told of does not hold."""
    private: NotificationPrivate | None = None


class TicketCreated(Envelope[TicketCreatedData]):
    """Said by intake."""

    TOPIC: ClassVar[Topic] = Topic.TICKETS
    type: Literal["careline.ticket.created.v1"] = "careline.ticket.created.v1"


class TicketStatusChanged(Envelope[TicketStatusChangedData]):
    """Said by messaging."""

    TOPIC: ClassVar[Topic] = Topic.TICKETS
    type: Literal["careline.ticket.status_changed.v1"] = "careline.ticket.status_changed.v1"


class TicketPriorityChanged(Envelope[TicketPriorityChangedData]):
    """Said by messaging."""

    TOPIC: ClassVar[Topic] = Topic.TICKETS
    type: Literal["careline.ticket.priority_changed.v1"] = "careline.ticket.priority_changed.v1"


class TicketSlotted(Envelope[TicketSlottedData]):
    """Said by sla."""

    TOPIC: ClassVar[Topic] = Topic.SLA
    type: Literal["careline.ticket.slotted.v1"] = "careline.ticket.slotted.v1"


class MessagePosted(Envelope[MessagePostedData]):
    """Said by messaging."""

    TOPIC: ClassVar[Topic] = Topic.MESSAGES
    type: Literal["careline.message.posted.v1"] = "careline.message.posted.v1"


class PlanChanged(Envelope[PlanChangedData]):
    """Said by sla, whose directory knows the accounts."""

    TOPIC: ClassVar[Topic] = Topic.ACCOUNTS
    type: Literal["careline.account.plan_changed.v1"] = "careline.account.plan_changed.v1"


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


Event = (
    TicketCreated
    | TicketStatusChanged
    | TicketPriorityChanged
    | TicketSlotted
    | DeadlineScheduled
    | DeadlineMoved
    | DeadlinePaused
    | DeadlineResumed
    | DeadlineAtRisk
    | DeadlineMet
    | DeadlineBreached
    | DeadlineCancelled
    | DeadlineBreachRetracted
    | MessagePosted
    | PlanChanged
    | NotificationSent
    | NotificationFailed
    | NotificationSuppressed
)

_ADAPTER: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="type")])

HEADERS: tuple[tuple[str, bytes], ...] = (("content-type", CONTENT_TYPE.encode()),)
"""Kafka headers of every record."""

EVENT_TYPES: tuple[type[Event], ...] = Event.__args__


class UnreadableError(ValueError):
    """A record that is no event of ours: not JSON, or not what its type demands."""


def read(value: bytes | None) -> Event | None:
    """The event in a record's value, or None for a type that this reader doesn't know.

    Raises:
        UnreadableError: with the reason, which names fields but repeats no content.
    """
    if value is None:
        raise UnreadableError("a tombstone: the record has no value")
    try:
        return _ADAPTER.validate_json(value)
    except ValidationError as error:
        problems = error.errors(include_input=False, include_url=False, include_context=False)
        if problems[0]["type"] == "union_tag_invalid":
            # Pydantic's own message repeats what stands there.
            if not _is_typed(value):
                raise UnreadableError("type: must be a string") from None
            return None
        raise UnreadableError("; ".join(map(_describe, problems[:5]))) from None


class _Typed(BaseModel):
    type: str


def _is_typed(value: bytes) -> bool:
    try:
        _Typed.model_validate_json(value)
    except ValidationError:
        return False
    return True


def _describe(problem: ErrorDetails) -> str:
    place = ".".join(str(part) for part in problem["loc"]) or "record"
    return f"{place}: {problem['msg']}"


def write(event: Event) -> bytes:
    """The record's value: structured CloudEvents JSON. Fields without a value are left out."""
    return event.model_dump_json(exclude_none=True).encode()
