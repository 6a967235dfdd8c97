"""sla's database is lost: the stream has all that it knew, and hears nothing twice.

One history is told; each test loses what sla kept of it, and has it rebuilt in another way.
"""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

import httpx
import pytest

from tests.support.desk import Desk, running_desk
from tests.support.lost_database import Record, lose_database, new_since, records_on
from tests.support.sla_history import SAID_ON, Dump, History, dump
from tests.support.stack import Stack
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(360)  # more than all waits of a test together


@dataclass
class Told:
    """What sla kept and had said before its database was lost for the first time."""

    kept: Dump = field(default_factory=dict)
    records: list[Record] = field(default_factory=list)


@pytest.fixture(scope="module")
def desk(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk for all tests of this module."""
    with running_desk(stack, tmp_path_factory.mktemp("rebuild")) as made:
        yield made


@pytest.fixture(scope="module")
def history(desk: Desk) -> History:
    """What is told of, once."""
    return History(desk)


@pytest.fixture(scope="module")
def told() -> Told:
    """Filled once it was told."""
    return Told()


@pytest.fixture
async def before(desk: Desk, history: History, told: Told) -> AsyncIterator[Told]:
    """All is told, sla doesn't run, and its database is gone."""
    if not told.records:
        desk.start("sla")
        await desk.ready("sla")
        await history.tell()
        desk.stop("sla")
        told.kept, told.records = await dump(desk), await records_on(desk, *SAID_ON)
    await lose_database(desk, "sla")
    yield told
    for name in list(desk.processes):
        desk.stop(name)


async def assert_as_before(desk: Desk, before: Told) -> None:
    """Row by row the same, and not one record more."""
    rebuilt = await dump(desk)
    for table, rows in before.kept.items():
        assert rows, f"nothing was told that {table} could lose"
        assert rebuilt[table] == rows, table
    assert new_since(before.records, await records_on(desk, *SAID_ON)) == []


async def test_a_lost_database_is_rebuilt_as_it_was(desk: Desk, before: Told) -> None:
    """Tickets, facts, clocks, directory and catalogues; nothing is said of it."""
    desk.start("sla")
    await desk.ready("sla")
    await assert_as_before(desk, before)
    assert not [line for line in desk.log("sla") if line["event"] == "dead_letter"]


# The others go with `make long`: every service passes them the same way.
@pytest.mark.parametrize(
    "place",
    [
        pytest.param("rebuilding.drawn", marks=pytest.mark.long),
        pytest.param("sla.before_commit", marks=pytest.mark.long),
        pytest.param("sla.committed", marks=pytest.mark.long),
        "rebuilding.settled",
        pytest.param("rebuilding.finished", marks=pytest.mark.long),
        "partitions.before_commit",
    ],
)
async def test_whoever_dies_on_the_way_begins_again(desk: Desk, before: Told, place: str) -> None:
    """Killed in the middle and started anew, it comes to the same."""
    desk.start("sla", CARELINE_FAILPOINT=place)
    await desk.died("sla")
    desk.start("sla")
    await desk.ready("sla")
    await assert_as_before(desk, before)


async def test_replicas_rebuild_together(desk: Desk, before: Told) -> None:
    """Each hears its partitions; one finishes, and both go on from there."""
    desk.start("sla")
    desk.start("sla", name="another", CARELINE_HTTP_PORT=str(desk.ports.intake))
    await desk.ready("sla")

    async def is_ready() -> bool:
        async with httpx.AsyncClient() as client:
            answer = await client.get(f"{desk.url('intake')}/health/ready")
        return bool(answer.status_code == 200)

    await until(is_ready, within=60, what="the other replica is ready")
    await assert_as_before(desk, before)
