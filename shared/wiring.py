"""How a service with a database hangs together: what sla, notifier and messaging have in common."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from shared import telemetry
from shared.consumer import Consumer, Handle
from shared.database import Connection, Database
from shared.dead_register import DeadRegister
from shared.envelope import Topic
from shared.keyring import IDLE, Keyring, Minting
from shared.outbox import Relay
from shared.publisher import Publisher
from shared.rebuilding import Finish, Rebuilding
from shared.runtime import Part, Topics
from shared.schema import Schema
from shared.sealing import StreamSecret
from shared.settings import SealingSettings, Settings, split_secrets
from shared.topics import declared_dead_letters, declared_topics, topic_name
from shared.worker import Worker

PUBLISH_DEADLINE = 10.0
"""Seconds: nobody waits for the relay, so it may wait for a broker that is slow."""
REBUILD_IDLE = 0.2
"""Seconds between looks at how far a new database has come."""
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


class SealedSettings(ConsumerSettings, SealingSettings):
    """What a service with a database is told that says or hears personal data."""


async def _no_more(connection: Connection) -> bool:  # noqa: ARG001 - takes what others need
    return False


@dataclass(frozen=True, slots=True)
class Wired:
    """The parts in the order in which they start, and those of them that a service speaks to."""

    parts: tuple[Part, ...]
    database: Database
    consumer: Consumer
    rebuilding: Rebuilding
    keyring: Keyring | None
    dead: DeadRegister
    """What it could not handle."""


def minting(
    service: str,
    settings: SealingSettings,
    clock: Callable[[], datetime],
    new_key: Callable[[], bytes],
) -> Minting:
    """How a service makes keys, as it is told."""
    secret = StreamSecret(split_secrets(settings.stream_secret))
    return Minting(f"/services/{service}", secret, clock, new_key)


def wire(
    service: str,
    settings: ConsumerSettings,
    *,
    migrations: Path,
    hears: Sequence[Topic],
    handle: Handle,
    finish: Finish = _no_more,
    keys: Minting | None = None,
) -> Wired:
    """Put together database, outbox, relay and consumer of a service.

    Args:
        service: Its name.
        settings: What it is told.
        migrations: The folder of its own.
        hears: Topics.
        handle: What it does with what it hears.
        finish: What is left to do once a new database has reached its horizon.
        keys: How keys of personal data are made; without it the service never sees any.
    """
    database, publisher = _database(service, settings), _publisher(service, settings)
    keyring = _keyring(database, settings, keys) if keys else None
    outbox = Relay(database, publisher, namespace=settings.namespace, keyring=keyring)
    rebuilding = Rebuilding(
        database,
        group=f"{settings.namespace}.{service}",
        topics=[topic_name(settings.namespace, topic) for topic in hears],
        bootstrap_servers=settings.kafka,
        finish=finish,
    )
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
        rebuilding=rebuilding,
        keyring=keyring,
    )
    rebuilding.reached = consumer.position.reached
    parts: tuple[Part, ...] = (
        database,
        Schema(database, migrations),
        _topics(service, settings),
        publisher,
        *_key_parts(keyring),
        rebuilding,
        relay,
        consumer,
        Worker("rebuild", rebuilding.step, idle=REBUILD_IDLE),
        Worker("gauges", partial(_measure, outbox, consumer), idle=5),
    )
    dead = DeadRegister(settings.kafka, settings.namespace, service, publisher)
    return Wired(parts, database, consumer, rebuilding, keyring, dead)


def _database(service: str, settings: ConsumerSettings) -> Database:
    dsn = settings.database.get_secret_value()
    return Database(dsn, service=service, size=settings.database_connections)


def _publisher(service: str, settings: ConsumerSettings) -> Publisher:
    return Publisher(settings.kafka, deadline=PUBLISH_DEADLINE, client_id=f"careline-{service}")


def _topics(service: str, settings: ConsumerSettings) -> Topics:
    declared = (
        *declared_topics(settings.namespace, settings.partitions),
        declared_dead_letters(settings.namespace, service),
    )
    return Topics(settings.kafka, declared, settings.replication)


def _key_parts(keyring: Keyring | None) -> tuple[Part, ...]:
    return () if keyring is None else (keyring, Worker("keys", keyring.step, idle=IDLE))


def _keyring(database: Database, settings: ConsumerSettings, keys: Minting) -> Keyring:
    topic = topic_name(settings.namespace, Topic.KEYS)
    return Keyring(database, topic, settings.kafka, keys)


async def _measure(outbox: Relay, consumer: Consumer) -> bool:
    telemetry.PARTITIONS_OWNED.set(consumer.position.owned)
    for topic, records in consumer.position.lag().items():
        telemetry.CONSUMER_LAG.labels(topic).set(records)
    telemetry.OUTBOX_OLDEST.set(await outbox.oldest_age())
    return False
