"""A consumer group from outside: where it is, and where it goes on while nobody reads for it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.structs import OffsetAndMetadata

from shared.faults import AwayError
from shared.kafka_security import OPEN, KafkaSecurity
from shared.positions import NOTED, Offsets, Where
from shared.topics import partitions_of

_STATE = 2
_AT_WORK = {"Stable", "PreparingRebalance", "CompletingRebalance"}


@dataclass(frozen=True, slots=True)
class Bounds:
    """Where the log of a partition begins and ends."""

    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Group:
    """A service's group and what it hears.

    Args:
        name: With the namespace.
        topics: The same.
        bootstrap_servers: `host:port`, comma separated.
        security: How one speaks to the brokers.
    """

    name: str
    topics: tuple[str, ...]
    bootstrap_servers: str
    security: KafkaSecurity = OPEN

    async def bounds(self) -> dict[TopicPartition, Bounds]:
        """Of all partitions that the topics have now."""
        async with self._consumer() as consumer:
            partitions = await partitions_of(consumer, self.topics)
            begins = await consumer.beginning_offsets(partitions)
            ends = await consumer.end_offsets(partitions)
            return {p: Bounds(begins[p], ends[p]) for p in partitions}

    async def committed(self) -> dict[TopicPartition, OffsetAndMetadata]:
        """Where the group is, and what stands beside that."""
        async with self._admin() as admin:
            offsets = await admin.list_consumer_group_offsets(self.name)
        return {p: known for p, known in offsets.items() if known.offset >= 0}

    async def refuse_members(self) -> None:
        """See that nobody reads for the group.

        Raises:
            AwayError: somebody does, or was killed a moment ago.
        """
        async with self._admin() as admin:
            (answer,) = await admin.describe_consumer_groups([self.name])
        if any(group[_STATE] in _AT_WORK for group in answer.groups):
            raise AwayError("others of this service are still at work, with a newer database")

    async def go_to(self, offsets: Offsets) -> None:
        """Let the group go on at these.

        Raises:
            KafkaError: somebody reads for it.
        """
        if offsets:
            async with self._consumer() as consumer:
                consumer.assign(list(offsets))
                await consumer.commit(marked(offsets))

    @asynccontextmanager
    async def _consumer(self) -> AsyncIterator[AIOKafkaConsumer]:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.bootstrap_servers,
            group_id=self.name,
            enable_auto_commit=False,
            **self.security.for_aiokafka(),
        )
        await consumer.start()
        try:
            yield consumer
        finally:
            await consumer.stop()

    @asynccontextmanager
    async def _admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        admin = AIOKafkaAdminClient(
            bootstrap_servers=self.bootstrap_servers, **self.security.for_aiokafka()
        )
        try:
            await admin.start()
            yield admin
        finally:
            await admin.close()


def marked(offsets: Offsets) -> dict[TopicPartition, tuple[int, str]]:
    """Offsets to be committed, which the database has noted before."""
    return {partition: (offset, NOTED) for partition, offset in offsets.items()}


def compare(
    bounds: Mapping[TopicPartition, Bounds],
    committed: Mapping[TopicPartition, OffsetAndMetadata],
    positions: Offsets,
) -> dict[TopicPartition, Where]:
    """What is known of each partition, put together."""
    return {
        partition: Where(
            noted=positions.get(partition),
            committed=committed[partition].offset if partition in committed else None,
            is_marked=partition in committed and committed[partition].metadata == NOTED,
            begin=bound.begin,
            end=bound.end,
        )
        for partition, bound in bounds.items()
    }
