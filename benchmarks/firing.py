"""How many deadlines sla's timer fires a second, and whether it matters how many are pending.

Breaches only: a warning goes the same way and says a little less.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import median
from time import perf_counter

from benchmarks import servers
from benchmarks.figures import Figure, progress
from services.sla.catalogues import Book
from services.sla.timer import Timer
from shared.catalogue_file import CatalogueFile
from shared.database import Database
from tests.support.databases import Databases
from tests.support.stack import Stack

CATALOGUE = Path(__file__).parents[1] / "deploy" / "plans.toml"
MARK = 1.5
"""How many times what a fire costs among few it may cost among many."""
NOT_COLLAPSED = 0.7
"""What must be left of the rate beside somebody's old snapshot, when much has fired since."""

_DUE = """
INSERT INTO deadlines (
    ticket, clock, cycle, partition, revision, state, plan, catalogue_version, calendar,
    started_at, target_seconds, pauses, due_at, warn_at, warned, fires_at, ended_at,
    last_event, correlation, traceparent
)
SELECT
    md5('ticket' || $2 || number)::uuid, 'first_response', 1, number % $3, 2,
    'running', 'advanced', '2026-11', 'business', due_at - interval '4 hours', 14400, '[]', due_at,
    '[]', 1, due_at, NULL, md5('event' || $2 || number)::uuid,
    md5('opening' || $2 || number)::uuid, NULL
FROM (
    SELECT number, $2::timestamptz + number * interval '1 minute' / $1 AS due_at
    FROM generate_series(1, $1::int) AS number
) AS new
"""
"""Deadlines of which a warning was said; the same in every database."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured."""

    pending: tuple[int, ...]
    """From few to many."""
    due: int
    """In each round."""
    rounds: int
    due_beside_a_snapshot: int


FULL = Size((10_000, 1_000_000, 5_000_000), due=24_000, rounds=7, due_beside_a_snapshot=102_000)
QUICK = Size((100, 500, 1_000), due=600, rounds=2, due_beside_a_snapshot=600)
A_FEW = 24
"""Fires in one step at a steady rate, when what came due since the last step is all there is."""


@dataclass
class Heard:
    """Stands in for the stream: everything was heard up to an instant, or else to the present."""

    until: datetime | None = None

    async def heard_until(self) -> dict[int, datetime]:
        """The same for every partition."""
        return dict.fromkeys(range(servers.PARTITIONS), self.until or _now())


@dataclass
class Rounds:
    """The seconds that each round took: the timer by how many were pending, and bare SQL."""

    timer: Mapping[int, list[float]]
    bare: list[float] = field(default_factory=list)


def measure(*, quick: bool) -> Iterator[Figure]:
    """Rates among few and among many, beside bare SQL, and beside somebody's old snapshot."""
    with servers.running() as stack:
        yield from figures(stack, QUICK if quick else FULL)


def figures(stack: Stack, size: Size) -> Iterator[Figure]:
    """The same on servers that run already."""
    databases = Databases(stack.postgres_admin_dsn)
    yield from _rates(asyncio.run(_by_turns(stack, databases, size)), size.due)
    yield asyncio.run(_beside_a_snapshot(databases, size))


def _rates(rounds: Rounds, due: int) -> Iterator[Figure]:
    few, *_, many = rounds.timer
    for pending, seconds in rounds.timer.items():
        name = f"fires among {pending:,} pending"
        if pending == few:
            ratio = _ratio(rounds.bare, seconds)
            beside = "the same SQL by itself"
            yield Figure(name, due / median(seconds), "/s", beside=beside, ratio=ratio)
        else:
            yield Figure(name, due / median(seconds), "/s")
    name = f"cost of a fire among {many:,} to {few:,}"
    yield Figure(name, _ratio(rounds.timer[many], rounds.timer[few]), "times", at_most=MARK)


def _ratio(ones: Sequence[float], others: Sequence[float]) -> float:
    """How many times the other's time, round for round."""
    return median(one / other for one, other in zip(ones, others, strict=True))


async def _by_turns(stack: Stack, databases: Databases, size: Size) -> Rounds:
    """All sizes in every round, so that what else the machine does slows all of them."""
    rounds = Rounds({pending: [] for pending in size.pending})
    async with AsyncExitStack() as opened:
        sizes = {
            pending: await opened.enter_async_context(servers.fresh(databases, pending=pending))
            for pending in size.pending
        }
        bare = await opened.enter_async_context(servers.fresh(databases, pending=size.pending[0]))
        timers = {pending: _timer(database, Heard()) for pending, database in sizes.items()}
        await servers.checkpoint(stack)
        progress(f"firing {size.due:,} in each of {size.rounds} rounds")
        first = _now() - timedelta(hours=1)
        for number in range(size.rounds):
            for database in (*sizes.values(), bare):
                await _make_due(database, size.due, first + number * timedelta(minutes=1))
            for pending, seconds in rounds.timer.items():
                async with servers.noted(sizes[pending]) as notes:
                    seconds.append(await _fire(timers[pending]))
                if pending == size.pending[0]:
                    rounds.bare.append(await notes.play(bare))
            for database in (*sizes.values(), bare):
                await _check(database, size.due)
    return rounds


async def _beside_a_snapshot(databases: Databases, size: Size) -> Figure:
    """What has fired can't be cleared away as long as somebody may still look at it.

    Two databases take steps by turns, one of them with such a reader.
    """
    due, since, few = size.due_beside_a_snapshot, _now() - timedelta(hours=1), size.pending[0]
    progress(f"firing {due:,} beside an old snapshot, {A_FEW} in each step")
    async with (
        servers.fresh(databases, pending=few, connections=2) as beside,
        servers.fresh(databases, pending=few) as alone,
    ):
        for database in (beside, alone):
            await _make_due(database, due, since)
        async with beside.snapshot() as somebody:
            await somebody.execute("SET idle_in_transaction_session_timeout = 0")
            await somebody.fetchval("SELECT count(*) FROM deadlines")
            took = await _fire_little_by_little((alone, beside), due // A_FEW, since)
        for database in (beside, alone):
            await _check(database, due)
    left = median(one / other for one, other in took[-len(took) // 3 :])
    return Figure("rate beside an old snapshot, at last", left, "times", at_least=NOT_COLLAPSED)


async def _fire_little_by_little(
    databases: Sequence[Database], steps: int, since: datetime
) -> list[tuple[float, ...]]:
    """Fire what is due in a minute as time goes on; returns the seconds of each step in each."""
    heard = Heard(since)
    timers = [_timer(database, heard) for database in databases]
    took: list[tuple[float, ...]] = []
    for number in range(1, steps + 1):
        heard.until = since + number * timedelta(minutes=1) / steps
        ends = [perf_counter()]
        for timer in timers:
            await timer.step()
            ends.append(perf_counter())
        took.append(tuple(end - begun for begun, end in pairwise(ends)))
    return took


def _timer(database: Database, heard: Heard) -> Timer:
    file = CatalogueFile(CATALOGUE)
    file.load()
    return Timer(database, heard, Book(file), clock=_now, margin=0)


async def _make_due(database: Database, count: int, since: datetime) -> None:
    """Put in what is due in the minute from then on."""
    async with database.connection() as connection:
        await connection.execute("TRUNCATE outbox")
        await connection.execute(_DUE, count, since, servers.PARTITIONS)


async def _fire(timer: Timer) -> float:
    """Fire all that is due; returns how many seconds that takes."""
    begun = perf_counter()
    while await timer.step():
        pass
    return perf_counter() - begun


async def _check(database: Database, due: int) -> None:
    async with database.connection() as connection:
        fired = await connection.fetchval("SELECT count(*) FROM outbox")
    if fired != due:
        raise RuntimeError(f"{due} deadlines were due, {fired} were fired")


def _now() -> datetime:
    return datetime.now(UTC)
