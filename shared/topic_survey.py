"""Topics as a broker has them, and where they differ from what was declared."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from shared.kafka_security import OPEN, KafkaSecurity

PARTITIONS = "partitions"
_SET_ON_TOPIC = 1
"""Kafka's number for a setting that somebody gave this very topic."""


@dataclass(frozen=True, slots=True)
class Found:
    """One topic as it is."""

    name: str
    partitions: int
    replication: int
    """Of the partition that has the fewest copies."""
    settings: Mapping[str, str]
    """Each setting that holds, whoever made it."""
    own: Mapping[str, str]
    """Those of them that were made for this topic alone."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing about a topic that is not as declared."""

    topic: str
    what: str
    declared: str
    found: str | None

    def __str__(self) -> str:
        """One sentence."""
        return f"{self.topic} has {self.what} {self.found}, declared is {self.declared}"


async def survey(admin: AIOKafkaAdminClient, names: Iterable[str]) -> dict[str, Found]:
    """Those of the topics that there are, by name."""
    present = sorted(set(names) & set(await admin.list_topics()))
    if not present:
        return {}
    told = await admin.describe_topics(present)
    described = {entry["topic"]: entry["partitions"] for entry in told}
    settings = await _settings(admin, present)
    return {name: _found(name, described[name], settings.get(name, [])) for name in present}


async def _settings(
    admin: AIOKafkaAdminClient, names: list[str]
) -> dict[str, list[tuple[str, str | None, bool, int]]]:
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    answers = await admin.describe_configs(resources)
    return {found[3]: found[4] for answer in answers for found in answer.resources}


def _found(
    name: str,
    partitions: list[dict[str, list[int]]],
    settings: list[tuple[str, str | None, bool, int]],
) -> Found:
    """Read what the broker tells of a topic."""
    told = {entry[0]: (entry[1] or "", entry[3]) for entry in settings}
    return Found(
        name=name,
        partitions=len(partitions),
        replication=min((len(each["replicas"]) for each in partitions), default=0),
        settings={key: value for key, (value, _) in told.items()},
        own={key: value for key, (value, source) in told.items() if source == _SET_ON_TOPIC},
    )


def differences(wanted: Mapping[str, str], found: Found) -> list[Difference]:
    """Where a topic is not as it was wanted: its settings, and `partitions` if that is among them.

    Replication is not: more copies are better, and fewer are a matter of the cluster.
    """
    there = {**found.settings, PARTITIONS: str(found.partitions)}
    return [
        Difference(found.name, what, value, there.get(what))
        for what, value in wanted.items()
        if not _alike(value, there.get(what))
    ]


def _alike(wanted: str, found: str | None) -> bool:
    """Whether two values mean the same: lists may stand in any order."""
    return found is not None and sorted(wanted.split(",")) == sorted(found.split(","))


async def ends(
    bootstrap_servers: str, topics: Mapping[str, int], security: KafkaSecurity = OPEN
) -> dict[TopicPartition, range]:
    """First and next offset of each partition.

    Args:
        bootstrap_servers: `host:port`, comma separated.
        topics: How many partitions each has.
        security: How the brokers are spoken to.
    """
    partitions = [
        TopicPartition(name, number) for name, count in topics.items() for number in range(count)
    ]
    if not partitions:
        return {}
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap_servers, enable_auto_commit=False, **security.for_aiokafka()
    )
    try:
        await consumer.start()
        first = await consumer.beginning_offsets(partitions)
        last = await consumer.end_offsets(partitions)
    finally:
        await consumer.stop()
    return {each: range(first[each], last[each]) for each in partitions}
