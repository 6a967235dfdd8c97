"""A real Prometheus beside what a test runs: it scrapes, evaluates rules, and is asked."""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.local import ports, prometheus
from deploy.local.prometheus import Scraping, Server
from deploy.local.prometheus_api import Alert, Api, Series, reaching
from deploy.local.supervisor import Supervisor
from tests.support.desk import SERVICES, Desk
from tests.support.waiting import until

needs_prometheus = pytest.mark.skipif(
    shutil.which("prometheus") is None or shutil.which("promtool") is None,
    reason="needs prometheus and promtool on the path (Debian: apt install prometheus)",
)
"""Put it on tests that ask a Prometheus."""


@dataclass(frozen=True)
class Prometheus(Api):
    """A Prometheus that runs."""

    async def alert(self, name: str, state: str = "") -> Alert | None:
        """The alert of this name, if it is pending or firing, or only if it is in this state."""
        found = [each for each in await self.alerts() if each.name == name]
        return next((each for each in found if state in ("", each.state)), None)

    async def until_pending(self, name: str, within: float = 60) -> Alert:
        """Wait until an alert is pending, or firing already."""
        return await until(lambda: self.alert(name), within=within, what=f"{name} is pending")

    async def until_firing(self, name: str, within: float = 60) -> Alert:
        """Wait until an alert fires."""
        what = f"{name} fires"
        return await until(lambda: self.alert(name, "firing"), within=within, what=what)

    async def until_ended(self, name: str, within: float = 60) -> None:
        """Wait until an alert is neither pending nor firing."""

        async def ended() -> bool:
            return await self.alert(name) is None

        await until(ended, within=within, what=f"{name} has ended")

    async def until_true(self, promql: str, within: float = 60) -> list[Series]:
        """Wait until a query has an answer: a comparison has none while it does not hold."""
        return await until(lambda: self.query(promql), within=within, what=promql)

    async def until_scraped(self, within: float = 30) -> None:
        """Wait until every target was reached at least once."""

        async def reached() -> bool:
            found = await self.targets()  # at first it knows of none
            return bool(found) and all(target["health"] == "up" for target in found)

        await until(reached, within=within, what="every target is up")


@contextlib.asynccontextmanager
async def running_prometheus(
    folder: Path,
    targets: Mapping[str, str | Sequence[str]],
    rules: Sequence[Path] = (),
    every: float = 1,
) -> AsyncIterator[Prometheus]:
    """Run one until the end of the block.

    Args:
        folder: Where it may write.
        targets: By job, the `host:port` of its instances, or of the one.
        rules: Files of rules; `prometheus.our_rules()` has ours.
        every: Seconds between scrapes, and between evaluations.
    """
    listed = {job: [at] if isinstance(at, str) else list(at) for job, at in targets.items()}
    server = Server(folder / "prometheus", ports.free_ports().mail_web)
    prometheus.prepare(server, Scraping(listed, rules, every))
    with Supervisor(server.folder, announce=lambda _: None, grace_seconds=5) as supervisor:
        supervisor.start(prometheus.part(server, prometheus.program()))
        guarded = asyncio.create_task(prometheus.wait_until_ready(server))
        while not guarded.done():
            supervisor.check()  # says why it has ended, if it has
            await asyncio.sleep(0.05)
        await guarded
        async with reaching(server.url) as api:
            yield Prometheus(api.url, api.client)


def targets_of(desk: Desk, **more: str) -> dict[str, str]:
    """What there is to scrape of a test's desk, and more jobs with their `host:port`."""
    own = {name: f"127.0.0.1:{getattr(desk.ports, name)}" for name in SERVICES}
    return {**own, **more}
