"""A record that can't even be unpacked holds up its own partition, and nothing is lost."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime

import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from aiokafka.structs import TopicPartition
from confluent_kafka import Producer
from prometheus_client import REGISTRY

from shared import events, reading
from shared.consumer import Consumer
from shared.database import Database
from shared.events import Event
from shared.publisher import Outgoing, Publisher
from tests.support.bent_records import append_batch, batch_with_bent_header_name
from tests.support.listener import Listener
from tests.support.samples import ticket_created
from tests.support.stack import Stack
from tests.support.waiting import until

PARTITIONS = 4
BENT = 2
"""The partition that holds the bad record."""


@pytest.fixture
async def listener(
    stack: Stack, namespace: str, database: Database, publisher: Publisher
) -> Listener:
    """A group whose topic somebody else made, as Kafka makes it: it keeps what is packed packed."""
    made = Listener(stack.bootstrap_servers, namespace, database, publisher)
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.bootstrap_servers)
    await admin.start()
    await admin.create_topics([NewTopic(made.topic(), PARTITIONS, 1)])
    await admin.close()
    await made.prepare(PARTITIONS)
    await until(lambda: _all_lead(made))
    return made


async def _all_lead(listener: Listener) -> bool:
    """Whether every partition takes records."""
    admin = AIOKafkaAdminClient(bootstrap_servers=listener.bootstrap_servers)
    await admin.start()
    (topic,) = await admin.describe_topics([listener.topic()])
    await admin.close()
    return len(topic["partitions"]) == PARTITIONS


async def say(listener: Listener, partition: int, *said: Event) -> None:
    """Put events on a partition."""
    topic = listener.topic()
    records = [Outgoing(topic, event.subject.encode(), events.write(event)) for event in said]
    await listener.send(*records, partition=partition)


async def put_bent(listener: Listener) -> None:
    """A record with a header whose name can't be decoded."""
    batch = batch_with_bent_header_name()
    await append_batch(listener.bootstrap_servers, listener.topic(), BENT, batch)


async def put_packed(listener: Listener) -> None:
    """A record packed with a codec that isn't installed."""
    producer = Producer(
        {"bootstrap.servers": listener.bootstrap_servers, "compression.type": "lz4"}
    )
    producer.produce(listener.topic(), b" " * 1000, partition=BENT)
    await asyncio.to_thread(producer.flush)


def failures(listener: Listener) -> float:
    """How often the topic could not be read."""
    labels = {"topic": listener.topic()}
    return REGISTRY.get_sample_value("careline_read_failures_total", labels) or 0


@pytest.mark.parametrize("put", [put_bent, put_packed])
@pytest.mark.timeout(900)
async def test_it_is_read_up_to_and_the_others_go_on(
    listener: Listener,
    put: Callable[[Listener], Awaitable[None]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Everything before it, and everything elsewhere, is handled; what is behind it waits."""
    monkeypatch.setattr(reading, "REST", 1.0)
    before = [ticket_created(f"before {number}") for number in range(30)]
    elsewhere = {n: ticket_created(f"elsewhere {n}") for n in range(PARTITIONS) if n != BENT}
    later = {n: ticket_created(f"later {n}") for n in elsewhere}
    behind = ticket_created("behind")
    await say(listener, BENT, *before)
    for number, event in elsewhere.items():
        await say(listener, number, event)
    await put(listener)
    came = datetime.now(UTC)  # noqa: TID251 - positions are instants of the real clock
    await say(listener, BENT, behind)
    async with listener.listening() as consumer:
        handled = [event.subject for event in (*before, *elsewhere.values())]
        await listener.until_heard(*handled)
        await until(lambda: failures(listener) >= 2)
        for number, event in later.items():
            await say(listener, number, event)
        await listener.until_heard(*(event.subject for event in later.values()))
        await listener.until_committed(len(handled) + len(later))
        for _ in range(20):
            await until(lambda: _are_heard(consumer, elsewhere))
            heard = await consumer.position.heard_until()
            assert BENT not in heard or heard[BENT] <= came
        assert behind.subject not in await listener.heard()

        await take_out(listener, offset=len(before))
        await listener.until_heard(behind.subject)


async def _are_heard(consumer: Consumer, partitions: Iterable[int]) -> bool:
    heard = await consumer.position.heard_until()
    return heard.keys() >= set(partitions)


async def take_out(listener: Listener, offset: int) -> None:
    """What an operator does: delete everything up to and with the bad record."""
    admin = AIOKafkaAdminClient(bootstrap_servers=listener.bootstrap_servers)
    await admin.start()
    place = TopicPartition(listener.topic(), BENT)
    await admin.delete_records({place: RecordsToDelete(before_offset=offset + 1)})
    await admin.close()


@pytest.mark.parametrize(("most", "expected"), [(2500, [3, 1]), (10, [1, 1, 1, 1])])
async def test_a_batch_ends_by_its_size_too(
    listener: Listener, monkeypatch: pytest.MonkeyPatch, most: int, expected: list[int]
) -> None:
    """With the partition by which it is large enough; the rest is in the next, and none is lost."""
    monkeypatch.setattr(reading, "BATCH_BYTES", most)
    for number in range(PARTITIONS):
        large = Outgoing(listener.topic(), b"key", b"x" * 1000)
        await listener.send(large, partition=number)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=listener.bootstrap_servers, enable_auto_commit=False
    )
    await consumer.start()
    try:
        places = [TopicPartition(listener.topic(), number) for number in range(PARTITIONS)]
        consumer.assign(places)
        await consumer.seek_to_beginning()
        batches = await _read_batches(consumer)
    finally:
        await consumer.stop()
    assert [len(batch) for batch in batches] == expected
    assert sorted(record.partition for batch in batches for record in batch) == [0, 1, 2, 3]


async def _read_batches(consumer: AIOKafkaConsumer) -> list[tuple[ConsumerRecord, ...]]:
    """All that are not empty, until each partition has given its record."""
    collecting, found = (
        reading.Reading(lambda _: None, lambda _: None),
        list[tuple[ConsumerRecord, ...]](),
    )
    while sum(len(batch) for batch in found) < PARTITIONS:
        if batch := await collecting.next_batch(consumer):
            found.append(batch)
    return found
