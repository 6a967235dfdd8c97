"""More partitions for a desk that rests on this machine: its Kafka is started for that alone."""

import asyncio
import os
from pathlib import Path

import pytest

from deploy.local import jars, kafka, ports
from deploy.local.supervisor import Supervisor
from deploy.topics.standing import declared
from shared.topics import ensure_topics
from tests.support.operators import command


async def _make_topics(supervisor: Supervisor, broker: kafka.Broker) -> None:
    classpath = await jars.ensure(lambda _: None, os.environ)
    await kafka.prepare(broker, classpath)
    supervisor.start(kafka.part(broker, classpath))
    await kafka.wait_until_ready(broker)
    await ensure_topics(broker.bootstrap_servers, declared("careline", 2), 1)


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_desk_that_rests_is_given_more(tmp_path: Path) -> None:
    """Nobody has to say that intake is stopped; afterwards everything rests again."""
    chosen = ports.free_ports()
    base = chosen.kafka
    own = ports.from_base(base)
    home = tmp_path / "desk"
    broker = kafka.Broker(home / "kafka", own.kafka, own.kafka_controller)
    with Supervisor(home, announce=lambda _: None) as supervisor:
        asyncio.run(supervisor.guard(_make_topics(supervisor, broker)))
    settings = {"HOME": str(home), "PORT_BASE": str(base)}
    shown = command("deploy.topics", "--partitions", "5", **settings)
    assert shown.status == 1
    assert "Nothing stands against it." in shown.out
    done = command("deploy.topics", "--partitions", "5", "--yes", **settings)
    assert done.status == 0, done.out + done.err
    assert "CARELINE_PARTITIONS=5" in done.out
    again = command("deploy.topics", "--partitions", "5", "--yes", **settings)
    assert (again.status, "have 5 partitions" in again.out) == (0, True)
    assert ports.is_free(own.kafka)
