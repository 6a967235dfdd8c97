"""What messaging does with what it hears: threads, mails into them, and what is said of them."""

from collections.abc import Sequence
from uuid import UUID

import structlog

from services.messaging import domain, inbox, store
from shared.consumer import Heard
from shared.database import Connection
from shared.deadlines import DeadlineEvent
from shared.events import Event, TicketCreated, TicketSlotted
from shared.messages import AttachmentReceived, MessageReceived
from shared.notifications import NotificationKind, NotificationSent

log = structlog.get_logger(__name__)


async def handle(connection: Connection, heard: Sequence[Heard]) -> None:
    """Handle a batch."""
    said = [item.event for item in heard]
    await _converse(connection, heard)
    if slotted := [event for event in said if isinstance(event, TicketSlotted)]:
        await store.record_slots(connection, slotted)
    if clocks := [event for event in said if isinstance(event, DeadlineEvent)]:
        await store.record_clocks(connection, clocks)
    sent = [event for event in said if isinstance(event, NotificationSent)]
    acknowledged = [e for e in sent if e.data.kind is NotificationKind.ACKNOWLEDGEMENT]
    if acknowledged:
        await store.record_acknowledgements(connection, acknowledged)


async def _converse(connection: Connection, heard: Sequence[Heard]) -> None:
    """Everything that becomes part of a conversation."""
    told = [item for item in heard if _is_conversation(item.event)]
    if not told:
        return
    said = [item.event for item in told]
    await store.take_turns(connection, {item.partition for item in told})
    created = [event for event in said if isinstance(event, TicketCreated)]
    if created:
        await _open_threads(connection, created)
    mails = [event for event in said if isinstance(event, MessageReceived)]
    await inbox.put_in(connection, mails, [UUID(event.subject) for event in created])
    if parts := [event for event in said if isinstance(event, AttachmentReceived)]:
        await inbox.keep_parts(connection, parts)


def _is_conversation(event: Event) -> bool:
    return isinstance(event, TicketCreated | MessageReceived | AttachmentReceived)


async def _open_threads(connection: Connection, created: Sequence[TicketCreated]) -> None:
    opened = [domain.open_thread(event) for event in created]
    kept = await store.add_threads(connection, [thread for thread, _ in opened])
    for event in created:
        domain.refuse_reused_key(event, kept[UUID(event.subject)])
    await store.add_messages(connection, [first for _, first in opened if first])
    for event, (thread, first) in zip(created, opened, strict=True):
        if event.data.private is not None and first is not None:
            attachments = event.data.private.attachments
            await inbox.keep_attachments(connection, thread.ticket, first.id, attachments)
        log.info("thread_kept", ticket=event.subject, correlation=str(event.correlationid))
