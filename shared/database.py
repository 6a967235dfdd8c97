"""The service's own Postgres: a bounded pool, and one transaction per unit of work."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"
"""What SQL runs on: inside a transaction unless a function says otherwise."""

SESSION = {
    "timezone": "UTC",
    # A transaction that nobody ends keeps dead rows alive at the heads of outbox and deadlines.
    "idle_in_transaction_session_timeout": "30s",
    "statement_timeout": "30s",
    "lock_timeout": "10s",
    # A plan that is kept from when a table was small costs ten times and more once it has grown.
    "plan_cache_mode": "force_custom_plan",
}


class Database:
    """A pool of connections to one database.

    Args:
        dsn: `postgresql://role:password@host:port/database`.
        service: The name under which the server's views show it.
        size: The most connections that are open at once.
    """

    name = "postgres"

    def __init__(self, dsn: str, *, service: str, size: int) -> None:
        self._dsn = dsn
        self._service = service
        self._size = size
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self.after_commit: Callable[[], None] = lambda: None
        """Called after each commit of `transaction`: wakes the relay."""

    async def start(self) -> None:
        """Open the pool.

        Raises:
            OSError, asyncpg.PostgresError: when the server can't be reached.
        """
        self._pool = await asyncpg.create_pool(
            self._dsn,
            min_size=1,
            max_size=self._size,
            timeout=5,
            command_timeout=35,
            server_settings=SESSION | {"application_name": f"careline-{self._service}"},
        )

    async def stop(self) -> None:
        """Close the pool; connections still at work are ended after 3 s."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        try:
            async with asyncio.timeout(3):
                await pool.close()
        except TimeoutError:
            pool.terminate()

    def ready(self) -> str | None:
        """Why there is no database now, or None."""
        return None if self._pool else "not connected"

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection in a transaction; leaving the block commits, an error rolls back.

        Raises:
            asyncpg.InterfaceError: before `start`, or when no connection gets free within 5 s.
        """
        if self._pool is None:
            raise asyncpg.InterfaceError("the database is not connected")
        async with self._pool.acquire(timeout=5) as connection, connection.transaction():
            yield connection
        self.after_commit()

    @contextlib.asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Connection]:
        """A connection whose statements all read the database as it was at one moment."""
        async with (
            self.connection() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            yield connection

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection without a transaction: each statement commits by itself."""
        if self._pool is None:
            raise asyncpg.InterfaceError("the database is not connected")
        async with self._pool.acquire(timeout=5) as connection:
            yield connection
