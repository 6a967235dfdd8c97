"""Who has a page open in this process, said to all replicas in one statement every few seconds."""

import asyncio
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from services.messaging import store
from services.messaging.store import Presence
from services.messaging.visitors import Visitor
from shared.database import Connection, Database
from shared.worker import Worker

log = structlog.get_logger(__name__)

SAY_EVERY = timedelta(seconds=10)
LINGER = 2.0
"""Seconds for which somebody is still here who goes on to another page."""


class Presences:
    """A part of the service that keeps who is here.

    Args:
        database: Where it is kept.
        clock: The present, with a zone.
        new_id: An id for each page that is opened.
    """

    name = "presences"

    def __init__(
        self, database: Database, clock: Callable[[], datetime], new_id: Callable[[], UUID]
    ) -> None:
        self._database = database
        self._clock = clock
        self._new_id = new_id
        self._here: dict[UUID, Presence] = {}
        self._new: set[UUID] = set()
        self._gone: dict[UUID, Presence] = {}
        self._said_at: datetime | None = None
        self._worker = Worker(self.name, self._step, idle=SAY_EVERY.total_seconds())

    async def start(self) -> None:
        """Begin."""
        await self._worker.start()

    async def stop(self) -> None:
        """Say that nobody is here any more."""
        await self._worker.stop()
        self._gone |= self._here
        self._here, self._new = {}, set()
        async with asyncio.timeout(2):
            await self._step()

    def ready(self) -> str | None:
        """Why others don't hear who is here, or None."""
        return self._worker.ready()

    def wake(self) -> None:
        """Say now what there is to say."""
        self._worker.wake()

    @contextmanager
    def here(self, visitor: Visitor, ticket: UUID | None) -> Iterator[UUID]:
        """A visitor is present in a ticket, or at the inbox, inside this block."""
        id_ = self._new_id()
        self._here[id_] = Presence(
            id_, ticket, visitor.reader, visitor.caller.name, visitor.is_staff
        )
        self._new.add(id_)
        self._worker.wake()
        try:
            yield id_
        finally:
            asyncio.get_running_loop().call_later(LINGER, self._leave, id_)

    def _leave(self, id_: UUID) -> None:
        gone = self._here.pop(id_, None)
        self._new.discard(id_)
        if gone is not None:
            self._gone[id_] = gone
            self._worker.wake()

    async def _step(self) -> bool:
        now = self._clock()
        is_time = self._said_at is None or now - self._said_at >= SAY_EVERY
        said = list(self._here) if is_time else list(self._new)
        gone = dict(self._gone)
        if not (said or gone or is_time):
            return False
        came = [self._here[id_] for id_ in said if id_ in self._new]
        async with self._database.transaction() as connection:
            agents = await store.agents_here(connection, now)
            await store.keep_presences(connection, [self._here[id_] for id_ in said], now)
            await store.end_presences(connection, gone)
            stale = await store.end_stale(connection, now) if is_time else []
            await _tell(connection, [*came, *gone.values(), *stale])
            lost = any(each.is_agent for each in stale)
            if bool(await store.agents_here(connection, now)) != (bool(agents) or lost):
                await store.tell_everybody(connection)
        self._new.difference_update(said)
        for id_ in gone:
            self._gone.pop(id_, None)
        if is_time:
            self._said_at = now
        return False


async def _tell(connection: Connection, changed: Collection[Presence]) -> None:
    tickets = {each.ticket for each in changed if each.ticket is not None}
    await store.tell_present(connection, tickets)
    # The inbox shows which of our people look at what. Customers who come and go don't wake it.
    if any(each.is_agent and each.ticket is not None for each in changed):
        await store.tell_inboxes(connection)
