"""Kafka from jars: starts, keeps what it has, and never trips over half a folder."""

import asyncio
import socket
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy.local import kafka
from deploy.local.errors import DeskError
from deploy.local.ports import Ports
from deploy.local.supervisor import Supervisor

TOPIC = "careline.tickets"


def broker_in(folder: Path, chosen: Ports) -> kafka.Broker:
    """A broker with a place of its own."""
    return kafka.Broker(folder / "kafka", chosen.kafka, chosen.kafka_controller)


async def start(supervisor: Supervisor, broker: kafka.Broker, classpath: list[Path]) -> None:
    """Start a broker and wait until it serves."""
    await kafka.prepare(broker, classpath)
    supervisor.start(kafka.part(broker, classpath))
    await supervisor.guard(kafka.wait_until_ready(broker))


async def create_topic(broker: kafka.Broker) -> None:
    """Declare the topic, as services do."""
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap_servers)
    await admin.start()
    await admin.create_topics([NewTopic(TOPIC, num_partitions=3, replication_factor=1)])
    await admin.close()


async def send(broker: kafka.Broker, value: bytes) -> None:
    """Publish as a service does: idempotent, acknowledged by all."""
    producer = AIOKafkaProducer(
        bootstrap_servers=broker.bootstrap_servers, acks="all", enable_idempotence=True
    )
    async with producer:
        await producer.send_and_wait(TOPIC, value, key=b"ticket")


async def first(broker: kafka.Broker) -> bytes | None:
    """Read the first record there is, as a member of a group."""
    consumer = AIOKafkaConsumer(
        TOPIC,
        bootstrap_servers=broker.bootstrap_servers,
        group_id="reader",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    async with consumer:
        record = await consumer.getone()
    value: bytes | None = record.value
    return value


@pytest.mark.timeout(240)
@pytest.mark.long
async def test_records_survive_a_restart_on_other_ports(
    supervisor: Supervisor, classpath: list[Path], chosen: Ports, tmp_path: Path
) -> None:
    """What a broker has acknowledged is there after a restart, even if its ports have changed."""
    broker = broker_in(tmp_path, chosen)
    await start(supervisor, broker, classpath)
    await create_topic(broker)
    await send(broker, b"kept")
    supervisor.stop()
    moved = kafka.Broker(broker.folder, chosen.intake, chosen.sla)
    await start(supervisor, moved, classpath)
    assert await first(moved) == b"kept"


@pytest.mark.timeout(240)
async def test_a_killed_broker_keeps_what_it_acknowledged(
    supervisor: Supervisor, classpath: list[Path], chosen: Ports, tmp_path: Path
) -> None:
    """After SIGKILL the broker starts again by itself, with every acknowledged record."""
    broker = broker_in(tmp_path, chosen)
    await start(supervisor, broker, classpath)
    await create_topic(broker)
    await send(broker, b"kept")
    supervisor.kill("kafka")
    await start(supervisor, broker, classpath)
    assert await first(broker) == b"kept"


async def test_topics_are_never_made_by_mistake(
    supervisor: Supervisor, classpath: list[Path], chosen: Ports, tmp_path: Path
) -> None:
    """Asking for a topic that nobody declared does not create it."""
    broker = broker_in(tmp_path, chosen)
    await start(supervisor, broker, classpath)
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap_servers)
    await admin.start()
    await admin.describe_topics(["never.declared"])
    topics = await admin.list_topics()
    await admin.close()
    assert topics == []


async def test_the_logs_are_in_the_folder(
    supervisor: Supervisor, classpath: list[Path], chosen: Ports, tmp_path: Path
) -> None:
    """The broker writes to its own log, and nothing to the console."""
    broker = broker_in(tmp_path, chosen)
    await start(supervisor, broker, classpath)
    assert "Kafka Server started" in broker.log.read_text(encoding="utf-8")
    assert (tmp_path / "log" / "kafka.log").read_text(encoding="utf-8") == ""


@pytest.mark.long
async def test_the_folder_may_have_any_name(
    supervisor: Supervisor, classpath: list[Path], chosen: Ports, tmp_path: Path
) -> None:
    """Spaces and letters beyond ASCII in the path are no trouble."""
    folder = tmp_path / "Zoë's desk für 東京"
    broker = broker_in(folder, chosen)
    await start(supervisor, broker, classpath)
    assert (broker.data / "meta.properties").exists()
    assert broker.log.exists()


async def test_an_open_port_is_not_a_broker(chosen: Ports, tmp_path: Path) -> None:
    """Something that listens on the port but speaks no Kafka does not count as ready."""
    with socket.create_server(("127.0.0.1", chosen.kafka)):
        assert not await kafka.is_ready(broker_in(tmp_path, chosen))


async def test_half_a_storage_is_named_with_the_way_out(
    classpath: list[Path], chosen: Ports, tmp_path: Path
) -> None:
    """A folder that was copied or deleted in part is refused: which one, and what to do."""
    broker = broker_in(tmp_path, chosen)
    (broker.data / "careline.tickets-0").mkdir(parents=True)
    with pytest.raises(DeskError) as raised:
        await kafka.prepare(broker, classpath)
    assert str(broker.data) in str(raised.value)
    assert "make clean-data" in str(raised.value)


async def test_a_cut_formatting_leaves_nothing_in_the_way(
    classpath: list[Path], chosen: Ports, tmp_path: Path
) -> None:
    """Formatting that was interrupted can simply be done again."""
    broker = broker_in(tmp_path, chosen)
    formatting = asyncio.create_task(kafka.prepare(broker, classpath))
    while not (broker.folder / "tmp" / "format.properties").exists():  # noqa: ASYNC110 - a file
        await asyncio.sleep(0.01)
    formatting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await formatting
    assert not broker.data.exists()
    await kafka.prepare(broker, classpath)
    kafka.check_storage(broker)
    assert broker.data.exists()


async def test_a_broker_that_dies_is_quoted(
    supervisor: Supervisor, classpath: list[Path], chosen: Ports, tmp_path: Path
) -> None:
    """A broker that can't start says why through the end of its own log."""
    broker = broker_in(tmp_path, chosen)
    await kafka.prepare(broker, classpath)
    with socket.create_server(("127.0.0.1", chosen.kafka)):
        supervisor.start(kafka.part(broker, classpath))
        with pytest.raises(DeskError, match="Address already in use") as raised:
            await supervisor.guard(asyncio.Event().wait())
    assert str(broker.log) in str(raised.value)
