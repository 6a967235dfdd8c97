"""compose.yaml on a real Docker engine: up, one ticket all the way through, and down again."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.stack import docker_answers
from tests.support.waiting import until

ROOT = Path(__file__).parents[3]
COMPOSE = ["docker", "compose", "-f", "deploy/compose.yaml", "-p", "careline-test"]
WAITS = 900
"""Seconds: the first time images are fetched and built."""
ADDRESS = "customer@customer.example"


def compose(*words: str) -> str:
    """Run Docker Compose on a project of the test's own."""
    done = subprocess.run(  # noqa: S603 - Docker itself
        [*COMPOSE, *words], cwd=ROOT, check=False, capture_output=True, text=True, env=os.environ
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


def _why_not() -> str | None:
    if not docker_answers():
        return "no Docker engine answers here"
    known = subprocess.run(["docker", "compose", "version"], check=False, capture_output=True)  # noqa: S607 - whichever there is
    return "docker compose is not installed" if known.returncode else None


@pytest.fixture(scope="module")
def engine() -> Iterator[None]:
    """All of it is up; at the end nothing of it is left."""
    if reason := _why_not():
        pytest.skip(reason)
    try:
        compose("up", "--build", "--detach", "--wait", "--wait-timeout", str(WAITS))
        yield
    finally:
        compose("down", "--volumes", "--remove-orphans")


@pytest.mark.timeout(WAITS * 2)
@pytest.mark.usefixtures("engine")
async def test_a_ticket_goes_all_the_way() -> None:
    """It is taken, acknowledged by a mail, answered by an agent, and Prometheus sees everybody."""
    token = compose("run", "--rm", "--no-deps", "secrets", "deploy.compose", "token").strip()
    async with httpx.AsyncClient(timeout=10) as client:
        sent = {"requester": {"address": ADDRESS}, "subject": "A box", "text": "Where is it?"}
        taken = await client.post("http://127.0.0.1:8101/v1/tickets", json=sent)
        assert taken.status_code == httpx.codes.ACCEPTED
        thread = f"http://127.0.0.1:8104/v1/tickets/{taken.json()['ticket']}"

        async def mails() -> int:
            found = await client.get(
                "http://127.0.0.1:8105/api/v1/search", params={"query": ADDRESS}
            )
            return int(found.json()["messages_count"])

        async def is_acknowledged() -> bool:
            return await mails() >= 1

        async def is_answered() -> bool:
            return await mails() >= 2

        await until(is_acknowledged, within=60, what="the acknowledgement is there")
        answered = await client.post(
            f"{thread}/messages",
            json={"text": "Here it is."},
            headers={"Authorization": f"Bearer {token}"},
        )
        assert answered.is_success
        await until(is_answered, within=60, what="the answer is there")

        async def is_scraped() -> bool:
            asked = {"query": 'count(up{job=~"intake|sla|notifier|messaging|auditor"} == 1)'}
            found = await client.get("http://127.0.0.1:9090/api/v1/query", params=asked)
            result = found.json()["data"]["result"]
            return bool(result) and result[0]["value"][1] == "5"

        await until(is_scraped, within=90, what="Prometheus scrapes all five")
        boards = await client.get("http://127.0.0.1:3000/api/search", params={"type": "dash-db"})
        wanted = {path.name for path in (ROOT / "deploy/grafana/dashboards").glob("*.json")}
        assert len(json.loads(boards.text)) == len(wanted)
