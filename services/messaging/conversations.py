"""What is kept of a thread that is locked, with what is said of it in the same transaction."""

from collections.abc import Sequence
from dataclasses import replace

import structlog

from services.messaging import changes, store, writing
from services.messaging.changes import Change
from services.messaging.domain import Message, Thread
from services.messaging.files import FileState
from shared import outbox
from shared.attached import pieces
from shared.database import Connection
from shared.events import TicketStatusChanged
from shared.messages import Attachment, MessagePosted

log = structlog.get_logger(__name__)


async def add(
    connection: Connection, thread: Thread, message: Message, posted: MessagePosted
) -> Thread:
    """Keep the next message of a thread; a customer's may open the ticket again.

    Returns:
        The thread as it stands then.
    """
    await store.append_message(connection, message)
    longer = replace(thread, last_sequence=message.sequence)
    # First that it is open again, then what somebody wrote into it.
    thread = await keep(connection, longer, changes.reopen(longer, posted))
    await outbox.append(connection, [posted])
    await store.refresh(connection, [thread.ticket])
    return thread


async def add_files(
    connection: Connection,
    thread: Thread,
    message: Message,
    attached: Sequence[tuple[Attachment, bytes]],
) -> None:
    """Keep the files of a message that was kept just now, whole, and say what is in them."""
    files = [attachment for attachment, _ in attached]
    await store.add_attachments(connection, thread.ticket, message.id, files)
    for attachment, content in attached:
        cut = pieces(content)
        at, person = message.posted_at, writing.whose(message, thread)
        parts = [
            store.Part(attachment.id, number, len(cut), piece, at, person)
            for number, piece in enumerate(cut, 1)
        ]
        await store.add_parts(connection, parts)
        await store.set_state(connection, attachment.id, FileState.COMPLETE)
        said = writing.say_parts(message, thread, attachment, content)
        await outbox.append(connection, list(said))


async def keep(connection: Connection, thread: Thread, change: Change | None) -> Thread:
    """Keep a change, if it is one.

    Returns:
        The thread as it stands then.
    """
    if change is None:
        return thread
    if isinstance(change.event, TicketStatusChanged):
        await store.update_status(connection, change.thread)
    else:
        await store.update_thread(connection, change.thread)
    await outbox.append(connection, [change.event])
    await store.refresh(connection, [thread.ticket])
    log.info("ticket_changed", ticket=str(thread.ticket), correlation=str(thread.correlation))
    return change.thread
