"""Mails into their threads, and files to their messages, in whatever order they are heard."""

import hashlib
from base64 import b64decode
from collections import defaultdict
from collections.abc import Collection, Sequence
from uuid import UUID

import structlog

from services.messaging import conversations, mails, store
from services.messaging.domain import Thread
from services.messaging.files import File, FileState
from shared.database import Connection
from shared.faults import is_passing
from shared.messages import Attachment, AttachmentReceived, MessageReceived

log = structlog.get_logger(__name__)


async def put_in(
    connection: Connection, received: Sequence[MessageReceived], opened: Collection[UUID]
) -> None:
    """Put mails at the end of their threads, each once; those without a thread wait for it.

    Args:
        connection: In a transaction that nobody else puts mails into the same threads in.
        received: The mails, in the order in which they were heard.
        opened: Tickets whose threads may just have been opened.

    Raises:
        StrangerError, MessageElsewhereError, MailReusedError, TooLargeError: it becomes a dead
            letter.
    """
    heard: dict[UUID, list[MessageReceived]] = defaultdict(list)
    for mail in received:
        heard[UUID(mail.subject)].append(mail)
    awaited = await store.list_awaited(connection, {*opened, *heard})
    wanted = awaited | heard.keys()
    # All at once: whoever else locks several threads never waits for us in a circle.
    locked = await store.lock_threads(connection, wanted)
    for ticket in sorted(wanted):
        if ticket not in locked:
            await _let_wait(connection, heard[ticket])
        else:
            await _put_into(connection, locked, ticket, heard[ticket])


async def keep_attachments(
    connection: Connection, ticket: UUID, message: UUID, attachments: Sequence[Attachment]
) -> None:
    """Keep which files came with a message; their parts may be here already."""
    if attachments:
        await store.add_attachments(connection, ticket, message, attachments)
        await _settle(connection, {attachment.id for attachment in attachments})


async def keep_parts(connection: Connection, received: Sequence[AttachmentReceived]) -> None:
    """Keep parts of files; their message may still be on its way.

    Raises:
        ValueError: for what is no base 64; it becomes a dead letter.
    """
    parts = [
        store.Part(
            event.data.attachment,
            event.data.part,
            event.data.parts,
            b64decode(event.data.private.content, validate=True),
            event.time,
            event.data.private.person,
        )
        for event in received
        if event.data.private is not None
    ]
    await store.add_parts(connection, parts)
    await _settle(connection, {part.attachment for part in parts})


async def _let_wait(connection: Connection, received: Sequence[MessageReceived]) -> None:
    await store.add_waiting(connection, received)
    kept = await store.list_waiting(connection, [mail.data.message for mail in received])
    for mail in received:
        first = kept[mail.data.message].data.private
        mails.refuse_other_words(first.text if first else None, mail)
        log.info("mail_waits", ticket=mail.subject, message=str(mail.data.message))


async def _put_into(
    connection: Connection,
    locked: dict[UUID, Thread],
    ticket: UUID,
    received: Sequence[MessageReceived],
) -> None:
    while mail := await store.read_waiting(connection, ticket):
        await _end_waiting(connection, locked, mail)
    for mail in received:
        await _append(connection, locked, mail)


async def _end_waiting(
    connection: Connection, locked: dict[UUID, Thread], mail: MessageReceived
) -> None:
    """Put in a mail that has waited. If it is at fault, the ticket that is heard of now is not."""
    try:
        async with connection.transaction():
            await _append(connection, locked, mail)
            await store.end_waiting(connection, mail.data.message)
    except Exception as error:
        if is_passing(error):
            raise
        await store.refuse_waiting(connection, mail.data.message)
        told = {"ticket": mail.subject, "message": str(mail.data.message)}
        log.error("mail_refused", **told, error=type(error).__name__)  # noqa: TRY400 - a text may be a customer's


async def _append(
    connection: Connection, locked: dict[UUID, Thread], received: MessageReceived
) -> None:
    """Put a mail at the end of its thread, or of the one that this has gone into."""
    answered = locked[UUID(received.subject)]
    thread = locked[answered.merged_into] if answered.merged_into else answered
    id_, private = received.data.message, received.data.private
    told = {"ticket": received.subject, "message": str(id_), "correlation": str(thread.correlation)}
    mails.refuse_stranger(received, answered)
    if private is None:
        log.warning("mail_without_words", **told)
        return
    if known := await store.read_message(connection, id_):
        mails.refuse_elsewhere(known, answered)
        mails.refuse_other_words(known.text, received)
        return
    message, posted = mails.write(thread, received, private)
    locked[thread.ticket] = await conversations.add(connection, thread, message, posted)
    await keep_attachments(connection, thread.ticket, id_, private.attachments)
    log.info("mail_kept", **told)


async def _settle(connection: Connection, ids: Collection[UUID]) -> None:
    """Say of files whose parts are all here whether they are what was sent."""
    for file in await store.list_arrived(connection, ids):
        whole = await _is_whole(connection, file)
        state = FileState.COMPLETE if whole else FileState.BROKEN
        await store.set_state(connection, file.id, state)
        told = {"ticket": str(file.ticket), "attachment": str(file.id)}
        if whole:
            log.info("attachment_kept", **told)
        else:
            log.error("attachment_broken", **told)


async def _is_whole(connection: Connection, file: File) -> bool:
    found, size = hashlib.sha256(), 0
    async for content in store.read_parts(connection, file.id):
        found.update(content)
        size += len(content)
    return (found.hexdigest(), size) == (file.sha256.lower(), file.size_bytes)
