"""The stream that the pages' readers read, on the topics that the pages name."""

import asyncio
from collections.abc import Iterable

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.support import told
from tests.support.stack import Stack

PARTITIONS = 3
HEADERS = [("content-type", b"application/cloudevents+json")]


@pytest.fixture(scope="session")
def kafka(stack: Stack) -> str:
    """Where a Kafka is that has `told.events()` on topics of the desk's usual names."""
    asyncio.run(_prepare(stack.bootstrap_servers))
    return stack.bootstrap_servers


async def _prepare(bootstrap_servers: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
    await admin.start()
    stamp = {"message.timestamp.type": "LogAppendTime"}
    topics = [NewTopic(name, PARTITIONS, 1, topic_configs=stamp) for name in told.TOPICS]
    made = await admin.create_topics(topics)
    await admin.close()
    assert [code for _, code, *_ in made.topic_errors] == [0] * len(topics)
    await tell(bootstrap_servers, told.events())


async def tell(bootstrap_servers: str, events: Iterable[told.Event]) -> None:
    """Put records on their topics, one after the other."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap_servers, acks="all")
    await producer.start()
    for event in events:
        await producer.send_and_wait(
            told.topic_of(event),
            told.written(event),
            key=event["subject"].encode(),
            headers=HEADERS,
        )
    await producer.stop()
