"""A Kafka of a test's own, which it may freeze, kill and start again."""

import asyncio
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local import jars, kafka, ports
from tests.support.waiting import until


def freeze(pid: int) -> None:
    """Stop a child of ours, and return once the last of its threads stands still."""
    os.kill(pid, signal.SIGSTOP)
    os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOWAIT)


@dataclass
class LoneBroker:
    """One broker process."""

    broker: kafka.Broker
    classpath: Sequence[Path]
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def bootstrap_servers(self) -> str:
        """What a client needs to know."""
        return self.broker.bootstrap_servers

    async def start(self, *, within: float = kafka.READY_SECONDS) -> None:
        """Start it, with what it held when it ended, and wait until it serves."""
        await kafka.prepare(self.broker, self.classpath)
        part = kafka.part(self.broker, self.classpath)
        self._process = subprocess.Popen(  # noqa: ASYNC220, S603 - short; our own broker
            part.command, cwd=part.cwd, env=dict(part.environ), stdin=subprocess.DEVNULL
        )
        await kafka.wait_until_ready(self.broker, within)

    def freeze(self) -> None:
        """Stop it in its tracks: connections stay, no answer comes."""
        assert self._process is not None
        freeze(self._process.pid)

    def thaw(self) -> None:
        """Let it go on where it was."""
        self._send(signal.SIGCONT)

    def kill(self) -> None:
        """End it as a crash would."""
        self._send(signal.SIGKILL)
        assert self._process is not None
        self._process.wait()

    async def stop(self) -> None:
        """End it as an operator would, and wait until it has ended."""
        self._send(signal.SIGTERM)
        process = self._process
        assert process is not None
        await until(lambda: process.poll() is not None, within=90, what="the broker has ended")

    def _send(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)


@contextmanager
def running_broker(*, within: float = kafka.READY_SECONDS) -> Iterator[LoneBroker]:
    """A broker until the end of the block; it has so many seconds to start."""
    with tempfile.TemporaryDirectory(prefix="careline-broker-") as folder:
        chosen = ports.free_ports()
        place = kafka.Broker(Path(folder) / "kafka", chosen.kafka, chosen.kafka_controller)
        classpath = asyncio.run(jars.ensure(lambda _: None, os.environ))
        lone = LoneBroker(place, classpath)
        try:
            asyncio.run(lone.start(within=within))
            yield lone
        finally:
            lone.kill()
