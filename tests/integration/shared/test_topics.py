"""Topics are made as declared, and never changed behind an operator's back."""

import asyncio

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaConnectionError

from deploy.local import ports
from shared.topics import (
    DAY_MS,
    Declared,
    declared_dead_letters,
    declared_topics,
    ensure_topics,
)
from tests.support.stack import Stack
from tests.support.waiting import until


async def described(stack: Stack, names: list[str]) -> dict[str, tuple[int, dict[str, str]]]:
    """Partitions and settings of topics, as the broker tells them."""
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.bootstrap_servers)
    await admin.start()
    try:
        topics = await admin.describe_topics(names)
        resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
        (answer,) = await admin.describe_configs(resources)
    finally:
        await admin.close()
    settings = {found[3]: {entry[0]: entry[1] for entry in found[4]} for found in answer.resources}
    return {t["topic"]: (len(t["partitions"]), settings[t["topic"]]) for t in topics}


async def test_missing_topics_are_made_as_declared(stack: Stack, namespace: str) -> None:
    """Partitions, cleanup, retention and time stamps are what the declaration says."""
    declared = (*declared_topics(namespace, 5), declared_dead_letters(namespace, "sla"))
    assert await ensure_topics(stack.bootstrap_servers, declared, 1) == ()

    async def made() -> dict[str, tuple[int, dict[str, str]]] | None:
        found = await described(stack, [topic.name for topic in declared])
        return found if all(partitions for partitions, _ in found.values()) else None

    found = await until(made)
    kept = {
        name.removeprefix(f"{namespace}."): (
            partitions,
            settings["cleanup.policy"],
            int(settings["retention.ms"]) // DAY_MS,
        )
        for name, (partitions, settings) in found.items()
    }
    assert kept == {
        "tickets": (5, "delete", 30),
        "messages": (5, "delete", 30),
        "attachments": (5, "delete", 30),
        "sla": (5, "delete", 365),
        "notifications": (5, "delete", 90),
        "privacy": (5, "delete", 3 * 365),
        "accounts": (5, "compact", 7),  # Kafka's default, which compaction doesn't ask for
        "keys": (5, "compact,delete", 130),
        "sla.dead": (1, "delete", 90),
    }
    stamps = {settings["message.timestamp.type"] for _, settings in found.values()}
    assert stamps == {"LogAppendTime"}


async def test_doing_it_again_changes_nothing(stack: Stack, namespace: str) -> None:
    """A second start finds everything in order."""
    declared = declared_topics(namespace, 2)
    for _ in range(3):
        assert await ensure_topics(stack.bootstrap_servers, declared, 1) == ()


async def test_services_that_start_together_do_not_trip_over_each_other(
    stack: Stack, namespace: str
) -> None:
    """All of several that make the same topics at once succeed."""
    declared = declared_topics(namespace, 2)
    starting = [ensure_topics(stack.bootstrap_servers, declared, 1) for _ in range(6)]
    assert set(await asyncio.gather(*starting)) == {()}


async def test_other_settings_are_reported_and_left_alone(stack: Stack, namespace: str) -> None:
    """What an operator has set stays; each difference is one sentence."""
    name = f"{namespace}.tickets"
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.bootstrap_servers)
    await admin.start()
    made = NewTopic(name, 4, 1, topic_configs={"retention.ms": "1000"})
    await admin.create_topics([made])
    await admin.close()
    declared = (Declared(name, 6, "delete", DAY_MS),)

    async def reported() -> tuple[str, ...] | None:
        told = await ensure_topics(stack.bootstrap_servers, declared, 1)
        return None if any("partitions 0" in sentence for sentence in told) else told

    assert sorted(await until(reported)) == [
        f"{name} has compression.type producer, declared is uncompressed",
        f"{name} has message.timestamp.type CreateTime, declared is LogAppendTime",
        f"{name} has partitions 4, declared is 6",
        f"{name} has retention.ms 1000, declared is 86400000",
    ]
    partitions, settings = (await described(stack, [name]))[name]
    assert (partitions, settings["retention.ms"]) == (4, "1000")


async def test_without_a_broker_it_fails_and_leaves_nothing_open() -> None:
    """The runtime tries again later; no connection stays behind."""
    nobody = f"127.0.0.1:{ports.free_ports().kafka}"
    with pytest.raises(KafkaConnectionError):
        await ensure_topics(nobody, declared_topics("any", 1), 1)
