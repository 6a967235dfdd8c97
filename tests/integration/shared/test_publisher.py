"""A publish is acknowledged by all replicas, or refused within its deadline and for good."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaConnectionError, MessageSizeTooLargeError

from deploy.local import ports
from shared import publisher as publisher_module
from shared.faults import BrokerAwayError
from shared.publisher import Outgoing, Publisher
from shared.topics import Declared, ensure_topics
from tests.support.lone_broker import LoneBroker
from tests.support.stack import Stack
from tests.support.stream import read_all
from tests.support.waiting import until

DEADLINE = 1.0


@pytest.fixture
async def impatient(lone_broker: LoneBroker) -> AsyncIterator[Publisher]:
    """A publisher of the broker that this module freezes and kills."""
    publisher = Publisher(lone_broker.bootstrap_servers, deadline=DEADLINE, client_id="test")
    await publisher.start()
    yield publisher
    await publisher.stop()


@pytest.fixture
async def topic(lone_broker: LoneBroker, namespace: str) -> str:
    """A topic of one partition on that broker."""
    return await make_topic(lone_broker.bootstrap_servers, namespace)


async def make_topic(bootstrap_servers: str, namespace: str, partitions: int = 1) -> str:
    """A topic of this test's own."""
    name = f"{namespace}.published"
    await ensure_topics(bootstrap_servers, (Declared(name, partitions, "delete"),), 1)
    return name


async def configure(bootstrap_servers: str, topic: str, **settings: str) -> None:
    """Change a topic's settings, as an operator would."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
    await admin.start()
    told = {key.replace("_", "."): value for key, value in settings.items()}
    await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, told)])
    await admin.close()


def record(topic: str, value: bytes, key: bytes = b"key") -> Outgoing:
    """A record of one key."""
    return Outgoing(topic, key, value, (("a-header", b"\xff"),))


async def values(bootstrap_servers: str, topic: str) -> list[bytes]:
    """What the topic holds."""
    return [record.value for record in await read_all(bootstrap_servers, topic)]


async def test_what_was_acknowledged_is_there_in_order(
    stack: Stack, publisher: Publisher, namespace: str
) -> None:
    """Once publish returns, every record is on the stream; those of one key as given."""
    topic = await make_topic(stack.bootstrap_servers, namespace, partitions=3)
    keys = [b"one", b"two", b"three", b"four"]
    records = [record(topic, b"%d" % number, key) for number in range(200) for key in keys]
    await publisher.publish(records)
    found = await read_all(stack.bootstrap_servers, topic)
    assert len(found) == len(records)
    for key in keys:
        assert [r.value for r in found if r.key == key] == [b"%d" % n for n in range(200)]
        assert len({r.partition for r in found if r.key == key}) == 1
    assert {r.headers for r in found} == {(("a-header", b"\xff"),)}


async def test_nobody_publishes_before_the_start(stack: Stack) -> None:
    """Without a connection every publish is refused, and readiness says why."""
    publisher = Publisher(stack.bootstrap_servers, deadline=DEADLINE, client_id="test")
    assert publisher.ready() == "the broker is away"
    with pytest.raises(BrokerAwayError):
        await publisher.publish([record("any", b"value")])
    await publisher.stop()


async def test_a_start_without_a_broker_fails_and_leaves_nothing_open() -> None:
    """The runtime tries again later; a second start may work where the first did not."""
    nobody = f"127.0.0.1:{ports.free_ports().kafka}"
    publisher = Publisher(nobody, deadline=DEADLINE, client_id="test")
    with pytest.raises(KafkaConnectionError):
        await publisher.start()
    assert publisher.ready() == "the broker is away"
    await publisher.stop()


async def test_a_record_that_is_too_large_harms_no_other(
    stack: Stack, publisher: Publisher, namespace: str
) -> None:
    """It is refused with its own error, and the same publisher goes on."""
    topic = await make_topic(stack.bootstrap_servers, namespace)
    with pytest.raises(MessageSizeTooLargeError):
        await publisher.publish([record(topic, b"x" * 2_000_000)])
    await publisher.publish([record(topic, b"small")])
    assert await values(stack.bootstrap_servers, topic) == [b"small"]


async def test_a_record_that_the_broker_rejects_harms_no_later_one(
    stack: Stack, publisher: Publisher, namespace: str
) -> None:
    """Under a limit that only the broker knows, what follows in the partition is still taken."""
    topic = await make_topic(stack.bootstrap_servers, namespace)
    await configure(stack.bootstrap_servers, topic, max_message_bytes="5000")
    await publisher.publish([record(topic, b"before")])

    async def rejected() -> bool:
        try:
            await publisher.publish([record(topic, b"x" * 10_000)])
        except MessageSizeTooLargeError:
            return True
        return False

    await until(rejected, what="the limit is in force")
    await until(lambda: publisher.ready() is None)
    await publisher.publish([record(topic, b"after")])
    found = await values(stack.bootstrap_servers, topic)
    assert (found[0], found[-1]) == (b"before", b"after")


async def test_a_frozen_broker_is_known_away_and_comes_back(
    lone_broker: LoneBroker, impatient: Publisher, topic: str
) -> None:
    """What waits is refused at its deadline, what comes next at once, and neither appears later."""
    await impatient.publish([record(topic, b"before")])
    lone_broker.freeze()
    try:
        on_its_way = asyncio.create_task(impatient.publish([record(topic, b"on its way")]))
        for _ in range(50):  # turns of the loop: its request is written to the socket
            await asyncio.sleep(0)
        held = [impatient.publish([record(topic, b"held %d" % n)]) for n in range(20)]
        outcomes = await asyncio.gather(on_its_way, *held, return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} == {BrokerAwayError}
        assert impatient.ready() == "the broker is away"
        with pytest.raises(BrokerAwayError):
            impatient.publish([record(topic, b"refused")]).send(None)
    finally:
        lone_broker.thaw()
    await until(lambda: impatient.ready() is None)
    await impatient.publish([record(topic, b"after")])
    found = await values(lone_broker.bootstrap_servers, topic)
    assert set(found) - {b"on its way"} == {b"before", b"after"}
    assert (found[0], found[-1]) == (b"before", b"after")


async def test_what_is_sent_again_is_there_once(
    lone_broker: LoneBroker,
    topic: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A record that was repeated because the answer stayed away is on the stream one time."""
    monkeypatch.setattr(publisher_module, "REQUEST_TIMEOUT_MS", 300)
    publisher = Publisher(lone_broker.bootstrap_servers, deadline=60, client_id="test")
    await publisher.start()
    await publisher.publish([record(topic, b"before")])
    lone_broker.freeze()
    try:
        sending = asyncio.create_task(publisher.publish([record(topic, b"repeated")]))
        await until(lambda: caplog.text.count("Got error produce response") >= 3)
    finally:
        lone_broker.thaw()
    await sending
    await publisher.stop()
    assert await values(lone_broker.bootstrap_servers, topic) == [b"before", b"repeated"]


@pytest.mark.timeout(240)
async def test_a_broker_that_dies_and_returns_is_found_again(
    lone_broker: LoneBroker, impatient: Publisher, topic: str
) -> None:
    """After a crash of the broker the same publisher goes on, and what it was told kept is kept."""
    await impatient.publish([record(topic, b"before")])
    lone_broker.kill()
    with pytest.raises(BrokerAwayError):
        await impatient.publish([record(topic, b"refused")])
    await lone_broker.start()
    await until(lambda: impatient.ready() is None)
    await impatient.publish([record(topic, b"after")])
    assert await values(lone_broker.bootstrap_servers, topic) == [b"before", b"after"]


async def test_a_stop_in_the_middle_is_told_to_who_publishes(stack: Stack, namespace: str) -> None:
    """Whoever is cut off by a stop hears that the broker is away, as at any other time."""
    topic = await make_topic(stack.bootstrap_servers, namespace)
    publisher = Publisher(stack.bootstrap_servers, deadline=10, client_id="test")
    await publisher.start()
    await publisher.publish([record(topic, b"before")])
    many = [record(topic, b"x" * 1000) for _ in range(1000)]
    sending = asyncio.create_task(publisher.publish(many))
    for _ in range(50):  # turns of the loop: far fewer than the batches take
        await asyncio.sleep(0)
    await publisher.stop()
    with pytest.raises(BrokerAwayError):
        await sending


async def test_a_stop_does_not_wait_for_a_broker_that_is_away(
    lone_broker: LoneBroker, topic: str
) -> None:
    """With records in hand and the broker frozen, stop ends by itself, long before a deadline."""
    publisher = Publisher(lone_broker.bootstrap_servers, deadline=120, client_id="test")
    await publisher.start()
    await publisher.publish([record(topic, b"before")])
    lone_broker.freeze()
    try:
        sending = asyncio.create_task(publisher.publish([record(topic, b"in hand")]))
        for _ in range(50):
            await asyncio.sleep(0)
        await asyncio.wait_for(publisher.stop(), 30)
        assert not sending.done()  # nobody was told that it is published
        sending.cancel()
    finally:
        lone_broker.thaw()
