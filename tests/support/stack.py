"""One Kafka and one Postgres for a whole test session.

Containers where a Docker engine answers, the same local processes as `make run` where none does:
the tests are the same, so both ways of running the desk are held to them.
"""

import asyncio
import contextlib
import gc
import os
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from deploy.local import jars, kafka, ports, postgres
from deploy.local.supervisor import Supervisor

VARIABLE = "CARELINE_TEST_STACK"  # docker or local, to have no choice made
# The newest line that KafkaContainer can start: it relies on scripts that the 8.x images dropped.
KAFKA_IMAGE = "confluentinc/cp-kafka:7.9.2"
POSTGRES_IMAGE = "postgres:18.0-alpine"
ENGINE_TIMEOUT_SECONDS = 2
FORGETFUL = {"fsync": "off", "full_page_writes": "off"}
"""Settings of a Postgres that survives its own death, though not the machine's.

A database for each test means thousands of files; waiting for the disk would be most of its cost.
"""


@dataclass(frozen=True)
class Stack:
    """How to reach what runs: as a Kafka client, and as Postgres' superuser."""

    bootstrap_servers: str
    postgres_admin_dsn: str


@contextmanager
def running_stack(*, durable: bool = False) -> Iterator[Stack]:
    """Run Kafka and Postgres, empty, until the end of the block.

    Args:
        durable: Whether Postgres waits for the disk, as it does on a desk.
    """
    wanted = os.environ.get(VARIABLE) or ("docker" if docker_answers() else "local")
    backend = {"docker": _containers, "local": _processes}[wanted]
    with backend({} if durable else FORGETFUL) as stack:
        yield stack


def docker_answers() -> bool:
    """Ask the Docker engine, if there is any, for a sign of life."""
    import docker  # type: ignore[import-untyped]  # noqa: PLC0415 - it has no types; slow to import
    from docker.errors import DockerException  # type: ignore[import-untyped]  # noqa: PLC0415 - same

    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", ResourceWarning
        )  # it leaves a socket open when none answers
        try:
            with contextlib.closing(docker.from_env(timeout=ENGINE_TIMEOUT_SECONDS)) as engine:
                return bool(engine.ping())
        except (DockerException, OSError):
            return False
        finally:
            gc.collect()


@contextmanager
def _containers(settings: Mapping[str, str]) -> Iterator[Stack]:
    from testcontainers.community.kafka import KafkaContainer  # noqa: PLC0415 - only with an engine
    from testcontainers.community.postgres import PostgresContainer  # noqa: PLC0415 - the same

    broker = (
        KafkaContainer(KAFKA_IMAGE)
        .with_kraft()
        .with_env("KAFKA_AUTO_CREATE_TOPICS_ENABLE", "false")
        .with_env("KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR", "1")
        .with_env("KAFKA_TRANSACTION_STATE_LOG_MIN_ISR", "1")
    )
    server = PostgresContainer(POSTGRES_IMAGE, driver=None)
    told = "".join(f" -c {name}={value}" for name, value in settings.items())
    server.with_command(f"postgres -c max_connections=200{told}")
    with broker, server:
        yield Stack(broker.get_bootstrap_server(), server.get_connection_url())


@contextmanager
def _processes(settings: Mapping[str, str]) -> Iterator[Stack]:
    with tempfile.TemporaryDirectory(prefix="careline-test-") as folder:
        chosen = ports.free_ports()
        broker = kafka.Broker(Path(folder) / "kafka", chosen.kafka, chosen.kafka_controller)
        server = postgres.Server(Path(folder) / "postgres", chosen.postgres)
        with Supervisor(Path(folder), announce=lambda _: None) as supervisor:
            asyncio.run(supervisor.guard(_start(supervisor, broker, server)))
            asyncio.run(_tell(server.admin_dsn, settings))
            yield Stack(broker.bootstrap_servers, server.admin_dsn)


async def _start(supervisor: Supervisor, broker: kafka.Broker, server: postgres.Server) -> None:
    classpath = await jars.ensure(supervisor.announce, os.environ)
    await kafka.prepare(broker, classpath)
    supervisor.start(kafka.part(broker, classpath))
    account = await postgres.prepare(server, supervisor.announce)
    supervisor.start(postgres.part(server, account))
    await postgres.wait_until_ready(server)
    await kafka.wait_until_ready(broker)


async def _tell(admin_dsn: str, settings: Mapping[str, str]) -> None:
    connection = await asyncpg.connect(admin_dsn)
    try:
        for name, value in settings.items():
            await connection.execute(f"ALTER SYSTEM SET {name} = '{value}'")
        await connection.execute("SELECT pg_reload_conf()")
    finally:
        await connection.close()
