"""SQL of forgetting people: who is to be forgotten, and how far it has come."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from shared.database import Connection
from shared.privacy import ErasureRequested, PersonErased


@dataclass(frozen=True, slots=True)
class Report:
    """What a service has taken away."""

    service: str
    removed: dict[str, int]
    done_at: datetime


@dataclass(frozen=True, slots=True)
class Erasure:
    """That somebody is to be forgotten, and how far it has come."""

    id: UUID
    persons: tuple[str, ...]
    asked_by: str
    asked_at: datetime
    state: str
    keys: tuple[UUID, ...]
    removed: dict[str, int]
    erased_at: datetime | None
    nudged_at: datetime | None
    keys_gone_at: datetime | None
    reports: tuple[Report, ...] = ()


async def add_erasure(
    connection: Connection, id_: UUID, persons: Collection[str], by: str, now: datetime
) -> UUID:
    """Note that somebody is to be forgotten; returns the id, or that of one that is under way.

    One that does not name all of these ids would leave some of theirs behind: it is no repeat.
    """
    await connection.execute("SELECT pg_advisory_xact_lock(hashtext('erasures'))")
    under_way: UUID | None = await connection.fetchval(
        """
        SELECT id FROM erasures WHERE state <> 'erased' AND persons @> $1::text[]
        ORDER BY asked_at LIMIT 1
        """,
        list(persons),
    )
    if under_way is not None:
        return under_way
    await connection.execute(
        "INSERT INTO erasures (id, persons, asked_by, asked_at) VALUES ($1, $2, $3, $4)",
        id_,
        sorted(persons),
        by,
        now,
    )
    return id_


async def list_asked(connection: Connection) -> set[UUID]:
    """Those of which nothing was done yet."""
    rows = await connection.fetch("SELECT id FROM erasures WHERE state = 'asked'")
    return {row["id"] for row in rows}


async def lock_next_erasure(connection: Connection) -> Erasure | None:
    """The oldest that is under way and that nobody else is at."""
    row = await connection.fetchrow(
        """
        SELECT * FROM erasures WHERE state <> 'erased'
        ORDER BY asked_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
        """
    )
    return None if row is None else _erasure(row)


async def read_erasure(connection: Connection, id_: UUID) -> Erasure | None:
    """An erasure with the reports of other services."""
    row = await connection.fetchrow("SELECT * FROM erasures WHERE id = $1", id_)
    if row is None:
        return None
    reports = await connection.fetch(
        "SELECT * FROM erasure_reports WHERE erasure = $1 ORDER BY service", id_
    )
    return _erasure(row, reports)


async def list_erasures(
    connection: Connection, *, before: UUID | None, limit: int
) -> list[Erasure]:
    """Erasures, the latest first, from behind this one."""
    rows = await connection.fetch(
        """
        SELECT * FROM erasures AS e
        WHERE $1::uuid IS NULL
            OR (e.asked_at, e.id) < (SELECT asked_at, id FROM erasures WHERE id = $1)
        ORDER BY asked_at DESC, id DESC LIMIT $2
        """,
        before,
        limit,
    )
    reports = await connection.fetch(
        "SELECT * FROM erasure_reports WHERE erasure = ANY($1::uuid[]) ORDER BY service",
        [row["id"] for row in rows],
    )
    return [_erasure(row, [r for r in reports if r["erasure"] == row["id"]]) for row in rows]


async def list_to_look_after(connection: Connection) -> list[Erasure]:
    """Erasures whose keys may still stand in the log."""
    rows = await connection.fetch(
        "SELECT * FROM erasures WHERE state <> 'asked' AND keys_gone_at IS NULL ORDER BY asked_at"
    )
    return [_erasure(row) for row in rows]


async def set_locked(connection: Connection, id_: UUID, keys: Sequence[UUID]) -> None:
    """Note that these keys of theirs were thrown away."""
    await connection.execute(
        "UPDATE erasures SET state = 'locked', keys = $2 WHERE id = $1", id_, list(keys)
    )


async def add_removed(connection: Connection, id_: UUID, removed: dict[str, int]) -> None:
    """Note what else was taken away."""
    row = await connection.fetchval("SELECT removed FROM erasures WHERE id = $1", id_)
    sums = json.loads(row)
    for what, count in removed.items():
        sums[what] = sums.get(what, 0) + count
    await connection.execute(
        "UPDATE erasures SET removed = $2 WHERE id = $1", id_, json.dumps(sums)
    )


async def set_erased(connection: Connection, id_: UUID, now: datetime) -> None:
    """Note that nothing is left of them here."""
    await connection.execute(
        "UPDATE erasures SET state = 'erased', erased_at = $2 WHERE id = $1", id_, now
    )


async def set_nudged(connection: Connection, id_: UUID, now: datetime) -> None:
    """Note that the tombstones were said once more."""
    await connection.execute("UPDATE erasures SET nudged_at = $2 WHERE id = $1", id_, now)


async def set_keys_gone(connection: Connection, id_: UUID, now: datetime) -> None:
    """Note that the log of keys has them no longer."""
    await connection.execute("UPDATE erasures SET keys_gone_at = $2 WHERE id = $1", id_, now)


async def keep_reports(connection: Connection, said: Sequence[PersonErased]) -> None:
    """Keep what services have said that they took away."""
    await connection.executemany(
        """
        INSERT INTO erasure_reports (erasure, service, removed, done_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT (erasure, service) DO NOTHING
        """,
        [
            (
                event.data.erasure,
                event.data.service,
                json.dumps({each.what: each.count for each in event.data.removed}),
                event.time,
            )
            for event in said
        ],
    )


async def restore(
    connection: Connection,
    requested: Sequence[ErasureRequested],
    erased: Sequence[PersonErased],
) -> None:
    """Learn again, for a database that is rebuilt, what was asked and what we had taken away.

    What else the stream gives back of them is taken away once more: nobody is told again.
    """
    await connection.executemany(
        """
        INSERT INTO erasures (id, persons, asked_by, asked_at, state, keys)
        VALUES ($1, $2, $3, $4, 'locked', $5)
        ON CONFLICT (id) DO UPDATE
        SET state = CASE erasures.state WHEN 'asked' THEN 'locked' ELSE erasures.state END,
            keys = ARRAY(
                SELECT DISTINCT key FROM unnest(erasures.keys || excluded.keys) AS key
            )
        """,
        [
            (e.data.erasure, list(e.data.persons), e.data.by, e.time, list(e.data.keys))
            for e in requested
        ],
    )
    await connection.executemany(
        "UPDATE erasures SET removed = $2, erased_at = $3 WHERE id = $1",
        [
            (
                e.data.erasure,
                json.dumps({each.what: each.count for each in e.data.removed}),
                e.time,
            )
            for e in erased
        ],
    )


def _erasure(row: asyncpg.Record, reports: Sequence[asyncpg.Record] = ()) -> Erasure:
    kept = dict(row) | {
        "persons": tuple(row["persons"]),
        "keys": tuple(row["keys"]),
        "removed": json.loads(row["removed"]),
    }
    told = tuple(
        Report(each["service"], json.loads(each["removed"]), each["done_at"]) for each in reports
    )
    return Erasure(**kept, reports=told)
