"""Lines that go silent, and readers who don't read."""

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest

from services.messaging import store
from services.messaging.live import Hub, News, Patch, line, streams
from services.messaging.visitors import Visitor
from shared.database import Database
from tests.support import said
from tests.support.gate import Gate
from tests.support.inbox import hear
from tests.support.live import Replica, running_replica
from tests.support.waiting import until

TICKET = said.ticket_of(said.ticket_created())


@pytest.fixture
async def gate(dsn: str) -> AsyncIterator[Gate]:
    """A gate before the database."""
    address = urlsplit(dsn)
    assert address.hostname is not None
    assert address.port is not None
    gate = Gate(address.hostname, address.port)
    await gate.open()
    yield gate
    await gate.shut()


@pytest.fixture
async def hub(dsn: str, gate: Gate) -> AsyncIterator[Hub]:
    """A hub that listens by way of the gate."""
    hub = Hub(gate.dsn(dsn))
    await hub.start()
    await until(lambda: hub.ready() is None, what="it listens")
    yield hub
    await hub.stop()


@pytest.mark.parametrize("silently", [True, False])
async def test_a_line_that_is_gone_is_noticed_and_made_again(
    hub: Hub, gate: Gate, database: Database, monkeypatch: pytest.MonkeyPatch, *, silently: bool
) -> None:
    """Cut or silent, readiness says so; once it is back everybody is woken, and hears again."""
    monkeypatch.setattr(line, "BEAT_EVERY", 0.3)
    monkeypatch.setattr(line, "ANSWER_WITHIN", 0.5)
    with hub.watch(TICKET) as watch:
        watch.take()
        if silently:
            gate.leave_ajar()
        else:
            await gate.shut()
        await until(lambda: hub.ready() == "not listening", what="it is noticed")
        await gate.open()
        await until(lambda: hub.ready() is None, within=60, what="it listens again")
        assert await watch.wait(5)
        watch.take()
        async with database.transaction() as connection:
            await store.tell_present(connection, [TICKET])
        assert await watch.wait(5)


async def test_a_hub_starts_before_its_database(dsn: str, gate: Gate) -> None:
    """The service comes up without a line, says so, and gets it later."""
    await gate.shut()
    hub = Hub(gate.dsn(dsn))
    await hub.start()
    assert hub.ready() == "not listening"
    await gate.open()
    await until(lambda: hub.ready() is None, within=60, what="it listens")
    await hub.stop()


async def test_a_reader_who_takes_nothing_is_let_go(
    dsn: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not taken within the time is not kept in memory for ever: the stream ends."""
    monkeypatch.setattr(streams, "SEND_WITHIN", 0.5)
    await hear(database, said.ticket_created())

    async def much(_visitor: Visitor, _ticket: object, seen: str | None) -> News:
        return News(f"{int(seen or 0) + 1}", [Patch("append", "messages", html="x" * 1_000_000)])

    async with running_replica(dsn) as replica:
        monkeypatch.setattr(replica, "news", much)
        address = urlsplit(replica.url)
        _, writer = await asyncio.open_connection(address.hostname, address.port, limit=1024)
        writer.write(
            f"GET /{TICKET}?as=an-agent HTTP/1.1\r\nHost: {address.netloc}\r\n\r\n".encode()
        )
        await until(lambda: replica.hub.followed == 1, what="the stream begins")
        await until(lambda: _woken(replica), what="the stream has ended")
        writer.close()


def _woken(replica: Replica) -> bool:
    replica.hub.wake_all()
    return replica.hub.followed == 0
