"""The service's own Postgres: a bounded pool, and one transaction per unit of work."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeAlias
from urllib.parse import urlsplit

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from shared import database_address, metrics, tracing

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


ACQUIRE_WITHIN = 5
"""Seconds that a connection of the pool is waited for."""


async def _trust(connection: Connection) -> None:
    """Every connection is as good as another, unless somebody knows better."""


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
        self._name = urlsplit(dsn).path.removeprefix("/")
        self._service = service
        self._size = size
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self.after_commit: Callable[[], None] = lambda: None
        """Called after each commit of `transaction`: wakes the relay."""
        self.on_connect: Callable[[Connection], Awaitable[None]] = _trust
        """Looks at each connection before it is used for the first time; an error closes it."""

    async def start(self) -> None:
        """Open the pool.

        Raises:
            AwayError: when its certificate doesn't hold, or it has no TLS; the text says so.
            OSError, asyncpg.PostgresError: when the server can't be reached.
        """
        with database_address.refused():
            self._pool = await asyncpg.create_pool(
                self._dsn,
                min_size=1,
                max_size=self._size,
                timeout=5,
                command_timeout=35,
                init=self._greet,
                server_settings=SESSION | {"application_name": f"careline-{self._service}"},
            )

    async def _greet(self, connection: Connection) -> None:
        await self.on_connect(connection)

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
        async with self._held("transaction") as connection, connection.transaction():
            yield connection
        self.after_commit()

    @contextlib.asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Connection]:
        """A connection whose statements all read the database as it was at one moment."""
        async with (
            self._held("snapshot") as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            yield connection

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection without a transaction: each statement commits by itself."""
        async with self._held("connection") as connection:
            yield connection

    @contextlib.asynccontextmanager
    async def _held(self, operation: str) -> AsyncIterator[Connection]:
        """A connection of the pool; how long it was waited for and held is measured and traced."""
        with tracing.database(operation, self._name):
            async with self._measured(operation) as connection:
                yield connection

    @contextlib.asynccontextmanager
    async def _measured(self, operation: str) -> AsyncIterator[Connection]:
        pool = self._pool
        if pool is None:
            raise asyncpg.InterfaceError("the database is not connected")
        asked = time.perf_counter()
        try:
            connection = await pool.acquire(timeout=ACQUIRE_WITHIN)
        except TimeoutError:
            metrics.DATABASE_TIMEOUTS.inc()
            raise
        began = time.perf_counter()
        metrics.DATABASE_WAIT.observe(began - asked)
        broke = ""
        try:
            yield connection
        except Exception as error:
            broke = type(error).__name__
            raise
        finally:
            held = time.perf_counter() - began
            metrics.DATABASE_SECONDS.labels(operation, broke).observe(held)
            await pool.release(connection)

    def measure(self) -> None:
        """Say how many connections there are."""
        metrics.DATABASE_MOST.set(self._size)
        size = self._pool.get_size() if self._pool else 0
        idle = self._pool.get_idle_size() if self._pool else 0
        metrics.DATABASE_CONNECTIONS.labels("idle").set(idle)
        metrics.DATABASE_CONNECTIONS.labels("used").set(size - idle)
