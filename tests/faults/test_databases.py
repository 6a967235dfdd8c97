"""Postgres that is away, and connections to it that are used up."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from functools import partial

import httpx
import pytest
import pytest_asyncio

from deploy.prometheus.pace import Pace
from tests.support.desk import SERVICES, WITH_DATABASE, Desk, running_desk
from tests.support.lone_postgres import LonePostgres, running_postgres
from tests.support.prometheus import needs_prometheus
from tests.support.provoking import ACCOUNT, address_of, ask, left_open
from tests.support.stack import Stack
from tests.support.waiting import until
from tests.support.watched import Watched, numbers, watching

pytestmark = [
    needs_prometheus,
    pytest.mark.long,
    pytest.mark.timeout(420),  # more than all waits of a test together
    pytest.mark.asyncio(loop_scope="module"),
]

SLOWER = Pace(12)
"""Who waits for a database pauses up to 5 s between two tries: they are counted over longer."""
CONNECTIONS = 4
"""Of each service to its database: as few as it may have."""
ASKERS = 3 * CONNECTIONS


@pytest.fixture(scope="module")
def lone() -> Iterator[LonePostgres]:
    """A Postgres that may be stopped."""
    with running_postgres() as running:
        yield running


@pytest.fixture(scope="module")
def desk(
    stack: Stack, lone: LonePostgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Desk]:
    """A desk of which nothing runs yet."""
    own = Stack(stack.bootstrap_servers, lone.admin_dsn)
    with running_desk(own, tmp_path_factory.mktemp("databases")) as made:
        made.settings["CARELINE_DATABASE_CONNECTIONS"] = str(CONNECTIONS)
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def watched(desk: Desk) -> AsyncIterator[Watched]:
    """A desk whose services have few connections each."""
    async with watching(desk, desk.folder, *SERVICES, pace=SLOWER) as begun:
        yield begun


@pytest.mark.alert("BatchesFailing")
async def test_a_database_that_is_away_is_told_of(watched: Watched, lone: LonePostgres) -> None:
    """Customers may ask all the same; what they asked is handled once Postgres is back."""
    await lone.stop()
    try:
        await ask(watched.desk, 8, name="away")
        assert (await watched.fires("BatchesFailing")).labels["severity"] == "page"
        retries, behind, _ = await watched.follow_runbook("BatchesFailing")
        failing = {each.labels["job"] for each in retries if each.value > 0}
        assert failing
        assert failing <= set(WITH_DATABASE)
        assert max(numbers(behind)) > 5
    finally:
        await lone.start()
    mailbox = watched.desk.mailbox
    for number in range(8):
        address = address_of(number, "away")
        await until(partial(mailbox.to, address), within=60, what=f"{address} has a mail")
    await watched.ends("BatchesFailing")


@pytest.mark.alert("DatabasePoolBusy")
@pytest.mark.alert("DatabasePoolExhausted")
async def test_connections_that_are_used_up_are_told_of(watched: Watched) -> None:
    """Whoever asks sla for an account's plan waits for a table that somebody has locked."""
    desk = watched.desk
    lock = "LOCK TABLE plan_changes IN ACCESS EXCLUSIVE MODE"
    codes: set[int] = set()
    async with left_open(desk.dsn("sla"), lock), _asking(desk, codes):
        exhausted = await watched.fires("DatabasePoolExhausted")
        assert exhausted.labels["job"] == "sla"
        in_vain, *_ = await watched.follow_runbook("DatabasePoolExhausted")
        assert max(each.value for each in in_vain if each.labels["job"] == "sla") > 0
        assert (await watched.fires("DatabasePoolBusy", within=180)).labels["job"] == "sla"
        used, most, _ = await watched.follow_runbook("DatabasePoolBusy")
        assert max(numbers(used)) == max(numbers(most)) == CONNECTIONS
    assert codes == {503}
    await watched.ends("DatabasePoolBusy")
    await watched.ends("DatabasePoolExhausted")


@contextlib.asynccontextmanager
async def _asking(desk: Desk, codes: set[int]) -> AsyncIterator[None]:
    """Let people ask sla for an account's plan until the end of the block; how they are answered.

    Those who wait when it ends have no answer.
    """

    async def ask_again(client: httpx.AsyncClient) -> None:
        while True:
            answer = await client.get(f"/v1/accounts/{ACCOUNT}", headers=desk.bearer("admin"))
            codes.add(answer.status_code)

    async with httpx.AsyncClient(base_url=desk.url("sla"), timeout=30) as client:
        tasks = [asyncio.create_task(ask_again(client)) for _ in range(ASKERS)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert {type(each) for each in ended} == {asyncio.CancelledError}
