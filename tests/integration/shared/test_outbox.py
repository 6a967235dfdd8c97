"""Events go out if and only if their transaction commits: in order per ticket, none lost."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from shared import events, outbox
from shared.database import Database
from shared.envelope import Topic
from shared.events import Event
from shared.faults import BrokerAwayError
from shared.keyring import Keyring
from shared.outbox import Relay, Waiting
from shared.publisher import Outgoing, Publisher
from shared.topics import Declared, ensure_topics, topic_name
from shared.worker import Worker
from tests.support.samples import message_posted, ticket_created
from tests.support.sealing import keyring
from tests.support.service import a_service
from tests.support.stack import Stack
from tests.support.stream import publish, read_all, read_events, read_keys
from tests.support.waiting import until


class Rollback(Exception):  # noqa: N818 - no error, but a way out
    """Takes a transaction back."""


@pytest.fixture(autouse=True)
async def topics(stack: Stack, namespace: str) -> None:
    """The topics that these tests write to."""
    topics = (Topic.TICKETS, Topic.MESSAGES, Topic.KEYS)
    names = [topic_name(namespace, topic) for topic in topics]
    declared = tuple(Declared(name, 3, "delete") for name in names)
    await ensure_topics(stack.bootstrap_servers, declared, 1)


@pytest.fixture
async def ring(
    database: Database,
    stack: Stack,
    namespace: str,
    topics: None,  # noqa: ARG001 - the topic of keys must be there
) -> AsyncIterator[Keyring]:
    """Its keys."""
    keys = keyring(database, stack.bootstrap_servers, namespace)
    await keys.start()
    yield keys
    await keys.stop()


@pytest.fixture
def relay(database: Database, publisher: Publisher, namespace: str, ring: Keyring) -> Relay:
    """The relay of one replica."""
    return Relay(database, publisher, namespace=namespace, keyring=ring)


async def append(database: Database, *said: Event) -> None:
    """Keep events, as a handler does."""
    async with database.transaction() as connection:
        await outbox.append(connection, said)


async def waiting(database: Database) -> int:
    """How many events have not been published."""
    async with database.connection() as connection:
        return int(await connection.fetchval("SELECT count(*) FROM outbox"))


async def drain(relay: Relay) -> None:
    """Step until there is nothing left, as a worker does."""
    while await relay.step():
        pass


async def test_an_event_goes_out_with_its_key_headers_and_value(
    stack: Stack, namespace: str, database: Database, relay: Relay
) -> None:
    """What reaches the stream is the event itself, keyed by its ticket, and the row is gone."""
    said = ticket_created()
    await append(database, said)
    assert await relay.step() is False
    (record,) = await read_all(stack.bootstrap_servers, topic_name(namespace, Topic.TICKETS))
    assert record.key == said.subject.encode()
    keys = await read_keys(stack.bootstrap_servers, namespace)
    assert events.read(record.value) != said
    assert events.read(record.value, keys) == said
    assert record.headers == events.HEADERS
    assert await waiting(database) == 0


async def test_what_is_rolled_back_is_never_published(
    stack: Stack, namespace: str, database: Database, relay: Relay
) -> None:
    """Of two transactions, the one that commits speaks, and the one that does not is silent."""
    with contextlib.suppress(Rollback):
        async with database.transaction() as connection:
            await outbox.append(connection, [ticket_created("rolled back")])
            await drain(relay)
            raise Rollback
    await append(database, ticket_created("kept"))
    await drain(relay)
    said = await read_events(stack.bootstrap_servers, namespace, Topic.TICKETS)
    assert said == [ticket_created("kept")]


async def test_nothing_to_say_is_no_statement(database: Database, relay: Relay) -> None:
    """An empty list of events changes nothing, and the relay finds no work."""
    await append(database)
    assert await relay.step() is False
    assert await relay.waiting() == Waiting(0, 0.0)


async def test_events_of_one_ticket_keep_their_order(
    stack: Stack, namespace: str, database: Database, relay: Relay
) -> None:
    """Over many transactions and more than one step, each ticket's events stay in order."""
    names = ["one", "two", "three"]
    for first in range(1, 241, 40):
        numbers = range(first, first + 40)
        said = [message_posted(name, sequence=number) for number in numbers for name in names]
        await append(database, *said)
    assert await relay.step() is True
    await drain(relay)
    found = await read_events(stack.bootstrap_servers, namespace, Topic.MESSAGES)
    for name in names:
        subject = message_posted(name).subject
        own = [event.id for event in found if event.subject == subject]
        assert own == [message_posted(name, sequence=number).id for number in range(1, 241)]


async def test_no_more_is_taken_at_once_than_fits_into_memory(
    monkeypatch: pytest.MonkeyPatch, database: Database, relay: Relay
) -> None:
    """Files are said in large events: a step ends with the one that reaches its bytes."""
    said = [message_posted("one", sequence=number) for number in range(1, 6)]
    await append(database, *said)
    sizes = [len(events.write(each)) for each in said]
    monkeypatch.setattr(outbox, "BATCH_BYTES", sizes[0] + 1)
    assert await relay.step() is True
    assert await waiting(database) == 3
    monkeypatch.setattr(outbox, "BATCH_BYTES", 1)
    assert await relay.step() is True
    assert await waiting(database) == 2
    await drain(relay)
    assert await waiting(database) == 0


async def test_a_late_commit_with_an_earlier_number_is_not_passed_over(
    stack: Stack, namespace: str, database: Database, relay: Relay
) -> None:
    """Commits become visible out of order; the row with the smaller id still goes out."""
    async with database.transaction() as connection:
        await outbox.append(connection, [ticket_created("began first")])
        await append(database, ticket_created("committed first"))
        await drain(relay)
        said = await read_events(stack.bootstrap_servers, namespace, Topic.TICKETS)
        assert said == [ticket_created("committed first")]
    await drain(relay)
    said = await read_events(stack.bootstrap_servers, namespace, Topic.TICKETS)
    wanted = [ticket_created(name).id for name in ("began first", "committed first")]
    assert sorted(event.id for event in said) == sorted(wanted)
    assert await waiting(database) == 0


async def test_with_the_broker_away_nothing_is_deleted(
    stack: Stack, namespace: str, database: Database, ring: Keyring
) -> None:
    """What can't be published stays, shows its age, and goes out once the broker is there."""
    publisher = Publisher(stack.bootstrap_servers, deadline=5, client_id="test")
    relay = Relay(database, publisher, namespace=namespace, keyring=ring)
    await append(database, ticket_created())
    with pytest.raises(BrokerAwayError):
        await relay.step()
    assert await waiting(database) == 1
    left = await relay.waiting()
    assert left.events == 1
    assert left.oldest_seconds > 0
    await publisher.start()
    await drain(relay)
    await publisher.stop()
    said = await read_events(stack.bootstrap_servers, namespace, Topic.TICKETS)
    assert said == [ticket_created()]
    assert await relay.waiting() == Waiting(0, 0.0)


class SlowPublisher:
    """Publishes for real, once it is let; says when it was asked."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self.asked = asyncio.Event()
        self.let = asyncio.Event()

    async def publish(self, records: Sequence[Outgoing]) -> None:
        """Wait, then publish."""
        self.asked.set()
        await self.let.wait()
        await self._publisher.publish(records)


async def test_of_two_relays_one_works(
    stack: Stack, namespace: str, database: Database, publisher: Publisher, ring: Keyring
) -> None:
    """While one publishes, another finds nothing to do; when it is done, the other takes over."""
    slow = SlowPublisher(publisher)
    first = Relay(database, slow, namespace=namespace, keyring=ring)
    second = Relay(database, publisher, namespace=namespace, keyring=ring)
    await append(database, ticket_created("one"))
    working = asyncio.create_task(first.step())
    await slow.asked.wait()
    await append(database, ticket_created("two"))
    assert await second.step() is False
    assert await waiting(database) == 2
    slow.let.set()
    await working
    await drain(second)
    said = await read_events(stack.bootstrap_servers, namespace, Topic.TICKETS)
    assert Counter(event.id for event in said) == Counter(
        ticket_created(name).id for name in ("one", "two")
    )


async def test_a_commit_wakes_the_relay(
    stack: Stack, namespace: str, database: Database, relay: Relay
) -> None:
    """After a commit the relay's worker goes to work, however long it would have idled."""
    worker = Worker("relay", relay.step, idle=3600)
    database.after_commit = worker.wake
    await worker.start()
    await append(database, ticket_created())

    async def gone() -> bool:
        return await waiting(database) == 0

    await until(gone)
    await worker.stop()
    said = await read_events(stack.bootstrap_servers, namespace, Topic.TICKETS)
    assert said == [ticket_created()]


@pytest.mark.parametrize("place", ["small.committed", "outbox.published"])
async def test_killed_on_the_way_it_says_the_same_again(
    stack: Stack, namespace: str, dsn: str, tmp_path: Path, place: str
) -> None:
    """SIGKILL before the offsets' commit, or between publish and delete: same events, same ids."""
    settings = {"KAFKA": stack.bootstrap_servers, "NAMESPACE": namespace, "DATABASE": dsn}
    said = [ticket_created(f"ticket {number}") for number in range(10)]
    with a_service(tmp_path, settings | {"PARTITIONS": "3"}) as service:
        service.start(FAILPOINT=place)
        await publish(stack.bootstrap_servers, namespace, said)
        assert await service.ended() == -9
        service.start()
        await service.ready()

        async def answers() -> list[Event] | None:
            found = await read_events(stack.bootstrap_servers, namespace, Topic.SLA)
            answered = {event.causationid for event in found}
            return found if len(answered) == len(said) else None

        found = await until(answers, what="every ticket is answered")
    assert len({event.id for event in found}) == len(said)
    assert place != "outbox.published" or len(found) > len(said)
