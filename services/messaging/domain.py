"""Threads and messages: pure decisions; the present and fresh ids are arguments."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import assert_never
from uuid import UUID

from shared.envelope import Cause, derive_id
from shared.events import (
    AuthorKind,
    Channel,
    DeadlineAtRisk,
    DeadlineBreached,
    DeadlineMet,
    DeadlineScheduled,
    MessagePosted,
    MessagePostedData,
    MessagePostedPrivate,
    TicketCreated,
    Visibility,
)
from shared.identity import Caller
from shared.plans import Clock, Priority

SOURCE = "/services/messaging"


class ClockState(StrEnum):
    """How a clock is shown in its thread."""

    RUNNING = "running"
    AT_RISK = "at_risk"
    MET = "met"
    BREACHED = "breached"


@dataclass(frozen=True, slots=True)
class Thread:
    """The one conversation of a ticket."""

    ticket: UUID
    account: str
    requester: str
    requester_name: str | None
    subject: str | None
    channel: Channel
    priority: Priority
    opened_at: datetime
    correlation: UUID
    traceparent: str | None
    fingerprint: str | None
    last_sequence: int


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
    text: str
    posted_at: datetime


@dataclass(frozen=True, slots=True)
class ClockView:
    """What is known of one clock of a ticket."""

    clock: Clock
    cycle: int
    state: ClockState
    due_at: datetime
    changed_at: datetime


ClockEvent = DeadlineScheduled | DeadlineAtRisk | DeadlineMet | DeadlineBreached


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
        priority=created.data.priority,
        opened_at=created.time,
        correlation=created.correlationid,
        traceparent=created.traceparent,
        fingerprint=private.fingerprint if private else None,
        last_sequence=1 if private else 0,
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
        text=private.text,
        posted_at=created.time,
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
        author_kind=AuthorKind.AGENT if caller.is_staff else AuthorKind.CUSTOMER,
        author=caller.subject,
        author_name=caller.name,
        visibility=visibility,
        text=text,
        posted_at=now,
    )
    return message, _posted(message, thread)


def _posted(message: Message, thread: Thread) -> MessagePosted:
    data = MessagePostedData(
        message=message.id,
        sequence=message.sequence,
        author_kind=message.author_kind,
        author=message.author,
        visibility=message.visibility,
        private=MessagePostedPrivate(author_name=message.author_name, text=message.text),
    )
    cause = Cause(
        message.id,
        str(thread.ticket),
        thread.correlation,
        thread.correlation,
        thread.traceparent,
    )
    return MessagePosted.say(data, cause=cause, source=SOURCE, time=message.posted_at)


def clock_state(event: ClockEvent) -> ClockState:
    """How a clock stands after an event."""
    match event:
        case DeadlineScheduled():
            return ClockState.RUNNING
        case DeadlineAtRisk():
            return ClockState.AT_RISK
        case DeadlineMet():
            return ClockState.MET
        case DeadlineBreached():
            return ClockState.BREACHED
        case _:
            assert_never(event)
