"""The Kafka of a desk that rests on this machine, started for as long as its topics are changed."""

import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from deploy.broker import Meant
from deploy.local import jars, kafka, ports
from deploy.local.desk import NAMESPACE, home_folder
from deploy.local.screen import Screen
from deploy.local.supervisor import Supervisor


def resting(environ: Mapping[str, str]) -> Path | None:
    """The folder of this machine's desk, if it has stored something and it is meant."""
    home = home_folder(environ)
    is_meant = not environ.get("CARELINE_KAFKA") and (home / "kafka").is_dir()
    return home if is_meant else None


async def with_kafka(
    supervisor: Supervisor, home: Path, screen: Screen, work: Callable[[Meant], Awaitable[int]]
) -> int:
    """Start the desk's Kafka alone and do the work on it. The supervisor has entered the folder."""
    own = ports.from_environment(os.environ)
    broker = kafka.Broker(home / "kafka", own.kafka, own.kafka_controller)
    classpath = await jars.ensure(screen.say, os.environ)
    await kafka.prepare(broker, classpath)
    supervisor.start(kafka.part(broker, classpath))
    await kafka.wait_until_ready(broker)
    namespace = os.environ.get("CARELINE_NAMESPACE") or NAMESPACE
    return await work(Meant(broker.bootstrap_servers, namespace))
