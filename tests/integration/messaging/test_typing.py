"""Saying over HTTP that one types: for whom, from where, and how often."""

from collections.abc import AsyncIterator
from uuid import UUID

import httpx
import pytest

from services.messaging.live import Watch, typists
from services.messaging.signals import Writing
from shared.database import Database
from tests.support import said
from tests.support.agents import COLLEAGUE, Agents, served_agents
from tests.support.inbox import hear
from tests.support.waiting import until


@pytest.fixture
async def served(dsn: str) -> AsyncIterator[Agents]:
    """The pages."""
    async with served_agents(dsn) as served:
        yield served


def _heard(watch: Watch, heard: list[Writing]) -> int:
    """How much was heard, this time included."""
    heard += watch.take().writing
    return len(heard)


async def _opened(database: Database, account: str) -> UUID:
    created = said.ticket_created(account, account=account)
    await hear(database, created)
    return said.ticket_of(created)


async def test_who_may_read_a_ticket_may_say_that_they_type_in_it(
    served: Agents, database: Database
) -> None:
    """A customer in their own ticket; in another's they are told that there is none."""
    theirs, others = await _opened(database, "an-account"), await _opened(database, "another")
    async with served.client("a-customer") as customer:
        with served.hub.watch(theirs) as here, served.hub.watch(others) as there:
            assert (await customer.post(f"/live/{theirs}/typing")).status_code == 204
            await until(lambda: here.take().writing, what="it is told")
            answer = await customer.post(f"/live/{others}/typing", headers={"X-Careline": "script"})
            assert answer.status_code == 404
            assert there.take().writing == ()


async def test_it_comes_from_our_own_pages_alone(served: Agents, database: Database) -> None:
    """Another site can't have somebody seem to type."""
    ticket = await _opened(database, "an-account")
    async with served.client() as agent:
        headers = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
        answer = await agent.post(f"/live/{ticket}/typing", headers=headers)
        assert answer.status_code == 403


async def test_strangers_say_nothing(served: Agents, database: Database) -> None:
    """Who is not known is asked to sign in."""
    ticket = await _opened(database, "an-account")
    async with httpx.AsyncClient(base_url=served.url) as nobody:
        answer = await nobody.post(
            f"/live/{ticket}/typing",
            headers={"Origin": served.url, "X-Careline": "script"},
        )
        assert answer.status_code == 401


async def test_what_is_said_too_often_is_swallowed(
    served: Agents, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every key may say it; others hear it once, and of somebody else all the same."""
    monkeypatch.setattr(typists, "EVERY", 600.0)
    ticket = await _opened(database, "an-account")
    heard: list[Writing] = []
    async with served.client() as agent, served.client(COLLEAGUE) as colleague:
        with served.hub.watch(ticket) as watch:
            for _ in range(5):
                assert (await agent.post(f"/live/{ticket}/typing?note=1")).status_code == 204
            await until(lambda: _heard(watch, heard) > 0, what="it is told")
            assert [each.is_note for each in heard] == [True]
            sent = await colleague.post(f"/live/{ticket}/typing", data={"note": "0"})
            assert sent.status_code == 204
            await until(lambda: _heard(watch, heard) > 1, what="so is this")
    assert [each.name for each in heard] == ["Alex Agent", "Kim Colleague"]
    assert [each.is_note for each in heard] == [True, False]


async def test_a_customer_writes_no_notes(served: Agents, database: Database) -> None:
    """What a customer says is never kept from them, whatever their page says."""
    ticket = await _opened(database, "an-account")
    heard: list[Writing] = []
    async with served.client("a-customer") as customer:
        with served.hub.watch(ticket) as watch:
            await customer.post(f"/live/{ticket}/typing", data={"note": "1"})
            await until(lambda: _heard(watch, heard) > 0, what="it is told")
    assert [each.is_note for each in heard] == [False]
