"""intake while its broker is silent or dead: no 202, no waiting, and it recovers by itself."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.envelope import Topic
from shared.events import TicketCreated
from tests.support.desk import Desk, running_desk
from tests.support.lone_broker import LoneBroker, running_broker
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


@pytest.fixture
def own_broker() -> Iterator[LoneBroker]:
    """A running broker that this test alone uses, to be mistreated."""
    with running_broker() as running:
        yield running


@pytest.fixture
def desk(stack: Stack, own_broker: LoneBroker, tmp_path: Path) -> Iterator[Desk]:
    """A desk on that broker, of which intake runs."""
    own = Stack(own_broker.bootstrap_servers, stack.postgres_admin_dsn)
    with running_desk(own, tmp_path) as made:
        made.start("intake")
        yield made


def test_while_kafka_is_silent_callers_hear_503_at_once_and_lose_nothing(
    desk: Desk, own_broker: LoneBroker
) -> None:
    """503 within 2 s, with `Retry-After` and the key to try again under; then 202 again."""
    asyncio.run(desk.ready("intake"))
    assert _post(desk, "before").status_code == 202

    own_broker.freeze()
    try:
        refused = [_post(desk, "during"), _post(desk, "during")]
        unkeyed = _post(desk, None)
        ready = httpx.get(f"{desk.url('intake')}/health/ready")
        live = httpx.get(f"{desk.url('intake')}/health/live")
    finally:
        own_broker.thaw()
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


@pytest.mark.long
def test_readiness_says_that_kafka_went_away_though_nobody_asked_for_it(
    desk: Desk, own_broker: LoneBroker
) -> None:
    """An idle intake notices by itself, and that its broker is back, too."""
    asyncio.run(desk.ready("intake"))
    own_broker.kill()
    asyncio.run(until(lambda: not _is_ready(desk), what="readiness says so"))
    asyncio.run(own_broker.start())
    asyncio.run(until(lambda: _is_ready(desk), what="ready again"))


@pytest.mark.long
def test_a_broker_that_was_killed_and_came_back_is_found_again(
    desk: Desk, own_broker: LoneBroker
) -> None:
    """Intake needs no restart after its broker's."""
    asyncio.run(desk.ready("intake"))
    before = _post(desk, "before").json()["ticket"]
    own_broker.kill()
    assert _post(desk, "during").status_code == 503
    asyncio.run(own_broker.start())
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
