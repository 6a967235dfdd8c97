"""Pages that are open hear of what happens, on whichever replica, and miss nothing."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import httpx
import pytest

from services.messaging import doing
from services.messaging.doing import Words
from services.messaging.guarded import Guarded
from services.messaging.live import feeds, streams
from services.messaging.visitors import Visitor
from shared.database import Database
from shared.messages import Visibility
from tests.support import said
from tests.support.inbox import hear
from tests.support.live import AGENT, CUSTOMER, Reader, Replica, reading, running_replica
from tests.support.stack import Stack
from tests.support.waiting import until

FIRST = "Help!"


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


async def post(
    replica: Replica,
    visitor: Visitor,
    ticket: UUID,
    text: str,
    visibility: Visibility = Visibility.PUBLIC,
) -> None:
    """Somebody writes through this replica."""
    async with Guarded(replica.database).transaction(visitor) as connection:
        words = Words(text, visibility)
        await doing.post(connection, visitor, ticket, words, key=text, now=said.now())


async def told(reader: Reader, *texts: str) -> None:
    """Wait until a reader has been told just these messages, in this order, each once."""
    await until(lambda: len(reader.patches("messages")) >= len(texts), what=f"{texts} arrive")
    assert reader.patches("messages") == list(texts)


async def cut(replica: Replica, admin: str) -> None:
    """End the connection on which replicas hear of changes, as a restart or a network would."""
    connection = await asyncpg.connect(admin)
    try:
        ended = await connection.fetch(
            """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE application_name = 'careline-messaging-live' AND datname = $1
            """,
            await replica.database_name(),
        )
    finally:
        await connection.close()
    assert ended


async def test_a_post_on_one_replica_is_shown_on_another(
    one: Replica, other: Replica, ticket: UUID
) -> None:
    """Whoever follows a ticket is told of a message, whichever replica took it."""
    url = f"{other.url}/{ticket}"
    async with reading(url) as agent, reading(url, who="a-customer") as customer:
        await told(agent, FIRST)
        await told(customer, FIRST)
        await post(one, AGENT, ticket, "We look into it.")
        await post(one, CUSTOMER, ticket, "Thank you!")
        await told(agent, FIRST, "We look into it.", "Thank you!")
        await told(customer, FIRST, "We look into it.", "Thank you!")


async def test_notes_are_told_to_agents_alone(one: Replica, ticket: UUID) -> None:
    """A customer's stream has no notes, and goes on behind them."""
    url = f"{one.url}/{ticket}"
    async with reading(url) as agent, reading(url, who="a-customer") as customer:
        await told(customer, FIRST)
        await post(one, AGENT, ticket, "Not for them.", Visibility.NOTE)
        await post(one, AGENT, ticket, "For them.")
        await told(agent, FIRST, "Not for them.", "For them.")
        await told(customer, FIRST, "For them.")


async def test_a_stream_resumes_where_it_was_cut(one: Replica, ticket: UUID) -> None:
    """Who comes back with what they had seen is told what they missed, and nothing twice."""
    url = f"{one.url}/{ticket}"
    async with reading(url) as before:
        await told(before, FIRST)
        assert before.seen is not None
    for text in ("one", "two", "three"):
        await post(one, AGENT, ticket, text)
    async with (
        reading(url, headers={"Last-Event-ID": before.seen}) as after,
        reading(url, seen=before.seen) as page,
    ):
        await told(after, "one", "two", "three")
        await told(page, "one", "two", "three")


async def test_nothing_is_missed_while_replicas_hear_nothing(
    one: Replica, other: Replica, ticket: UUID, stack: Stack
) -> None:
    """The connection that listens comes back by itself, and what was said meanwhile is shown."""
    async with reading(f"{other.url}/{ticket}") as agent:
        await told(agent, FIRST)
        await cut(other, stack.postgres_admin_dsn)
        await post(one, AGENT, ticket, "while it was cut")
        await told(agent, FIRST, "while it was cut")
        await until(lambda: other.hub.ready() is None, what="it listens again")
        await post(one, AGENT, ticket, "afterwards")
        await told(agent, FIRST, "while it was cut", "afterwards")


async def test_many_changes_at_once_are_few_looks(one: Replica, ticket: UUID) -> None:
    """A hundred messages in a moment don't make a stream ask a hundred times."""
    async with reading(f"{one.url}/{ticket}") as agent:
        await told(agent, FIRST)
        before = one.looks
        texts = [str(number) for number in range(100)]
        for text in texts:
            await post(one, AGENT, ticket, text)
        await told(agent, FIRST, *texts)
        assert one.looks - before < 100


async def test_the_inbox_hears_of_every_ticket(one: Replica, ticket: UUID) -> None:
    """Who follows all tickets is told when any of them changes."""
    async with reading(f"{one.url}/all") as inbox:
        await until(lambda: inbox.patches("inbox"), what="the inbox is shown")
        before = len(inbox.patches("inbox"))
        await post(one, CUSTOMER, ticket, "Hello?")
        await until(lambda: len(inbox.patches("inbox")) > before, what="it is told")


async def test_a_stream_ends_when_the_page_is_theirs_no_longer(one: Replica, ticket: UUID) -> None:
    """Somebody who may not see a ticket any more is told that it is over, and no more."""
    async with reading(f"{one.url}/{ticket}") as agent:
        await told(agent, FIRST)
        one.theirs = False
        await post(one, AGENT, ticket, "not for their eyes")
        await until(lambda: agent.ended, what="the stream ends")
        assert agent.named("over") == [{}]
        assert agent.patches("messages") == [FIRST]


async def test_a_stream_ends_with_its_session(
    one: Replica, ticket: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream asks from time to time whether its reader is still signed in."""
    monkeypatch.setattr(feeds, "ASK_STILL_EVERY", 0.2)
    async with reading(f"{one.url}/{ticket}") as agent:
        await told(agent, FIRST)
        assert not agent.ended
        one.holds = False
        await until(lambda: agent.named("over"), what="the stream is over")
        await until(lambda: agent.ended, what="the stream ends")


async def test_a_silent_stream_says_that_it_is_there(
    one: Replica, ticket: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without anything new there is a beat, so that neither proxies nor pages take it for dead."""
    monkeypatch.setattr(feeds, "BEAT_EVERY", 0.2)
    async with reading(f"{one.url}/{ticket}") as agent:
        await until(lambda: len(agent.named("beat")) > 2, what="beats")


async def test_the_database_may_go_away_and_come_back(
    one: Replica, ticket: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look that fails for a passing reason is tried again, on the same stream."""
    monkeypatch.setattr(feeds, "TRY_AGAIN", 0.1)
    away = OSError("nobody there")
    failing = True
    news = one.news

    async def sometimes(visitor: Visitor, ticket: UUID | None, seen: str | None) -> object:
        if failing:
            raise away
        return await news(visitor, ticket, seen)

    monkeypatch.setattr(one, "news", sometimes)
    async with reading(f"{one.url}/{ticket}") as agent:
        await until(lambda: one.looks > 2, what="it tries")
        assert agent.patches("messages") == []
        failing = False
        await told(agent, FIRST)


async def test_streams_have_a_limit(dsn: str, ticket: UUID) -> None:
    """Beyond so many, a request is told to come back later; when one ends there is room."""
    async with running_replica(dsn, most=2) as small:
        url = f"{small.url}/{ticket}"
        async with reading(url) as first, reading(url) as second, httpx.AsyncClient() as client:
            await told(first, FIRST)
            await told(second, FIRST)
            refused = await client.get(url, params={"as": "an-agent"})
            assert refused.status_code == 503
            assert int(refused.headers["Retry-After"]) > 0
        async with reading(url) as third:
            await until(lambda: third.response.status_code, what="an answer")
            assert third.response.status_code in {200, 503}


async def test_one_visitor_has_a_limit(
    one: Replica, ticket: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One visitor's pages don't take the place of everybody else's."""
    monkeypatch.setattr(streams, "MOST_EACH", 1)
    url = f"{one.url}/{ticket}"
    async with reading(url) as agent, httpx.AsyncClient() as client:
        await told(agent, FIRST)
        assert (await client.get(url, params={"as": "an-agent"})).status_code == 429
        async with reading(url, who="a-customer") as customer:
            await told(customer, FIRST)


async def test_streams_are_for_this_moment(one: Replica, ticket: UUID) -> None:
    """Nobody between us and the browser keeps a stream, or holds it back."""
    async with reading(f"{one.url}/{ticket}") as agent:
        headers = agent.response.headers
        assert headers["Content-Type"].startswith("text/event-stream")
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Accel-Buffering"] == "no"
        assert "Content-Length" not in headers


async def test_stopping_lets_every_stream_go(dsn: str, database: Database, ticket: UUID) -> None:
    """Streams that are open don't hold up the end of a service."""
    async with running_replica(dsn) as replica:
        async with asyncio.timeout(10):
            async with reading(f"{replica.url}/{ticket}") as agent:
                await told(agent, FIRST)
                await replica.hub.stop()
                await until(lambda: agent.ended, what="the stream ends")
                assert agent.named("over") == []
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM presences") == 0
