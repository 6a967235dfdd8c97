"""`make run`, as a newcomer meets it: started, used, stopped, started again, killed, mended."""

import json
import re
import shlex
import socket
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.local import presence
from tests.support.local_desk import Command, command, free_base, still_running

Shown = dict[str, Any]
DEMO_WITHIN = 110


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A fresh data folder."""
    return tmp_path / "home"


def addresses(desk: Command) -> dict[str, str]:
    """The addresses that it prints."""
    return dict(re.findall(r"^  (\w+) +(http://127\.0\.0\.1:\d+)  ", desk.said(), re.MULTILINE))


def printed_request(desk: Command) -> tuple[str, Shown]:
    """Where the printed curl would send what."""
    pasted = re.search(r"^  (curl .*?}')$", desk.said(), re.MULTILINE | re.DOTALL)
    assert pasted
    words = shlex.split(pasted[1])
    (url,) = [word for word in words if word.startswith("http")]
    return url, json.loads(words[words.index("-d") + 1])


def mail_to(desk: Command, address: str) -> Shown:
    """The one mail to an address, as the mail sink has it."""
    sink = addresses(desk)["mail"]
    found = httpx.get(f"{sink}/api/messages", params={"to": address}).json()["messages"]
    assert len(found) == 1
    mail: Shown = httpx.get(f"{sink}/api/messages/{found[0]['id']}").json()
    return mail


def thread(desk: Command, home: Path, ticket: str) -> Shown:
    """A ticket's thread, read with a token that the token command printed."""
    with command(home, free_base(), "token", "--role", "agent") as asked:
        assert asked.process.wait(30) == 0
    headers = {"Authorization": f"Bearer {asked.said().strip()}"}
    answer = httpx.get(f"{addresses(desk)['messaging']}/v1/tickets/{ticket}", headers=headers)
    assert answer.status_code == 200, answer.text
    shown: Shown = answer.json()
    return shown


@pytest.mark.timeout(780)  # more than all its waits together
def test_a_ticket_outlives_a_crash(home: Path) -> None:
    """Sent as printed, it is acknowledged, and there after everything was killed.

    On what it finds there the desk plays a demonstration, too. Nothing runs on after Ctrl-C, and
    that is a normal end.
    """
    base = free_base()
    with command(home, base, "run") as desk:
        desk.says("What happens from now on:")
        url, request = printed_request(desk)
        accepted = httpx.post(url, json=request)
        assert accepted.status_code == 202
        ticket, number = (accepted.json()[key] for key in ("ticket", "number"))
        for happened in ("accepted by api", "slotted: Self Service Plan", "acknowledged by mail"):
            desk.says(f"{number} {happened}", within=30)
        assert request["requester"]["address"] not in desk.said().partition(number)[2]
        assert number in mail_to(desk, request["requester"]["address"])["text"]
        family = desk.family()
        desk.kill_everything()
        assert still_running(family) == []

    with command(home, base, "run", "--catalogue", "demo") as desk:
        desk.says("What happens from now on:")
        assert thread(desk, home, ticket)["messages"][0]["text"] == request["text"]
        mail_to(desk, request["requester"]["address"])
        with command(home, base, "demo") as demo:
            assert demo.process.wait(DEMO_WITHIN) == 0, demo.said()
            assert "promises were kept." in demo.said()
        family = desk.family()
        assert desk.stop() == 0
        assert still_running(family) == []
        assert desk.said().endswith(f"Stopped. What it has stored stays in {home}.\n")
        assert not (home / presence.FILE).exists()


@pytest.mark.long  # what outlives a kill outlives this
@pytest.mark.timeout(780)
def test_a_ticket_outlives_a_stop(home: Path) -> None:
    """What was sent before Ctrl-C is there when the desk runs again."""
    base = free_base()
    with command(home, base, "run") as desk:
        desk.says("What happens from now on:")
        url, request = printed_request(desk)
        accepted = httpx.post(url, json=request)
        ticket, number = (accepted.json()[key] for key in ("ticket", "number"))
        desk.says(f"{number} acknowledged by mail", within=30)
        assert desk.stop() == 0
    with command(home, base, "run") as desk:
        desk.says("What happens from now on:")
        assert thread(desk, home, ticket)["messages"][0]["text"] == request["text"]
        mail_to(desk, request["requester"]["address"])
        assert desk.stop() == 0


def test_a_port_in_use_is_explained(home: Path) -> None:
    """Which port, what for, by whom, and how to choose others; nothing was started."""
    base = free_base()
    with (
        socket.create_server(("127.0.0.1", base + 2)),
        command(home, base, "run") as desk,
    ):
        assert desk.process.wait(30) == 1
    assert f"  {base + 2} (sla) by " in desk.said()
    assert "or choose others: CARELINE_PORT_BASE=" in desk.said()
    assert "Traceback" not in desk.said()
    assert not (home / "postgres").exists()
