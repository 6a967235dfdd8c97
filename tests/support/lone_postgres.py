"""A Postgres of a test's own, which it may stop, however roughly, and start again."""

import asyncio
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from deploy.local import ports, postgres, processes
from tests.support.waiting import until


class Stop(Enum):
    """How a server is told to end."""

    FAST = signal.SIGINT
    """Every transaction is rolled back and every line cut; then it writes down what it has."""
    IMMEDIATE = signal.SIGQUIT
    """At once, as in a crash: the next start recovers what was committed."""


@dataclass
class LonePostgres:
    """One server process."""

    server: postgres.Server
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def admin_dsn(self) -> str:
        """How the superuser connects."""
        return self.server.admin_dsn

    async def start(self) -> None:
        """Start it, with what it held when it ended, and wait until it serves."""
        account = await postgres.prepare(self.server, lambda _: None)
        part = postgres.part(self.server, account)
        command = processes.launched(part.command, part.stop_signal, part.account)
        with (self.server.folder / "postgres.log").open("ab") as log:
            self._process = processes.spawn(command, part.environ, part.cwd, log)
        await postgres.wait_until_ready(self.server)

    async def stop(self, how: Stop = Stop.FAST) -> None:
        """End it, and wait until it has ended."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(how.value)
            await until(lambda: process.poll() is not None, within=60, what="Postgres has ended")


@contextmanager
def running_postgres() -> Iterator[LonePostgres]:
    """A server until the end of the block."""
    with tempfile.TemporaryDirectory(prefix="careline-postgres-") as folder:
        lone = LonePostgres(postgres.Server(Path(folder) / "postgres", ports.free_ports().postgres))
        try:
            asyncio.run(lone.start())
            yield lone
        finally:
            asyncio.run(lone.stop(Stop.IMMEDIATE))
