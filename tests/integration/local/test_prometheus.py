"""The Prometheus that tests and `make observe` run."""

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client import CollectorRegistry, Gauge, start_http_server

from deploy.local import ports, presence, prometheus
from deploy.local.errors import DeskError
from deploy.local.presence import Presence
from deploy.local.processes import ROOT
from deploy.local.prometheus_api import reaching
from deploy.local.supervisor import take_lock
from tests.support.prometheus import needs_prometheus, running_prometheus
from tests.support.waiting import until

pytestmark = [needs_prometheus, pytest.mark.timeout(180)]  # more than all waits of a test together

RULES = """
groups:
  - name: of-the-test
    interval: 1s
    rules:
      - record: job:kettle_degrees:max
        expr: max by (job) (kettle_degrees)
      - alert: KettleBoils
        expr: job:kettle_degrees:max > 99
        for: 2s
"""


class Kettle:
    """Something with a metric that can be scraped."""

    def __init__(self, port: int) -> None:
        registry = CollectorRegistry()
        self.port = port
        self.degrees = Gauge("kettle_degrees", "How hot it is.", registry=registry)
        self._server, self._thread = start_http_server(port, "127.0.0.1", registry)

    def stop(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def kettle() -> Iterator[Kettle]:
    """A kettle that is scraped."""
    running = Kettle(ports.free_ports().intake)
    yield running
    running.stop()


async def test_it_scrapes_records_and_lets_an_alert_fire_and_end(
    kettle: Kettle, tmp_path: Path
) -> None:
    """A metric's values are there over time, and an alert is pending, firing, and over again."""
    rules = tmp_path / "rules.yml"
    rules.write_text(RULES)
    targets = {"kitchen": f"127.0.0.1:{kettle.port}"}
    async with running_prometheus(tmp_path, targets, [rules]) as seen:
        await seen.until_scraped()
        assert await seen.alerts() == []
        kettle.degrees.set(100)
        assert (await seen.until_pending("KettleBoils")).labels["job"] == "kitchen"
        await seen.until_firing("KettleBoils")
        (recorded,) = await seen.query("job:kettle_degrees:max")
        assert (recorded.labels["job"], recorded.value) == ("kitchen", 100)
        kettle.degrees.set(20)
        await seen.until_ended("KettleBoils")
        (over,) = await seen.query("max_over_time(kettle_degrees[1m])")
        at = over.points[-1][0]
        (line,) = await seen.query_range("kettle_degrees", at - 30, at, 1)
        assert {100, 20} <= {value for _, value in line.points}
        with pytest.raises(DeskError, match="parse error"):
            await seen.query("sum(")


async def test_observing_shows_the_desk_and_ends_with_it(kettle: Kettle, tmp_path: Path) -> None:
    """`make observe` scrapes the parts of the desk that runs, and ends when that has ended."""
    home, port = tmp_path / "home", ports.free_ports().sla
    home.mkdir()
    address = f"http://127.0.0.1:{kettle.port}"
    with take_lock(home):
        presence.write(home, Presence(os.getpid(), "", "", "careline", {"intake": address}))
        observing = await _observe(home, "--port", str(port))
        try:
            await prometheus.wait_until_ready(prometheus.Server(tmp_path, port))
            await until(lambda: _scraped(port, "intake"), what="it has scraped")
            presence.remove(home)
            assert await asyncio.wait_for(observing.wait(), 30) == 0
        finally:
            _kill(observing)
    assert ports.is_free(port)


async def test_ctrl_c_ends_observing(kettle: Kettle, tmp_path: Path) -> None:
    """It is told once, and nothing of it runs on."""
    home, port = tmp_path / "home", ports.free_ports().sla
    home.mkdir()
    address = f"http://127.0.0.1:{kettle.port}"
    with take_lock(home):
        presence.write(home, Presence(os.getpid(), "", "", "careline", {"intake": address}))
        observing = await _observe(home, "--port", str(port))
        try:
            await prometheus.wait_until_ready(prometheus.Server(tmp_path, port))
            observing.send_signal(signal.SIGINT)
            assert await asyncio.wait_for(observing.wait(), 30) == 0
        finally:
            _kill(observing)
    assert ports.is_free(port)


async def test_without_a_desk_or_a_prometheus_it_says_what_to_do(tmp_path: Path) -> None:
    """Nothing is started, and the message names the command that helps."""
    for environ, advice in (({}, "make run"), ({"PATH": str(tmp_path)}, "apt install prometheus")):
        observing = await _observe(tmp_path / "home", **environ)
        _, errors = await asyncio.wait_for(observing.communicate(), 30)
        assert observing.returncode == 1
        assert advice in errors.decode()


async def _observe(home: Path, *arguments: str, **environ: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "deploy.local",
        "observe",
        *arguments,
        cwd=ROOT,
        env={**os.environ, "CARELINE_HOME": str(home), **environ},
        stderr=asyncio.subprocess.PIPE,
    )


def _kill(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()


async def _scraped(port: int, job: str) -> bool:
    async with reaching(f"http://127.0.0.1:{port}") as api:
        try:
            return bool(await api.query(f'kettle_degrees{{job="{job}"}}'))
        except httpx.TransportError:
            return False
