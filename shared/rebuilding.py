"""How a service comes back from the stream alone, once its database is lost or new.

A database that has never heard anything draws a horizon: where each topic ends now. Up to there its
service hears everything from the beginning, what it said itself too, and rebuilds what it kept;
nothing is decided, said, sent or fired meanwhile, and nothing beyond the horizon is heard. Then it
finishes, once: what was owed and not said by then is said. From there on it hears what others say.

The first start of a service is the same, with little or nothing to rebuild.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.database import Connection, Database
from shared.failpoints import failpoint
from shared.topics import partitions_of

log = structlog.get_logger(__name__)

_LOCK = 0x0CA2E4EB

Finish = Callable[[Connection], Awaitable[bool]]
"""Does a bounded part of what is left to do at the horizon, in one transaction of its own, and says
whether there is more. It may be called again after a crash."""
Reached = Callable[[], Awaitable[Sequence[tuple[TopicPartition, int]]]]
"""Of each partition that this process reads, up to where everything was handled."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A partition on its way to the horizon."""

    until: int
    next: int

    @property
    def is_there(self) -> bool:
        return self.next >= self.until


async def _nothing() -> Sequence[tuple[TopicPartition, int]]:
    return ()


class Rebuilding:
    """Draws the horizon and watches over the way there; run its `step` in a worker.

    Args:
        database: The service's.
        group: Its consumer group.
        topics: What it hears, with the namespace.
        bootstrap_servers: `host:port`, comma separated.
        finish: What is left to do at the horizon.
    """

    name = "rebuilding"

    def __init__(
        self,
        database: Database,
        *,
        group: str,
        topics: Sequence[str],
        bootstrap_servers: str,
        finish: Finish,
    ) -> None:
        self._database = database
        self._group = group
        self._topics = tuple(topics)
        self._bootstrap_servers = bootstrap_servers
        self._finish = finish
        self._way: dict[TopicPartition, _Part] = {}
        self.reached: Reached = _nothing
        self.active = True
        """Whether the horizon lies ahead still; until `start` nobody knows better."""

    async def start(self) -> None:
        """Draw the horizon if the database is new; see whether it was reached if it is not.

        Raises:
            KafkaError: no broker answers; or members of the group are still at work, who belong to
                another database.
        """
        async with self._database.connection() as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
            if not await connection.fetchval("SELECT count(*) FROM rebuild"):
                await self._draw(connection)
        await self._look()

    async def stop(self) -> None:
        """The horizon stays."""

    def ready(self) -> str | None:
        """How far it has come, while it is under way."""
        if not self.active:
            return None
        handled = sum(min(part.next, part.until) for part in self._way.values())
        return f"at {handled} of {sum(part.until for part in self._way.values())} offsets"

    def until(self, partition: TopicPartition) -> int | None:
        """Up to where a partition is heard for now, or None if all of it is."""
        if not self.active:
            return None
        part = self._way.get(partition)
        return 0 if part is None else part.until

    def unless_active(self, step: Callable[[], Awaitable[bool]]) -> Callable[[], Awaitable[bool]]:
        """A worker's step that does nothing until the horizon was reached."""

        async def wait() -> bool:
            return False if self.active else await step()

        return wait

    async def step(self) -> bool:
        """Keep how far it has come; at the horizon, finish. It is cheap once that is done."""
        if not self.active:
            return False
        await self._keep()
        await self._look()
        if self.active and all(part.is_there for part in self._way.values()):
            return await self._end()
        return False

    async def _draw(self, connection: Connection) -> None:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap_servers,
            group_id=self._group,
            enable_auto_commit=False,
        )
        await consumer.start()
        try:
            partitions = await partitions_of(consumer, self._topics)
            consumer.assign(partitions)
            begins = await consumer.beginning_offsets(partitions)
            ends = await consumer.end_offsets(partitions)
            # Whoever read for the database before this one: it is gone, and we begin anew.
            if partitions:
                await consumer.commit(begins)
        finally:
            await consumer.stop()
        await connection.executemany(
            "INSERT INTO rebuild_horizon (topic, partition, until_offset, next_offset)"
            " VALUES ($1, $2, $3, $4)",
            [(p.topic, p.partition, ends[p], begins[p]) for p in partitions],
        )
        await connection.execute("INSERT INTO rebuild (begun_at) VALUES (now())")
        failpoint("rebuilding.drawn")
        records = sum(ends[p] - begins[p] for p in partitions)
        log.info("horizon_drawn", offsets=records, partitions=len(partitions))

    async def _look(self) -> None:
        async with self._database.connection() as connection:
            finished = await connection.fetchval("SELECT finished_at FROM rebuild")
            rows = await connection.fetch("SELECT * FROM rebuild_horizon")
        self._way = {
            TopicPartition(row["topic"], row["partition"]): _Part(
                row["until_offset"], row["next_offset"]
            )
            for row in rows
        }
        self.active = finished is None

    async def _keep(self) -> None:
        reached = [
            (p.topic, p.partition, offset)
            for p, offset in await self.reached()
            if p in self._way and offset > self._way[p].next
        ]
        if reached:
            async with self._database.connection() as connection:
                await connection.executemany(
                    "UPDATE rebuild_horizon SET next_offset = greatest(next_offset, $3)"
                    " WHERE topic = $1 AND partition = $2",
                    reached,
                )

    async def _end(self) -> bool:
        """Finish, one replica at a time and part by part."""
        async with self._database.transaction() as connection:
            if not await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", _LOCK):
                return False
            if await connection.fetchval("SELECT finished_at FROM rebuild") is None:
                if await self._finish(connection):
                    return True
                await connection.execute("UPDATE rebuild SET finished_at = now()")
                log.info("rebuilt")
        failpoint("rebuilding.finished")
        self.active = False
        return False
