"""How many tickets sla slots a second, and how many answers it takes in.

First its handler alone, batch by batch as the consumer hands them over; then the whole process,
from Kafka to Kafka.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter

from benchmarks import servers, sla_process
from benchmarks.figures import Figure, progress
from services.sla.catalogues import Book
from services.sla.handlers import Rules, handle_with
from shared.catalogue_file import CatalogueFile
from shared.consumer import Handle, Heard
from shared.database import Database
from shared.events import Event, TicketCreated, TicketSlotted
from shared.reading import BATCH
from tests.support import said
from tests.support.databases import Databases
from tests.support.desk import Desk
from tests.support.stack import Stack
from tests.support.stream import publish
from tests.support.waiting import until

CATALOGUE = Path(__file__).parents[1] / "deploy" / "plans.toml"
PLANS = ("starter", "basic", "advanced", "professional", "centurion")
ACCOUNTS = [(f"account-{number}", PLANS[number % len(PLANS)]) for number in range(300)]


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured."""

    tickets: int
    """In each round."""
    rounds: int
    tickets_of_the_process: int


FULL = Size(tickets=20 * BATCH, rounds=5, tickets_of_the_process=20_000)
QUICK = Size(tickets=200, rounds=2, tickets_of_the_process=200)


@dataclass
class Rounds:
    """The seconds that each round took: the handler's, and those of bare SQL."""

    handler: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)

    def figure(self, name: str, count: int) -> Figure:
        """The handler's rate, and how that stands beside bare SQL, round for round."""
        ratio = median(two / one for one, two in zip(self.handler, self.bare, strict=True))
        rate = count / median(self.handler)
        return Figure(name, rate, "/s", beside="the same SQL by itself", ratio=ratio)


def measure(*, quick: bool) -> Iterator[Figure]:
    """Tickets and answers by the handler alone, then tickets through the whole process."""
    with servers.running() as stack:
        yield from figures(stack, QUICK if quick else FULL)


def figures(stack: Stack, size: Size) -> Iterator[Figure]:
    """The same on servers that run already."""
    slotted, answered = asyncio.run(_by_turns(stack, size))
    yield slotted.figure("tickets slotted", size.tickets)
    yield answered.figure("answers taken in", size.tickets)
    with sla_process.desk(stack, CATALOGUE) as desk:
        rate = asyncio.run(_through(desk, size.tickets_of_the_process))
        yield Figure("tickets slotted, from Kafka to Kafka", rate, "/s")


async def _by_turns(stack: Stack, size: Size) -> tuple[Rounds, Rounds]:
    progress(f"slotting {size.tickets:,} tickets in each of {size.rounds} rounds")
    databases, slotted, answered = Databases(stack.postgres_admin_dsn), Rounds(), Rounds()
    async with servers.fresh(databases) as ours, servers.fresh(databases) as bare:
        for database in (ours, bare):
            async with database.transaction() as connection:
                await sla_process.register(connection, ACCOUNTS, _now())
        handle = _handler()
        for number in range(size.rounds):
            tickets = _tickets(f"round {number}", size.tickets)
            await _side_by_side(slotted, handle, tickets, ours, bare)
            answers = [said.message_posted(created) for created in tickets]
            await _side_by_side(answered, handle, answers, ours, bare)
    return slotted, answered


def _handler() -> Handle:
    file = CatalogueFile(CATALOGUE)
    file.load()
    return handle_with(Rules(Book(file)), _now)


def _tickets(key: str, count: int) -> list[TicketCreated]:
    return [
        said.ticket_created(f"{key} {number}", account=ACCOUNTS[number % len(ACCOUNTS)][0])
        for number in range(count)
    ]


async def _side_by_side(
    rounds: Rounds, handle: Handle, events: Sequence[Event], ours: Database, bare: Database
) -> None:
    """Handle events, then do in the other database what was done in ours."""
    heard = [Heard(event, number % servers.PARTITIONS) for number, event in enumerate(events)]
    for database in (ours, bare):
        async with database.connection() as connection:
            await connection.execute("TRUNCATE outbox")
    async with servers.noted(ours) as notes:
        begun = perf_counter()
        for first in range(0, len(heard), BATCH):
            async with ours.transaction() as connection:
                await handle(connection, heard[first : first + BATCH])
        rounds.handler.append(perf_counter() - begun)
    rounds.bare.append(await notes.play(bare))
    await _compare(ours, bare)


async def _compare(ours: Database, bare: Database) -> None:
    counts = []
    for database in (ours, bare):
        async with database.connection() as connection:
            counts.append(await connection.fetchval("SELECT count(*) FROM outbox"))
    if counts[0] != counts[1] or not counts[0]:
        raise RuntimeError(f"{counts[0]} events were said, and {counts[1]} by the same SQL")


async def _through(desk: Desk, count: int) -> float:
    """Let sla start behind so many tickets; returns how many it slots a second."""
    progress(f"slotting {count:,} tickets from Kafka to Kafka")
    async with sla_process.prepared(desk) as database, database.transaction() as connection:
        await sla_process.register(connection, ACCOUNTS, _now())
    await publish(desk.stack.bootstrap_servers, desk.namespace, _tickets("through", count))
    desk.start("sla")
    await desk.ready("sla")
    await until(partial(_all_said, desk, 2 * count), within=300, what="all are slotted")
    slotted = await sla_process.said(desk, kind=TicketSlotted.model_fields["type"].default)
    times = sorted(record.timestamp for record in slotted)
    if len(times) != count:
        raise RuntimeError(f"{count} tickets, and {len(times)} were slotted")
    seconds: float = (times[-1] - times[0]) / 1000
    return (count - times.count(times[0])) / seconds


async def _all_said(desk: Desk, count: int) -> bool:
    """Whether a slot and a promise stand on the stream for each ticket; not asked too often."""
    await asyncio.sleep(0.5)
    return await sla_process.said_so_far(desk) >= count


def _now() -> datetime:
    return datetime.now(UTC)
