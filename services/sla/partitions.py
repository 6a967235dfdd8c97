"""Tickets and deadlines know the partition of the stream that tells of them: timers go by it.

When partitions were added, keys have other partitions: all tickets are counted anew, page by page,
and nothing fires until that is done.
"""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import structlog

from services.sla import store
from shared.database import Connection, Database
from shared.failpoints import failpoint
from shared.topics import partition_of

log = structlog.get_logger(__name__)

PAGE = 1000
"""Tickets of one transaction."""

Count = Callable[[], int | None]
"""How many partitions the topic of tickets has; None as long as nobody has asked the broker."""


class Partitions:
    """A part that says what hinders the timers; run its `step` in a worker.

    Args:
        database: Where tickets and deadlines are.
        count: How many partitions the topic of tickets has.
        clock: The present, with a zone.
        page: Tickets of one transaction.
    """

    name = "partitions"

    def __init__(
        self,
        database: Database,
        count: Count,
        *,
        clock: Callable[[], datetime],
        page: int = PAGE,
    ) -> None:
        self._database = database
        self._count = count
        self._clock = clock
        self._most = page
        self._hindrance: str | None = "not counted yet"

    async def start(self) -> None:
        """Its worker begins."""

    async def stop(self) -> None:
        """What is counted stays."""

    def ready(self) -> str | None:
        """How far the counting is, or None if all is counted."""
        return self._hindrance

    async def may_fire(self, connection: Connection) -> bool:
        """Whether every ticket has its partition, by as many as there are."""
        partitions = self._count()
        return partitions is not None and await store.counted_by(connection) == partitions

    async def step(self) -> bool:
        """Count a page of tickets, if that is to be done; says whether there is more."""
        partitions = self._count()
        if partitions is None:
            return False
        async with self._database.transaction() as connection:
            if not await store.try_lock_partitioning(connection):
                return False
            kept = await store.read_partitioning(connection)
            if kept is None or kept.partitions < partitions:
                await store.begin_partitioning(connection, partitions)
                log.info("partitions_counted_anew", partitions=partitions)
                self._hindrance = f"tickets to be counted by {partitions} partitions"
                return True
            if kept.partitions > partitions:
                # An old answer, or a topic that was made anew: nobody takes partitions away.
                self._hindrance = f"{partitions} partitions, of {kept.partitions} counted before"
                return False
            if kept.done_at is not None:
                self._hindrance = None
                return False
            done = await self._page(connection, kept)
            failpoint("partitions.before_commit")
        self._hindrance = f"{done} tickets counted by {partitions} partitions"
        return True

    async def _page(self, connection: Connection, kept: store.Partitioning) -> int:
        tickets = await store.list_tickets_after(connection, kept.after, limit=self._most)
        numbers = {each: number_of(each, kept.partitions) for each in tickets}
        await store.record_partitions(connection, numbers)
        is_done = len(tickets) < self._most
        await store.advance_partitioning(
            connection,
            after=tickets[-1] if tickets else kept.after,
            tickets=len(tickets),
            done_at=self._clock() if is_done else None,
        )
        if is_done:
            log.info("partitions_counted", tickets=kept.tickets + len(tickets))
        return kept.tickets + len(tickets)


def number_of(ticket: UUID, partitions: int) -> int:
    """The partition of a ticket."""
    return partition_of(str(ticket).encode(), partitions)
