"""A process that rebuilds says 503 meanwhile, and goes on wherever it was killed."""

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import httpx
import pytest

from shared.envelope import Topic
from tests.support.groups import dismiss_members
from tests.support.samples import tickets
from tests.support.service import Service, a_service
from tests.support.stack import Stack
from tests.support.stream import publish, read_events
from tests.support.waiting import until

PAST = tickets(20)
NEWS = tickets(25)[len(PAST) :]


@pytest.fixture
async def connection(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """A line to the small service's database."""
    made = await asyncpg.connect(dsn)
    yield made
    await made.close()


@pytest.fixture
async def service(
    stack: Stack, namespace: str, dsn: str, tmp_path: Path, connection: asyncpg.Connection
) -> AsyncIterator[Service]:
    """The small service, ended, with all that it has heard on the stream, and its database lost."""
    settings = {
        "KAFKA": stack.bootstrap_servers,
        "NAMESPACE": namespace,
        "PARTITIONS": "2",
        "DATABASE": dsn,
    }
    with a_service(tmp_path, settings) as made:
        made.start()
        await made.ready()
        await publish(stack.bootstrap_servers, namespace, PAST)
        await until(lambda: read_events(stack.bootstrap_servers, namespace, Topic.SLA))
        assert made.process is not None
        made.process.terminate()
        assert await made.ended() == 0
        await connection.execute("TRUNCATE heard, rebuild, rebuild_horizon, outbox")
        yield made


async def _heard(connection: asyncpg.Connection) -> dict[str, bool]:
    rows = await connection.fetch("SELECT subject, rebuilding FROM heard")
    return {row["subject"]: row["rebuilding"] for row in rows}


async def _ask(service: Service) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.post(f"{service.url}/echo", content=b"there?")


@pytest.mark.timeout(240)
async def test_nobody_is_answered_from_half_a_database(
    service: Service, connection: asyncpg.Connection
) -> None:
    """503 with a problem document until it has finished; health and metrics answer meanwhile."""
    async with connection.transaction():
        await connection.execute("LOCK TABLE heard IN ACCESS EXCLUSIVE MODE")
        service.start()

        async def under_way() -> bool:
            parts = (await service.answers("/health/ready", 503)).json()["parts"]
            return str(parts["rebuilding"]).startswith("at ")

        await until(under_way, what="it is under way")
        refused = await _ask(service)
        assert refused.status_code == 503
        assert refused.headers["content-type"] == "application/problem+json"
        assert "being rebuilt" in refused.json()["detail"]
        await service.answers("/health/live", 200)
        assert "careline_" in (await service.answers("/metrics", 200)).text
    await service.ready()
    assert (await _ask(service)).text == "there?"
    assert await _heard(connection) == {event.subject: True for event in PAST}


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    "place",
    [
        pytest.param("rebuilding.drawn", marks=pytest.mark.long),
        pytest.param("small.before_commit", marks=pytest.mark.long),
        "small.committed",
        pytest.param("consumer.handled", marks=pytest.mark.long),
        "rebuilding.finished",
    ],
)
async def test_killed_on_the_way_it_comes_to_the_same(
    stack: Stack, namespace: str, service: Service, connection: asyncpg.Connection, place: str
) -> None:
    """SIGKILL, and another start: all of the past is heard as past, what is new as new."""
    service.start(FAILPOINT=place)
    assert await service.ended(within=60) == -9
    begun = await connection.fetch("SELECT * FROM rebuild_horizon ORDER BY topic, partition")
    await dismiss_members(stack.bootstrap_servers, f"{namespace}.small")
    service.start()
    await service.ready()
    await publish(stack.bootstrap_servers, namespace, NEWS)

    async def all_heard() -> dict[str, bool] | None:
        found = await _heard(connection)
        return found if len(found) == len(PAST) + len(NEWS) else None

    found = await until(all_heard, what="all is heard")
    assert found == {event.subject: event in PAST for event in (*PAST, *NEWS)}
    horizon = await connection.fetch("SELECT * FROM rebuild_horizon ORDER BY topic, partition")
    ends = [row["until_offset"] for row in horizon]
    assert not begun or ends == [row["until_offset"] for row in begun]
    assert sum(ends) == len(PAST)
