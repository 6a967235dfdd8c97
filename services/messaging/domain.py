"""Threads and messages: pure decisions; the present and ids are arguments.

What is written into a thread is decided in `writing`, how it is set in `changes`, and what becomes
of two that are about the same in `merging`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from services.messaging.visitors import Visitor
from shared.envelope import Cause, derive_id
from shared.events import TicketCreated, TicketStatus
from shared.messages import AuthorKind, Channel, Visibility
from shared.plans import Priority

SOURCE = "/services/messaging"


@dataclass(frozen=True, slots=True)
class Thread:
    """The one conversation of a ticket."""

    ticket: UUID
    account: str
    requester: str
    requester_name: str | None
    subject: str | None
    channel: Channel
    queue: str
    priority: Priority
    opened_at: datetime
    correlation: UUID
    traceparent: str | None
    fingerprint: str | None
    last_sequence: int
    continues: UUID | None = None
    """An older ticket that it answers."""
    automatic: bool = False
    """A machine opened it."""
    status: TicketStatus = TicketStatus.OPEN
    changes: int = 0
    """How often anything about it was set: status, priority, whose it is, tags, merges."""
    changed_at: datetime | None = None
    """When that was last; None if never."""
    address: str | None = None
    """The requester's, for agents."""
    account_verified: bool = False
    """Whether it was proved that the requester belongs to the account."""
    locale: str = "en"
    """BCP 47."""
    time_zone: str = "UTC"
    """IANA name."""
    assignee: str | None = None
    """The agent whose it is; None while it waits for whoever takes it."""
    assignee_name: str | None = None
    tags: tuple[str, ...] = ()
    """In order of the alphabet."""
    merged_into: UUID | None = None
    """The ticket that goes on in its place."""
    asked_plan: str | None = None
    """The plan that the customer asked for last, until an agent has dealt with it."""
    revision: int = 1
    """Counts everything that a page shows of it."""
    urgency: int = 3
    """0 breached, 1 at risk, 2 a clock runs, 3 nothing runs: then those stand first who wait."""
    next_due_at: datetime | None = None
    """Of the clock that is due next, or was due first."""
    waiting_since: datetime | None = None
    """When the customer wrote what nobody has answered yet, whether a clock runs for it or not."""
    last_message_at: datetime | None = None
    closed_by: AuthorKind | None = None
    """Who closed it; None while it is not closed."""
    erased_at: datetime | None = None
    """When all that told of its requester was taken away."""


@dataclass(frozen=True, slots=True)
class Message:
    """What somebody wrote."""

    id: UUID
    ticket: UUID
    sequence: int
    """The place in the thread, from 1, without gaps."""
    author_kind: AuthorKind
    author: str
    author_name: str | None
    visibility: Visibility
    channel: Channel
    """How it came in."""
    text: str
    posted_at: datetime
    quoted: str | None = None
    """What a mail repeated of earlier ones below its own words."""
    asks_for_plan: str | None = None
    """The plan that its author asks to be put on."""
    came_to: UUID | None = None
    """The ticket that its author wrote to, where that had gone into this one."""
    erased_at: datetime | None = None
    """When its words were taken away, on behalf of whose they were."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something to a thread, as it is said on the stream."""

    kind: AuthorKind
    id: str
    """The subject of their sign-in, or the requester's pseudonym."""
    name: str | None = None


class KeyReusedError(ValueError):
    """Two different requests came under one idempotency key; the first one stands."""


def open_thread(created: TicketCreated) -> tuple[Thread, Message]:
    """The thread of a new ticket, with what was asked as its first message.

    Where the personal part was taken away, both stand without words: whatever was written since
    keeps its place.
    """
    private, ticket = created.data.private, UUID(created.subject)
    thread = Thread(
        ticket=ticket,
        account=created.data.account,
        requester=created.data.requester,
        requester_name=private.name if private else None,
        subject=private.subject if private else None,
        channel=created.data.channel,
        queue=created.data.queue,
        priority=created.data.priority,
        opened_at=created.time,
        correlation=created.correlationid,
        traceparent=created.traceparent,
        fingerprint=private.fingerprint if private else None,
        last_sequence=1,
        continues=created.data.continues,
        automatic=created.data.automatic,
        address=private.address if private else None,
        account_verified=created.data.account_verified,
        locale=created.data.locale,
        time_zone=created.data.time_zone,
        last_message_at=created.time,
    )
    first = Message(
        id=derive_id(created.id, "message"),
        ticket=ticket,
        sequence=1,
        author_kind=AuthorKind.CUSTOMER,
        author=created.data.requester,
        author_name=private.name if private else None,
        visibility=Visibility.PUBLIC,
        channel=created.data.channel,
        text=private.text if private else "",
        posted_at=created.time,
        quoted=private.quoted if private else None,
    )
    return thread, first


def refuse_reused_key(created: TicketCreated, fingerprint: str | None) -> None:
    """Tell a repeat, which is harmless, from another request under the key of an older one.

    Raises:
        KeyReusedError: so that it becomes a dead letter instead of being lost without a word.
    """
    private = created.data.private
    if private and fingerprint and private.fingerprint != fingerprint:
        raise KeyReusedError(created.subject)


def may_read(visitor: Visitor, thread: Thread) -> bool:
    """Whose thread it is: ours all of them, a customer's by account, address or link.

    Anybody can name an account in an open form; whoever belongs to it would read a stranger's words
    as a colleague's, and answer them. So an account's are those of which that was proved.
    """
    return (
        visitor.is_staff
        or (thread.account_verified and _is_of(visitor, thread))
        or (visitor.requester is not None and visitor.requester == thread.requester)
        or thread.ticket in visitor.tickets
    )


def may_know_account(visitor: Visitor, thread: Thread) -> bool:
    """Whether they may be told of the thread's account, such as its plan.

    Anybody can name an account when they ask; that makes it neither theirs nor their business.
    """
    return visitor.is_staff or thread.account_verified or _is_of(visitor, thread)


def _is_of(visitor: Visitor, thread: Thread) -> bool:
    """Whether they belong to the account that the thread names."""
    return visitor.caller.account is not None and visitor.caller.account == thread.account


def actor(visitor: Visitor, thread: Thread) -> Actor:
    """A visitor, in this thread: whoever has only a link is held to be who asked."""
    if visitor.is_staff:
        return Actor(AuthorKind.AGENT, visitor.caller.subject, visitor.caller.name)
    if visitor.is_signed_in:
        return Actor(AuthorKind.CUSTOMER, visitor.caller.subject, visitor.caller.name)
    return Actor(AuthorKind.CUSTOMER, thread.requester, thread.requester_name)


def moment(thread: Thread, now: datetime) -> datetime:
    """The present, but behind the last change: readers put what happened in order by its time.

    The clocks of two replicas differ, and the lock on a thread alone would not show.
    """
    last = thread.changed_at
    return now if last is None or last < now else last + timedelta(microseconds=1)


def cause_of_change(changed: Thread) -> Cause:
    """A change has no event that led to it but the ticket's first; its number tells it apart."""
    return Cause(
        derive_id(changed.ticket, "change", str(changed.changes)),
        str(changed.ticket),
        changed.correlation,
        changed.correlation,
        changed.traceparent,
    )
