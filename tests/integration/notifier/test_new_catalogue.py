"""A catalogue that changes under a running notifier."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support import said
from tests.support.desk import CATALOGUE, Desk
from tests.support.stream import publish
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(120)  # more than all waits of the test together

SHIPPED = CATALOGUE.read_text(encoding="utf-8")
LEADS = '"support-leads@careline.example"'
NIGHT = '"night-shift@careline.example", "night-chat"'
NEW = SHIPPED.replace('"demo-1"', '"demo-2"').replace(LEADS, NIGHT)


async def test_a_new_catalogue_counts_without_a_restart(desk: Desk, tmp_path: Path) -> None:
    """A wrong one is refused, with its reason and for the metrics; the next right one alerts.

    That it names a chat which is no destination is told, and holds up nobody else.
    """
    path = tmp_path / "plans.toml"
    _write(path, SHIPPED)
    desk.start("notifier", CARELINE_CATALOGUE=str(path))
    await desk.ready("notifier")
    assert await _refused(desk) == "0.0"

    _write(path, NEW.replace('"12s"', '"soon"'))
    (line,) = await until(lambda: _lines(desk, "catalogue_refused"), what="it is refused")
    (problem,) = line["problems"]
    assert problem.startswith(f"{path}:")
    assert "'soon' is no duration" in problem
    assert await _refused(desk) == "1.0"

    _write(path, NEW)
    (line,) = await until(lambda: _lines(desk, "catalogue_reloaded"), what="it is in force")
    assert line["version"] == "demo-2"
    (line,) = _lines(desk, "unknown_destinations")
    assert line["problems"][0].endswith("alerts: no destination is called 'night-chat'")
    assert await _refused(desk) == "0.0"
    created = said.ticket_created()
    slotted = said.slot(created)
    await publish(
        desk.stack.bootstrap_servers,
        desk.namespace,
        [created, *slotted.events, said.breach(slotted)],
    )
    await until(lambda: desk.mailbox.to("night-shift@careline.example"), what="the alert")
    assert not desk.mailbox.to("support-leads@careline.example")
    await desk.ready("notifier")


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _lines(desk: Desk, event: str) -> list[dict[str, Any]]:
    return [line for line in desk.log("notifier") if line["event"] == event]


async def _refused(desk: Desk) -> str:
    async with httpx.AsyncClient() as client:
        metrics = (await client.get(f"{desk.url('notifier')}/metrics")).text
    (line,) = (x for x in metrics.splitlines() if x.startswith("careline_catalogue_refused "))
    return line.split()[1]
