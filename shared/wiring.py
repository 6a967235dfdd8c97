"""How a service with a database hangs together: what sla, notifier and messaging have in common."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from shared import database_address, metrics
from shared.consumer import Consumer, Handle
from shared.database import Connection, Database
from shared.dead_register import DeadRegister
from shared.envelope import Topic
from shared.kafka_security import KafkaSecurity
from shared.keyring import IDLE, Keyring, Minting
from shared.outbox import Relay
from shared.publisher import Publisher
from shared.rebuilding import Finish, Rebuilding, Restore, as_it_is
from shared.runtime import Part, Topics, end_at_once
from shared.schema import Schema
from shared.sealing import StreamSecret
from shared.setting_words import Expected, Unit
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
    database_address.check(value.get_secret_value())
    return value


class ConsumerSettings(Settings):
    """What a service with a database is told beside that."""

    database: Annotated[SecretStr, AfterValidator(_address), Expected(database_address.SHAPE)]
    """`postgresql://role:password@host:port/database`; behind it, for TLS,
    `?sslmode=verify-full&sslrootcert=/path/of/authorities.pem`."""
    database_connections: Annotated[int, Unit("connections")] = Field(10, ge=4, le=200)
    """At once, at the most: the server must have as many for each replica."""


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


def wire(  # noqa: PLR0913 - all in which services differ
    service: str,
    settings: ConsumerSettings,
    *,
    migrations: Path,
    hears: Sequence[Topic],
    handle: Handle,
    finish: Finish = _no_more,
    restore: Restore = as_it_is,
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
        restore: What there is to do before a database that came from a backup catches up.
        keys: How keys of personal data are made; without it the service never sees any.
    """
    security = settings.brokers_security()
    database, publisher = _database(service, settings), _publisher(service, settings, security)
    keyring = _keyring(database, settings, keys, security) if keys else None
    outbox = Relay(database, publisher, namespace=settings.namespace, keyring=keyring)
    rebuilding = _rebuilding(service, settings, database, hears, finish, restore)
    if keyring is not None:
        rebuilding.before_finish = keyring.catch_up
    # What waits in a backup may be on the stream already.
    relay = Worker("relay", rebuilding.unless_active(outbox.step), idle=RELAY_IDLE)
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
        security=security,
    )
    rebuilding.reached = consumer.position.reached
    parts: tuple[Part, ...] = (
        database,
        Schema(database, migrations),
        _topics(service, settings, security),
        publisher,
        *_key_parts(keyring),
        rebuilding,
        relay,
        consumer,
        Worker("rebuild", rebuilding.step, idle=REBUILD_IDLE),
        Worker("gauges", partial(_measure, database, outbox, consumer, rebuilding), idle=5),
    )
    _begin_at_zero([topic_name(settings.namespace, topic) for topic in hears])
    dead = DeadRegister(settings.kafka, settings.namespace, service, publisher, security)
    return Wired(parts, database, consumer, rebuilding, keyring, dead)


def _rebuilding(
    service: str,
    settings: ConsumerSettings,
    database: Database,
    hears: Sequence[Topic],
    finish: Finish,
    restore: Restore,
) -> Rebuilding:
    rebuilding = Rebuilding(
        database,
        group=f"{settings.namespace}.{service}",
        topics=[topic_name(settings.namespace, topic) for topic in hears],
        bootstrap_servers=settings.kafka,
        finish=finish,
        restore=restore,
        security=settings.brokers_security(),
    )
    rebuilding.positions.when_older = end_at_once
    database.on_connect = rebuilding.positions.check
    return rebuilding


def _database(service: str, settings: ConsumerSettings) -> Database:
    dsn = settings.database.get_secret_value()
    return Database(dsn, service=service, size=settings.database_connections)


def _publisher(service: str, settings: ConsumerSettings, security: KafkaSecurity) -> Publisher:
    return Publisher(
        settings.kafka,
        deadline=PUBLISH_DEADLINE,
        client_id=f"careline-{service}",
        security=security,
    )


def _topics(service: str, settings: ConsumerSettings, security: KafkaSecurity) -> Topics:
    declared = (
        *declared_topics(settings.namespace, settings.partitions),
        declared_dead_letters(settings.namespace, service),
    )
    return Topics(settings.kafka, declared, settings.replication, security)


def _key_parts(keyring: Keyring | None) -> tuple[Part, ...]:
    return () if keyring is None else (keyring, Worker("keys", keyring.step, idle=IDLE))


def _keyring(
    database: Database, settings: ConsumerSettings, keys: Minting, security: KafkaSecurity
) -> Keyring:
    topic = topic_name(settings.namespace, Topic.KEYS)
    return Keyring(database, topic, settings.kafka, keys, security)


def _begin_at_zero(topics: Sequence[str]) -> None:
    """Let the topics' series be there before the first record: a first failure is seen then."""
    for topic in topics:
        for outcome in ("read", "dead"):
            metrics.RECORDS.labels(topic, outcome)
        for metric in (metrics.READ_FAILURES, metrics.DEAD_LETTERS):
            metric.labels(topic)


async def _measure(
    database: Database, outbox: Relay, consumer: Consumer, rebuilding: Rebuilding
) -> bool:
    metrics.PARTITIONS_OWNED.set(consumer.position.owned)
    for topic, lag in consumer.position.lag(time.time()).items():
        metrics.LAG_RECORDS.labels(topic).set(lag.records)
        metrics.LAG_SECONDS.labels(topic).set(lag.seconds)
    metrics.REBUILDING.set(rebuilding.active)
    database.measure()
    waiting = await outbox.waiting()
    metrics.OUTBOX_EVENTS.set(waiting.events)
    metrics.OUTBOX_OLDEST.set(waiting.oldest_seconds)
    return False
