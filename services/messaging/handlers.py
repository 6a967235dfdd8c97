"""What messaging does with what it hears: threads, mails into them, and what is said of them."""

from collections.abc import Iterator, Sequence
from typing import Literal
from uuid import UUID

import structlog

from services.messaging import domain, erasing, inbox, rebuilding, store
from services.messaging.store import LinkRow, erasures
from shared import keyring
from shared.consumer import Heard
from shared.database import Connection
from shared.deadlines import DeadlineEvent
from shared.events import Event, PlanChanged, TicketCreated, TicketSlotted
from shared.handling import PlanChangeDeclined
from shared.messages import AttachmentReceived, MessageReceived
from shared.notifications import NotificationKind, NotificationSent
from shared.privacy import ErasureRequested, PersonErased

log = structlog.get_logger(__name__)

SHOWN = (
    TicketCreated
    | MessageReceived
    | AttachmentReceived
    | TicketSlotted
    | DeadlineEvent
    | NotificationSent
    | PlanChangeDeclined
)
"""What changes a ticket; its subject is the ticket."""


async def handle(connection: Connection, heard: Sequence[Heard]) -> None:
    """Handle a batch."""
    await store.take_turns(connection, {item.partition for item in heard})
    said = await erasing.without_erased(connection, [item.event for item in heard])
    if any(item.rebuilding for item in heard):
        said = await rebuilding.keep_for_later(connection, said)
    plans = [event for event in said if isinstance(event, PlanChanged)]
    asking = await store.list_asking(connection, {event.data.account for event in plans})
    # All at once and first: who locks some more later may wait for somebody in a circle.
    await store.lock_threads(connection, _tickets(said) | asking)
    await _converse(connection, said)
    if slotted := [event for event in said if isinstance(event, TicketSlotted)]:
        await store.record_slots(connection, slotted)
    if clocks := [event for event in said if isinstance(event, DeadlineEvent)]:
        await store.record_clocks(connection, clocks)
    sent = [event for event in said if isinstance(event, NotificationSent)]
    acknowledged = [e for e in sent if e.data.kind is NotificationKind.ACKNOWLEDGEMENT]
    if acknowledged:
        await store.record_acknowledgements(connection, acknowledged)
    if links := [row for event in said for row in _links(event)]:
        await store.keep_links(connection, links)
    if plans:
        await store.record_plans(connection, plans)
        await store.refresh_accounts(connection, {event.data.account for event in plans})
    if declined := [event for event in said if isinstance(event, PlanChangeDeclined)]:
        await store.decline_plans(connection, declined)
    await store.refresh(connection, _tickets(said))
    await _learn_of_erasures(connection, said)


async def _learn_of_erasures(connection: Connection, said: Sequence[Event]) -> None:
    """Keep what others have taken away; and, while we rebuild, what was asked of us."""
    erased = [event for event in said if isinstance(event, PersonErased)]
    requested = [event for event in said if isinstance(event, ErasureRequested)]
    own = [event for event in erased if event.source == domain.SOURCE]
    if requested or own:
        await erasures.restore(connection, requested, own)
        await keyring.throw_away(connection, [key for e in requested for key in e.data.keys])
    if others := [event for event in erased if event.source != domain.SOURCE]:
        await erasures.keep_reports(connection, others)


async def _converse(connection: Connection, said: Sequence[Event]) -> None:
    """Everything that becomes part of a conversation."""
    created = [event for event in said if isinstance(event, TicketCreated)]
    if created:
        await _open_threads(connection, created)
    mails = [event for event in said if isinstance(event, MessageReceived)]
    await inbox.put_in(connection, mails, [UUID(event.subject) for event in created])
    if parts := [event for event in said if isinstance(event, AttachmentReceived)]:
        await inbox.keep_parts(connection, parts)


def _tickets(said: Sequence[Event]) -> set[UUID]:
    """Tickets whose pages may show something else now."""
    return {UUID(event.subject) for event in said if isinstance(event, SHOWN)}


def _links(event: Event) -> Iterator[LinkRow]:
    """The link that an event tells of, if it does."""
    origin: Literal["form", "mail"] = "form" if isinstance(event, TicketCreated) else "mail"
    if isinstance(event, TicketCreated | NotificationSent) and (link := event.data.link):
        yield LinkRow(link.sha256, UUID(event.subject), origin, event.time, link.expires)


async def _open_threads(connection: Connection, created: Sequence[TicketCreated]) -> None:
    opened = [domain.open_thread(event) for event in created]
    kept = await store.add_threads(connection, [thread for thread, _ in opened])
    for event in created:
        domain.refuse_reused_key(event, kept[UUID(event.subject)])
    await store.add_messages(connection, [first for _, first in opened])
    for event, (thread, first) in zip(created, opened, strict=True):
        if event.data.private is not None:
            attachments = event.data.private.attachments
            await inbox.keep_attachments(connection, thread.ticket, first.id, attachments)
        log.info("thread_kept", ticket=event.subject, correlation=str(event.correlationid))
