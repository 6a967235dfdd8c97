"""Writing into a thread, and reading it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from pydantic import TypeAdapter, ValidationError

from services.messaging import access, changes, conversations, domain, store, writing
from services.messaging.doing import refusing
from services.messaging.domain import Message, Thread
from services.messaging.visitors import Visitor
from shared import web
from shared.database import Connection
from shared.forms import SentFile
from shared.messages import AuthorKind, Channel, Visibility
from shared.problems import Problem

log = structlog.get_logger(__name__)

MOST_BYTES = 100 * 1024 * 1024
"""Of customers' files in a ticket in an hour: anybody can ask something, and then has a link."""
HOUR = timedelta(hours=1)

_TEXT: TypeAdapter[str] = TypeAdapter(web.StorableText)


@dataclass(frozen=True, slots=True)
class Words:
    """What somebody writes."""

    text: str
    """May be empty if files come with it."""
    visibility: Visibility = Visibility.PUBLIC
    channel: Channel = Channel.API
    asks_for_plan: str | None = None
    """The plan that a customer asks to be put on."""


async def post(
    connection: Connection,
    visitor: Visitor,
    ticket: UUID,
    words: Words,
    *,
    key: str,
    now: datetime,
    files: Sequence[SentFile] = (),
) -> Message:
    """Write into a thread, or into the one that it has gone into.

    Args:
        connection: In a transaction of this visitor.
        visitor: Who writes.
        ticket: Where.
        words: What.
        key: The client's own id of the message: the same key is the same message.
        now: The present.
        files: What comes with it.

    Returns:
        The message, also if it was there already.

    Raises:
        Problem: 404 for no thread of theirs, 403 for what is not theirs to write, 409 for a closed
            ticket, 422 for what can't be written, or for another text under the same key, 429 for
            more files than a ticket takes in an hour.
    """
    _refuse_words(visitor, words, files)
    locked = await store.lock_threads(connection, [ticket])
    thread = access.allowed(visitor, locked.get(ticket))
    by = domain.actor(visitor, thread)
    id_ = writing.message_id(ticket=ticket, author=by.id, key=key)
    if known := await store.read_message(connection, id_):
        _refuse_other_words(known, words)
        return known
    thread = _goes_on(locked, thread)
    refusing.if_over(thread, by)
    if files and by.kind is AuthorKind.CUSTOMER:
        await _refuse_heaps(connection, thread, files, now)
    message = writing.write(
        thread,
        by,
        words.text,
        words.visibility,
        id_=id_,
        now=now,
        channel=words.channel,
        asks_for_plan=words.asks_for_plan,
        came_to=ticket,
    )
    attached = writing.attach(message, files)
    posted = writing.say_posted(message, thread, attachments=attached)
    await conversations.add(connection, thread, message, posted)
    contents = [(each, file.content) for each, file in zip(attached, files, strict=True)]
    await conversations.add_files(connection, thread, message, contents)
    log.info("message_kept", ticket=str(thread.ticket), correlation=str(thread.correlation))
    return message


async def mark_read(
    connection: Connection, visitor: Visitor, ticket: UUID, sequence: int, *, now: datetime
) -> None:
    """Keep how far a visitor has read a thread; never back.

    Raises:
        Problem: 404 for no thread of theirs.
    """
    access.allowed(visitor, await store.read_thread(connection, ticket))
    await store.mark_read(connection, ticket, visitor.reader, sequence, now=now)


async def _refuse_heaps(
    connection: Connection, thread: Thread, files: Sequence[SentFile], now: datetime
) -> None:
    before = await store.count_bytes_lately(connection, thread.ticket, now - HOUR)
    if before + sum(len(file.content) for file in files) > MOST_BYTES:
        detail = "Too many files came into this ticket within an hour. Please send them later."
        raise Problem(429, "Too many requests", detail, headers={"Retry-After": "600"})


def _goes_on(locked: dict[UUID, Thread], thread: Thread) -> Thread:
    """The thread that what is written for this one goes into."""
    if thread.merged_into is None:
        return thread
    into = locked.get(thread.merged_into)
    if into is None:
        detail = (
            "This ticket was merged into another one of your organisation, which you can't see."
            " Please answer by mail, or write a new request."
        )
        raise Problem(409, "Merged", detail)
    return into


def _refuse_words(visitor: Visitor, words: Words, files: Sequence[SentFile]) -> None:
    if words.visibility is Visibility.NOTE and not visitor.is_staff:
        raise Problem(403, "Forbidden", "Notes are written by agents.")
    if words.asks_for_plan is not None:
        if visitor.is_staff or words.visibility is Visibility.NOTE:
            raise Problem(403, "Forbidden", "It is customers who ask for a plan.")
        if not changes.is_plan(words.asks_for_plan):
            raise refusing.invalid("/asks_for_plan", "This is no id of a plan.")
    if words.text or not files:
        try:
            _TEXT.validate_python(words.text)
        except ValidationError as error:
            said = error.errors(include_input=False, include_url=False)[0]["msg"]
            raise refusing.invalid("/text", said.removeprefix("Value error, ")) from None


def _refuse_other_words(known: Message, words: Words) -> None:
    first = (known.text, known.visibility, known.asks_for_plan)
    if first != (words.text, words.visibility, words.asks_for_plan):
        detail = "This Idempotency-Key belongs to another message."
        raise Problem(422, "Invalid request", detail)
