"""A service's keys: there for whatever they sealed, gone for good once they were thrown away."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from services.intake.records import publish_keys
from shared import keyring as keys_of
from shared import outbox
from shared.database import Database
from shared.envelope import Topic
from shared.keyring import Keyring, Minting
from shared.outbox import Relay
from shared.publisher import Outgoing, Publisher
from shared.sealing import SealError, StreamSecret, key_of
from shared.topics import Declared, ensure_topics, topic_name
from tests.support.samples import REQUESTER, ticket_created
from tests.support.sealing import clock, keyring, new_key, sealing
from tests.support.stack import Stack
from tests.support.stream import read_all

OTHER = "r-somebody-else"


@pytest.fixture
async def topic(stack: Stack, namespace: str) -> str:
    """The topic of keys, with another beside it."""
    names = [topic_name(namespace, each) for each in (Topic.KEYS, Topic.TICKETS)]
    await ensure_topics(stack.bootstrap_servers, tuple(Declared(n, 3, "delete") for n in names), 1)
    return names[0]


@pytest.fixture
async def ring(
    database: Database,
    stack: Stack,
    namespace: str,
    topic: str,  # noqa: ARG001 - it must be there
) -> AsyncIterator[Keyring]:
    """A keyring that nobody lets read: it reads when it has to."""
    keys = keyring(database, stack.bootstrap_servers, namespace)
    await keys.start()
    yield keys
    await keys.stop()


async def test_a_key_that_was_published_before_its_event_is_found(
    publisher: Publisher, namespace: str, ring: Keyring
) -> None:
    """However far behind the reader of keys is: who asks for one waits until it has caught up."""
    for _ in range(20):
        records = sealing(namespace).records([ticket_created()])
        await publish_keys(publisher, records)
        (record,) = records.sealed
        id_ = key_of(record.value or b"")
        assert id_ is not None
        assert set(await ring.find([id_])) == {id_}


async def test_many_who_ask_at_once_while_it_reads_all_find_theirs(
    publisher: Publisher, namespace: str, ring: Keyring
) -> None:
    """What somebody else was just handed is waited for until it is kept."""
    made = [sealing(namespace).records([ticket_created()]) for _ in range(100)]
    await publisher.publish([key for records in made for key in records.keys])
    ids = [key_of(records.sealed[0].value or b"") for records in made]

    async def reading() -> None:
        while True:
            await ring.step()
            await asyncio.sleep(0)

    reader = asyncio.create_task(reading())
    found = await asyncio.gather(*(ring.find([id_]) for id_ in ids if id_))
    reader.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await reader
    assert [list(each) for each in found] == [[id_] for id_ in ids]


async def test_a_tombstone_throws_a_key_away_for_good(
    publisher: Publisher, namespace: str, topic: str, ring: Keyring, database: Database
) -> None:
    """Its record may be read once more, from the beginning or by another replica: it is gone."""
    records = sealing(namespace).records([ticket_created()])
    await publish_keys(publisher, records)
    (key,) = records.keys
    id_ = key_of(records.sealed[0].value or b"")
    assert id_ is not None
    assert await ring.find([id_])
    await publisher.publish([Outgoing(topic, key.key, None)])
    await ring.catch_up()
    assert not await ring.find([id_])
    await publish_keys(publisher, records)
    await ring.catch_up()
    assert not await ring.find([id_])
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT count(wrapped) FROM stream_keys") == 0


async def test_another_replica_goes_on_where_the_first_one_was(
    publisher: Publisher, namespace: str, stack: Stack, ring: Keyring, database: Database
) -> None:
    """What was read by one is not read again, and what came since is."""
    first = sealing(namespace).records([ticket_created()])
    await publish_keys(publisher, first)
    await ring.catch_up()
    second = keyring(database, stack.bootstrap_servers, namespace)
    await second.start()
    later = sealing(namespace).records([ticket_created("another")])
    await publish_keys(publisher, later)
    ids = {key_of(each.sealed[0].value or b"") for each in (first, later)}
    try:
        assert set(await second.find([id_ for id_ in ids if id_])) == ids
    finally:
        await second.stop()


async def test_what_is_no_key_is_passed_over(
    publisher: Publisher, namespace: str, topic: str, ring: Keyring
) -> None:
    """Whatever somebody puts on the topic, keys behind it are read."""
    await publisher.publish(
        [Outgoing(topic, b"no id", value) for value in (None, b"", b"no event", b"{}")]
    )
    records = sealing(namespace).records([ticket_created()])
    await publish_keys(publisher, records)
    id_ = key_of(records.sealed[0].value or b"")
    assert id_ is not None
    assert await ring.find([id_])


async def test_a_person_keeps_their_key_for_a_month(database: Database, ring: Keyring) -> None:
    """What is said of them is sealed with one key, new ones are told of; others have their own."""
    async with database.transaction() as connection:
        first, said = await ring.for_writing(connection, [REQUESTER, OTHER])
        again, nothing = await ring.for_writing(connection, [REQUESTER])
        await connection.execute("UPDATE stream_keys SET made_at = made_at - interval '31 days'")
        later, new = await ring.for_writing(connection, [REQUESTER])
    assert {event.data.person for event in said} == {REQUESTER, OTHER}
    assert first[REQUESTER] != first[OTHER]
    assert (again[REQUESTER], nothing) == (first[REQUESTER], [])
    assert later[REQUESTER] != first[REQUESTER]
    assert [event.subject for event in new] == [str(later[REQUESTER].id)]


async def test_a_relay_publishes_keys_before_what_they_seal(
    database: Database, publisher: Publisher, namespace: str, stack: Stack, ring: Keyring
) -> None:
    """And seals nothing with a key that was thrown away."""
    relay = Relay(database, publisher, namespace=namespace, keyring=ring)
    async with database.transaction() as connection:
        await outbox.append(connection, [ticket_created()])
    await relay.step()
    async with database.transaction() as connection:
        thrown = await keys_of.list_keys(connection, [REQUESTER])
        await keys_of.throw_away(connection, thrown)
        await outbox.append(connection, [ticket_created("another")])
    await relay.step()
    tickets = await read_all(stack.bootstrap_servers, topic_name(namespace, Topic.TICKETS))
    made = await read_all(stack.bootstrap_servers, topic_name(namespace, Topic.KEYS))
    by_key = {key.key.decode(): key.timestamp for key in made}
    named = [str(key_of(record.value)) for record in sorted(tickets, key=lambda r: r.timestamp)]
    assert named[0] == str(thrown[0])
    assert named[1] != named[0]
    for record in tickets:
        assert by_key[str(key_of(record.value))] <= record.timestamp


async def test_without_keys_nothing_personal_is_published(
    database: Database, publisher: Publisher, namespace: str, stack: Stack, topic: str
) -> None:
    """It stays in the outbox, and whoever runs the desk hears of it."""
    relay = Relay(database, publisher, namespace=namespace)
    async with database.transaction() as connection:
        await outbox.append(connection, [ticket_created()])
    with pytest.raises(outbox.UnsealedError):
        await relay.step()
    assert not await read_all(stack.bootstrap_servers, topic_name(namespace, Topic.TICKETS))
    assert topic


async def test_another_secret_opens_nothing_and_loses_nothing(
    publisher: Publisher, namespace: str, ring: Keyring, database: Database
) -> None:
    """A wrong secret is an operator's mistake: reading stands until it is mended."""
    records = sealing(namespace).records([ticket_created()])
    await publish_keys(publisher, records)
    id_ = key_of(records.sealed[0].value or b"")
    assert id_ is not None
    async with database.connection() as connection:
        await ring.catch_up()
        await connection.execute("UPDATE stream_keys SET wrapped = sha512('other') || 'x'::bytea")
    with pytest.raises(SealError, match="unwrap"):
        await ring.find([id_])


async def test_readiness_tells_of_another_secret_and_forgets_it_once_it_is_right(
    publisher: Publisher, namespace: str, ring: Keyring, database: Database, stack: Stack
) -> None:
    """As soon as a key was read, and after a restart too; nobody has to wait for a dead letter."""
    strange = StreamSecret(["another-secret-of-the-tests-that-is-long"])
    other = Minting("/services/test", strange, clock, new_key)
    records = sealing(namespace).records([ticket_created()])
    await publish_keys(publisher, records)
    topic = topic_name(namespace, Topic.KEYS)
    stranger = Keyring(database, topic, stack.bootstrap_servers, other)
    await stranger.start()
    assert stranger.ready() is None
    await stranger.catch_up()
    assert "CARELINE_STREAM_SECRET" in (stranger.ready() or "")
    await stranger.stop()
    await stranger.start()
    assert "CARELINE_STREAM_SECRET" in (stranger.ready() or "")
    await stranger.stop()

    await ring.stop()
    await ring.start()
    assert ring.ready() is None
