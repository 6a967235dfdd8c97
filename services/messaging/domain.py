"""Threads, messages, how tickets stand: pure decisions; the present and ids are arguments."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from shared.envelope import Cause, derive_id
from shared.events import (
    TicketCreated,
    TicketPriorityChanged,
    TicketPriorityChangedData,
    TicketStatus,
    TicketStatusChanged,
    TicketStatusChangedData,
)
from shared.identity import Caller
from shared.messages import (
    Attachment,
    AuthorKind,
    Channel,
    MessagePosted,
    MessagePostedData,
    MessagePostedPrivate,
    Visibility,
)
from shared.plans import Priority

SOURCE = "/services/messaging"

MOST_CHANGES = 1000
"""Changes of a ticket after which customers, and their messages, change it no more."""

CUSTOMERS_STATUSES = (TicketStatus.OPEN, TicketStatus.RESOLVED)
"""What a customer may set their own ticket to."""
REOPENED_BY_MESSAGES = (TicketStatus.PENDING, TicketStatus.RESOLVED)
"""A customer's message is what these wait for, or says that the problem is not solved."""
REOPENED_BY_MAILS = (*REOPENED_BY_MESSAGES, TicketStatus.CLOSED)
"""A mail can't be refused any more once we have taken it, and nobody would hear it."""


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
    """How often its status or priority was set."""
    changed_at: datetime | None = None
    """When that was last; None if never."""


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


@dataclass(frozen=True, slots=True)
class Change:
    """A thread whose ticket was set to something else, and what is said of it."""

    thread: Thread
    event: TicketStatusChanged | TicketPriorityChanged


class KeyReusedError(ValueError):
    """Two different requests came under one idempotency key; the first one stands."""


def open_thread(created: TicketCreated) -> tuple[Thread, Message | None]:
    """The thread of a new ticket, with what was asked as its first message.

    Where the personal part was taken away, the thread stands without words.
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
        last_sequence=1 if private else 0,
        continues=created.data.continues,
        automatic=created.data.automatic,
    )
    if private is None:
        return thread, None
    first = Message(
        id=derive_id(created.id, "message"),
        ticket=ticket,
        sequence=1,
        author_kind=AuthorKind.CUSTOMER,
        author=created.data.requester,
        author_name=private.name,
        visibility=Visibility.PUBLIC,
        channel=created.data.channel,
        text=private.text,
        posted_at=created.time,
        quoted=private.quoted,
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


def may_read(caller: Caller, thread: Thread) -> bool:
    """Our own people read every thread, a customer those of their own account."""
    return caller.is_staff or (caller.account is not None and caller.account == thread.account)


def message_id(*, ticket: UUID, author: str, key: str) -> UUID:
    """The message of this author's idempotency key in this thread."""
    return derive_id(ticket, "message", author, key)


def write(
    thread: Thread, caller: Caller, text: str, visibility: Visibility, *, id_: UUID, now: datetime
) -> tuple[Message, MessagePosted]:
    """The next message of a thread, and what is said of it."""
    message = Message(
        id=id_,
        ticket=thread.ticket,
        sequence=thread.last_sequence + 1,
        author_kind=_kind(caller),
        author=caller.subject,
        author_name=caller.name,
        visibility=visibility,
        channel=Channel.API,
        text=text,
        posted_at=moment(thread, now),
    )
    return message, say_posted(message, thread)


def say_posted(
    message: Message,
    thread: Thread,
    *,
    attachments: tuple[Attachment, ...] = (),
    led_by: UUID | None = None,
) -> MessagePosted:
    """What is said of a message; `led_by` is the event that it comes from, if there is one."""
    data = MessagePostedData(
        message=message.id,
        sequence=message.sequence,
        author_kind=message.author_kind,
        author=message.author,
        visibility=message.visibility,
        channel=message.channel,
        private=MessagePostedPrivate(
            author_name=message.author_name,
            text=message.text,
            quoted=message.quoted,
            attachments=attachments,
        ),
    )
    cause = Cause(
        message.id,
        str(thread.ticket),
        thread.correlation,
        led_by or thread.correlation,
        thread.traceparent,
    )
    return MessagePosted.say(data, cause=cause, source=SOURCE, time=message.posted_at)


def may_set_status(caller: Caller, status: TicketStatus) -> bool:
    """A customer says that their problem is solved, or that it is not; the rest is ours."""
    return caller.is_staff or status in CUSTOMERS_STATUSES


def is_over(thread: Thread, caller: Caller) -> bool:
    """Whether nothing is added to it: closed is final for customers, and we may open it again."""
    return thread.status is TicketStatus.CLOSED and not caller.is_staff


def may_change(caller: Caller, thread: Thread) -> bool:
    """Whether a ticket takes one more change of status; we may always change it.

    A robot that opens again what was resolved, against another one, would go on for ever, and every
    pause of a clock is in each event that follows.
    """
    return caller.is_staff or thread.changes < MOST_CHANGES


def set_status(
    thread: Thread, status: TicketStatus, caller: Caller, *, now: datetime
) -> Change | None:
    """Set a ticket to a status; None if it is in it already."""
    if status is thread.status:
        return None
    at = moment(thread, now)
    changed = replace(thread, status=status, changes=thread.changes + 1, changed_at=at)
    data = TicketStatusChangedData(
        status=status, previous=thread.status, by_kind=_kind(caller), by=caller.subject
    )
    event = TicketStatusChanged.say(data, cause=_change(changed), source=SOURCE, time=at)
    return Change(changed, event)


def set_priority(
    thread: Thread, priority: Priority, caller: Caller, *, now: datetime
) -> Change | None:
    """Set a ticket to a priority; None if it has it already."""
    if priority is thread.priority:
        return None
    at = moment(thread, now)
    changed = replace(thread, priority=priority, changes=thread.changes + 1, changed_at=at)
    data = TicketPriorityChangedData(
        priority=priority, previous=thread.priority, by_kind=_kind(caller), by=caller.subject
    )
    event = TicketPriorityChanged.say(data, cause=_change(changed), source=SOURCE, time=at)
    return Change(changed, event)


def reopen(thread: Thread, posted: MessagePosted) -> Change | None:
    """A customer's public message opens a ticket that waits for them, or was solved, again.

    It does so at the instant of the message, which is also what led to it. A mail also opens what
    was closed.
    """
    data = posted.data
    is_customers = data.author_kind is AuthorKind.CUSTOMER and data.visibility is Visibility.PUBLIC
    by_mail = data.channel is Channel.MAIL
    reopened = REOPENED_BY_MAILS if by_mail else REOPENED_BY_MESSAGES
    if not is_customers or thread.status not in reopened:
        return None
    if thread.changes >= MOST_CHANGES:
        return None
    said = TicketStatusChangedData(
        status=TicketStatus.OPEN,
        previous=thread.status,
        by_kind=data.author_kind,
        by=data.author,
    )
    opened = replace(
        thread, status=TicketStatus.OPEN, changes=thread.changes + 1, changed_at=posted.time
    )
    event = TicketStatusChanged.say(said, cause=posted.as_cause, source=SOURCE, time=posted.time)
    return Change(opened, event)


def moment(thread: Thread, now: datetime) -> datetime:
    """The present, but behind the last change: readers put what happened in order by its time.

    The clocks of two replicas differ, and the lock on a thread alone would not show.
    """
    last = thread.changed_at
    return now if last is None or last < now else last + timedelta(microseconds=1)


def _kind(caller: Caller) -> AuthorKind:
    return AuthorKind.AGENT if caller.is_staff else AuthorKind.CUSTOMER


def _change(changed: Thread) -> Cause:
    """A change has no event that led to it but the ticket's first; its number tells it apart."""
    return Cause(
        derive_id(changed.ticket, "change", str(changed.changes)),
        str(changed.ticket),
        changed.correlation,
        changed.correlation,
        changed.traceparent,
    )
