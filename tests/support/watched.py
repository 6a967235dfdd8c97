"""A running desk beside a real Prometheus that has our rules, at the pace of an exercise."""

import math
import re
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.local.prometheus_api import Alert, Series
from deploy.prometheus.pace import DAY, HOUR, MINUTE, Pace
from deploy.prometheus.rules import RUNBOOKS, Links
from deploy.prometheus.written import all_alerts, rule_files
from tests.support.desk import ROOT, Desk
from tests.support.prometheus import Prometheus, running_prometheus
from tests.support.waiting import until

PACE = Pace(60)
"""A minute is a second."""
_SECONDS = {"m": MINUTE, "h": HOUR, "d": DAY}
_WINDOW = re.compile(r"\[(\d+)([mhd])\]")


@dataclass(frozen=True)
class Watched:
    """A desk, and who watches it."""

    desk: Desk
    prometheus: Prometheus
    pace: Pace = PACE

    async def fires(self, name: str, within: float = 90) -> Alert:
        """Wait until an alert fires."""
        return await self.prometheus.until_firing(name, within)

    async def ends(self, name: str, within: float = 150) -> None:
        """Wait until an alert is neither pending nor firing."""
        await self.prometheus.until_ended(name, within)

    async def until(self, promql: str, within: float = 60) -> list[Series]:
        """Wait until a query has an answer."""
        return await self.prometheus.until_true(promql, within)

    async def follow_runbook(self, name: str) -> list[list[Series]]:
        """Ask what an alert's runbook says to ask: all is understood, and the first has an answer.

        Where a query looks back, it looks back as far as the rules do here.
        """
        answers = [await self.prometheus.query(each) for each in runbook_queries(name, self.pace)]
        assert numbers(answers[0]), f"{name}: its runbook's first question has no answer"
        return answers

    async def burns(self, name: str) -> dict[str, str]:
        """Of an objective's alerts that are pending or firing, the state of each, by its `burn`."""
        alerts = await self.prometheus.alerts()
        return {each.labels["burn"]: each.state for each in alerts if each.name == name}

    async def burns_at(self, name: str, *burns: str, within: float = 90) -> None:
        """Wait until an objective's alerts of these rates fire."""

        async def fire() -> bool:
            found = await self.burns(name)
            return all(found.get(burn) == "firing" for burn in burns)

        await until(fire, within=within, what=f"{name} burns at {', '.join(burns)}")

    async def burns_no_more(self, name: str, *burns: str, within: float = 150) -> None:
        """Wait until none of an objective's alerts of these rates is pending or fires."""

        async def ended() -> bool:
            return not set(burns) & set(await self.burns(name))

        await until(ended, within=within, what=f"{name} burns no more at {', '.join(burns)}")


def numbers(answer: Collection[Series]) -> list[float]:
    """The values of an answer that are numbers."""
    return [each.value for each in answer if not math.isnan(each.value)]


def runbook_queries(name: str, pace: Pace = PACE) -> Iterator[str]:
    """The questions of an alert's section, at the pace of an exercise."""
    (page,) = {each.runbook for each in all_alerts() if each.name == name}
    text = (ROOT / RUNBOOKS / f"{page}.md").read_text(encoding="utf-8")
    section = text.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
    block = section.partition("```promql\n")[2].partition("```")[0]
    for line in block.strip().splitlines():
        yield _WINDOW.sub(lambda f: f"[{pace.window(int(f[1]) * _SECONDS[f[2]])}]", line)


@asynccontextmanager
async def watching(
    desk: Desk,
    folder: Path,
    *services: str,
    more: Collection[str] = (),
    twins: Mapping[str, int] | None = None,
    pace: Pace = PACE,
) -> AsyncIterator[Watched]:
    """Start services, and watch them until the end of the block.

    Args:
        desk: Its settings are made already.
        folder: Where Prometheus may write.
        services: What is started, and is watched.
        more: What is watched besides, and is started by the exercise.
        twins: The ports of second replicas, by service: as with `more`.
        pace: How much quicker than in operation an alert fires.
    """
    for service in services:
        desk.start(service)
    await desk.ready(*services)
    targets = {each: [f"127.0.0.1:{getattr(desk.ports, each)}"] for each in (*services, *more)}
    for service, port in (twins or {}).items():
        targets[service].append(f"127.0.0.1:{port}")
    async with running_prometheus(folder, targets, _rules(folder / "rules", pace)) as prometheus:
        watched = Watched(desk, prometheus, pace)
        # Counters are seen to rise only by who has seen them before.
        seen = f"count(count_over_time(up[5s]) >= 3 and up == 1) >= {len(services)}"
        await watched.until(seen)
        yield watched


def _rules(folder: Path, pace: Pace) -> list[Path]:
    folder.mkdir()
    for name, text in rule_files(pace, Links()).items():
        (folder / name).write_text(text, encoding="utf-8")
    return sorted(folder.iterdir())
