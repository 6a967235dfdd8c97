"""What is written into a thread, and what is said of it: pure decisions."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from uuid import UUID

from services.messaging.domain import SOURCE, Actor, Message, Thread, moment
from shared.attached import describe, parts_of, safe_name, safe_type
from shared.envelope import Cause, derive_id
from shared.forms import SentFile
from shared.messages import (
    Attachment,
    AttachmentReceived,
    AuthorKind,
    Channel,
    MessagePosted,
    MessagePostedData,
    MessagePostedPrivate,
    Visibility,
)


def message_id(*, ticket: UUID, author: str, key: str) -> UUID:
    """The message of this author's idempotency key in this thread."""
    return derive_id(ticket, "message", author, key)


def write(  # noqa: PLR0913 - what a message is made of
    thread: Thread,
    author: Actor,
    text: str,
    visibility: Visibility,
    *,
    id_: UUID,
    now: datetime,
    channel: Channel = Channel.API,
    asks_for_plan: str | None = None,
    came_to: UUID | None = None,
) -> Message:
    """The next message of a thread; `came_to` is the ticket that has gone into it, if it is one."""
    return Message(
        id=id_,
        ticket=thread.ticket,
        sequence=thread.last_sequence + 1,
        author_kind=author.kind,
        author=author.id,
        author_name=author.name,
        visibility=visibility,
        channel=channel,
        text=text,
        posted_at=moment(thread, now),
        asks_for_plan=asks_for_plan,
        came_to=None if came_to == thread.ticket else came_to,
    )


def note(thread: Thread, author: Actor, text: str, *, about: str, now: datetime) -> Message:
    """A note that the desk itself writes when somebody does something.

    Args:
        thread: Where it is written.
        author: Who did it.
        text: What they did.
        about: Tells this note from others in the thread.
        now: The present.
    """
    return write(
        thread,
        Actor(AuthorKind.SYSTEM, author.id, author.name),
        text,
        Visibility.NOTE,
        id_=derive_id(thread.ticket, "note", about),
        now=now,
    )


def whose(message: Message, thread: Thread) -> str:
    """Pseudonym or id of whose personal data a message is: what customers send is their own.

    What we write is written to whoever asked; so are the notes of the desk. A thread may hold what
    somebody else wrote, too: their ticket was merged into it.
    """
    match message.author_kind, message.visibility:
        case (AuthorKind.CUSTOMER, _) | (AuthorKind.SYSTEM, Visibility.PUBLIC):
            return message.author
        case _:
            return thread.requester


def say_posted(
    message: Message,
    thread: Thread,
    *,
    attachments: Sequence[Attachment] = (),
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
        asks_for_plan=message.asks_for_plan,
        came_to=message.came_to,
        private=MessagePostedPrivate(
            person=whose(message, thread),
            author_name=message.author_name,
            text=message.text,
            quoted=message.quoted,
            attachments=tuple(attachments),
        ),
    )
    return MessagePosted.say(
        data,
        cause=cause_of(message, thread, led_by=led_by),
        source=SOURCE,
        time=message.posted_at,
    )


def attach(message: Message, files: Sequence[SentFile]) -> tuple[Attachment, ...]:
    """What is said of the files that come with a message, in their order."""
    return tuple(
        describe(
            message.id,
            place,
            name=safe_name(file.name) or f"file-{place + 1}",
            kind=safe_type(file.content_type),
            content=file.content,
        )
        for place, file in enumerate(files)
    )


def say_parts(
    message: Message, thread: Thread, attachment: Attachment, content: bytes
) -> Iterator[AttachmentReceived]:
    """What is said of a file's content, piece by piece."""
    cause = cause_of(message, thread)
    person = whose(message, thread)
    for part, data in parts_of(attachment.id, content, message=message.id, person=person):
        yield AttachmentReceived.say(
            data, cause=cause, source=SOURCE, time=message.posted_at, part=part
        )


def cause_of(message: Message, thread: Thread, *, led_by: UUID | None = None) -> Cause:
    """A message as what leads to events."""
    return Cause(
        message.id,
        str(thread.ticket),
        thread.correlation,
        led_by or thread.correlation,
        thread.traceparent,
    )
