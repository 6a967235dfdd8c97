"""Events that commit with the rows they speak of, and the relay that publishes them in order.

Order per key rests on two habits: who appends for a ticket holds that ticket's row lock, and one
relay at a time reads the whole outbox by id. A relay that dies between publishing and deleting
publishes again: readers drop the repeat by its id.

Events wait here open, as in all tables of their service; the relay seals their personal parts.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg
import structlog

from shared import events, metrics, tracing
from shared.database import Connection, Database
from shared.envelope import Topic
from shared.failpoints import failpoint
from shared.keyring import Keyring
from shared.privacy import KeyMade
from shared.publisher import Outgoing, Publishes
from shared.sealing import PersonKey, person_of, seal, without_private
from shared.topics import topic_name

log = structlog.get_logger(__name__)

BATCH = 500
BATCH_BYTES = 8 * 1024 * 1024
"""A batch ends with the event that reaches this: files travel as events of half a MiB and more."""
MOST_COUNTED = 100_000
"""Events: after hours without a broker, counting all of them would take its time."""
_RELAY_LOCK = 0x0CA2E0B0

_NEXT = """
    SELECT id, topic, key, value, trace FROM (
        SELECT *, sum(coalesce(octet_length(value), 0)) OVER (ORDER BY id)
            - coalesce(octet_length(value), 0) AS before
        FROM (SELECT id, topic, key, value, trace FROM outbox ORDER BY id LIMIT $1) AS first
    ) AS counted
    WHERE before < $2
    ORDER BY id
"""


async def append(connection: Connection, said: Sequence[events.Event]) -> None:
    """Keep events for the relay; they are published if and only if this transaction commits."""
    if not said:
        return
    await connection.execute(
        """
        INSERT INTO outbox (topic, key, value, trace)
        SELECT topic, key, value, trace
        FROM unnest($1::text[], $2::text[], $3::bytea[], $4::text[]) WITH ORDINALITY
            AS row (topic, key, value, trace, position)
        ORDER BY position
        """,
        [event.TOPIC.value for event in said],
        [event.subject for event in said],
        [events.write(event) for event in said],
        tracing.said(said),
    )


async def append_tombstones(connection: Connection, topic: Topic, keys: Sequence[str]) -> None:
    """Keep tombstones for the relay: by them a compacted topic forgets what it has under a key."""
    await connection.execute(
        """
        INSERT INTO outbox (topic, key, value)
        SELECT $1, key, NULL FROM unnest($2::text[]) AS key
        """,
        topic.value,
        list(keys),
    )


async def forget(connection: Connection, people: Collection[str]) -> int:
    """Take the personal parts of these people out of what waits; returns of how many events.

    No relay publishes any of it until the transaction has ended.
    """
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _RELAY_LOCK)
    # Piece by piece: after hours without a broker there may be more of it than memory.
    rows = connection.cursor("SELECT id, value FROM outbox WHERE value IS NOT NULL", prefetch=20)
    theirs = [
        (row["id"], without_private(row["value"]))
        async for row in rows
        if person_of(row["value"]) in people
    ]
    await connection.executemany("UPDATE outbox SET value = $2 WHERE id = $1", theirs)
    return len(theirs)


@dataclass(frozen=True, slots=True)
class Waiting:
    """What the outbox holds."""

    events: int
    """At the most `MOST_COUNTED`."""
    oldest_seconds: float
    """How long the oldest has waited; 0 when there is none."""


async def remember_waiting(connection: Connection) -> None:
    """Remember which events wait in a database that came from a backup.

    Most of them went out after the backup was made: see `take_out`.
    """
    await forget_waiting(connection)
    await connection.execute(
        """
        INSERT INTO restored_outbox (event, waits)
        SELECT (convert_from(value, 'UTF8')::jsonb ->> 'id')::uuid, id FROM outbox
        WHERE value IS NOT NULL
        ON CONFLICT DO NOTHING
        """
    )


async def take_out(connection: Connection, said: Collection[UUID]) -> None:
    """Of what waited in a backup, these events are on the stream already."""
    await connection.execute(
        """
        WITH taken AS (
            DELETE FROM restored_outbox WHERE event = ANY($1::uuid[]) RETURNING waits
        )
        DELETE FROM outbox USING taken WHERE outbox.id = taken.waits
        """,
        list(said),
    )


async def forget_waiting(connection: Connection) -> None:
    """What waits now is to be said."""
    await connection.execute("DELETE FROM restored_outbox")


class Relay:
    """Publishes what the outbox holds and deletes it; run its `step` in a worker.

    Several replicas of a service have a relay each; a lock in the database lets one of them work.

    Args:
        database: Where the outbox is.
        publisher: Puts records on the stream.
        namespace: Of the topics.
        keyring: Has the keys that personal parts are sealed with; without it none may be said.
    """

    def __init__(
        self,
        database: Database,
        publisher: Publishes,
        *,
        namespace: str,
        keyring: Keyring | None = None,
    ) -> None:
        self._database = database
        self._publisher = publisher
        self._namespace = namespace
        self._keyring = keyring

    async def step(self) -> bool:
        """Publish up to 500 events, or 8 MiB of them.

        Returns:
            Whether there may be more.

        Raises:
            BrokerAwayError: nothing was deleted; the next step tries the same events again.
            UnsealedError: a personal part, and no keyring.
        """
        # Not Database.transaction: its commits wake this very relay.
        async with self._database.connection() as connection, connection.transaction():
            if not await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", _RELAY_LOCK):
                return False
            rows = await connection.fetch(_NEXT, BATCH, BATCH_BYTES)
            if not rows:
                return False
            keys, records = await self._sealed(connection, rows)
            failpoint("outbox.before_publish")
            if keys:
                # First and by themselves: who reads what they seal finds them, or knows them gone.
                await self._publisher.publish(keys)
                failpoint("outbox.keys_published")
            await self._publisher.publish(records)
            failpoint("outbox.published")
            await connection.execute(
                "DELETE FROM outbox WHERE id = ANY($1::bigint[])", [row["id"] for row in rows]
            )
        metrics.OUTBOX_PUBLISHED.inc(len(rows))
        return len(rows) == BATCH or sum(len(row["value"] or b"") for row in rows) >= BATCH_BYTES

    async def waiting(self) -> Waiting:
        """What is committed and not published yet."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(
                """
                SELECT
                    (SELECT count(*) FROM (SELECT FROM outbox LIMIT $1) AS found) AS events,
                    (
                        SELECT extract(epoch FROM now() - appended_at)
                        FROM outbox ORDER BY id LIMIT 1
                    ) AS oldest
                """,
                MOST_COUNTED,
            )
        assert row is not None  # noqa: S101 - it has no FROM
        return Waiting(events=row["events"], oldest_seconds=float(row["oldest"] or 0))

    async def _sealed(
        self, connection: Connection, rows: Sequence[asyncpg.Record]
    ) -> tuple[list[Outgoing], list[Outgoing]]:
        """The records of new keys, and those of the outbox with personal parts sealed."""
        people = {row["id"]: person_of(row["value"]) for row in rows if row["value"] is not None}
        named = {person for person in people.values() if person is not None}
        keys: Mapping[str, PersonKey] = {}
        made: Sequence[KeyMade] = ()
        if named:
            if self._keyring is None:
                raise UnsealedError("a personal part, and no keyring")
            keys, made = await self._keyring.for_writing(connection, named)
        records = [self._record(row, people.get(row["id"]), keys) for row in rows]
        return [self._outgoing(key.TOPIC, key.subject, events.write(key)) for key in made], records

    def _record(
        self, row: asyncpg.Record, person: str | None, keys: Mapping[str, PersonKey]
    ) -> Outgoing:
        value = row["value"]
        if person is not None:
            value = seal(value, keys[person])
        return self._outgoing(Topic(row["topic"]), row["key"], value, row["trace"])

    def _outgoing(
        self, topic: Topic, key: str, value: bytes | None, trace: str | None = None
    ) -> Outgoing:
        name = topic_name(self._namespace, topic)
        return Outgoing(name, key.encode(), value, events.HEADERS, trace)


class UnsealedError(RuntimeError):
    """A service that has no keys for it says something personal: it stays in the outbox."""
