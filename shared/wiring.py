"""How a service with a database hangs together: what sla, notifier and messaging have in common."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from shared import telemetry
from shared.consumer import Consumer, Handle
from shared.database import Database
from shared.envelope import Topic
from shared.outbox import Relay
from shared.publisher import Publisher
from shared.runtime import Part, Settings, Topics
from shared.schema import Schema
from shared.topics import declared_dead_letters, declared_topics
from shared.worker import Worker

PUBLISH_DEADLINE = 10.0
"""Seconds: nobody waits for the relay, so it may wait for a broker that is slow."""
RELAY_IDLE = 0.1
"""Seconds: commits wake the relay; this finds what another replica left behind."""


def _address(value: SecretStr) -> SecretStr:
    if not value.get_secret_value().startswith(("postgresql://", "postgres://")):
        raise ValueError("must be postgresql://role:password@host:port/database")
    return value


class ConsumerSettings(Settings):
    """What a service with a database is told beside that."""

    database: Annotated[SecretStr, AfterValidator(_address)]
    """`postgresql://role:password@host:port/database`."""
    database_connections: int = Field(10, ge=4, le=200)


@dataclass(frozen=True, slots=True)
class Wired:
    """The parts in the order in which they start, and those of them that a service speaks to."""

    parts: tuple[Part, ...]
    database: Database
    consumer: Consumer


def wire(
    service: str,
    settings: ConsumerSettings,
    *,
    migrations: Path,
    hears: Sequence[Topic],
    handle: Handle,
) -> Wired:
    """Put together database, outbox, relay and consumer of a service."""
    database = Database(
        settings.database.get_secret_value(),
        service=service,
        size=settings.database_connections,
    )
    publisher = Publisher(
        settings.kafka, deadline=PUBLISH_DEADLINE, client_id=f"careline-{service}"
    )
    outbox = Relay(database, publisher, namespace=settings.namespace)
    relay = Worker("relay", outbox.step, idle=RELAY_IDLE)
    database.after_commit = relay.wake
    consumer = Consumer(
        service=service,
        topics=hears,
        handle=handle,
        database=database,
        publisher=publisher,
        bootstrap_servers=settings.kafka,
        namespace=settings.namespace,
    )
    declared = (
        *declared_topics(settings.namespace, settings.partitions),
        declared_dead_letters(settings.namespace, service),
    )
    gauges = Worker("gauges", partial(_measure, outbox, consumer), idle=5)
    parts: tuple[Part, ...] = (
        database,
        Schema(database, migrations),
        Topics(settings.kafka, declared, settings.replication),
        publisher,
        relay,
        consumer,
        gauges,
    )
    return Wired(parts, database, consumer)


async def _measure(outbox: Relay, consumer: Consumer) -> bool:
    telemetry.PARTITIONS_OWNED.set(consumer.position.owned)
    for topic, records in consumer.position.lag().items():
        telemetry.CONSUMER_LAG.labels(topic).set(records)
    telemetry.OUTBOX_OLDEST.set(await outbox.oldest_age())
    return False
