"""Writing to and reading from a desk's topics in tests."""

import asyncio
from collections.abc import Iterable, Mapping
from uuid import UUID

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord
from aiokafka.admin import AIOKafkaAdminClient

from shared import events
from shared.envelope import Topic
from shared.events import Event
from shared.sealing import PersonKey
from shared.topics import topic_name
from tests.support.sealing import keys_in


async def publish(bootstrap_servers: str, namespace: str, said: Iterable[Event]) -> None:
    """Put events on their topics, in order."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap_servers, acks="all")
    await producer.start()
    try:
        sent = [
            await producer.send(
                topic_name(namespace, event.TOPIC),
                events.write(event),
                key=event.subject.encode(),
                headers=list(events.HEADERS),
            )
            for event in said
        ]
        await asyncio.gather(*sent)
    finally:
        await producer.stop()


async def read_all(bootstrap_servers: str, *topics: str) -> list[ConsumerRecord]:
    """Every record that the topics hold now; of one partition in order."""
    consumer = AIOKafkaConsumer(
        *topics, bootstrap_servers=bootstrap_servers, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        left = await consumer.end_offsets(list(consumer.assignment()))
        records: list[ConsumerRecord] = []
        while any([await consumer.position(partition) < end for partition, end in left.items()]):
            for batch in (await consumer.getmany(timeout_ms=200)).values():
                records += batch
        return records
    finally:
        await consumer.stop()


async def read_keys(bootstrap_servers: str, namespace: str) -> Mapping[UUID, PersonKey]:
    """Every key that the topic of keys tells of now; none if there is no such topic."""
    topic = topic_name(namespace, Topic.KEYS)
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
    await admin.start()
    try:
        if topic not in await admin.list_topics():
            return {}
    finally:
        await admin.close()
    return keys_in(record.value for record in await read_all(bootstrap_servers, topic))


async def read_events(bootstrap_servers: str, namespace: str, *topics: Topic) -> list[Event]:
    """Every event of these topics, personal parts open; of one ticket and topic in order."""
    names = [topic_name(namespace, topic) for topic in topics]
    records = await read_all(bootstrap_servers, *names)
    # Afterwards: then the keys of all of them are there.
    keys = await read_keys(bootstrap_servers, namespace)
    read = [events.read(record.value, keys) for record in records]
    return [event for event in read if event is not None]
