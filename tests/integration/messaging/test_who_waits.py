"""What agents' pages say of who waits for whom, with a clock and without one."""

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import httpx
import pytest

from tests.support import agents, said
from tests.support.agents import AGENT, Agents, served_agents


@pytest.fixture
async def desk(dsn: str) -> AsyncIterator[Agents]:
    """The pages on a fresh database."""
    async with served_agents(dsn) as made:
        yield made


@pytest.fixture
async def ticket(desk: Agents) -> UUID:
    """A ticket with a clock that runs."""
    made = await agents.open_ticket(desk.database, "one", subject="The report is empty")
    await agents.run_clock(desk.database, made, said.now() + timedelta(hours=2))
    return made


async def _post(
    desk: Agents, client: httpx.AsyncClient, path: str, subject: str = AGENT, **fields: str
) -> httpx.Response:
    return await client.post(path, data={"proof": desk.proof(subject)} | fields)


async def test_without_a_clock_the_inbox_says_who_waits_for_whom(
    desk: Agents, ticket: UUID
) -> None:
    """The customer for an answer, until there is one; a clock's words are not repeated."""
    other = await agents.open_ticket(desk.database, "no clock runs", subject="Another question")
    async with desk.client() as client:
        assert (await client.get("/inbox")).text.count("Waits for an answer") == 1
        assert "Waits for an answer" in (await client.get(f"/inbox/{other}")).text
        assert "Waits for an answer" not in (await client.get(f"/inbox/{ticket}")).text
        await _post(desk, client, f"/inbox/{other}/messages", text="Here it is.")
        assert "Waits for an answer" not in (await client.get("/inbox")).text
        await _post(desk, client, f"/inbox/{other}/status", status="pending")
        assert "Waits for the customer" in (await client.get(f"/inbox/{other}")).text


async def test_the_title_says_how_many_are_breached(desk: Agents) -> None:
    """It is what a tab shows; and once it is answered, the page says that it was missed."""
    late = await agents.open_ticket(desk.database, "late")
    await agents.run_clock(desk.database, late, said.now() - timedelta(hours=1), state="breached")
    async with desk.client() as client:
        assert "<title>(1 breached) Inbox" in (await client.get("/inbox?all=1")).text
        assert "overdue by" in (await client.get(f"/inbox/{late}")).text
        await _post(desk, client, f"/inbox/{late}/messages", text="Sorry, here it is.")
        assert "<title>Inbox" in (await client.get("/inbox?all=1")).text
        page = (await client.get(f"/inbox/{late}")).text
        assert ("missed, done since" in page, "overdue by" in page) == (True, False)
