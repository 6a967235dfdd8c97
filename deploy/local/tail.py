"""Reading the stream from now on, outside every group: it disturbs nobody and leaves no trace."""

import contextlib
from collections.abc import AsyncIterator

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from shared.envelope import Topic
from shared.topics import topic_name

FETCH_WAIT_MS = 200


@contextlib.asynccontextmanager
async def tail(bootstrap_servers: str, namespace: str) -> AsyncIterator[AIOKafkaConsumer]:
    """Stand at the end of every topic of the namespace that is there, dead letters included.

    Args:
        bootstrap_servers: `host:port` of the broker.
        namespace: Stands before the names of topics.
    """
    partitions = await _partitions(bootstrap_servers, namespace)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap_servers, group_id=None, fetch_max_wait_ms=FETCH_WAIT_MS
    )
    try:
        await consumer.start()
        consumer.assign(partitions)
        for partition, end in (await consumer.end_offsets(partitions)).items():
            consumer.seek(partition, end)
        yield consumer
    finally:
        await consumer.stop()


async def _partitions(bootstrap_servers: str, namespace: str) -> list[TopicPartition]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
    try:
        await admin.start()
        # Each request makes a key, and nobody reads of that with profit.
        keys = topic_name(namespace, Topic.KEYS)
        names = [
            name
            for name in await admin.list_topics()
            if name.startswith(f"{namespace}.") and name != keys
        ]
        return [
            TopicPartition(topic["topic"], partition["partition"])
            for topic in await admin.describe_topics(names)
            for partition in topic["partitions"]
        ]
    finally:
        await admin.close()
