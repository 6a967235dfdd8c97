"""What messaging does with what it hears: open threads, and note what is said of them."""

from collections.abc import Sequence
from uuid import UUID

import structlog

from services.messaging import domain, store
from shared.consumer import Heard
from shared.database import Connection
from shared.deadlines import DeadlineEvent
from shared.events import TicketCreated, TicketSlotted
from shared.notifications import NotificationKind, NotificationSent

log = structlog.get_logger(__name__)


async def handle(connection: Connection, heard: Sequence[Heard]) -> None:
    """Handle a batch."""
    said = [item.event for item in heard]
    if created := [event for event in said if isinstance(event, TicketCreated)]:
        await _open_threads(connection, created)
    if slotted := [event for event in said if isinstance(event, TicketSlotted)]:
        await store.record_slots(connection, slotted)
    if clocks := [event for event in said if isinstance(event, DeadlineEvent)]:
        await store.record_clocks(connection, clocks)
    sent = [event for event in said if isinstance(event, NotificationSent)]
    acknowledged = [e for e in sent if e.data.kind is NotificationKind.ACKNOWLEDGEMENT]
    if acknowledged:
        await store.record_acknowledgements(connection, acknowledged)


async def _open_threads(connection: Connection, created: Sequence[TicketCreated]) -> None:
    opened = [domain.open_thread(event) for event in created]
    kept = await store.add_threads(connection, [thread for thread, _ in opened])
    for event in created:
        domain.refuse_reused_key(event, kept[UUID(event.subject)])
    await store.add_messages(connection, [first for _, first in opened if first])
    for event in created:
        log.info("thread_kept", ticket=event.subject, correlation=str(event.correlationid))
