"""Events that commit with the rows they speak of, and the relay that publishes them in order.

Order per key rests on two habits: who appends for a ticket holds that ticket's row lock, and one
relay at a time reads the whole outbox by id. A relay that dies between publishing and deleting
publishes again: readers drop the repeat by its id.
"""

from collections.abc import Sequence

import asyncpg
import structlog

from shared import events, telemetry
from shared.database import Connection, Database
from shared.envelope import Topic
from shared.failpoints import failpoint
from shared.publisher import Outgoing, Publishes
from shared.topics import topic_name

log = structlog.get_logger(__name__)

BATCH = 500
BATCH_BYTES = 8 * 1024 * 1024
"""A batch ends with the event that reaches this: files travel as events of half a MiB and more."""
_RELAY_LOCK = 0x0CA2E0B0

_NEXT = """
    SELECT id, topic, key, value FROM (
        SELECT *, sum(octet_length(value)) OVER (ORDER BY id) - octet_length(value) AS before
        FROM (SELECT id, topic, key, value FROM outbox ORDER BY id LIMIT $1) AS first
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
        INSERT INTO outbox (topic, key, value)
        SELECT topic, key, value
        FROM unnest($1::text[], $2::text[], $3::bytea[]) WITH ORDINALITY
            AS row (topic, key, value, position)
        ORDER BY position
        """,
        [event.TOPIC.value for event in said],
        [event.subject for event in said],
        [events.write(event) for event in said],
    )


class Relay:
    """Publishes what the outbox holds and deletes it; run its `step` in a worker.

    Several replicas of a service have a relay each; a lock in the database lets one of them work.
    """

    def __init__(self, database: Database, publisher: Publishes, *, namespace: str) -> None:
        self._database = database
        self._publisher = publisher
        self._namespace = namespace

    async def step(self) -> bool:
        """Publish up to 500 events, or 8 MiB of them.

        Returns:
            Whether there may be more.

        Raises:
            BrokerAwayError: nothing was deleted; the next step tries the same events again.
        """
        # Not Database.transaction: its commits wake this very relay.
        async with self._database.connection() as connection, connection.transaction():
            if not await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", _RELAY_LOCK):
                return False
            rows = await connection.fetch(_NEXT, BATCH, BATCH_BYTES)
            if not rows:
                return False
            failpoint("outbox.before_publish")
            await self._publisher.publish([self._record(row) for row in rows])
            failpoint("outbox.published")
            await connection.execute(
                "DELETE FROM outbox WHERE id = ANY($1::bigint[])", [row["id"] for row in rows]
            )
        telemetry.OUTBOX_PUBLISHED.inc(len(rows))
        return len(rows) == BATCH or sum(len(row["value"]) for row in rows) >= BATCH_BYTES

    async def oldest_age(self) -> float:
        """Seconds that the oldest unpublished event has waited; 0 when there is none."""
        async with self._database.connection() as connection:
            age = await connection.fetchval(
                "SELECT extract(epoch FROM now() - min(appended_at)) FROM outbox"
            )
        return float(age or 0)

    def _record(self, row: asyncpg.Record) -> Outgoing:
        return Outgoing(
            topic=topic_name(self._namespace, Topic(row["topic"])),
            key=row["key"].encode(),
            value=row["value"],
            headers=events.HEADERS,
        )
