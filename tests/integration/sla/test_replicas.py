"""Several replicas of sla over one group: timers follow their partitions."""

from collections.abc import Sequence

import httpx
import pytest

from shared.deadlines import DeadlineAtRisk, DeadlineBreached
from shared.events import TicketCreated
from tests.support import said
from tests.support.desk import Desk
from tests.support.sla_desk import OVERTAKEN, deadlines_kept, put_plan, said_of, tell
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(360)  # more than all waits of a test together


@pytest.mark.parametrize(
    "names", [pytest.param(("one", "two"), marks=pytest.mark.long), ("one", "two", "three")]
)
async def test_replicas_split_the_timers_and_take_over_those_of_a_dead_one(
    desk: Desk, names: Sequence[str]
) -> None:
    """Each fires those of its own partitions; one is killed while hundreds are pending.

    None is lost and none fires twice, whoever fires it in the end.
    """
    await _start(desk, names)
    await put_plan(desk, "an-account", "centurion")
    tickets = _tickets("before", 200)
    await tell(desk, *tickets)
    await said_of(desk, tickets, until_each=DeadlineBreached)
    fired = [_fired_by(desk, name) for name in names]
    assert all(fired)
    assert sum(map(len, fired)) == len(set.union(*fired)) == len(tickets)

    await put_plan(desk, "another-account", "professional")
    pending = _tickets("pending", 400, account="another-account")
    await tell(desk, *pending)
    await deadlines_kept(desk, len(tickets) + len(pending))
    desk.kill("one")
    said_then = await said_of(desk, pending, until_each=DeadlineBreached)
    # While the group waits for the dead member, its warnings may be overtaken.
    without_warnings = {
        tuple(kind for kind in kinds if kind is not DeadlineAtRisk) for kinds in said_then.values()
    }
    assert without_warnings == {tuple(OVERTAKEN)}


async def _start(desk: Desk, names: Sequence[str]) -> None:
    """Start replicas, each on a port of its own, and wait until all of them own partitions."""
    ports = (desk.ports.sla, desk.ports.intake, desk.ports.messaging)
    for name, port in zip(names, ports, strict=False):
        desk.start("sla", name=name, CARELINE_HTTP_PORT=str(port))

    async def all_own_some() -> bool:
        async with httpx.AsyncClient() as client:
            owned = [await _owned(client, port) for port in ports[: len(names)]]
            ready = [await _is_ready(client, port) for port in ports[: len(names)]]
        return all(owned) and sum(owned) == 16 and all(ready)  # four topics, four partitions

    await until(all_own_some, within=60, what="every replica owns partitions")


async def _is_ready(client: httpx.AsyncClient, port: int) -> bool:
    """Whether a replica has seen that the new database is complete, and answers."""
    try:
        answer = await client.get(f"http://127.0.0.1:{port}/health/ready")
    except httpx.TransportError:
        return False
    return answer.status_code == httpx.codes.OK


async def _owned(client: httpx.AsyncClient, port: int) -> int:
    """How many partitions a replica says that it owns."""
    try:
        metrics = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
    except httpx.TransportError:
        return 0
    lines = [line for line in metrics.splitlines() if line.startswith("careline_partitions_owned ")]
    return int(float(lines[0].split()[1])) if lines else 0


def _fired_by(desk: Desk, name: str) -> set[str]:
    """The tickets of which a replica said a breach."""
    return {
        line["ticket"]
        for line in desk.log(name)
        if line.get("event_type") == "careline.deadline.breached.v1"
    }


def _tickets(prefix: str, count: int, *, account: str = "an-account") -> list[TicketCreated]:
    return [said.ticket_created(f"{prefix} {n}", account=account) for n in range(count)]
