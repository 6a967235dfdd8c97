"""Every event of the stream: who says it and what it means.

Types only ever gain optional fields; anything else is a new `.v2` type. Personal data stands in
`data.private` alone, so that a reader who must not see it drops one field.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from shared.adopted import CatalogueAdopted, CatalogueMoved
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
from shared.envelope import CONTENT_TYPE, Envelope, Fact, Instant, Private, Topic
from shared.handling import (
    ChangeNumber,
    LinksRevoked,
    PlanChangeDeclined,
    PlanChangeRequested,
    PlanWishDismissed,
    TicketAssigned,
    TicketMerged,
    TicketTagsChanged,
    TicketUnmerged,
)
from shared.links import Link
from shared.messages import (
    Attachment,
    AttachmentReceived,
    AuthorKind,
    Channel,
    MailBounced,
    MessagePosted,
    MessageReceived,
)
from shared.notifications import NotificationFailed, NotificationSent, NotificationSuppressed
from shared.plans import Clock, Priority
from shared.privacy import ErasureRequested, KeyMade, PersonErased
from shared.sealing import NO_KEYS, PersonKey, SealError, unseal


class TicketStatus(StrEnum):
    """Where a ticket stands."""

    OPEN = "open"
    """It is our turn."""
    PENDING = "pending"
    """It is the customer's turn."""
    ON_HOLD = "on_hold"
    """It waits for somebody else."""
    RESOLVED = "resolved"
    """Dealt with; a message of the customer opens it again."""
    CLOSED = "closed"
    """Over for good."""


Due = Annotated[Instant, Field(description="The last instant that is in time.")]


class TicketCreatedPrivate(Private):
    """The personal part of a new ticket."""

    name: str | None = None
    """The requester's name, as they gave it."""
    address: str
    """The requester's e-mail address."""
    subject: str
    """What it is about, in one line."""
    text: str
    """What was asked, as it was written."""
    quoted: str | None = None
    """What a mail repeated of earlier ones below its own words, or forwarded."""
    message_id: str | None = None
    """The Message-ID of the mail that it came as, with its angle brackets."""
    attachments: tuple[Attachment, ...] = ()
    """Files that came with it."""
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
    queue: str = "support"
    """Which team's it is: named by its sender, or by the address that a mail went to."""
    automatic: bool = False
    """Written by a machine: it is never acknowledged, since that would answer the machine."""
    continues: UUID | None = None
    """An older ticket that it refers to. Nothing proves that, nor that there is such a ticket."""
    locale: str
    """The language that they are written to, by BCP 47, for example `en` or `de-AT`."""
    time_zone: str
    """IANA name of the zone that the requester lives by, for example `Europe/Berlin`."""
    link: Link | None = None
    """Opens the ticket for who asked on the web without signing in."""
    private: TicketCreatedPrivate | None = None


class TicketStatusChangedData(Fact):
    """A ticket was set to another status."""

    change: ChangeNumber
    status: TicketStatus
    previous: TicketStatus
    """What it was before."""
    by_kind: AuthorKind
    """Whether an agent, the customer or the desk itself did it."""
    by: str
    """Id of who did it: the subject of their token."""


class TicketPriorityChangedData(Fact):
    """A ticket was set to another priority."""

    change: ChangeNumber
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
    plan_change: UUID | None = None
    """Which change had put the account onto that plan; none if it was in no directory."""
    opened_by: AuthorKind = AuthorKind.CUSTOMER
    """Who opened the ticket: if an agent did so, no first response is owed."""


class PlanEntry(Fact):
    """One change of an account's plan, as the directory has it."""

    change: UUID
    """Which change it is."""
    plan: PlanId
    previous: str | None = None
    """The plan that it was on before; none if it was in no directory."""
    since: Instant
    """From when the plan counts; it may lie in the past or the future."""
    changed_by: str
    """Subject of who changed it."""
    changed: Instant
    """When it was entered."""
    request: UUID | None = None
    """Id of the `PlanChangeRequested` that led to it, if an agent asked for it."""


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
    change: UUID | None = None
    """Which change it is."""
    plans: Annotated[
        tuple[PlanEntry, ...] | None,
        Field(
            description=(
                "All changes of the account's plan, this one included, in order of `since`, then"
                " of `changed`: at any time the last one that has begun counts. At most 100, those"
                " that begin last. Of an account's records the topic may keep the last one alone:"
                " with this it is enough. None if more of the account was said at the same moment."
            )
        ),
    ] = None
    plans_left_out: int = 0
    """How many changes that begin earlier there are beside those."""
    answered: Annotated[
        tuple[UUID, ...],
        Field(
            description=(
                "Ids of `PlanChangeRequested` that asked for a plan which the account was on"
                " already: at most 20, the last ones. They are answered by saying once more what"
                " was said of that plan."
            )
        ),
    ] = ()


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


class PlanChanged(Envelope[PlanChangedData]):
    """Said by sla, whose directory knows the accounts."""

    TOPIC: ClassVar[Topic] = Topic.ACCOUNTS
    type: Literal["careline.account.plan_changed.v1"] = "careline.account.plan_changed.v1"


Event = (
    TicketCreated
    | TicketStatusChanged
    | TicketPriorityChanged
    | TicketAssigned
    | TicketTagsChanged
    | TicketMerged
    | TicketUnmerged
    | PlanChangeRequested
    | PlanChangeDeclined
    | PlanWishDismissed
    | LinksRevoked
    | TicketSlotted
    | CatalogueMoved
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
    | MessageReceived
    | AttachmentReceived
    | MailBounced
    | PlanChanged
    | CatalogueAdopted
    | NotificationSent
    | NotificationFailed
    | NotificationSuppressed
    | KeyMade
    | ErasureRequested
    | PersonErased
)

_ADAPTER: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="type")])

HEADERS: tuple[tuple[str, bytes], ...] = (("content-type", CONTENT_TYPE.encode()),)
"""Kafka headers of every record."""

EVENT_TYPES: tuple[type[Event], ...] = Event.__args__


class UnreadableError(ValueError):
    """A record that is no event of ours: not JSON, or not what its type demands."""


def read(value: bytes | None, keys: Mapping[UUID, PersonKey] = NO_KEYS) -> Event | None:
    """The event in a record's value, or None for a type that this reader doesn't know.

    Args:
        value: The record's value.
        keys: What sealed personal parts are opened with. Without its key an event has none.

    Raises:
        UnreadableError: with the reason, which names fields but repeats no content.
    """
    if value is None:
        raise UnreadableError("a tombstone: the record has no value")
    try:
        return _ADAPTER.validate_json(unseal(value, keys))
    except SealError as error:
        raise UnreadableError(str(error)) from None
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
    """Structured CloudEvents JSON, its personal part open: seal it before it goes on the stream.

    Fields without a value are left out.
    """
    return event.model_dump_json(exclude_none=True).encode()
