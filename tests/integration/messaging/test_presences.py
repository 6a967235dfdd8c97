"""Who has a page open, as others see it, and who is typing."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID, uuid4  # noqa: TID251 - each page has a random id

import pytest

from services.messaging import store
from services.messaging.guarded import Guarded
from services.messaging.live import Typists, presences
from services.messaging.store import Presence
from services.messaging.visitors import Visitor
from shared.database import Database
from shared.identity import Caller
from tests.support import said
from tests.support.inbox import hear
from tests.support.live import (
    AGENT,
    CUSTOMER,
    Reader,
    Replica,
    reading,
    running_replica,
)
from tests.support.waiting import until


@pytest.fixture
async def one(dsn: str) -> AsyncIterator[Replica]:
    """A replica."""
    async with running_replica(dsn) as replica:
        yield replica


@pytest.fixture
async def other(dsn: str) -> AsyncIterator[Replica]:
    """Another replica on the same database."""
    async with running_replica(dsn) as replica:
        yield replica


@pytest.fixture
async def ticket(database: Database) -> UUID:
    """A ticket with its first message."""
    created = said.ticket_created()
    await hear(database, created)
    return said.ticket_of(created)


async def _shows(reader: Reader, presence: str) -> None:
    def last() -> bool:
        shown = reader.patches("presence")
        return bool(shown) and shown[-1] == f"<p>{presence}</p>"

    await until(last, what=f"{presence} is shown, of {reader.patches('presence')}")


async def _follows(reader: Reader) -> None:
    await until(lambda: reader.patches("messages"), what="they follow it")


async def test_others_see_who_comes_and_goes(
    one: Replica, other: Replica, ticket: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two who have a ticket open see each other, on whichever replicas, until one leaves."""
    monkeypatch.setattr(presences, "LINGER", 0.1)
    async with reading(f"{one.url}/{ticket}", who="a-customer") as customer:
        await _shows(customer, "0:A Customer")
        async with reading(f"{other.url}/{ticket}") as agent:
            await _shows(agent, "1:A Customer,An Agent")
            await _shows(customer, "1:A Customer,An Agent")
        await _shows(customer, "0:A Customer")


async def test_inboxes_hear_which_agents_look_at_what(
    one: Replica, other: Replica, ticket: UUID
) -> None:
    """An agent who opens a ticket wakes lists on any replica; a customer who does wakes none."""
    async with reading(f"{one.url}/all") as inbox:
        await until(lambda: inbox.patches("inbox"), what="the list is followed")
        await asyncio.sleep(1)  # those who began to follow it are heard of themselves
        before = len(inbox.patches("inbox"))
        async with reading(f"{other.url}/{ticket}", who="a-customer") as customer:
            await _shows(customer, "1:A Customer")
            await asyncio.sleep(1)  # longer than two looks are apart
            assert len(inbox.patches("inbox")) == before
        async with reading(f"{other.url}/{ticket}", who="a-colleague"):
            await until(lambda: len(inbox.patches("inbox")) > before, what="the list is woken")


async def test_customers_see_that_somebody_is_at_the_desk(
    one: Replica, other: Replica, ticket: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An agent who is anywhere at all counts for every customer, and is not named to them."""
    monkeypatch.setattr(presences, "LINGER", 0.1)
    async with reading(f"{one.url}/{ticket}", who="a-customer") as customer:
        await _shows(customer, "0:A Customer")
        async with reading(f"{other.url}/all"):
            await _shows(customer, "1:A Customer")
        await _shows(customer, "0:A Customer")


async def test_who_goes_on_to_another_page_stays_here(one: Replica, ticket: UUID) -> None:
    """Between two pages of one agent nobody sees the desk empty."""
    async with reading(f"{one.url}/{ticket}", who="a-customer") as customer:
        async with reading(f"{one.url}/all"):
            await _shows(customer, "1:A Customer")
        async with reading(f"{one.url}/{ticket}"):
            await _shows(customer, "1:A Customer,An Agent")
        shown = customer.patches("presence")
        first = next(at for at, html in enumerate(shown) if html.startswith("<p>1"))
        assert not [html for html in shown[first:] if html.startswith("<p>0")]


async def test_who_was_lost_in_a_crash_goes_after_a_while(
    one: Replica, ticket: UUID, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a replica that was killed said of its visitors ends, and the others are told."""
    monkeypatch.setattr(presences, "SAY_EVERY", timedelta(seconds=0))
    lost = Presence(uuid4(), ticket, "a-lost-agent", "A Lost Agent", is_agent=True)
    almost = said.now() - store.STALE + timedelta(seconds=2)
    async with database.transaction() as connection:
        await store.keep_presences(connection, [lost], almost)
    async with reading(f"{one.url}/{ticket}", who="a-customer") as customer:
        await _shows(customer, "1:A Customer,A Lost Agent")
        await asyncio.sleep(2)
        one.presences.wake()
        await _shows(customer, "0:A Customer")


async def test_strangers_see_nobody(database: Database, ticket: UUID) -> None:
    """Whose ticket it is not, is not told who has it open."""
    here = Presence(uuid4(), ticket, "an-agent", "An Agent", is_agent=True)
    async with database.transaction() as connection:
        await store.keep_presences(connection, [here], said.now())
    stranger = Visitor(Caller("a-stranger", "another-account", None))
    async with Guarded(database).reading(stranger) as connection:
        assert await store.present(connection, ticket, said.now()) == []
        assert await store.agents_here(connection, said.now()) == 1
    async with Guarded(database).reading(CUSTOMER) as connection:
        (seen,) = await store.present(connection, ticket, said.now())
        assert seen.name == "An Agent"


async def test_typing_is_told_to_those_whom_it_concerns(
    one: Replica, other: Replica, ticket: UUID, database: Database
) -> None:
    """An agent's typing reaches customer and colleagues, a customer's the agents; notes only us."""
    elsewhere = said.ticket_created("another")
    await hear(database, elsewhere)
    url = f"{other.url}/{ticket}"
    async with (
        reading(url) as agent,
        reading(url, who="a-colleague") as colleague,
        reading(url, who="a-customer") as customer,
        reading(f"{other.url}/{said.ticket_of(elsewhere)}") as away,
    ):
        for reader in (agent, colleague, customer, away):
            await _follows(reader)
        typists = Typists(one.database)
        await typists.tell(AGENT, ticket, is_note=True)
        await until(lambda: colleague.named("typing"), what="a colleague hears of the note")
        await typists.tell(CUSTOMER, ticket, is_note=True)
        await typists.tell(AGENT, ticket, is_note=False)
        theirs = {"name": "A Customer", "kind": "customer"}
        ours = {"name": "An Agent", "kind": "agent"}
        await until(lambda: len(colleague.named("typing")) == 3, what="a colleague hears of all")
        await until(lambda: customer.named("typing"), what="the customer hears of an agent")
        assert colleague.named("typing") == [ours, theirs, ours]
        assert customer.named("typing") == [ours]
        assert agent.named("typing") == [theirs]
        assert away.named("typing") == []


async def test_all_of_a_process_are_kept_by_one_statement(database: Database, ticket: UUID) -> None:
    """A thousand pages are said to be here at once."""
    here = [
        Presence(uuid4(), ticket, f"customer-{number}", None, is_agent=False)
        for number in range(1000)
    ]
    later = said.now() + timedelta(seconds=40)
    async with database.transaction() as connection:
        await store.keep_presences(connection, here, said.now())
        await store.keep_presences(connection, here[:10], later)
        assert len(await store.end_stale(connection, later)) == 990
        assert len(await store.present(connection, ticket, later)) == 10
