"""Pictures of every dashboard from real data: `make dashboards-pictures`.

A desk of its own is started on free ports with targets of seconds, has some minutes of work, and a
real Prometheus with our rules watches it. Then each dashboard's file is read, its queries are asked
and its panels are drawn where the file puts them: by our own renderer, not by Grafana.
"""

import argparse
import asyncio
import re
import sys
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from deploy.grafana import drawing, reading
from deploy.grafana.drawing import Drawn
from deploy.grafana.load import Load, Place
from deploy.local import keys, ports, prometheus
from deploy.local.commands import DEMO_CATALOGUE
from deploy.local.desk import SERVICES, Desk, start
from deploy.local.errors import DeskError, StopRequestedError
from deploy.local.processes import ROOT
from deploy.local.prometheus import Scraping, Server
from deploy.local.prometheus_api import Api, Series, reaching
from deploy.local.screen import Screen
from deploy.local.supervisor import Supervisor
from deploy.local.witnesses import MailSink
from deploy.prometheus.pace import Pace
from deploy.prometheus.rules import Links
from deploy.prometheus.written import rule_files
from shared.identity import Role
from shared.plans import load_catalogue

OUT = ROOT / "docs" / "pictures" / "dashboards"
JOBS = (*SERVICES, "auditor")
EVERY_SECONDS = 2.0
LOOKS_BACK = "20s"
SHORTER = 30
"""By what rules look back less far, so that minutes show what they say."""
TOKEN_SECONDS = 3600
POINTS = 150
LABEL = re.compile(r"{{\s*(\w+)\s*}}")
TURNS = (
    ("self-service", "starter", "basic", "advanced"),
    ("self-service", "starter", "basic", "advanced", "professional", "centurion"),
    ("starter", "basic"),
)
"""Which plans' tickets are answered, in one round after the other: the others are breached."""


def main() -> None:
    """Take them, and say where they are."""
    given = _parsed()
    given.into.mkdir(parents=True, exist_ok=True)
    screen = Screen()
    with tempfile.TemporaryDirectory(prefix="careline-pictures-") as folder:
        catalogue = load_catalogue(DEMO_CATALOGUE)
        desk = Desk(Path(folder), ports.free_ports(), DEMO_CATALOGUE, catalogue)
        try:
            found = prometheus.program()
            with Supervisor(desk.home, screen.say) as entered:
                work = _show(entered, desk, screen, found, given)
                asyncio.run(entered.guard(work))
        except DeskError as error:
            sys.exit(str(error))
        except (StopRequestedError, KeyboardInterrupt):
            sys.exit("Interrupted.")
    print(f"{len(reading.dashboards())} pictures: {given.into}")


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m deploy.grafana.pictures", description=__doc__)
    parser.add_argument("--minutes", type=float, default=3, help="how long there is work")
    parser.add_argument("--into", type=Path, default=OUT, help="where pictures go")
    return parser.parse_args()


async def _show(
    entered: Supervisor, desk: Desk, screen: Screen, found: str, given: argparse.Namespace
) -> None:
    await start(entered, desk, screen)
    server = Server(desk.home / "prometheus", ports.free_ports().mail_web)
    prometheus.prepare(server, Scraping(_targets(desk), _rules(desk.home / "rules"), EVERY_SECONDS))
    entered.start(prometheus.part(server, found))
    await prometheus.wait_until_ready(server)
    begun = time.time()
    screen.say(f"Working for {given.minutes:g} minutes", "bold")
    await _work(desk, begun + given.minutes * 60)
    ended = time.time()
    async with reaching(server.url) as api:
        for name, dashboard in reading.dashboards().items():
            answers = await _answers(api, dashboard, begun, ended)
            drawing.draw(dashboard, answers, given.into / f"{name}.png")


def _targets(desk: Desk) -> dict[str, list[str]]:
    return {job: [f"{ports.HOST}:{getattr(desk.ports, job)}"] for job in JOBS}


def _rules(folder: Path) -> list[Path]:
    folder.mkdir()
    for name, text in rule_files(Pace(SHORTER), Links()).items():
        (folder / name).write_text(text, encoding="utf-8")
    return sorted(folder.iterdir())


async def _work(desk: Desk, until: float) -> None:
    """Have rounds of tickets until then, the first before anything else, with pauses between."""
    # Proxies of the environment are for the world outside.
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        load = Load(_place(desk, client), client, "pictures")
        await load.begin()
        following = asyncio.create_task(load.follow())
        try:
            number = 0
            while time.time() < until:
                await load.round(answered=TURNS[number % len(TURNS)])
                if number == 1:  # not before Prometheus has seen that there was none
                    await load.spoil()
                number += 1
                await asyncio.sleep(1 + number % 5)
        finally:
            following.cancel()


def _place(desk: Desk, client: httpx.AsyncClient) -> Place:
    own = keys.load(desk.home)
    sink = MailSink(client, desk.url("mail_web"))

    async def mail_to(address: str) -> str | None:
        await sink.catch_up()
        return next((mail.text for mail in sink.mails if address in mail.to), None)

    tokens = {role: own.mint(role, None, role, TOKEN_SECONDS) for role in (Role.ADMIN, Role.AGENT)}
    return Place(
        addresses=dict(desk.presence().addresses),
        kafka=desk.broker.bootstrap_servers,
        namespace=desk.presence().namespace,
        admin=tokens[Role.ADMIN],
        agent=tokens[Role.AGENT],
        mail_to=mail_to,
    )


async def _answers(
    api: Api, dashboard: Mapping[str, Any], begun: float, ended: float
) -> dict[int, list[Drawn]]:
    """By panel what its queries say: over time for lines, of the last moment for the rest."""
    span = f"{int(ended - begun) + 1}s"
    found: dict[int, list[Drawn]] = {}
    for panel in reading.panels(dashboard):
        for target in panel["targets"]:
            expr = reading.filled(target["expr"], LOOKS_BACK, span)
            if panel["type"] == "timeseries":
                step = max(EVERY_SECONDS, (ended - begun) / POINTS)
                series = await api.query_range(expr, begun, ended, step)
            else:
                series = await api.query(expr, ended)
            drawn = [_drawn(each, target["legendFormat"]) for each in series]
            found.setdefault(panel["id"], []).extend(drawn)
    return found


def _drawn(series: Series, legend: str) -> Drawn:
    name = LABEL.sub(lambda found: series.labels.get(found[1], ""), legend)
    if legend == "__auto":
        name = ", ".join(value for key, value in series.labels.items() if key != "__name__")
    times = tuple(datetime.fromtimestamp(at, UTC) for at, _ in series.points)
    return Drawn(name.strip(), times, tuple(value for _, value in series.points))


if __name__ == "__main__":
    main()
