"""Before the horizon of a new database: what waits, what is put together, and what is said."""

from datetime import timedelta
from uuid import UUID

import pytest

from services.messaging import doing, handlers, rebuilding, store
from services.messaging.upkeep import Upkeep
from shared.consumer import Heard
from shared.database import Database
from shared.envelope import Cause
from shared.events import (
    Event,
    PlanChanged,
    PlanChangedData,
    PlanEntry,
    TicketCreated,
    TicketStatus,
)
from shared.handling import DeclineReason, PlanChangeDeclined, PlanChangeDeclinedData
from shared.links import Link
from shared.messages import MessagePosted
from tests.support import said, said_mails
from tests.support.databases import Databases
from tests.support.inbox import Shown, count, hear, shown
from tests.support.visiting import ACCOUNT, AGENT, customer, do, post

CREATED, OTHER = (said.ticket_created(key, account=ACCOUNT) for key in ("one", "other"))
TICKET = said.ticket_of(CREATED)
MAIL = said_mails.message_received(CREATED)


async def _rehear(database: Database, *events: Event) -> None:
    """One batch that lies before the horizon."""
    async with database.transaction() as connection:
        await handlers.handle(connection, [Heard(event, 0, rebuilding=True) for event in events])


async def _finish(database: Database) -> None:
    more = True
    while more:
        async with database.transaction() as connection:
            more = await rebuilding.finish(connection)


async def _said(database: Database) -> list[Event]:
    """What waits to be published, of all tickets, in order."""
    found: list[Event] = []
    for created in (CREATED, OTHER):
        found += (await shown(database, said.ticket_of(created))).said
    return found


async def _told(database: Database) -> list[Event]:
    """A conversation as messaging has said it, with all that led to it."""
    await hear(database, CREATED, OTHER, MAIL)
    await post(database, AGENT, TICKET, "Try again")
    await do(database, AGENT, doing.set_status, TICKET, TicketStatus.PENDING)
    await post(database, customer(), TICKET, "No")
    await do(database, AGENT, doing.merge, said.ticket_of(OTHER), TICKET)
    return [CREATED, OTHER, MAIL, *await _said(database)]


async def _as_shown(database: Database) -> list[Shown]:
    tickets = [said.ticket_of(created) for created in (CREATED, OTHER)]
    found = [await shown(database, ticket) for ticket in tickets]
    return [Shown(each.thread, each.messages, each.files, []) for each in found]


@pytest.mark.parametrize("order", [1, -1])
async def test_a_conversation_is_as_it_was_and_nothing_is_said(
    database: Database, databases: Databases, migrations: object, order: int
) -> None:
    """From its beginning on or from its end, one by one and all of it twice."""
    told = await _told(database)
    async with databases.fresh(migrations) as dsn:  # type: ignore[arg-type]  # a folder
        anew = Database(dsn, service="test", size=4)
        await anew.start()
        for event in [*told[::order], *told[::order]]:
            await _rehear(anew, event)
        assert (await shown(anew, TICKET)).texts == ["Help!"]
        await _finish(anew)
        assert await _as_shown(anew) == await _as_shown(database)
        assert await _said(anew) == []
        assert await count(anew, "remembered") == await count(anew, "waiting_mails") == 0
        await anew.stop()


async def test_a_mail_that_was_not_posted_is_posted_at_the_horizon(database: Database) -> None:
    """As ever, and said then; what was posted before keeps its place."""
    later = said_mails.message_received(CREATED, "later", text="And this?")
    posted = said_mails.mail_posted(CREATED, MAIL)
    await _rehear(database, later, posted, MAIL, CREATED, OTHER)
    assert await _said(database) == []
    await _finish(database)
    found = await shown(database, TICKET)
    assert found.texts == ["Help!", "It still does not work.", "And this?"]
    (said_now,) = found.said
    assert isinstance(said_now, MessagePosted)
    assert said_now.data.message == later.data.message


async def test_a_strangers_mail_is_in_no_thread_again(database: Database) -> None:
    """It waits for somebody to look at it; whoever wrote under the ticket is shown."""
    stranger = said_mails.by_somebody_else(MAIL)
    own = said_mails.message_received(CREATED, "own")
    await _rehear(database, CREATED, stranger, own)
    await _finish(database)
    assert len((await shown(database, TICKET)).texts) == 2
    async with database.connection() as connection:
        backlog = await store.measure_waiting(connection)
    assert (backlog.waiting, backlog.refused) == (0, 1)


async def test_what_belongs_to_no_ticket_of_the_stream_is_passed_over(database: Database) -> None:
    """Its beginning is kept no longer; and who had gone into it stands by itself."""
    told = await _told(database)
    async with database.transaction() as connection:
        await connection.execute("TRUNCATE threads, outbox CASCADE")
    await _rehear(database, OTHER, *[event for event in told if event.subject == str(TICKET)][1:])
    await _rehear(database, *[event for event in told if event.subject == OTHER.subject])
    await _finish(database)
    found = await shown(database, said.ticket_of(OTHER))
    assert (found.thread.status, found.thread.merged_into) == (TicketStatus.CLOSED, None)
    assert await count(database, "threads") == 1


async def test_links_that_were_taken_back_open_nothing_again(database: Database) -> None:
    """Whichever is heard first; a link that was made afterwards holds."""
    early, late = _linked("1" * 64), "2" * 64
    await hear(database, early)
    await do(database, AGENT, doing.revoke_links, TICKET)
    (revoked,) = (await shown(database, TICKET)).said
    async with database.transaction() as connection:
        await connection.execute("TRUNCATE threads, outbox, links CASCADE")
    sent = said.acknowledged(early)
    link = Link(sha256=late, expires=sent.time + timedelta(days=30))
    data = sent.data.model_copy(update={"link": link})
    await _rehear(database, revoked)
    await _rehear(database, early, sent.model_copy(update={"data": data}))
    await _finish(database)
    async with database.connection() as connection:
        assert set(await store.list_linked(connection, ["1" * 64, late], now=said.now())) == {
            TICKET
        }
        first = await store.read_link(connection, "1" * 64)
    assert first is not None
    assert first.revoked_at == revoked.time


async def test_a_plan_that_was_declined_is_declined_again(database: Database) -> None:
    """The answer may be heard before what it answers."""
    await hear(database, CREATED)
    await do(database, AGENT, doing.request_plan, TICKET, "platinum")
    (asked,) = (await shown(database, TICKET)).said
    async with database.transaction() as connection:
        await connection.execute("TRUNCATE threads, outbox, plan_requests CASCADE")
    data = PlanChangeDeclinedData(
        request=asked.id, account=ACCOUNT, plan="platinum", reason=DeclineReason.UNKNOWN_PLAN
    )
    answer = PlanChangeDeclined.say(data, cause=asked.as_cause, source=said.SLA, time=asked.time)
    await _rehear(database, answer, CREATED)
    await _rehear(database, asked)
    await _finish(database)
    async with database.connection() as connection:
        assert await store.read_declined(connection, TICKET) == ("platinum", "unknown_plan")
        assert await store.read_plan_request(connection, TICKET) is None


async def test_all_plans_of_an_account_come_with_the_last_that_was_said(
    database: Database,
) -> None:
    """Under the ids of the events that told of them, which may be on the stream still."""
    changes = [_change("starter", 2), _change("premium", 1)]
    entries = tuple(
        PlanEntry(
            change=UUID(int=number),
            plan=event.data.plan,
            since=event.data.since,
            changed_by="a-lead",
            changed=event.time,
        )
        for number, event in zip((2, 1), changes, strict=True)
    )
    data = changes[1].data.model_copy(update={"plans": entries})
    await _rehear(database, changes[1].model_copy(update={"data": data}))
    async with database.connection() as connection:
        kept = await connection.fetch("SELECT change, plan FROM account_plans ORDER BY since")
        await _rehear(database, *changes)
        assert kept == await connection.fetch(
            "SELECT change, plan FROM account_plans ORDER BY since"
        )
    assert [tuple(row) for row in kept] == [(event.id, event.data.plan) for event in changes]


async def test_what_a_replica_hears_once_more_after_the_horizon_is_forgotten(
    database: Database,
) -> None:
    """It had not seen yet that another one was done; nothing of it stays."""
    posted = said_mails.mail_posted(CREATED, MAIL)
    await _rehear(database, CREATED, MAIL, posted)
    await _finish(database)
    before = await shown(database, TICKET)
    await _rehear(database, MAIL, posted)
    assert await count(database, "remembered") == 2
    await Upkeep(database, said.now).step()
    assert await count(database, "remembered") == 0
    assert await shown(database, TICKET) == before


def _change(plan: str, days: int) -> PlanChanged:
    """An account was put on a plan so many days ago."""
    at = CREATED.time - timedelta(days=days)
    data = PlanChangedData(account=ACCOUNT, plan=plan, since=at, changed_by="a-lead")
    cause = Cause(UUID(int=days), ACCOUNT)
    return PlanChanged.say(data, cause=cause, source=said.SLA, time=at)


def _linked(sha256: str) -> TicketCreated:
    link = Link(sha256=sha256, expires=CREATED.time + timedelta(days=30))
    return CREATED.model_copy(update={"data": CREATED.data.model_copy(update={"link": link})})
