"""What is kept of a thread that is locked, with what is said of it in the same transaction."""

from dataclasses import replace

import structlog

from services.messaging import domain, store
from services.messaging.domain import Change, Message, Thread
from shared import outbox
from shared.database import Connection
from shared.messages import MessagePosted

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
    thread = await keep(connection, longer, domain.reopen(longer, posted))
    await outbox.append(connection, [posted])
    return thread


async def keep(connection: Connection, thread: Thread, change: Change | None) -> Thread:
    """Keep a change, if it is one.

    Returns:
        The thread as it stands then.
    """
    if change is None:
        return thread
    await store.update_thread(connection, change.thread)
    await outbox.append(connection, [change.event])
    log.info("ticket_changed", ticket=str(thread.ticket), correlation=str(thread.correlation))
    return change.thread
