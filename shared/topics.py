"""The topics as declared: partitions, retention, cleanup; made where missing, checked where there.

A topic with other settings is reported and left alone: changing retention or partitions under a
running desk is an operator's decision.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, UnknownTopicOrPartitionError, for_code
from aiokafka.partitioner import murmur2

from shared import metrics
from shared.envelope import Topic
from shared.kafka_security import OPEN, KafkaSecurity, reaching
from shared.topic_survey import PARTITIONS, differences, survey

log = structlog.get_logger(__name__)

DAY_MS = 24 * 60 * 60 * 1000
WRITE_DAYS = 30
"""How long a key seals new events."""
KEYS_DAYS = WRITE_DAYS + 90 + 10
"""A key is kept for as long as anything that it sealed, and some days more."""
_SOON_GONE = (
    # A key that was thrown away leaves the log within hours, not whenever half of it is stale.
    ("max.compaction.lag.ms", str(60 * 60 * 1000)),
    ("min.cleanable.dirty.ratio", "0.01"),
    ("delete.retention.ms", str(7 * DAY_MS)),
)


@dataclass(frozen=True, slots=True)
class Declared:
    """One topic as it should be."""

    name: str
    partitions: int
    cleanup: str
    retention_ms: int | None = None
    more: tuple[tuple[str, str], ...] = ()
    """Settings that this topic alone has."""

    @property
    def settings(self) -> dict[str, str]:
        """Topic settings as Kafka writes them."""
        retention = {} if self.retention_ms is None else {"retention.ms": str(self.retention_ms)}
        # The broker's own stamp never runs backwards in a partition: readers that are behind know
        # by it how far they have heard (shared/read_position.py).
        stamp = {"message.timestamp.type": "LogAppendTime"}
        # Whatever a producer packs its records with: a reader that can't unpack one stands still.
        packing = {"compression.type": "uncompressed"}
        own = dict(self.more)
        return {"cleanup.policy": self.cleanup} | stamp | packing | retention | own

    @property
    def grows(self) -> bool:
        """Whether it is given more partitions when the desk is (`make topics`).

        What is compacted is not: the newest record of a key replaces those before it in its own
        partition alone. After the change the one before would stay in the old one, for ever beside
        the newer; and a key that was thrown away would stay readable.
        """
        return "compact" not in self.cleanup

    @property
    def wanted(self) -> dict[str, str]:
        """What is held against a topic that is there: settings, and partitions where they grow."""
        partitions = {PARTITIONS: str(self.partitions)} if self.grows else {}
        return partitions | self.settings


def topic_name(namespace: str, topic: Topic) -> str:
    """`careline.tickets`, or with another namespace the same topic of another desk."""
    return f"{namespace}.{topic}"


def dead_letter_name(namespace: str, service: str) -> str:
    """Where a service puts the records that it could not handle."""
    return f"{namespace}.{service}.dead"


def partition_of(key: bytes, partitions: int) -> int:
    """Which partition a record of this key goes to, by every producer of ours.

    Kafka's own rule for records with a key, as its Java client and aiokafka have it; librdkafka
    has another one unless it is told `partitioner=murmur2_random`.

    Args:
        key: The record's key.
        partitions: How many the topic has, when the record is sent.
    """
    return int(murmur2(key) & 0x7FFFFFFF) % partitions


def declared_topics(namespace: str, partitions: int) -> tuple[Declared, ...]:
    """The stream's topics.

    All ticket-keyed topics have the same number of partitions, so that a ticket has one partition
    number everywhere: the timers of a partition know what was read of both its topics. How they get
    more is told in docs/runbooks/add-partitions.md; what is compacted keeps the number it was made
    with.
    """
    retention_days = {
        Topic.TICKETS: 30,
        Topic.MESSAGES: 30,
        Topic.ATTACHMENTS: 30,
        Topic.SLA: 365,
        Topic.NOTIFICATIONS: 90,
        Topic.PRIVACY: 3 * 365,
    }
    stream = tuple(
        Declared(topic_name(namespace, topic), partitions, "delete", days * DAY_MS)
        for topic, days in retention_days.items()
    )
    accounts = Declared(topic_name(namespace, Topic.ACCOUNTS), partitions, "compact")
    keys = Declared(
        topic_name(namespace, Topic.KEYS),
        partitions,
        "compact,delete",
        KEYS_DAYS * DAY_MS,
        _SOON_GONE,
    )
    return (*stream, accounts, keys)


def declared_dead_letters(namespace: str, service: str) -> Declared:
    """A service's dead-letter topic: one partition, since nothing is handled in its order."""
    return Declared(dead_letter_name(namespace, service), 1, "delete", 90 * DAY_MS)


async def ensure_topics(
    bootstrap_servers: str,
    topics: tuple[Declared, ...],
    replication: int,
    security: KafkaSecurity = OPEN,
) -> tuple[str, ...]:
    """Make what is missing and say where a topic differs from its declaration.

    Returns:
        One sentence per difference, which is logged and counted too.

    Raises:
        KafkaConnectionError: when no broker answers.
        AwayError: when one answers and refuses us; the text says why.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers, **security.for_aiokafka())
    try:
        async with reaching(bootstrap_servers, security):
            await admin.start()
        found = await survey(admin, [topic.name for topic in topics])
        await _create(admin, [topic for topic in topics if topic.name not in found], replication)
    finally:
        await admin.close()
    told = [
        difference
        for topic in topics
        if topic.name in found
        for difference in differences(topic.wanted, found[topic.name])
    ]
    for topic in topics:
        count = sum(difference.topic == topic.name for difference in told)
        metrics.TOPIC_DIFFERENCES.labels(topic.name).set(count)
    for difference in told:
        log.warning("topic_differs", detail=str(difference))
    return tuple(map(str, told))


async def _create(admin: AIOKafkaAdminClient, topics: list[Declared], replication: int) -> None:
    if not topics:
        return
    answer = await admin.create_topics(
        [
            NewTopic(topic.name, topic.partitions, replication, topic_configs=topic.settings)
            for topic in topics
        ]
    )
    for name, code, *message in answer.topic_errors:
        error = for_code(code)
        # Several replicas start at once; the one that comes second finds it made.
        if code and error is not TopicAlreadyExistsError:
            raise error(f"{name}: {message}")


async def partitions_of(consumer: AIOKafkaConsumer, topics: Sequence[str]) -> list[TopicPartition]:
    """All partitions that these topics have now.

    Raises:
        UnknownTopicOrPartitionError: the broker does not know one of them yet.
    """
    await consumer._client.force_metadata_update()  # noqa: SLF001 - else it knows no topic yet
    known = {topic: consumer.partitions_for_topic(topic) for topic in topics}
    if unknown := [topic for topic, numbers in known.items() if not numbers]:
        raise UnknownTopicOrPartitionError(unknown[0])
    return [
        TopicPartition(topic, number)
        for topic, numbers in known.items()
        for number in sorted(numbers)
    ]
