"""Migrations are applied once each, in order, by one process at a time, or not at all."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest

from shared.database import Connection, Database
from shared.migrate import SHARED, Migration, MigrationError, migrate, read_migrations
from shared.schema import Schema
from tests.support import small_service

ONE = Migration("service", 1, "0001_one", "CREATE TABLE steps (name text); SELECT pg_sleep(0.1)")
TWO = Migration("service", 2, "0002_two", "INSERT INTO steps VALUES ('two')")
BROKEN = Migration("service", 3, "0003_broken", "INSERT INTO steps VALUES ('three'); SELECT 1/0")
OUTBOX = read_migrations("shared", SHARED)


@pytest.fixture(scope="session")
def migrations() -> None:
    """None of a service: these tests bring their own."""


@pytest.fixture
async def connection(dsn: str) -> AsyncIterator[Connection]:
    """A connection to a database in which the shared migrations were applied."""
    connected = await asyncpg.connect(dsn)
    yield connected
    await connected.close()


async def steps(connection: Connection) -> list[str]:
    """What the migrations left behind."""
    return [row["name"] for row in await connection.fetch("SELECT name FROM steps")]


async def test_each_is_applied_once(connection: Connection) -> None:
    """What was applied is not applied again; what is new is."""
    assert await migrate(connection, OUTBOX) == 0
    assert await migrate(connection, (*OUTBOX, ONE)) == 1
    assert await migrate(connection, (*OUTBOX, ONE, TWO)) == 1
    assert await migrate(connection, (*OUTBOX, ONE, TWO)) == 0
    assert await steps(connection) == ["two"]


async def test_replicas_that_start_together_apply_each_once(dsn: str) -> None:
    """Of several at once one does the work; the others wait and find it done."""

    async def start() -> int:
        connection = await asyncpg.connect(dsn)
        try:
            return await migrate(connection, (*OUTBOX, ONE, TWO))
        finally:
            await connection.close()

    done = await asyncio.gather(*(start() for _ in range(4)))
    assert sorted(done) == [0, 0, 0, 2]


async def test_a_failing_one_takes_all_back(
    connection: Connection,
) -> None:
    """If one of several can't be applied, none is; once it is mended, all are."""
    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrate(connection, (*OUTBOX, ONE, TWO, BROKEN))
    assert await connection.fetchval("SELECT to_regclass('steps')") is None
    mended = replace(BROKEN, sql="INSERT INTO steps VALUES ('three')")
    assert await migrate(connection, (*OUTBOX, ONE, TWO, mended)) == 3
    assert await steps(connection) == ["two", "three"]


async def test_an_edited_file_is_refused(connection: Connection) -> None:
    """A file that changed after it had been applied is named, and what is new is not applied."""
    await migrate(connection, (*OUTBOX, ONE))
    edited = replace(ONE, sql="CREATE TABLE steps (name text, more text)")
    with pytest.raises(MigrationError, match="0001_one was edited"):
        await migrate(connection, (*OUTBOX, edited, TWO))
    assert await steps(connection) == []


async def test_a_database_ahead_of_the_code_is_left_alone(
    connection: Connection,
) -> None:
    """An older version of the service starts on it: that is how a rollback begins."""
    await migrate(connection, (*OUTBOX, ONE, TWO))
    assert await migrate(connection, (*OUTBOX, ONE)) == 0
    assert await steps(connection) == ["two"]


async def test_a_service_and_the_outbox_count_apart(
    connection: Connection,
) -> None:
    """The same number in two places is two migrations."""
    other = replace(TWO, origin="another", number=1, sql="SELECT 1")
    assert await migrate(connection, (ONE, other)) == 2


async def test_the_schema_part_applies_shared_and_own(database: Database) -> None:
    """A started schema has the outbox and the service's own tables; starting again is harmless."""
    schema = Schema(database, Path(small_service.__file__).parent / "migrations")
    await schema.start()
    await schema.start()
    assert schema.ready() is None
    await schema.stop()
    async with database.connection() as connection:
        for table in ("outbox", "heard", "schema_migrations"):
            assert await connection.fetchval("SELECT to_regclass($1) IS NOT NULL", table)
