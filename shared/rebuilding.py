"""How a service comes back from the stream alone, once its database is lost or new.

A database that has never heard anything draws a horizon: where each topic ends now. Up to there its
service hears everything from the beginning, what it said itself too, and rebuilds what it kept;
nothing is decided, said, sent or fired meanwhile, and nothing beyond the horizon is heard. Then it
finishes, once: what was owed and not said by then is said. From there on it hears what others say.

The first start of a service is the same, with little or nothing to rebuild.

A database that is older than its group (it came from a backup) catches up in the same way, from
where it was: what its service said and sent after the backup is learnt again. How old it is tells
`shared/positions.py`.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog
from aiokafka import TopicPartition

from shared import metrics, outbox
from shared.database import Connection, Database
from shared.failpoints import failpoint
from shared.group import Bounds, Group, compare
from shared.kafka_security import OPEN, KafkaSecurity
from shared.positions import Offsets, Positions, Where

log = structlog.get_logger(__name__)

LOCK = 0x0CA2E4EB

Finish = Callable[[Connection], Awaitable[bool]]
"""Does a bounded part of what is left to do at the horizon, in one transaction of its own, and says
whether there is more. It may be called again after a crash."""
Restore = Callable[[Connection], Awaitable[None]]
"""Makes ready what a backup holds for learning again what became of it, in the transaction that
draws the horizon. It may be called again, also where a rebuild is under way."""
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


async def as_it_is(connection: Connection) -> None:
    """For a service that needs nothing made ready."""


async def _at_once() -> None:
    """What finishing waits for, unless there is something."""


class Rebuilding:
    """Draws the horizon and watches over the way there; run its `step` in a worker.

    Args:
        database: The service's.
        group: Its consumer group.
        topics: What it hears, with the namespace.
        bootstrap_servers: `host:port`, comma separated.
        finish: What is left to do at the horizon.
        restore: What there is to do before a database that came from a backup catches up.
        security: How one speaks to the brokers.
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
        restore: Restore = as_it_is,
        security: KafkaSecurity = OPEN,
    ) -> None:
        self._database = database
        self._group = Group(group, tuple(topics), bootstrap_servers, security)
        self._finish = finish
        self._restore = restore
        self._lost = 0
        self._way: dict[TopicPartition, _Part] = {}
        self.positions = Positions()
        self.reached: Reached = _nothing
        self.before_finish: Callable[[], Awaitable[None]] = _at_once
        """What the finish has to wait for, beside the horizon."""
        self.active = True
        """Whether the horizon lies ahead still; until `start` nobody knows better."""

    async def start(self) -> None:
        """Draw the horizon if the database is new or older than its group; else look at it.

        Raises:
            KafkaError: no broker answers; or members of the group are still at work, who belong to
                another database.
            AwayError: the same, of a database that is older.
        """
        committed = await self._group.committed() if await self._is_drawn() else None
        back: Offsets = {}
        async with self._database.connection() as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
            if not await connection.fetchval("SELECT count(*) FROM rebuild"):
                await self._draw_new(connection)
            elif committed is not None:  # else another replica has drawn it since
                # In this order, since others may be at work: what is committed was noted before,
                # and what is noted was in the log before.
                positions = await self.positions.read(connection)
                bounds = await self._group.bounds()
                back = await self._compare(connection, compare(bounds, committed, positions))
        failpoint("rebuilding.restored")
        # Only now: until the horizon stands, the group's offsets tell that the database is older.
        await self._group.go_to(back)
        async with self._database.connection() as connection:
            await self.positions.read(connection)
        await self._look()

    async def stop(self) -> None:
        """The horizon stays."""

    def ready(self) -> str | None:
        """How far it has come, while it is under way."""
        if not self.active:
            return None
        handled = sum(min(part.next, part.until) for part in self._way.values())
        total = sum(part.until for part in self._way.values())
        lost = f"; {self._lost} are lost, the stream keeps them no longer" if self._lost else ""
        return f"at {handled} of {total} offsets{lost}"

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
            await self.before_finish()
            return await self._end()
        return False

    async def _is_drawn(self) -> bool:
        async with self._database.connection() as connection:
            return bool(await connection.fetchval("SELECT count(*) FROM rebuild"))

    async def _draw_new(self, connection: Connection) -> None:
        bounds = await self._group.bounds()
        begins = {partition: bound.begin for partition, bound in bounds.items()}
        # Whoever read for the database before this one: it is gone, and we begin anew.
        await self._group.go_to(begins)
        await self._draw(connection, begins, bounds)
        await connection.execute("INSERT INTO rebuild (begun_at) VALUES (now())")
        failpoint("rebuilding.drawn")

    async def _compare(
        self, connection: Connection, found: Mapping[TopicPartition, Where]
    ) -> Offsets:
        """Go back if the database is older; returns where the group is to go on."""
        adopted = {p: where.adopted for p, where in found.items() if where.adopted is not None}
        await self.positions.set(connection, adopted)
        if not any(where.is_older for where in found.values()):
            return {}
        await self._group.refuse_members()
        starts = {p: adopted.get(p, where.start) for p, where in found.items()}
        bounds = {p: Bounds(where.begin, where.end) for p, where in found.items()}
        await self._draw(connection, starts, bounds)
        await outbox.remember_waiting(connection)
        await self._restore(connection)
        lost = sum(where.lost for where in found.values())
        await connection.execute(
            "UPDATE rebuild SET begun_at = now(), finished_at = NULL, restored_at = now(),"
            " lost_offsets = $1",
            lost,
        )
        _tell(found)
        return starts

    async def _draw(
        self, connection: Connection, starts: Offsets, bounds: Mapping[TopicPartition, Bounds]
    ) -> None:
        await connection.execute("DELETE FROM rebuild_horizon")
        await connection.executemany(
            "INSERT INTO rebuild_horizon (topic, partition, until_offset, next_offset)"
            " VALUES ($1, $2, $3, $4)",
            [(p.topic, p.partition, bounds[p].end, start) for p, start in starts.items()],
        )
        await self.positions.set(connection, starts)
        records = sum(bounds[p].end - start for p, start in starts.items())
        log.info("horizon_drawn", offsets=records, partitions=len(starts))

    async def _look(self) -> None:
        async with self._database.connection() as connection:
            rebuild = await connection.fetchrow("SELECT finished_at, lost_offsets FROM rebuild")
            rows = await connection.fetch("SELECT * FROM rebuild_horizon")
        self._way = {
            TopicPartition(row["topic"], row["partition"]): _Part(
                row["until_offset"], row["next_offset"]
            )
            for row in rows
        }
        assert rebuild is not None  # noqa: S101 - `start` has put it there
        self.active = rebuild["finished_at"] is None
        self._lost = rebuild["lost_offsets"]
        metrics.RESTORE_LOST.set(self._lost)

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
            if not await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", LOCK):
                return False
            if await connection.fetchval("SELECT finished_at FROM rebuild") is None:
                if await self._finish(connection):
                    return True
                await outbox.forget_waiting(connection)
                await connection.execute("UPDATE rebuild SET finished_at = now()")
                log.info("rebuilt", lost_offsets=self._lost)
        failpoint("rebuilding.finished")
        self.active = False
        return False


def _tell(found: Mapping[TopicPartition, Where]) -> None:
    older = {partition: where for partition, where in found.items() if where.is_older}
    behind = sum(max(0, where.end - where.start) for where in older.values())
    log.warning("database_is_restored", partitions=len(older), offsets=behind)
    for partition, where in older.items():
        told = {"topic": partition.topic, "partition": partition.partition}
        if where.noted is not None and where.noted > where.end:
            log.error("log_is_shorter", **told, noted=where.noted, end=where.end)
        if where.lost:
            log.error("stream_lost", **told, offsets=where.lost, since_offset=where.noted)
