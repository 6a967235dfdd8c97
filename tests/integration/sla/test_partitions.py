"""After partitions were added, tickets get their new numbers before anything fires."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from uuid import UUID, uuid5

import pytest

from services.sla import domain, store
from services.sla.catalogues import Book
from services.sla.handlers import Rules, handle_with
from services.sla.partitions import Partitions, number_of
from services.sla.timer import Timer
from shared.consumer import Heard
from shared.database import Database
from shared.deadlines import DeadlineBreached
from shared.plans import Catalogue
from tests.support import said
from tests.support.crashing import CrashError, CrashingDatabase, read_outbox
from tests.support.databases import Databases
from tests.support.promises import CATALOGUES, TICKET, at, ticket

MIGRATIONS = Path(__file__).parents[3] / "services" / "sla" / "migrations"
LONG_AFTER = at(100)
TICKETS = [uuid5(TICKET, str(number)) for number in range(40)]


@dataclass
class Stream:
    """How many partitions the stream has, all of them heard up to now."""

    partitions: int = 4
    now: datetime = LONG_AFTER
    catalogue: Catalogue = CATALOGUES["one"]

    def count(self) -> int:
        """As the broker says."""
        return self.partitions

    def clock(self) -> datetime:
        """The present."""
        return self.now

    async def heard_until(self) -> dict[int, datetime]:
        """All of all partitions."""
        return dict.fromkeys(range(self.partitions), self.now)


@pytest.fixture
async def database(databases: Databases) -> AsyncIterator[CrashingDatabase]:
    """A fresh database with the tables of sla, which loses a transaction when it is told to."""
    async with databases.fresh(MIGRATIONS) as dsn:
        connected = CrashingDatabase(dsn, service="test", size=4)
        await connected.start()
        yield connected
        await connected.stop()


def replica(database: Database, stream: Stream) -> Partitions:
    """One that counts forty tickets in several pages."""
    return Partitions(database, stream.count, clock=stream.clock, page=7)


async def keep(database: Database, stream: Stream) -> None:
    """Tickets with a promise each that is due, by as many partitions as there are."""
    first = ticket("advanced")
    _, (outcome,) = domain.slot(first, CATALOGUES["one"])
    numbers = {each: number_of(each, stream.partitions) for each in TICKETS}
    async with database.transaction() as connection:
        opened = [replace(first, ticket=each, partition=numbers[each]) for each in TICKETS]
        assert len(await store.add_tickets(connection, opened)) == len(TICKETS)
        due = [
            replace(outcome.deadline, ticket=each, partition=numbers[each], correlation=each)
            for each in TICKETS
        ]
        await store.save_deadlines(connection, due)


async def counted(database: Database, table: str) -> dict[UUID, int]:
    """The partition of each ticket, as a table has it."""
    async with database.connection() as connection:
        rows = await connection.fetch(f"SELECT ticket, partition FROM {table}")  # noqa: S608 - a name of ours
    return {row["ticket"]: row["partition"] for row in rows}


async def until_done(*replicas: Partitions) -> None:
    """Let replicas count at the same time until nothing is left."""
    while any(await asyncio.gather(*(each.step() for each in replicas))):
        pass


async def breaches(database: Database) -> int:
    """How many were said."""
    async with database.connection() as connection:
        said_so_far = await read_outbox(connection, after=0)
    return sum(isinstance(event, DeadlineBreached) for event in said_so_far)


async def test_added_partitions_are_counted_before_anything_fires(
    database: CrashingDatabase,
) -> None:
    """By two replicas at a time, one of which loses a page."""
    stream = Stream()
    replicas = [replica(database, stream) for _ in range(2)]
    await keep(database, stream)
    timer = Timer(
        database,
        stream,
        Book(stream),
        clock=stream.clock,
        margin=0,
        may_fire=replicas[0].may_fire,
    )
    assert not await timer.step()
    await until_done(*replicas)
    stream.partitions = 6
    assert not await timer.step()
    assert await replicas[0].step()
    database.crashes = True
    with pytest.raises(CrashError):
        await replicas[0].step()
    assert replicas[0].ready() is not None
    assert not await timer.step()
    assert await breaches(database) == 0
    await until_done(*replicas)
    right = {each: number_of(each, 6) for each in TICKETS}
    assert await counted(database, "tickets") == await counted(database, "deadlines") == right
    assert not any([await each.step() for each in replicas])
    assert [each.ready() for each in replicas] == [None, None]
    while await timer.step():
        pass
    assert await breaches(database) == len(TICKETS)


async def test_a_replica_that_knows_of_fewer_partitions_changes_nothing(
    database: CrashingDatabase,
) -> None:
    """It has not heard of the new ones yet, and fires nothing until it has."""
    stream = Stream(partitions=6)
    await keep(database, stream)
    await until_done(replica(database, stream))
    behind = Partitions(database, lambda: 4, clock=stream.clock)
    assert not await behind.step()
    assert behind.ready() is not None
    async with database.connection() as connection:
        assert not await behind.may_fire(connection)
    assert await counted(database, "tickets") == {each: number_of(each, 6) for each in TICKETS}


async def test_what_lies_in_an_old_partition_is_counted_by_the_new_ones(
    database: CrashingDatabase,
) -> None:
    """A ticket that is heard of only after the counting has its new number all the same."""
    stream = Stream(partitions=6)
    await until_done(replica(database, stream))
    created = said.ticket_created("old", at=at(99))
    answer = said.message_posted(said.ticket_created("older", at=at(99)), at=at(99))
    handle = handle_with(Rules(Book(stream)), stream.clock)
    async with database.transaction() as connection:
        old = [number_of(UUID(event.subject), 4) for event in (created, answer)]
        await handle(connection, [Heard(created, old[0]), Heard(answer, old[1])])
    found = await counted(database, "tickets")
    assert found == {id_: number_of(id_, 6) for id_ in found}
    assert len(found) == 2
