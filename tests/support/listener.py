"""A group of consumers whose handler keeps what it hears in a database, and fails when told to."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiokafka import AIOKafkaProducer, ConsumerRecord
from aiokafka.admin import AIOKafkaAdminClient

from shared import events
from shared.consumer import Consumer, Heard
from shared.database import Connection, Database
from shared.envelope import Topic
from shared.events import Event
from shared.publisher import Outgoing, Publisher
from shared.topics import Declared, dead_letter_name, ensure_topics, topic_name
from tests.support.stream import read_all
from tests.support.waiting import until

SERVICE = "listener"
HEARS = (Topic.TICKETS, Topic.MESSAGES)

KEEP = """
INSERT INTO heard (id, subject, partition) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING
"""


async def keep(connection: Connection, heard: Sequence[Heard]) -> None:
    """Save what was heard; hearing it again changes nothing."""
    rows = [(item.event.id, item.event.subject, item.partition) for item in heard]
    await connection.executemany(KEEP, rows)


async def no_trouble(_: Connection, __: Sequence[Heard]) -> None:
    """What a handler does before it saves, unless a test has another idea."""


@dataclass
class Listener:
    """One namespace of a broker, and one database that all members of the group write to."""

    bootstrap_servers: str
    namespace: str
    database: Database
    publisher: Publisher
    trouble: Callable[[Connection, Sequence[Heard]], Awaitable[None]] = no_trouble
    service: str = SERVICE
    """What the group is called after, and its dead letters."""
    batches: list[list[str]] = field(default_factory=list)
    """The subjects of every call of the handler, whether or not its transaction was kept."""

    def topic(self, topic: Topic = Topic.TICKETS) -> str:
        """A topic's name here."""
        return topic_name(self.namespace, topic)

    @property
    def dead(self) -> str:
        """Where dead letters go."""
        return dead_letter_name(self.namespace, self.service)

    def record(self, event: Event) -> Outgoing:
        """An event as a service puts it on the stream."""
        key = event.subject.encode()
        return Outgoing(self.topic(event.TOPIC), key, events.write(event), events.HEADERS)

    async def prepare(self, partitions: int) -> None:
        """Make the topics."""
        names = [self.topic(topic) for topic in HEARS]
        declared = [Declared(name, partitions, "delete") for name in names]
        dead = Declared(self.dead, 1, "delete")
        await ensure_topics(self.bootstrap_servers, (*declared, dead), 1)

    def member(self) -> Consumer:
        """Another member of the group, not started yet."""
        return Consumer(
            service=self.service,
            topics=HEARS,
            handle=self.handle,
            database=self.database,
            publisher=self.publisher,
            bootstrap_servers=self.bootstrap_servers,
            namespace=self.namespace,
        )

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Consumer]:
        """One member that listens until the end of the block."""
        consumer = self.member()
        await consumer.start()
        try:
            yield consumer
        finally:
            await consumer.stop()

    async def handle(self, connection: Connection, heard: Sequence[Heard]) -> None:
        """Fail as told, else keep what was heard."""
        self.batches.append([item.event.subject for item in heard])
        await self.trouble(connection, heard)
        await keep(connection, heard)

    async def heard(self) -> list[str]:
        """The subjects of what was kept, in the order in which it was handled."""
        async with self.database.connection() as connection:
            rows = await connection.fetch("SELECT subject FROM heard ORDER BY place")
        return [row["subject"] for row in rows]

    async def until_heard(self, *subjects: str, within: float = 30) -> None:
        """Wait until all of these were kept, as often as they stand here."""
        wanted = Counter(subjects)

        async def there() -> bool:
            return not wanted - Counter(await self.heard())

        await until(there, within=within, what=f"{len(subjects)} events are heard")

    async def send(self, *records: Outgoing, partition: int | None = None) -> None:
        """Put records on the stream as they are, in order."""
        async with AIOKafkaProducer(bootstrap_servers=self.bootstrap_servers) as producer:
            for record in records:
                await producer.send_and_wait(
                    record.topic,
                    record.value,
                    key=record.key,
                    partition=partition,
                    headers=list(record.headers),
                )

    async def dead_letters(self, count: int, within: float = 30) -> list[ConsumerRecord]:
        """The dead letters, once there are as many."""

        async def enough() -> list[ConsumerRecord] | None:
            records = await read_all(self.bootstrap_servers, self.dead)
            return records if len(records) >= count else None

        return await until(enough, within=within, what=f"{count} dead letters")

    async def committed(self) -> int:
        """How many records are behind the group's offsets, as the broker has them."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap_servers)
        await admin.start()
        try:
            offsets = await admin.list_consumer_group_offsets(f"{self.namespace}.{self.service}")
        finally:
            await admin.close()
        return sum(known.offset for known in offsets.values())

    async def until_committed(self, records: int) -> None:
        """Wait until the group's offsets stand behind so many records."""

        async def there() -> bool:
            return await self.committed() == records

        await until(there, what=f"offsets of {records} records are committed")


def owned(consumer: Consumer) -> dict[str, set[int]]:
    """The partition numbers that a member has, per topic; none while they change hands."""
    inner = consumer.position.consumer
    found: dict[str, set[int]] = {}
    for partition in inner.assignment() if inner and consumer.position.joined else ():
        found.setdefault(partition.topic, set()).add(partition.partition)
    return found


def headers_of(record: ConsumerRecord) -> dict[str, bytes]:
    """A record's headers by name."""
    return dict(record.headers)
