"""intake while its broker is silent or dead: no 202, no waiting, and it recovers by itself."""

import asyncio
import os
import signal
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.local import jars, kafka, ports, processes
from deploy.local.supervisor import Part, Supervisor
from shared.envelope import Topic
from shared.events import TicketCreated
from tests.support.desk import Desk, running_desk
from tests.support.lone_broker import freeze
from tests.support.stack import Stack
from tests.support.stream import read_events
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(240)  # more than all waits of a test together

REQUEST: dict[str, Any] = {
    "requester": {"address": "customer@customer.example"},
    "subject": "It does not work",
    "text": "Help!",
}
PATIENCE = httpx.Timeout(2)
"""What a caller may be kept waiting for a 503: a longer answer fails the test."""


@dataclass
class OwnBroker:
    """A broker that this test alone uses, to be mistreated."""

    broker: kafka.Broker
    part: Part
    supervisor: Supervisor

    def start(self) -> None:
        """Start it, or start it again."""
        self.supervisor.start(self.part)
        asyncio.run(kafka.wait_until_ready(self.broker))

    @property
    def pid(self) -> int:
        """Its process."""
        known = processes.recall(self.supervisor.folder / "run" / f"{self.part.name}.json")
        assert known is not None
        return known[0].pid


@pytest.fixture
def own_broker() -> Iterator[OwnBroker]:
    """A running broker."""
    with tempfile.TemporaryDirectory(prefix="careline-test-") as folder:
        chosen = ports.free_ports()
        broker = kafka.Broker(Path(folder) / "kafka", chosen.kafka, chosen.kafka_controller)
        with Supervisor(Path(folder), announce=lambda _: None) as supervisor:
            classpath = asyncio.run(jars.ensure(supervisor.announce, os.environ))
            asyncio.run(kafka.prepare(broker, classpath))
            own = OwnBroker(broker, kafka.part(broker, classpath), supervisor)
            own.start()
            yield own


@pytest.fixture
def desk(stack: Stack, own_broker: OwnBroker, tmp_path: Path) -> Iterator[Desk]:
    """A desk on that broker, of which intake runs."""
    own = Stack(own_broker.broker.bootstrap_servers, stack.postgres_admin_dsn)
    with running_desk(own, tmp_path) as made:
        made.start("intake")
        yield made


def test_while_kafka_is_silent_callers_hear_503_at_once_and_lose_nothing(
    desk: Desk, own_broker: OwnBroker
) -> None:
    """503 within 2 s, with `Retry-After` and the key to try again under; then 202 again."""
    asyncio.run(desk.ready("intake"))
    assert _post(desk, "before").status_code == 202

    freeze(own_broker.pid)
    try:
        refused = [_post(desk, "during"), _post(desk, "during")]
        unkeyed = _post(desk, None)
        ready = httpx.get(f"{desk.url('intake')}/health/ready")
        live = httpx.get(f"{desk.url('intake')}/health/live")
    finally:
        os.kill(own_broker.pid, signal.SIGCONT)
    for answer in (*refused, unkeyed):
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
        assert answer.headers["content-type"] == "application/problem+json"
    assert refused[0].json()["idempotency_key"] == "during"
    assert unkeyed.json()["idempotency_key"]
    assert (ready.status_code, live.status_code) == (503, 200)

    # The first refusal was on its way when the broker fell silent, and may have arrived: asking
    # again gives the same ticket. What was refused at once must not appear.
    accepted = _until_accepted(desk, "during")
    tickets = _tickets(desk)
    assert accepted in tickets
    assert len(tickets) == 2


def test_readiness_says_that_kafka_went_away_though_nobody_asked_for_it(
    desk: Desk, own_broker: OwnBroker
) -> None:
    """An idle intake notices by itself, and that its broker is back, too."""
    asyncio.run(desk.ready("intake"))
    own_broker.supervisor.kill(own_broker.part.name)
    asyncio.run(until(lambda: not _is_ready(desk), what="readiness says so"))
    own_broker.start()
    asyncio.run(until(lambda: _is_ready(desk), what="ready again"))


def test_a_broker_that_was_killed_and_came_back_is_found_again(
    desk: Desk, own_broker: OwnBroker
) -> None:
    """Intake needs no restart after its broker's."""
    asyncio.run(desk.ready("intake"))
    before = _post(desk, "before").json()["ticket"]
    own_broker.supervisor.kill(own_broker.part.name)
    assert _post(desk, "during").status_code == 503
    own_broker.start()
    after = _until_accepted(desk, "after")
    assert {before, after} <= _tickets(desk)


def _is_ready(desk: Desk) -> bool:
    return httpx.get(f"{desk.url('intake')}/health/ready").status_code == 200


def _post(desk: Desk, key: str | None) -> httpx.Response:
    headers = {} if key is None else {"Idempotency-Key": key}
    url = f"{desk.url('intake')}/v1/tickets"
    return httpx.post(url, json=REQUEST, headers=headers, timeout=PATIENCE)


def _until_accepted(desk: Desk, key: str) -> str:
    async def accepted() -> str | None:
        answer = await asyncio.to_thread(_post, desk, key)
        return str(answer.json()["ticket"]) if answer.status_code == 202 else None

    return asyncio.run(until(accepted, what="accepted again"))


def _tickets(desk: Desk) -> set[str]:
    events = asyncio.run(read_events(desk.stack.bootstrap_servers, desk.namespace, Topic.TICKETS))
    return {event.subject for event in events if isinstance(event, TicketCreated)}
