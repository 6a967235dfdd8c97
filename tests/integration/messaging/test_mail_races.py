"""Two replicas, or a replica and somebody over HTTP, at work on one ticket at the same moment."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import pytest

from services.messaging import changes, handlers, store, writing
from services.messaging.files import FileState
from shared.consumer import Heard
from shared.database import Database
from shared.events import Event, TicketStatus
from shared.messages import MessagePosted, Visibility
from tests.support import said, said_mails
from tests.support.inbox import hear, shown
from tests.support.locks import somebody_waits
from tests.support.waiting import until

CREATED = said.ticket_created(account="an-account")
TICKET = UUID(CREATED.subject)
CONTENT = b"abcdef"
FILE = said_mails.attachment(CREATED, CONTENT)
FIRST_PART, LAST_PART = said_mails.attachment_parts(CREATED, FILE, CONTENT, size=3)
MAIL = said_mails.message_received(CREATED, attachments=(FILE,))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ([MAIL, FIRST_PART, LAST_PART], [CREATED]),
        ([CREATED, FIRST_PART, LAST_PART], [MAIL]),
        ([CREATED, MAIL, FIRST_PART], [LAST_PART]),
        ([CREATED, FIRST_PART, LAST_PART], [CREATED, MAIL]),
    ],
)
async def test_two_owners_of_a_partition_that_moves_miss_nothing(
    database: Database, first: Sequence[Event], second: Sequence[Event]
) -> None:
    """The second sees what the first has left, though it began before the first had committed."""
    async with database.transaction() as connection:
        await handlers.handle(connection, [Heard(event, 0) for event in first])
        waiting = asyncio.create_task(hear(database, *second))
        await until(lambda: somebody_waits(database), what="the second waits for the first")
    await waiting
    found = await shown(database, TICKET)
    assert found.texts == ["Help!", "It still does not work."]
    assert [file.state for each in found.files.values() for file in each] == [FileState.COMPLETE]
    assert [type(event) for event in found.said] == [MessagePosted]


async def test_a_mail_waits_for_who_writes_over_http(database: Database) -> None:
    """It goes behind what they wrote, and opens what they closed in the same moment."""
    await hear(database, CREATED)
    async with database.transaction() as connection:
        thread = await store.lock_thread(connection, TICKET)
        assert thread is not None
        by = said.actor(said.AGENT, thread)
        id_ = writing.message_id(ticket=TICKET, author=by.id, key="last words")
        message = writing.write(thread, by, "Closed.", Visibility.PUBLIC, id_=id_, now=said.now())
        await store.append_message(connection, message)
        change = changes.set_status(thread, TicketStatus.CLOSED, by, now=said.now())
        assert change is not None
        await store.update_status(connection, change.thread)
        waiting = asyncio.create_task(hear(database, MAIL))
        await until(lambda: somebody_waits(database), what="the mail waits")
    await waiting
    found = await shown(database, TICKET)
    assert found.texts == ["Help!", "Closed.", "It still does not work."]
    assert found.thread.status is TicketStatus.OPEN
    assert found.messages[-1].posted_at > change.event.time


async def test_batches_with_the_same_tickets_in_another_order_go_through(
    database: Database,
) -> None:
    """Nobody waits in a circle, not even with somebody who holds one of the threads."""
    tickets = [said.ticket_created(str(number)) for number in range(4)]
    await hear(database, *tickets)
    there, back = (
        [said_mails.message_received(created, key) for created in order]
        for key, order in (("there", tickets), ("back", tickets[::-1]))
    )
    async with database.transaction() as connection:
        await store.lock_thread(connection, said.ticket_of(tickets[1]))
        both = asyncio.gather(_hear_at(database, 1, there), _hear_at(database, 2, back))
        await until(lambda: somebody_waits(database), what="they wait")
    await both
    for created in tickets:
        assert len((await shown(database, said.ticket_of(created))).messages) == 3


async def _hear_at(database: Database, partition: int, events: Sequence[Event]) -> None:
    """As the owner of some partition: another one's turn holds nobody up."""
    async with database.transaction() as connection:
        await handlers.handle(connection, [Heard(event, partition) for event in events])
