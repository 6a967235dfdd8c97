"""Dashboards and rules on a real desk: a Prometheus scrapes it, every question has an answer."""

import asyncio
import contextlib
import math
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
import pytest

from deploy.grafana import reading
from deploy.grafana.boards import BOARDS
from deploy.grafana.load import Load, Place
from deploy.local import prometheus
from deploy.prometheus.pace import Pace
from deploy.prometheus.rules import Links
from deploy.prometheus.written import all_recordings, rule_files
from shared.metrics import CATALOGUE
from tests.support.desk import AUDITOR, SERVICES, Desk, running_desk
from tests.support.prometheus import (
    Prometheus,
    needs_prometheus,
    running_prometheus,
    targets_of,
)
from tests.support.stack import Stack
from tests.support.waiting import until

pytestmark = [needs_prometheus, pytest.mark.timeout(420)]  # more than all waits together

SHORTER = 30
"""By what the rules look back less far and are evaluated more often."""
LOOKS_BACK = "20s"
ROUNDS = 2
LOOKS = 20
"""So often, a second apart, what has no data yet is asked for again."""


@dataclass(frozen=True)
class Seen:
    """A desk that had some work, and the Prometheus that watched it."""

    desk: Desk
    prometheus: Prometheus
    addresses: dict[str, str]
    load: Load


@pytest.fixture
def desk(stack: Stack, tmp_path: Path) -> Iterator[Desk]:
    """A desk whose four services run, and the auditor."""
    with running_desk(stack, tmp_path) as running:
        for service in (*SERVICES, AUDITOR):
            running.start(service)
        yield running


@pytest.fixture
async def seen(desk: Desk, tmp_path: Path) -> AsyncIterator[Seen]:
    """The desk after a breach, answers, mails, a live page and a record that nobody can read."""
    rules = _rules(tmp_path / "rules")
    await desk.ready(*SERVICES, AUDITOR)
    async with contextlib.AsyncExitStack() as entered:
        addresses = targets_of(desk, auditor=f"127.0.0.1:{desk.ports.auditor}")
        running = running_prometheus(tmp_path, addresses, rules)
        watching = await entered.enter_async_context(running)
        await watching.until_scraped()
        client = await entered.enter_async_context(httpx.AsyncClient(timeout=10))
        load = Load(_place(desk), client, "test")
        await load.begin()
        await load.spoil()
        following = asyncio.create_task(load.follow())
        entered.callback(following.cancel)
        for _ in range(ROUNDS):
            await load.round(answered=("self-service", "starter", "basic"))
            await until(partial(_is_open, load, following), what="a page is open")
            await asyncio.sleep(2)  # so that rates have two looks between which something happened
        await watching.until_true('sum(sla_outcomes_total{event="DeadlineBreached"}) >= 3')
        yield Seen(desk, watching, addresses, load)


async def test_every_panel_and_every_recording_has_data(seen: Seen) -> None:
    """No query of a board is empty but those that say why a healthy desk has nothing for them.

    Every rule is evaluated without an error, every recording has a series; what each service
    exports is well formed, and of the catalogue.
    """
    quiet = {query.expr for b in BOARDS for p in b.panels for query in p.queries if query.quiet}
    quiet = {reading.filled(expr, LOOKS_BACK, "10m") for expr in quiet}
    asked = list(reading.queries(LOOKS_BACK, "10m"))
    missing = [query for query in asked if query.expr not in quiet]
    for _ in range(LOOKS):
        missing = [each for each in missing if not await _has_values(seen.prometheus, each.expr)]
        if missing:
            # What nobody does at the moment has no rate.
            await seen.load.look_around()
            await asyncio.sleep(1)
    assert not missing, "\n".join(f"{each.board}: {each.panel}: {each.expr}" for each in missing)
    for query in asked:
        await seen.prometheus.query(query.expr)  # what may be empty is valid even so

    names = {each.record for each in all_recordings()}
    for name in names:
        await seen.prometheus.until_true(name, within=60)
    rules = await seen.prometheus.rules()
    assert {rule["name"]: rule.get("lastError") for rule in rules if rule["health"] != "ok"} == {}

    for service, address in seen.addresses.items():
        await _is_well_formed(service, address)


def _is_open(load: Load, following: "asyncio.Task[None]") -> bool:
    """Whether its page is followed live; why not, if it has ended."""
    if following.done():
        following.result()
    return bool(load.followed)


async def _has_values(seen: Prometheus, expr: str) -> bool:
    """Whether it had a number at some moment since the work began: no number is no data."""
    now = time.time()
    series = await seen.query_range(expr, now - 120, now, 3)
    return any(not math.isnan(value) for each in series for _, value in each.points)


async def _is_well_formed(service: str, address: str) -> None:
    async with httpx.AsyncClient() as client:
        text = (await client.get(f"http://{address}/metrics")).text
    checked = subprocess.run(  # noqa: S603, ASYNC221 - Prometheus' own checker
        [prometheus.program("promtool"), "check", "metrics"],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.stderr.splitlines() == [], service
    exported = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    own = {name for name in exported if not name.startswith(("process_", "python_"))}
    assert own == {name for name, metric in CATALOGUE.items() if service in metric.services}


def _rules(folder: Path) -> list[Path]:
    folder.mkdir()
    for name, text in rule_files(Pace(SHORTER), Links()).items():
        (folder / name).write_text(text)
    return sorted(folder.iterdir())


def _place(desk: Desk) -> Place:
    async def mail_to(address: str) -> str | None:
        mails = desk.mailbox.to(address)
        part = mails[0].get_body(("plain",)) if mails else None
        return None if part is None else str(part.get_content())

    return Place(
        addresses={
            **{service: desk.url(service) for service in SERVICES},
            "mail_in": f"127.0.0.1:{desk.ports.smtp_in}",
        },
        kafka=desk.stack.bootstrap_servers,
        namespace=desk.namespace,
        admin=desk.token("admin"),
        agent=desk.token("agent"),
        mail_to=mail_to,
    )
