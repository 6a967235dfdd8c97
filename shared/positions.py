"""How far a service's own database has handled the stream, which tells whether it is an old copy.

Each batch moves the positions of its partitions in its own transaction, and commits its offsets
afterwards. So the database is never behind its group, unless it was brought back from a backup, or
a server took over that had not everything. Then it is found to be older, and catches up:
`shared/rebuilding.py`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import structlog
from aiokafka import ConsumerRecord, TopicPartition

from shared.database import Connection

log = structlog.get_logger(__name__)

NOTED = "noted"
"""Stands beside an offset in the group whose position was noted first. An older version of the
service leaves it out: what it has committed tells nothing of the age of a database."""

Offsets: TypeAlias = Mapping[TopicPartition, int]


class DatabaseOlderError(Exception):
    """The database lacks what this process had handled: it was put back while we ran."""


def _nobody() -> None:
    """Who is told, unless somebody wants to be."""


class Positions:
    """What this process knows that its database has; a database never has less."""

    def __init__(self) -> None:
        self._known: dict[TopicPartition, int] = {}
        self.when_older: Callable[[], None] = _nobody
        """Called before `DatabaseOlderError` is raised."""

    async def read(self, connection: Connection) -> dict[TopicPartition, int]:
        """Of each partition, the offset before which all was handled. Others may move it on."""
        self._known = await _read(connection)
        return dict(self._known)

    async def set(self, connection: Connection, offsets: Offsets) -> None:
        """Begin at these, also where that is earlier; `read` them once this was committed."""
        await connection.execute(_SET, *_columns(offsets))

    async def note(self, connection: Connection, records: Sequence[ConsumerRecord]) -> Offsets:
        """Move on behind these records, never back.

        Returns:
            Where that is: to be `keep`-ed once the transaction has committed.

        Raises:
            DatabaseOlderError: it is not where this process had left it.
        """
        reached = behind(records)
        if not await self._move(connection, reached):
            # Most likely partitions that nothing was heard of before.
            new = {p: offset for p, offset in reached.items() if p not in self._known}
            await connection.execute(_ADD, *_columns(new))
            if not await self._move(connection, reached):
                self._refuse()
        return reached

    def keep(self, reached: Offsets) -> None:
        """These were committed."""
        self._known.update(reached)

    async def check(self, connection: Connection) -> None:
        """Look at a connection that was just made: is this the database that we know?

        Raises:
            DatabaseOlderError: it has less.
        """
        if self._known:
            found = await _read(connection)
            if any(found.get(p, -1) < offset for p, offset in self._known.items()):
                self._refuse()

    async def _move(self, connection: Connection, reached: Offsets) -> bool:
        known = [self._known.get(partition, 0) for partition in reached]
        status = await connection.execute(_MOVE, *_columns(reached), known)
        return int(status.rpartition(" ")[2]) == len(reached)

    def _refuse(self) -> None:
        log.critical("database_is_older")
        self.when_older()
        raise DatabaseOlderError("the database lacks what this process had handled")


def behind(records: Iterable[ConsumerRecord]) -> dict[TopicPartition, int]:
    """Of each partition, the offset behind its last record."""
    return {TopicPartition(r.topic, r.partition): r.offset + 1 for r in records}


@dataclass(frozen=True, slots=True)
class Where:
    """What is known of a partition when a service starts."""

    noted: int | None
    """By its database."""
    committed: int | None
    """By its group."""
    is_marked: bool
    """Whether what was committed had been noted first."""
    begin: int
    end: int

    @property
    def is_older(self) -> bool:
        """Whether the database may lack what its group was past.

        Also where nobody can tell: the group's offset is gone, or the log ends before what was
        noted, since the log itself is new or has lost its end.
        """
        if self.committed is None:
            return self.noted is not None
        if self.noted is None:
            return self.is_marked
        return self.noted > self.end or (self.is_marked and self.noted < self.committed)

    @property
    def start(self) -> int:
        """Where it is to be heard from: a log that is not the one that was noted, from anew."""
        if self.noted is None or self.noted > self.end:
            return self.begin
        return max(self.noted, self.begin)

    @property
    def lost(self) -> int:
        """How many offsets between what was noted and the log's beginning are gone."""
        return max(0, self.begin - self.noted) if self.is_older and self.noted is not None else 0

    @property
    def adopted(self) -> int | None:
        """What an older version of the service had handled and could not note, if any."""
        if self.committed is None or self.is_marked:
            return None
        return self.committed if self.noted is None or self.noted < self.committed else None


def _columns(offsets: Offsets) -> tuple[list[str], list[int], list[int]]:
    topics, numbers = [p.topic for p in offsets], [p.partition for p in offsets]
    return topics, numbers, list(offsets.values())


async def _read(connection: Connection) -> dict[TopicPartition, int]:
    rows = await connection.fetch("SELECT topic, partition, next_offset FROM stream_positions")
    return {TopicPartition(row["topic"], row["partition"]): row["next_offset"] for row in rows}


_MOVE = """
    UPDATE stream_positions AS p SET next_offset = greatest(p.next_offset, moved.next_offset)
    FROM unnest($1::text[], $2::integer[], $3::bigint[], $4::bigint[])
        AS moved (topic, partition, next_offset, known)
    WHERE p.topic = moved.topic AND p.partition = moved.partition AND p.next_offset >= moved.known
"""
_ADD = """
    INSERT INTO stream_positions (topic, partition, next_offset)
    SELECT * FROM unnest($1::text[], $2::integer[], $3::bigint[])
    ON CONFLICT DO NOTHING
"""
_SET = """
    INSERT INTO stream_positions (topic, partition, next_offset)
    SELECT * FROM unnest($1::text[], $2::integer[], $3::bigint[])
    ON CONFLICT (topic, partition) DO UPDATE SET next_offset = excluded.next_offset
"""
