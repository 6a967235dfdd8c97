"""The topics as declared: partitions, retention, cleanup; made where missing, checked where there.

A topic with other settings is reported and left alone: changing retention or partitions under a
running desk is an operator's decision.
"""

from dataclasses import dataclass

import structlog
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError, for_code

from shared.envelope import Topic

log = structlog.get_logger(__name__)

DAY_MS = 24 * 60 * 60 * 1000


@dataclass(frozen=True, slots=True)
class Declared:
    """One topic as it should be."""

    name: str
    partitions: int
    cleanup: str
    retention_ms: int | None = None

    @property
    def settings(self) -> dict[str, str]:
        """Topic settings as Kafka writes them."""
        retention = {} if self.retention_ms is None else {"retention.ms": str(self.retention_ms)}
        # The broker's own stamp never runs backwards in a partition: readers that are behind know
        # by it how far they have heard (shared/read_position.py).
        stamp = {"message.timestamp.type": "LogAppendTime"}
        # Whatever a producer packs its records with: a reader that can't unpack one stands still.
        packing = {"compression.type": "uncompressed"}
        return {"cleanup.policy": self.cleanup} | stamp | packing | retention


def topic_name(namespace: str, topic: Topic) -> str:
    """`careline.tickets`, or with another namespace the same topic of another desk."""
    return f"{namespace}.{topic}"


def dead_letter_name(namespace: str, service: str) -> str:
    """Where a service puts the records that it could not handle."""
    return f"{namespace}.{service}.dead"


def declared_topics(namespace: str, partitions: int) -> tuple[Declared, ...]:
    """The stream's topics.

    All ticket-keyed topics have the same number of partitions, so that a ticket has one partition
    number everywhere: the timers of a partition know what was read of both its topics.
    """
    retention_days = {
        Topic.TICKETS: 30,
        Topic.MESSAGES: 30,
        Topic.ATTACHMENTS: 30,
        Topic.SLA: 365,
        Topic.NOTIFICATIONS: 90,
    }
    stream = tuple(
        Declared(topic_name(namespace, topic), partitions, "delete", days * DAY_MS)
        for topic, days in retention_days.items()
    )
    accounts = Declared(topic_name(namespace, Topic.ACCOUNTS), partitions, "compact")
    return (*stream, accounts)


def declared_dead_letters(namespace: str, service: str) -> Declared:
    """A service's dead-letter topic: one partition, since nothing is handled in its order."""
    return Declared(dead_letter_name(namespace, service), 1, "delete", 90 * DAY_MS)


async def ensure_topics(
    bootstrap_servers: str, topics: tuple[Declared, ...], replication: int
) -> tuple[str, ...]:
    """Make what is missing and say where a topic differs from its declaration.

    Returns:
        One sentence per difference, which is logged too.

    Raises:
        KafkaConnectionError: when no broker answers.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
    await admin.start()
    try:
        present = set(await admin.list_topics())
        await _create(admin, [topic for topic in topics if topic.name not in present], replication)
        drift = await _differences(admin, [topic for topic in topics if topic.name in present])
    finally:
        await admin.close()
    for sentence in drift:
        log.warning("topic_differs", detail=sentence)
    return drift


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


async def _differences(admin: AIOKafkaAdminClient, topics: list[Declared]) -> tuple[str, ...]:
    if not topics:
        return ()
    described = await admin.describe_topics([topic.name for topic in topics])
    partitions = {entry["topic"]: len(entry["partitions"]) for entry in described}
    answers = await admin.describe_configs(
        [ConfigResource(ConfigResourceType.TOPIC, topic.name) for topic in topics]
    )
    settings = {
        resource[3]: {entry[0]: entry[1] for entry in resource[4]}
        for answer in answers
        for resource in answer.resources
    }
    return tuple(
        sentence
        for topic in topics
        for sentence in _compare(topic, partitions[topic.name], settings.get(topic.name, {}))
    )


def _compare(declared: Declared, partitions: int, settings: dict[str, str]) -> list[str]:
    wanted = {"partitions": str(declared.partitions)} | declared.settings
    found = {"partitions": str(partitions)} | settings
    return [
        f"{declared.name} has {key} {found.get(key)}, declared is {value}"
        for key, value in wanted.items()
        if found.get(key) != value
    ]
