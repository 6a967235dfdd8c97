"""What exercises do to a desk's topics: records that nobody can read, settings, what is deleted."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from uuid import UUID

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from shared.envelope import Topic
from shared.events import HEADERS
from shared.topics import topic_name
from tests.support.bent_records import append_batch, batch_with_bent_header_name
from tests.support.desk import Desk

SUBJECT = UUID(int=0)


async def delete_all(desk: Desk, topic: Topic) -> None:
    """Delete what a topic holds, as its retention would."""
    ends = await _ends(desk, topic)
    async with _admin(desk) as admin:
        await admin.delete_records({place: RecordsToDelete(end) for place, end in ends.items()})


async def set_on_topic(desk: Desk, topic: Topic, settings: Mapping[str, str]) -> None:
    """Give a topic these settings; its others go back to what the broker has for all."""
    name = topic_name(desk.namespace, topic)
    async with _admin(desk) as admin:
        wished = ConfigResource(ConfigResourceType.TOPIC, name, dict(settings))
        await admin.alter_configs([wished])


async def put_unreadable(desk: Desk, topic: Topic, number: int) -> None:
    """Records that are no events."""
    async with _producer(desk) as producer:
        for each in range(number):
            key = f"nobody-{each}".encode()
            await producer.send_and_wait(topic_name(desk.namespace, topic), b"no event", key=key)


async def put_bent(desk: Desk, topic: Topic) -> None:
    """On each partition a record that can't even be unpacked."""
    bent, servers = batch_with_bent_header_name(), desk.stack.bootstrap_servers
    for place in await _ends(desk, topic):
        await append_batch(servers, place.topic, place.partition, bent)


async def pour(desk: Desk, topic: Topic, *, rate: int) -> None:
    """Put so many records a second onto a topic, of a kind that no service knows, until cancelled.

    What is not known is passed over, so that it costs next to nothing but its reading.
    """
    body = {"type": "desk.careline.unknown.v1", "subject": str(SUBJECT), "specversion": "1.0"}
    value, name = json.dumps(body).encode(), topic_name(desk.namespace, topic)
    async with _producer(desk) as producer:
        began, sent = time.monotonic(), 0
        while True:
            while sent < (time.monotonic() - began) * rate:
                key = str(sent).encode()
                await producer.send(name, value, key=key, headers=list(HEADERS))
                sent += 1
            await asyncio.sleep(0.05)


async def _ends(desk: Desk, topic: Topic) -> dict[TopicPartition, int]:
    name = topic_name(desk.namespace, topic)
    consumer = AIOKafkaConsumer(name, bootstrap_servers=desk.stack.bootstrap_servers)
    await consumer.start()
    try:
        return dict(await consumer.end_offsets(sorted(consumer.assignment())))
    finally:
        await consumer.stop()


@asynccontextmanager
async def _admin(desk: Desk) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=desk.stack.bootstrap_servers)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


@asynccontextmanager
async def _producer(desk: Desk) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(bootstrap_servers=desk.stack.bootstrap_servers, acks="all")
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()
