"""The timer over a real database, its clock standing still: what is due fires all the same."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from services.sla import domain, store
from services.sla.catalogues import Book
from services.sla.timer import LOOK_BACK, Timer
from shared.database import Database
from shared.deadlines import DeadlineBreached
from shared.plans import Catalogue
from tests.support.crashing import CrashError, CrashingDatabase, read_outbox
from tests.support.databases import Databases
from tests.support.promises import CATALOGUES, at, ticket

MIGRATIONS = Path(__file__).parents[3] / "services" / "sla" / "migrations"
PARTITION = 3
BEGAN = 100
"""When, in hours, the timer has fired for the last time as each test begins."""


@dataclass
class Present:
    """The clock and the read position: all was heard, and time stands still."""

    now: datetime
    catalogue: Catalogue = CATALOGUES["one"]

    def clock(self) -> datetime:
        """The present."""
        return self.now

    async def heard_until(self) -> dict[int, datetime]:
        """All of one partition."""
        return {PARTITION: self.now}


@pytest.fixture
async def database(databases: Databases) -> AsyncIterator[CrashingDatabase]:
    """A fresh database with the tables of sla, which loses a transaction when it is told to."""
    async with databases.fresh(MIGRATIONS) as dsn:
        connected = CrashingDatabase(dsn, service="test", size=2)
        await connected.start()
        yield connected
        await connected.stop()


@pytest.fixture
def present() -> Present:
    """A moment after the last fire."""
    return Present(at(BEGAN))


async def fired_once(database: Database, present: Present, *, batch: int = 2000) -> Timer:
    """A timer that has just fired something, and looks back from the next second on."""
    timer = Timer(database, present, Book(present), clock=present.clock, margin=0, batch=batch)
    await make_due(database, [BEGAN])
    assert await timer.step()
    assert not await timer.step()
    present.now += LOOK_BACK
    return timer


async def make_due(database: Database, hours: Sequence[float]) -> None:
    """Promises of tickets of their own that are due then: perhaps before what has fired."""
    _, (first,) = domain.slot(ticket("advanced"), CATALOGUES["one"])
    number = await breached(database)
    async with database.transaction() as connection:
        deadlines = [
            replace(
                first.deadline,
                ticket=UUID(int=number * 1000 + place),
                correlation=UUID(int=number * 1000 + place),
                started_at=at(hour) - timedelta(hours=4),
                due_at=at(hour),
                fires_at=at(hour),
            )
            for place, hour in enumerate(hours)
        ]
        await store.save_deadlines(connection, deadlines)


async def breached(database: Database) -> int:
    """How many breaches were said so far, none of them twice."""
    async with database.connection() as connection:
        said = await read_outbox(connection, after=0)
    breaches = [event.id for event in said if isinstance(event, DeadlineBreached)]
    assert len(breaches) == len(set(breaches))
    return len(breaches)


async def test_what_is_due_before_what_has_fired_is_found_by_looking_back(
    database: CrashingDatabase, present: Present
) -> None:
    """Not before the next second, since each look back reads past all that has fired."""
    timer = await fired_once(database, present)
    present.now -= LOOK_BACK / 2
    await make_due(database, [BEGAN - 10])
    assert not await timer.step()
    present.now += LOOK_BACK / 2
    assert await timer.step()
    assert await breached(database) == 2


async def test_a_look_back_that_is_lost_is_taken_again_at_once(
    database: CrashingDatabase, present: Present
) -> None:
    """Nobody waits another second because a transaction failed."""
    timer = await fired_once(database, present)
    await make_due(database, [BEGAN - 10, BEGAN - 9])
    database.crashes = True
    with pytest.raises(CrashError):
        await timer.step()
    assert await breached(database) == 1
    assert await timer.step()
    assert await breached(database) == 3


async def test_more_than_one_transaction_takes_is_fired_without_a_pause(
    database: CrashingDatabase, present: Present
) -> None:
    """A look back goes on from where it came to its limit, and not a second later."""
    timer = await fired_once(database, present, batch=2)
    await make_due(database, [BEGAN - 10, BEGAN - 9, BEGAN - 9, BEGAN - 9, BEGAN - 8])
    while await timer.step():
        pass
    assert await breached(database) == 6
