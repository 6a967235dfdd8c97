"""A catalogue that changes while sla runs: new tickets follow it, and clocks that are moved."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.deadlines import DeadlineMoved, DeadlineScheduled
from shared.events import TicketCreated
from tests.support import said
from tests.support.desk import CATALOGUE, Desk
from tests.support.sla_desk import put_plan, said_of, tell
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(240)  # more than all waits of a test together

FIRST = CATALOGUE.read_text(encoding="utf-8").replace('"12s"', '"600s"')
SECOND = FIRST.replace('"demo-1"', '"demo-2"').replace('"600s"', '"900s"')


@pytest.fixture
async def file(desk: Desk, tmp_path: Path) -> Path:
    """The catalogue's file of a running sla."""
    path = tmp_path / "plans.toml"
    path.write_text(FIRST, encoding="utf-8")
    desk.settings["CARELINE_CATALOGUE"] = str(path)
    desk.start("sla")
    await desk.ready("sla")
    await put_plan(desk, "an-account", "starter")
    return path


async def test_new_tickets_follow_a_new_version_and_running_clocks_once_moved(
    desk: Desk, file: Path
) -> None:
    """A clock keeps its version until it is moved, then counts anew from its start."""
    old = await _slotted(desk, "old")
    _write(file, SECOND)
    await until(lambda: _in_force(desk, "demo-2"), what="the new version is in force")
    new = await _slotted(desk, "new")
    assert await _clock(desk, old) == ("demo-1", 600)
    assert await _clock(desk, new) == ("demo-2", 900)

    for _ in range(2):  # the same key: one move
        moving = await _request(
            desk, "POST", "/v1/catalogue/moves", json={"from": "demo-1", "to": "demo-2"}
        )
        assert moving.status_code == 202
    await said_of(desk, [old], until_each=DeadlineMoved)
    assert await _clock(desk, old) == ("demo-2", 900)

    async def done() -> dict[str, Any] | None:
        move: dict[str, Any] = (await _request(desk, "GET", moving.headers["Location"])).json()
        return move if move["done_at"] else None

    move = await until(done, what="the move is done")
    assert (move["tickets"], move["to"], move["asked_by"]) == (1, "demo-2", "a-admin")


async def test_running_clocks_keep_a_version_that_no_file_has_any_more(
    desk: Desk, file: Path
) -> None:
    """After a restart on another version, what was promised by the old one is counted by it."""
    old = await _slotted(desk, "old")
    desk.stop("sla")
    _write(file, SECOND)
    desk.start("sla")
    await desk.ready("sla")
    assert await _clock(desk, old) == ("demo-1", 600)
    assert (await _catalogue(desk))["version"] == "demo-2"


async def test_a_wrong_file_is_refused_with_line_and_reason(desk: Desk, file: Path) -> None:
    """The version before stays in force; a version can't come to promise something else."""
    _write(file, SECOND.replace('"900s"', '"soon"'))
    refused = await until(lambda: _refused(desk), what="it is refused")
    assert "plans.toml:" in refused[0]
    assert "soon" in refused[0]
    _write(file, FIRST.replace('"600s"', '"700s"'))
    await until(lambda: _refused(desk, "demo-1"), what="the same version is refused")
    assert (await _catalogue(desk))["version"] == "demo-1"
    metrics = (await _request(desk, "GET", "/metrics")).text
    assert "careline_catalogue_refused 1.0" in metrics
    _write(file, SECOND)
    await until(lambda: _in_force(desk, "demo-2"), what="the mended one is in force")
    assert (await _catalogue(desk))["refused"] == []


async def test_sla_does_not_start_on_a_version_that_promised_something_else(
    desk: Desk, file: Path
) -> None:
    """Else the same version would stand for two promises."""
    desk.stop("sla")
    _write(file, FIRST.replace('"600s"', '"700s"'))
    desk.start("sla")
    assert await desk.died("sla") == 1
    (failed,) = [line for line in desk.log("sla") if line["event"] == "start_failed"]
    assert failed["part"] == "catalogue"
    (refused,) = [line for line in desk.log("sla") if line["event"] == "catalogue_refused"]
    assert "plans.toml:" in refused["problems"][0]
    assert "demo-1" in refused["problems"][0]


async def test_a_move_to_what_was_never_in_force_is_refused(desk: Desk, file: Path) -> None:
    """With the field that is wrong; and only admins may ask."""
    del file  # it is as it was
    answer = await _request(desk, "POST", "/v1/catalogue/moves", json={"to": "demo-9"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/to"
    answer = await _request(
        desk, "POST", "/v1/catalogue/moves", role="agent", json={"to": "demo-1"}
    )
    assert answer.status_code == 403
    missing = "/v1/catalogue/moves/00000000-0000-0000-0000-000000000000"
    assert (await _request(desk, "GET", missing)).status_code == 404


def _write(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")


async def _slotted(desk: Desk, key: str) -> TicketCreated:
    created = said.ticket_created(key, account="an-account")
    await tell(desk, created)
    await said_of(desk, [created], until_each=DeadlineScheduled)
    return created


async def _clock(desk: Desk, created: TicketCreated) -> tuple[str, int]:
    answer = await _request(desk, "GET", f"/v1/tickets/{created.subject}/sla")
    (clock,) = answer.json()["clocks"]
    return clock["catalogue_version"], clock["target_seconds"]


async def _in_force(desk: Desk, version: str) -> bool:
    return bool((await _catalogue(desk))["version"] == version)


async def _refused(desk: Desk, word: str = "") -> list[str] | None:
    refused: list[str] = (await _catalogue(desk))["refused"]
    return refused if refused and word in refused[0] else None


async def _catalogue(desk: Desk) -> dict[str, Any]:
    found: dict[str, Any] = (await _request(desk, "GET", "/v1/catalogue")).json()
    return found


async def _request(
    desk: Desk, method: str, path: str, *, role: str = "admin", json: object = None
) -> httpx.Response:
    headers = desk.bearer(role) | {"Idempotency-Key": "a-key"}
    async with httpx.AsyncClient(base_url=desk.url("sla")) as client:
        return await client.request(method, path, json=json, headers=headers)
