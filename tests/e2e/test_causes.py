"""For each ticket, across all events, causes stand before effects: over a run full of faults.

`CARELINE_FAULTS_SEED` chooses the faults; without it each run draws other ones, and says which.
"""

import asyncio
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from random import Random  # noqa: TID251 - a seed makes a run's faults repeatable

import httpx
import pytest

from shared.envelope import Topic
from shared.topics import topic_name
from tests.support.causality import find_reversed, seen
from tests.support.desk import SERVICES, Desk, running_desk
from tests.support.lone_broker import LoneBroker, running_broker
from tests.support.lone_postgres import LonePostgres, Stop, running_postgres
from tests.support.stack import Stack
from tests.support.stream import read_all
from tests.support.waiting import until

TICKETS, FAULTS = 120, 10
SHOWN = 40
pytestmark = [
    pytest.mark.timeout(900),  # more than all waits of the test together
    pytest.mark.long,
]


@pytest.fixture(scope="module")
def broker() -> Iterator[LoneBroker]:
    """A Kafka that may be killed."""
    with running_broker(within=240) as running:
        yield running


@pytest.fixture(scope="module")
def server() -> Iterator[LonePostgres]:
    """A Postgres that may be stopped."""
    with running_postgres() as running:
        yield running


@pytest.fixture
def desk(broker: LoneBroker, server: LonePostgres, tmp_path: Path) -> Iterator[Desk]:
    """A desk whose four services run."""
    with running_desk(Stack(broker.bootstrap_servers, server.admin_dsn), tmp_path) as running:
        for service in SERVICES:
            running.start(service)
        yield running


async def test_causes_stand_before_effects_whatever_dies(
    desk: Desk, broker: LoneBroker, server: LonePostgres
) -> None:
    """Tickets, answers, statuses and priorities go on while services, broker and Postgres die."""
    seed = os.environ.get("CARELINE_FAULTS_SEED") or str(secrets.randbelow(10**6))
    print(f"CARELINE_FAULTS_SEED={seed}")  # noqa: T201 - what it takes to have this run again
    random = Random(seed)  # noqa: S311 - nothing is kept secret with it
    await desk.ready()
    ending = asyncio.Event()
    async with httpx.AsyncClient(timeout=20) as client:
        writing = asyncio.create_task(_write(client, desk, Random(f"{seed} load"), ending))  # noqa: S311 - the same
        for _ in range(FAULTS):
            await _suffer(desk, broker, server, random)
        ending.set()
        tickets = await writing
        await desk.ready()
        for ticket in tickets:
            await until(
                lambda: _is_acknowledged(client, desk, ticket),  # noqa: B023 - awaited here
                within=180,
                what=f"{ticket} is acknowledged",
            )
    names = [topic_name(desk.namespace, topic) for topic in Topic]
    events = seen(await read_all(desk.stack.bootstrap_servers, *names))
    caused = [event for event in events if event.cause is not None]
    assert len(tickets) > TICKETS / 4, f"seed {seed}"
    assert len(caused) > 2 * len(tickets), f"seed {seed}"
    assert find_reversed(events)[:SHOWN] == [], f"seed {seed}"


async def _write(
    client: httpx.AsyncClient, desk: Desk, random: Random, ending: asyncio.Event
) -> list[str]:
    """Send tickets, and let agents deal with them; returns those that were accepted."""
    tickets: list[str] = []
    for number in range(TICKETS):
        if ending.is_set():
            break
        if ticket := await _send(client, desk, number):
            tickets.append(ticket)
        if tickets:
            await _deal(client, desk, random.choice(tickets), random, number)
        await asyncio.sleep(0.2)
    return tickets


async def _send(client: httpx.AsyncClient, desk: Desk, number: int) -> str | None:
    asked = {
        "requester": {"name": "A Customer", "address": f"customer-{number}@customer.example"},
        "subject": "The report is empty",
        "text": f"Report {number} has no rows.",
        "locale": "en",
        "time_zone": "UTC",
    }
    try:
        answer = await client.post(f"{desk.url('intake')}/v1/tickets", json=asked)
    except httpx.TransportError:
        return None
    return str(answer.json()["ticket"]) if answer.status_code == 202 else None


async def _deal(
    client: httpx.AsyncClient, desk: Desk, ticket: str, random: Random, number: int
) -> None:
    way, path, body = random.choice(
        [
            ("POST", "messages", {"text": f"We look into it ({number})."}),
            ("PUT", "status", {"status": random.choice(["open", "pending", "resolved"])}),
            ("PUT", "priority", {"priority": random.choice(["low", "high", "urgent"])}),
            ("PUT", "tags", {"tags": [f"tag-{number}"]}),
        ]
    )
    url = f"{desk.url('messaging')}/v1/tickets/{ticket}/{path}"
    try:
        await client.request(way, url, json=body, headers=desk.bearer("agent"))
    except httpx.TransportError:
        return  # it died just now: what it had not said nobody was promised


async def _suffer(desk: Desk, broker: LoneBroker, server: LonePostgres, random: Random) -> None:
    """One fault, and its end."""
    await asyncio.sleep(random.uniform(0.5, 2))
    match random.choice([*SERVICES, *SERVICES, "broker", "postgres"]):
        case "broker":
            broker.kill()
            await broker.start(within=240)
        case "postgres":
            await server.stop(Stop.IMMEDIATE)
            await server.start()
        case service:
            desk.kill(service)
            await asyncio.sleep(random.uniform(0, 1))
            desk.start(service)


async def _is_acknowledged(client: httpx.AsyncClient, desk: Desk, ticket: str) -> bool:
    url = f"{desk.url('messaging')}/v1/tickets/{ticket}"
    answer = await client.get(url, headers=desk.bearer("agent"))
    return answer.status_code == 200 and answer.json()["acknowledged_at"] is not None
