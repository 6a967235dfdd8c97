"""A service that rebuilds a database: what it hears it keeps, and whether that was before the end.

It hears tickets and messages, and has said the messages itself.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, RecordsToDelete

from shared import events
from shared.consumer import Consumer, Heard
from shared.database import Connection, Database
from shared.envelope import Topic
from shared.events import Event
from shared.publisher import Publisher
from shared.rebuilding import Rebuilding
from shared.topics import Declared, dead_letter_name, ensure_topics, topic_name
from shared.worker import Worker
from tests.support.samples import message_posted
from tests.support.waiting import until

SERVICE = "rebuilder"
HEARS = (Topic.TICKETS, Topic.MESSAGES)
PARTITIONS = 3

KEEP = """
INSERT INTO heard (id, subject, partition, rebuilding) VALUES ($1, $2, $3, $4)
ON CONFLICT (id) DO NOTHING
"""

Hook = Callable[[Connection, Sequence[Heard]], Awaitable[None]]


def own(name: str) -> Event:
    """A message that the service itself has said."""
    return message_posted(name).model_copy(update={"source": f"/services/{SERVICE}"})


async def at_once(_: Connection, __: Sequence[Heard]) -> None:
    """What a handler waits for before it saves, unless a test has another idea."""


async def nothing_left(_: Connection) -> bool:
    """What finishing finds to do, unless a test has another idea."""
    return False


@dataclass(frozen=True, slots=True)
class Replica:
    """One process of the service, so to speak."""

    consumer: Consumer
    rebuilding: Rebuilding


@dataclass
class Rebuilder:
    """The service: one namespace, one database, as many replicas as a test starts."""

    bootstrap_servers: str
    namespace: str
    database: Database
    publisher: Publisher
    trouble: Hook = at_once
    finish: Callable[[Connection], Awaitable[bool]] = nothing_left
    finished: int = field(default=0, init=False)
    """How often finishing was called."""

    @property
    def group(self) -> str:
        """Its consumer group."""
        return f"{self.namespace}.{SERVICE}"

    def topic(self, topic: Topic = Topic.TICKETS) -> str:
        """A topic's name here."""
        return topic_name(self.namespace, topic)

    @property
    def topics(self) -> list[str]:
        """All that it hears, by name."""
        return [self.topic(topic) for topic in HEARS]

    async def prepare(self, cleanup: str = "delete") -> None:
        """Make the topics."""
        declared = [Declared(self.topic(topic), PARTITIONS, cleanup) for topic in HEARS]
        dead = Declared(dead_letter_name(self.namespace, SERVICE), 1, "delete")
        await ensure_topics(self.bootstrap_servers, (*declared, dead), 1)

    def replica(self) -> Replica:
        """One that isn't started yet."""
        rebuilding = Rebuilding(
            self.database,
            group=self.group,
            topics=[self.topic(topic) for topic in HEARS],
            bootstrap_servers=self.bootstrap_servers,
            finish=self._finish,
        )
        consumer = Consumer(
            service=SERVICE,
            topics=HEARS,
            handle=self._handle,
            database=self.database,
            publisher=self.publisher,
            bootstrap_servers=self.bootstrap_servers,
            namespace=self.namespace,
            rebuilding=rebuilding,
        )
        rebuilding.reached = consumer.position.reached
        return Replica(consumer, rebuilding)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Replica]:
        """A replica until the end of the block, its parts started as `shared/wiring.py` does."""
        replica = self.replica()
        async with AsyncExitStack() as stack:
            await replica.rebuilding.start()
            await replica.consumer.start()
            stack.push_async_callback(replica.consumer.stop)
            worker = Worker("rebuild", replica.rebuilding.step, idle=0.05)
            await worker.start()
            stack.push_async_callback(worker.stop)
            yield replica

    async def _handle(self, connection: Connection, heard: Sequence[Heard]) -> None:
        await self.trouble(connection, heard)
        rows = [
            (item.event.id, item.event.subject, item.partition, item.rebuilding) for item in heard
        ]
        await connection.executemany(KEEP, rows)

    async def _finish(self, connection: Connection) -> bool:
        self.finished += 1
        return await self.finish(connection)

    async def say(self, *said: Event, partition: int | None = None) -> None:
        """Put events on the stream, in order."""
        async with AIOKafkaProducer(bootstrap_servers=self.bootstrap_servers) as producer:
            for event in said:
                await producer.send_and_wait(
                    self.topic(event.TOPIC),
                    events.write(event),
                    key=event.subject.encode(),
                    partition=partition,
                    headers=list(events.HEADERS),
                )

    async def say_at_once(self, *said: Event, partition: int) -> None:
        """Put events on the stream so that they are read together."""
        async with AIOKafkaProducer(
            bootstrap_servers=self.bootstrap_servers, linger_ms=1000
        ) as producer:
            for event in said:
                await producer.send(
                    self.topic(event.TOPIC), events.write(event), partition=partition
                )

    async def say_in_transaction(self, *said: Event, partition: int, kept: bool) -> None:
        """The same in a transaction, whose end takes an offset that holds no record."""
        where = TopicPartition(self.topic(), partition)
        behind = await self._end(where) + len(said) + 1
        producer = AIOKafkaProducer(
            bootstrap_servers=self.bootstrap_servers, transactional_id=self.namespace
        )
        await producer.start()
        try:
            await producer.begin_transaction()
            for event in said:
                await producer.send_and_wait(
                    self.topic(event.TOPIC),
                    events.write(event),
                    key=event.subject.encode(),
                    partition=partition,
                )
            await (producer.commit_transaction() if kept else producer.abort_transaction())
        finally:
            await producer.stop()

        async def ended() -> bool:
            return await self._end(where) == behind

        await until(ended, what="the end of the transaction is in the log")

    async def _end(self, where: TopicPartition) -> int:
        async with AIOKafkaConsumer(bootstrap_servers=self.bootstrap_servers) as consumer:
            ends = await consumer.end_offsets([where])
        return int(ends[where])

    async def heard(self) -> dict[str, bool]:
        """Of what was kept, by the event's id, whether it lay before the horizon."""
        async with self.database.connection() as connection:
            rows = await connection.fetch("SELECT id, rebuilding FROM heard ORDER BY place")
        return {str(row["id"]): row["rebuilding"] for row in rows}

    async def until_heard(self, *said: Event) -> None:
        """Wait until all of these were kept."""
        wanted = {str(event.id) for event in said}

        async def there() -> bool:
            return wanted <= (await self.heard()).keys()

        await until(there, what=f"{len(said)} events are heard")

    async def until_finished(self, *replicas: Replica) -> None:
        """Wait until these replicas know that the horizon was reached."""
        await until(
            lambda: all(not replica.rebuilding.active for replica in replicas),
            what=f"rebuilt: {[replica.rebuilding.ready() for replica in replicas]}",
        )

    async def lose_database(self) -> None:
        """Empty it, as if it were new."""
        async with self.database.connection() as connection:
            await connection.execute("TRUNCATE heard, rebuild, rebuild_horizon, outbox")

    async def horizon(self) -> Counter[str]:
        """Per topic, how many offsets lie before the horizon."""
        async with self.database.connection() as connection:
            rows = await connection.fetch("SELECT topic, until_offset FROM rebuild_horizon")
        found: Counter[str] = Counter()
        for row in rows:
            found[row["topic"]] += row["until_offset"]
        return found

    async def delete_before(self, partition: int, offset: int) -> None:
        """Take a topic's oldest records away, as retention does."""
        where = TopicPartition(self.topic(), partition)
        async with _admin(self.bootstrap_servers) as admin:
            await admin.delete_records({where: RecordsToDelete(offset)})

    async def add_partitions(self, total: int) -> None:
        """Give every topic more partitions."""
        more = {self.topic(topic): NewPartitions(total) for topic in HEARS}
        async with _admin(self.bootstrap_servers) as admin:
            await admin.create_partitions(more)

    async def committed(self) -> int:
        """The sum of the group's offsets, as the broker has them."""
        return sum((await self.offsets()).values())

    async def offsets(self) -> dict[TopicPartition, int]:
        """The group's offsets, as the broker has them."""
        async with _admin(self.bootstrap_servers) as admin:
            offsets = await admin.list_consumer_group_offsets(self.group)
        return {partition: known.offset for partition, known in offsets.items()}

    async def positions(self) -> dict[TopicPartition, int]:
        """What the database has noted."""
        async with self.database.connection() as connection:
            rows = await connection.fetch("SELECT * FROM stream_positions")
        return {TopicPartition(row["topic"], row["partition"]): row["next_offset"] for row in rows}


@asynccontextmanager
async def _admin(bootstrap_servers: str) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


class Gate:
    """Holds a handler or a finish up until it is let."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.let = asyncio.Event()

    async def wait(self) -> None:
        """Say that somebody is here, and wait."""
        self.entered.set()
        await self.let.wait()
