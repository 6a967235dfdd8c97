"""Deliveries, what they are about, and what the other side answers: types only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from shared.links import MadeLink
from shared.messages import AuthorKind
from shared.notifications import NotificationChannel
from shared.plans import Clock, Priority

MAIL_LANE = "email"
"""The lane of everything that goes through the mail server."""


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
    ASSIGNMENT = "assignment"
    DIGEST = "digest"


TO_CUSTOMERS = (DeliveryKind.ACKNOWLEDGEMENT, DeliveryKind.REPLY)
"""What requesters get; all else is for people of ours."""
ALERTS = (DeliveryKind.AT_RISK_ALERT, DeliveryKind.BREACH_ALERT, DeliveryKind.BREACH_RETRACTION)
"""What goes to people of ours, and may go in a digest."""


class DigestReason(StrEnum):
    """Why a digest was not sent, beside what its last alert was held back for."""

    NOTHING_LEFT = "nothing_left"
    """None of what it was to carry holds any more."""


class RebuiltReason(StrEnum):
    """Why a new database sends something no more, of which nothing is said."""

    REBUILT = "rebuilt"
    """Nobody knows any more what became of it, and it is too old to be sent on the chance."""


class HalfHeard(StrEnum):
    """What a rebuild has heard of a delivery, as long as it is not all."""

    CAUSE = "cause"
    """What led to it; perhaps it went out."""
    OUTCOME = "outcome"
    """What became of it; what led to it may be on the stream no longer."""


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
    priority: Priority | None = None

    @property
    def is_known(self) -> bool:
        """Whether it was heard of itself: until then its queue and priority are anyone's guess."""
        return self.requester is not None


@dataclass(frozen=True, slots=True)
class File:
    """A file that came with a message, of which a mail tells only that it is there."""

    name: str
    size_bytes: int


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
    files: tuple[File, ...] = ()


@dataclass(frozen=True, slots=True)
class NextDue:
    """What is due next of a ticket."""

    clock: Clock
    plan: str
    """By which it is promised."""
    due_at: datetime


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
    """An e-mail address, or the name of a destination; empty once it was forgotten."""
    person: str
    """Pseudonym of the requester that it goes to; `STAFF` where it goes to people of ours."""
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
    held: bool = False
    """An alert that storm control has yet to let go, once its time has come: no sender takes it."""
    admitted_at: datetime | None = None
    """When storm control let it go by itself; of a digest, when it was opened."""
    digest: UUID | None = None
    """The delivery that carries it, with others, as one: no sender takes it by itself."""
    withdrawn_by: UUID | None = None
    """The event by which what it says no longer holds: it is not tried any more."""
    withdrawn_during: int | None = None
    """Of what a digest carries: which try of the digest was under way then, and had it still."""
    reason: str | None = None
    """Why it failed or was suppressed; of one that was withdrawn, why it will be."""
    code: int | None = None
    """What the other side answered last: an SMTP reply code or HTTP status."""
    detail: str | None = None
    """The same in its words."""
    bounced_at: datetime | None = None
    """When it came back after it had been taken."""
    round: int = 0
    """How often somebody had it sent again: each time ends with an event of its own."""
    again_at: datetime | None = None
    """When they last did."""
    again_by: str | None = None
    """Who did: the subject of their token."""
    tried_before: int = 0
    """Tries up to then: pauses grow from there anew."""
    first_tried_at: datetime | None = None
    """When the first try of this round began."""
    messages: tuple[UUID, ...] = ()
    """Of a reply: the messages that it carries, the earliest first."""
    half_heard: HalfHeard | None = None
    """In a rebuild, what was heard of it so far; None otherwise."""

    @property
    def counts_from(self) -> datetime:
        """Since when it is to go out: what it takes counts from here."""
        return self.again_at or self.caused_at

    @property
    def tried_since(self) -> datetime:
        """When it is given up counts from here: what waited over a weekend was not tried then."""
        return self.first_tried_at or self.counts_from


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
    next_due: NextDue | None = None
    """Of an assignment: what is due next, if that is known."""


@dataclass(frozen=True, slots=True)
class Content:
    """What is handed over: as it goes over the line, and as operators are shown it."""

    body: bytes
    media_type: str
    """`message/rfc822` or `application/json`."""
    link: MadeLink | None = None
    """In a mail to a customer: what opens their ticket. Operators are shown the rest."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The other side took it."""

    code: int | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """The other side said no."""

    code: int | None
    """None where it is we who refuse to ask."""
    detail: str
    for_good: bool
    """Whether trying again is in vain: SMTP's 5yz, HTTP's 410 and the like."""
    retry_after: timedelta | None = None
    """When it asked to be tried again, if it did."""


@dataclass(frozen=True, slots=True)
class Lost:
    """There was no answer; `after_data` if it may have been taken all the same."""

    after_data: bool
    detail: str | None = field(default=None, compare=False)
    """What is known of why, for operators."""


Answer = Accepted | Refused | Lost
