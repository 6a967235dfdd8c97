"""The database, for one visitor: Postgres itself holds them to their rows (migration 0004).

Whatever answers a request works on these connections alone. What is done for a customer runs as a
role that sees nothing but their threads, and of those no notes, even where a query forgets.
"""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from services.messaging.store.restricting import restrict
from services.messaging.visitors import Visitor
from shared.database import Connection, Database


@dataclass(frozen=True, slots=True)
class Guarded:
    """Gives connections that see what a visitor may see."""

    database: Database

    @contextlib.asynccontextmanager
    async def transaction(self, visitor: Visitor) -> AsyncIterator[Connection]:
        """A connection in a transaction; leaving the block commits, an error rolls back."""
        async with self.database.transaction() as connection:
            await _restrict(connection, visitor)
            yield connection

    @contextlib.asynccontextmanager
    async def reading(self, visitor: Visitor) -> AsyncIterator[Connection]:
        """A connection whose statements all read the database as it was at one moment."""
        async with self.database.snapshot() as connection:
            await _restrict(connection, visitor)
            yield connection


async def _restrict(connection: Connection, visitor: Visitor) -> None:
    if not visitor.is_staff:
        await restrict(
            connection,
            account=visitor.caller.account,
            requester=visitor.requester,
            tickets=visitor.tickets,
            reader=visitor.reader,
        )
