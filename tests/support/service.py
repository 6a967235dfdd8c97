"""A service as a process of its own."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

from deploy.local import ports
from tests.support.waiting import until

ROOT = Path(__file__).parents[2]
SMALL = "tests.support.small_service"
STOP_WITHIN = 20
"""Seconds until a test gives up; what a service promises is asserted where it matters."""


@dataclass
class Service:
    """One service. It can be started again after it ended."""

    folder: Path
    settings: dict[str, str]
    """Its `CARELINE_` settings, without that prefix."""
    module: str = SMALL
    port: int = field(default_factory=lambda: ports.free_ports().intake)
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def start(self, **more: str) -> None:
        """Start it; `more` settings come on top, this time only."""
        told = {"HTTP_PORT": str(self.port)} | self.settings | more
        environ = {key: value for key, value in os.environ.items() if "CARELINE" not in key}
        environ |= {f"CARELINE_{key}": value for key, value in told.items()}
        with (self.folder / "out").open("ab") as out, (self.folder / "err").open("ab") as err:
            self.process = subprocess.Popen(  # noqa: S603 - our own services
                [sys.executable, "-m", self.module], cwd=ROOT, env=environ, stdout=out, stderr=err
            )

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    async def ended(self, within: float = STOP_WITHIN) -> int:
        """Its exit status, once it has ended."""
        process = self.process
        assert process is not None
        await until(lambda: process.poll() is not None, within=within, what="it has ended")
        assert process.returncode is not None
        return process.returncode

    def children(self) -> list[psutil.Process]:
        """Processes that it started."""
        assert self.process is not None
        return psutil.Process(self.process.pid).children(recursive=True)

    async def get(self, path: str) -> httpx.Response | None:
        """What it answers, or None when nobody listens."""
        async with httpx.AsyncClient() as client:
            try:
                return await client.get(f"{self.url}{path}")
            except httpx.TransportError:
                return None

    async def answers(self, path: str, status: int, within: float = 30) -> httpx.Response:
        """Its answer, once it has this status."""

        async def there() -> httpx.Response | None:
            assert self.process is not None
            assert self.process.poll() is None, f"ended: {self.log()[-5:]} {self.errors()[-3000:]}"
            answer = await self.get(path)
            return answer if answer is not None and answer.status_code == status else None

        return await until(there, within=within, what=f"{path} answers {status}")

    async def ready(self, within: float = 30) -> None:
        """Wait until it is ready."""
        await self.answers("/health/ready", 200, within)

    def log(self) -> list[dict[str, Any]]:
        """What it has logged; every line must be JSON."""
        lines = (self.folder / "out").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]

    def errors(self) -> str:
        """What it wrote to standard error."""
        return (self.folder / "err").read_text(encoding="utf-8")


@contextmanager
def a_service(folder: Path, settings: dict[str, str], module: str = SMALL) -> Iterator[Service]:
    """A service that isn't started yet; at the end of the block it is gone."""
    service = Service(folder, settings, module)
    try:
        yield service
    finally:
        if service.process is not None:
            service.process.kill()
            service.process.wait()
