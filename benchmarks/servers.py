"""What the benchmarks on real servers share: Kafka and Postgres, pending deadlines, bare SQL."""

import contextlib
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

import asyncpg
from asyncpg.connection import LoggedQuery

from benchmarks.figures import progress
from shared.database import Database
from shared.telemetry import configure_logging
from tests.support.databases import Databases
from tests.support.stack import Stack, running_stack

MIGRATIONS = Path(__file__).parents[1] / "services" / "sla" / "migrations"
PARTITIONS = 12

_PENDING = """
INSERT INTO deadlines (
    ticket, clock, cycle, partition, revision, state, plan, catalogue_version, calendar,
    started_at, target_seconds, pauses, due_at, warn_at, warned, fires_at, ended_at,
    last_event, correlation, traceparent
)
SELECT
    ticket, 'first_response', 1, number % $2, 1, 'running', 'advanced', '2026-11', 'business',
    now(), 14400, '[]', warned_at + interval '48 minutes', jsonb_build_array(warned_at), 0,
    warned_at, NULL, gen_random_uuid(), gen_random_uuid(), NULL
FROM (
    SELECT
        number, gen_random_uuid() AS ticket,
        now() + interval '1 day' + random() * interval '364 days' AS warned_at
    FROM generate_series(1, $1::int) AS number
) AS new
ORDER BY ticket
"""
"""Deadlines as they are slotted, with a warning to come; sorted, since that fills faster."""


@contextmanager
def running() -> Iterator[Stack]:
    """Kafka and Postgres until the end of the block; what is logged goes nowhere.

    Our own lines are written as in a service all the same, since there they cost time too.
    """
    progress("starting Kafka and Postgres")
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        with contextlib.redirect_stdout(nowhere):
            configure_logging(service="benchmark", level="INFO")
        with running_stack(durable=True) as stack:
            yield stack


@asynccontextmanager
async def fresh(
    databases: Databases, *, pending: int = 0, connections: int = 1
) -> AsyncIterator[Database]:
    """A database of sla's, and in it so many deadlines of the year to come."""
    async with databases.fresh(MIGRATIONS) as dsn:
        if pending:
            await fill(dsn, pending)
        database = Database(dsn, service="benchmark", size=connections)
        await database.start()
        try:
            yield database
        finally:
            await database.stop()


async def fill(dsn: str, pending: int) -> None:
    """Put in deadlines that don't fire today, and leave the table as if they had long been there.

    The index of what fires next is built at the end: row by row it takes twice as long.
    """
    progress(f"filling in {pending:,} pending deadlines")
    connection = await asyncpg.connect(dsn)
    try:
        index = "SELECT indexdef FROM pg_indexes WHERE indexname = 'deadlines_to_fire'"
        definition = await connection.fetchval(index)
        await connection.execute("SET work_mem = '256MB'; SET maintenance_work_mem = '256MB'")
        await connection.execute("DROP INDEX deadlines_to_fire")
        await connection.execute(_PENDING, pending, PARTITIONS)
        await connection.execute(definition)
        await connection.execute("VACUUM (ANALYZE) deadlines")
    finally:
        await connection.close()


async def checkpoint(stack: Stack) -> None:
    """Have the server write out what was filled in, before anything is timed."""
    connection = await asyncpg.connect(stack.postgres_admin_dsn)
    try:
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()


Transaction = list[tuple[str, Sequence[object]]]
"""Statements with their values."""


@dataclass
class Noted:
    """Every transaction that a database was asked for, to be played again on another."""

    transactions: list[Transaction] = field(default_factory=list)
    _open: bool = False

    def note(self, said: LoggedQuery) -> None:
        """Note a statement, unless it stands outside of a transaction."""
        if said.query.startswith("BEGIN"):
            self.transactions.append([])
            self._open = True
        elif said.query.startswith("COMMIT"):
            self._open = False
        elif self._open:
            self.transactions[-1].append((said.query, said.args))

    async def play(self, database: Database) -> float:
        """Do the same again with all values at hand; returns how many seconds that takes."""
        begun = perf_counter()
        for transaction in self.transactions:
            async with database.transaction() as connection:
                for query, values in transaction:
                    await connection.fetch(query, *values)
        return perf_counter() - begun


@asynccontextmanager
async def noted(database: Database) -> AsyncIterator[Noted]:
    """What is asked of a database of one connection until the end of the block."""
    notes = Noted()
    async with database.connection() as connection:
        connection.add_query_logger(notes.note)
    yield notes
    async with database.connection() as connection:
        connection.remove_query_logger(notes.note)
