"""How messaging's threads come back from the stream alone, once its database is lost or new.

Up to the horizon everything is handled as ever, but for what has an order of its own: what was said
by messaging itself, the mails that it may have posted, and what sla answered. Topics are read
independently of one another, so these wait (`remembered`). At the horizon each ticket becomes what
all of it together says; mails that nobody has posted yet are posted then, as they would have been.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from uuid import UUID

import structlog

from services.messaging import inbox, recalling, store
from services.messaging.domain import Thread
from services.messaging.store import remembered
from shared.database import Connection
from shared.events import Event, PlanChanged, TicketPriorityChanged, TicketStatusChanged
from shared.failpoints import failpoint
from shared.handling import (
    LinksRevoked,
    PlanChangeDeclined,
    PlanChangeRequested,
    PlanWishDismissed,
    TicketAssigned,
    TicketMerged,
    TicketTagsChanged,
    TicketUnmerged,
)
from shared.messages import MessagePosted, MessageReceived

log = structlog.get_logger(__name__)

MOST_TICKETS = 100
"""Put together in one transaction."""
MOST_BYTES = 8 * 1024 * 1024
"""Of what is remembered of them; one ticket is never divided."""
MOST_MAILS = 200


async def restore(connection: Connection) -> None:
    """Make ready a database that came from a backup: its threads go on from where they were."""
    await remembered.remember_waiting(connection)
    await remembered.end_sessions(connection)


async def keep_for_later(connection: Connection, said: Sequence[Event]) -> list[Event]:
    """Keep what waits for the horizon; returns the rest, which is handled as ever."""
    waiting = [event for event in said if _waits(event)]
    await remembered.remember(connection, waiting)
    plans = [event for event in said if isinstance(event, PlanChanged)]
    await remembered.record_all_plans(connection, plans)
    return [event for event in said if not _waits(event)]


async def finish(connection: Connection) -> bool:
    """Put together some tickets of what was said of them; then post mails that nobody has posted.

    Returns:
        Whether there may be more.
    """
    tickets = await remembered.list_tickets(connection, most=MOST_TICKETS, most_bytes=MOST_BYTES)
    if tickets:
        await _put_together(connection, tickets)
        failpoint("messaging.put_together")
        return True
    return await _post_mails(connection)


def _waits(event: Event) -> bool:
    return isinstance(
        event,
        MessagePosted
        | TicketStatusChanged
        | TicketPriorityChanged
        | TicketAssigned
        | TicketTagsChanged
        | TicketMerged
        | TicketUnmerged
        | PlanChangeRequested
        | PlanWishDismissed
        | LinksRevoked
        | PlanChangeDeclined
        | MessageReceived,
    )


async def _put_together(connection: Connection, tickets: Collection[UUID]) -> None:
    said = await remembered.take(connection, tickets)
    threads = await store.lock_threads(connection, tickets)
    known = await remembered.list_places(connection, tickets)
    for ticket, events in said.items():
        if ticket not in threads:
            # The topic keeps a ticket's beginning no longer than what came after it.
            log.warning("ticket_not_rebuilt", ticket=str(ticket), events=len(events))
            continue
        await _restore(connection, threads[ticket], known[ticket], events)
    await remembered.settle_plans(connection, tickets)
    await store.refresh(connection, threads)


async def _restore(
    connection: Connection, thread: Thread, known: Mapping[UUID, int], said: Sequence[Event]
) -> None:
    past = recalling.recall(thread, known, said)
    thread = past.thread
    if thread.merged_into and await store.read_thread(connection, thread.merged_into) is None:
        log.warning("merge_not_rebuilt", ticket=str(thread.ticket), into=str(thread.merged_into))
        thread = replace(thread, merged_into=None)
    await remembered.restore_thread(connection, thread)
    await store.add_messages(connection, [post.message for post in past.posts])
    for post in past.posts:
        await inbox.keep_attachments(connection, thread.ticket, post.message.id, post.attachments)
    for asked in past.asked:
        await store.add_plan_request(connection, asked)
    await store.decline_plans(connection, past.declined)
    await remembered.revoke_links(connection, past.revoked)


async def _post_mails(connection: Connection) -> bool:
    """Post mails of which messaging had said nothing yet; says whether there may be more.

    What was refused when it came is refused again, and waits for somebody to look at it.
    """
    mails = await remembered.take_mails(connection, most=MOST_MAILS)
    posted = await remembered.list_posted(connection, [mail.data.message for mail in mails])
    missing = [mail for mail in mails if mail.data.message not in posted]
    await store.add_waiting(connection, missing)
    await inbox.put_in(connection, [], {UUID(mail.subject) for mail in missing})
    if missing:
        log.info("mails_posted_late", mails=len(missing))
    return len(mails) == MOST_MAILS
