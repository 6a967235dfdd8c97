"""A database that loses a transaction when it is told to."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

from shared import events
from shared.database import Connection, Database
from tests.support.slow_verdict import ids


class CrashError(Exception):
    """A transaction is lost before its commit: the process, the line or the server died."""


class CrashingDatabase(Database):
    """Loses a transaction when it is told to, and remembers what would have been said."""

    crashes = False
    lost: Sequence[UUID] = ()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """As ever, or rolled back by a crash."""
        async with super().transaction() as connection:
            yield connection
            if self.crashes:
                self.crashes = False
                self.lost = ids(await read_outbox(connection, after=0))
                raise CrashError


async def read_outbox(connection: Connection, *, after: int) -> list[events.Event]:
    """What the relay would publish."""
    rows = await connection.fetch("SELECT value FROM outbox ORDER BY id OFFSET $1", after)
    said = [events.read(row["value"]) for row in rows]
    return [event for event in said if event is not None]
