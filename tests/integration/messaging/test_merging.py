"""Two tickets that are about the same: what is written to one goes into the other."""

import asyncio
from uuid import UUID

import pytest

from services.messaging import doing, store
from services.messaging.domain import Thread
from shared.database import Database
from shared.events import Event, TicketStatus, TicketStatusChanged
from shared.handling import TicketMerged, TicketUnmerged
from shared.messages import AuthorKind, MessagePosted, Visibility
from shared.plans import Priority
from shared.tickets import ticket_number
from tests.support import said, said_mails
from tests.support.inbox import hear, shown
from tests.support.locks import somebody_waits
from tests.support.visiting import (
    ACCOUNT,
    AGENT,
    customer,
    do,
    guest,
    neighbour,
    post,
    status_of,
    thread_of,
)
from tests.support.waiting import until

FIRST, SECOND, THIRD = (said.ticket_created(key, account=ACCOUNT) for key in "abc")
ONE, TWO, THREE = map(said.ticket_of, (FIRST, SECOND, THIRD))


@pytest.fixture(autouse=True)
async def opened(database: Database) -> None:
    """Three tickets of one person are there."""
    await hear(database, FIRST, SECOND, THIRD)


async def merge(database: Database, ticket: UUID, into: UUID) -> Thread:
    """An agent merges them."""
    return await do(database, AGENT, doing.merge, ticket, into)


async def unmerge(database: Database, ticket: UUID) -> Thread:
    """An agent undoes it."""
    return await do(database, AGENT, doing.unmerge, ticket)


def kinds(events: list[Event]) -> list[type[Event]]:
    """What was said, by type."""
    return [type(event) for event in events]


async def test_a_merged_ticket_is_closed_and_both_say_so(database: Database) -> None:
    """So that its clocks end; asked for again, nothing happens."""
    for _ in range(2):
        gone = await merge(database, ONE, TWO)
        assert (gone.merged_into, gone.status) == (TWO, TicketStatus.CLOSED)
    here, there = await shown(database, ONE), await shown(database, TWO)
    assert kinds(here.said) == [MessagePosted, TicketStatusChanged, TicketMerged]
    merged = here.said[-1]
    assert isinstance(merged, TicketMerged)
    assert (merged.data.into, merged.data.by) == (TWO, "a-agent")
    assert kinds(there.said) == [MessagePosted]
    for note, other in ((here.messages[-1], TWO), (there.messages[-1], ONE)):
        assert (note.author_kind, note.visibility) == (AuthorKind.SYSTEM, Visibility.NOTE)
        assert ticket_number(other) in note.text
    assert there.thread.status is TicketStatus.OPEN


async def test_what_is_written_to_a_merged_ticket_goes_into_the_other(database: Database) -> None:
    """On pages and by mail; it says which one it was written to, and repeats stay repeats."""
    await merge(database, ONE, TWO)
    mail = said_mails.message_received(FIRST, text="By mail")
    for _ in range(2):
        message = await post(database, customer(), ONE, "On a page")
        assert (message.ticket, message.came_to) == (TWO, ONE)
        await hear(database, mail)
    there = await shown(database, TWO)
    assert [each.text for each in there.messages if each.author_kind is AuthorKind.CUSTOMER] == [
        "Help!",
        "On a page",
        "By mail",
    ]
    assert [each.sequence for each in there.messages] == [1, 2, 3, 4]
    assert (await thread_of(database, ONE)).status is TicketStatus.CLOSED


async def test_a_mail_stays_one_mail_when_its_merge_is_undone(database: Database) -> None:
    """Heard again, it is where it went, and nowhere else."""
    mail = said_mails.message_received(FIRST, text="By mail")
    await merge(database, ONE, TWO)
    await hear(database, mail)
    await unmerge(database, ONE)
    await hear(database, mail)
    assert "By mail" in (await shown(database, TWO)).texts
    assert "By mail" not in (await shown(database, ONE)).texts


async def test_a_mail_of_another_person_of_the_account_follows_too(database: Database) -> None:
    """Whose ticket it was is asked of the ticket that they answer, not of the one it goes into."""
    elses = FIRST.model_copy(
        update={
            "subject": str(UUID(int=7)),
            "data": FIRST.data.model_copy(update={"requester": "r-somebody-else"}),
        }
    )
    await hear(database, elses)
    await merge(database, ONE, UUID(int=7))
    await hear(database, said_mails.message_received(FIRST, text="By mail"))
    assert "By mail" in (await shown(database, UUID(int=7))).texts


async def test_an_undone_merge_gives_a_ticket_back(database: Database) -> None:
    """It is open, and what is written to it stays in it; asked for again, nothing happens."""
    await merge(database, ONE, TWO)
    for _ in range(2):
        back = await unmerge(database, ONE)
        assert (back.merged_into, back.status, back.closed_by) == (None, TicketStatus.OPEN, None)
    message = await post(database, customer(), ONE, "Here again")
    assert (message.ticket, message.came_to) == (ONE, None)
    said_of = (await shown(database, ONE)).said
    assert [kind for kind in kinds(said_of) if kind is not MessagePosted] == [
        TicketStatusChanged,
        TicketMerged,
        TicketUnmerged,
        TicketStatusChanged,
    ]
    times = [event.time for event in said_of if not isinstance(event, MessagePosted)]
    assert times == sorted(set(times))
    assert len({event.id for event in said_of}) == len(said_of)


async def test_merged_again_it_is_said_again(database: Database) -> None:
    """Each merge is an event of its own, with notes of its own."""
    await merge(database, ONE, TWO)
    await unmerge(database, ONE)
    await merge(database, ONE, TWO)
    said_of = (await shown(database, ONE)).said
    assert kinds(said_of).count(TicketMerged) == 2
    assert len({event.id for event in said_of}) == len(said_of)


async def test_what_has_gone_into_a_merged_ticket_goes_along(database: Database) -> None:
    """There are no chains: every merged ticket names the one that goes on."""
    await merge(database, ONE, TWO)
    await merge(database, TWO, THREE)
    assert [(await thread_of(database, each)).merged_into for each in (ONE, TWO)] == [THREE, THREE]
    last = (await shown(database, ONE)).said[-1]
    assert isinstance(last, TicketMerged)
    assert last.data.into == THREE
    assert (await post(database, customer(), ONE, "Hello")).ticket == THREE


async def test_two_that_cannot_be_one_are_refused(database: Database) -> None:
    """Itself, another account's, one that is gone or closed, or when it has gone elsewhere."""
    other = said.ticket_created("other", account="another-account")
    await hear(database, other)
    assert await status_of(merge(database, ONE, ONE)) == 409
    assert await status_of(merge(database, ONE, said.ticket_of(other))) == 409
    assert await status_of(merge(database, ONE, UUID(int=3))) == 404
    await merge(database, TWO, THREE)
    assert await status_of(merge(database, ONE, TWO)) == 409
    assert await status_of(merge(database, TWO, ONE)) == 409
    await do(database, AGENT, doing.set_status, THREE, TicketStatus.CLOSED)
    assert await status_of(merge(database, ONE, THREE)) == 409
    assert (await thread_of(database, ONE)).merged_into is None


async def test_a_merged_ticket_is_not_set_to_anything(database: Database) -> None:
    """The one that goes on is; what it is already is no change."""
    await merge(database, ONE, TWO)
    refused = [
        await status_of(do(database, AGENT, doing.set_status, ONE, TicketStatus.OPEN)),
        await status_of(do(database, customer(), doing.set_status, ONE, TicketStatus.OPEN)),
        await status_of(do(database, AGENT, doing.set_priority, ONE, Priority.URGENT)),
        await status_of(do(database, AGENT, doing.set_tags, ONE, ["late"])),
        await status_of(do(database, AGENT, doing.assign, ONE, assignee="a-agent")),
    ]
    assert set(refused) == {409}
    closed = do(database, AGENT, doing.set_status, ONE, TicketStatus.CLOSED)
    assert await status_of(closed) == 0


async def test_merging_two_into_one_another_at_once_ends_with_one_that_goes_on(
    database: Database,
) -> None:
    """Whoever comes second is told; nobody waits in a circle."""
    refused = await asyncio.gather(
        status_of(merge(database, ONE, TWO)), status_of(merge(database, TWO, ONE))
    )
    assert sorted(refused) == [0, 409]
    merged = [(await thread_of(database, each)).merged_into for each in (ONE, TWO)]
    assert merged.count(None) == 1


async def test_what_is_written_while_a_merge_is_under_way_follows_it(database: Database) -> None:
    """The writer waits for the merge, and sees it."""
    async with database.transaction() as connection:
        await doing.merge(connection, AGENT, ONE, TWO, now=said.now())
        written = asyncio.create_task(post(database, customer(), ONE, "Just now"))
        heard = asyncio.create_task(hear(database, said_mails.message_received(FIRST, text="Too")))
        await until(lambda: somebody_waits(database), what="they wait")
    await heard
    assert (await written).ticket == TWO
    assert {"Just now", "Too"} <= set((await shown(database, TWO)).texts)


async def test_a_link_to_a_merged_ticket_opens_the_one_that_goes_on(database: Database) -> None:
    """Only where the same person asked for both, and the link came to their address."""
    elses = FIRST.model_copy(
        update={
            "subject": str(UUID(int=7)),
            "data": FIRST.data.model_copy(update={"requester": "r-somebody-else"}),
        }
    )
    await hear(database, elses)
    await merge(database, ONE, TWO)
    await merge(database, UUID(int=7), TWO)
    async with database.connection() as connection:
        own = await store.follow_merges(connection, [ONE], mailed=[ONE])
        other = await store.follow_merges(connection, [UUID(int=7)], mailed=[UUID(int=7)])
        await connection.execute("UPDATE threads SET account_verified = false")
        forms = await store.follow_merges(connection, [ONE], mailed=[])
        await connection.execute("UPDATE threads SET account_verified = true")
        proved = await store.follow_merges(connection, [ONE], mailed=[])
    assert own == {ONE, TWO}
    # In a form somebody may name another's address: it opens nothing of theirs.
    assert forms == {ONE}
    assert proved == {ONE, TWO}
    assert other == {UUID(int=7)}
    assert (await post(database, guest(*own), ONE, "By link")).ticket == TWO
    refused = post(database, guest(*other), UUID(int=7), "By another's link")
    assert await status_of(refused) == 409
    assert await status_of(post(database, neighbour("r-somebody-else"), TWO, "No")) == 404
