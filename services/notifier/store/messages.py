"""The public words of threads, and the mails that carry them."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from services.notifier.customers import Unmailed, Words
from shared.database import Connection


async def keep_messages(connection: Connection, words: Sequence[Words]) -> None:
    """Keep what was written; a repeat changes nothing, and brings back nothing forgotten."""
    await connection.executemany(
        """
        INSERT INTO messages (
            message, ticket, sequence, author_kind, author_name, text, posted_at, files, caused_by,
            correlation, traceparent, person
        )
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        ON CONFLICT (message) DO NOTHING
        """,
        [
            (
                each.message.id,
                each.message.ticket,
                each.message.sequence,
                each.message.author_kind.value,
                each.message.author_name,
                each.message.text,
                each.message.posted_at,
                json.dumps([[file.name, file.size_bytes] for file in each.message.files]),
                each.caused_by,
                each.correlation,
                each.traceparent,
                each.person,
            )
            for each in words
        ],
    )


async def read_unmailed(connection: Connection, tickets: Sequence[UUID]) -> list[Unmailed]:
    """What agents wrote to people whose address is known, and no mail carries; the first first."""
    rows = await connection.fetch(
        """
        SELECT m.message, m.ticket, t.address, t.requester, m.posted_at, m.caused_by,
            m.correlation, m.traceparent
        FROM messages AS m JOIN tickets AS t USING (ticket)
        WHERE m.ticket = ANY($1::uuid[]) AND m.author_kind = 'agent' AND m.delivery IS NULL
          AND (m.text <> '' OR m.files <> '[]')
          AND t.address IS NOT NULL AND t.requester IS NOT NULL
        ORDER BY m.ticket, m.sequence, m.message
        """,
        tickets,
    )
    return [Unmailed(**dict(row)) for row in rows]


async def lock_waiting_replies(connection: Connection, tickets: Sequence[UUID]) -> dict[UUID, UUID]:
    """By ticket, the reply that waits and was never tried: no sender takes it until we commit.

    What goes out again, as somebody asked for, stays as it was: nothing joins it.
    """
    rows = await connection.fetch(
        """
        SELECT ticket, id FROM deliveries
        WHERE ticket = ANY($1::uuid[]) AND kind = 'reply' AND state = 'planned' AND attempts = 0
          AND withdrawn_by IS NULL AND round = 0
        ORDER BY id
        FOR UPDATE
        """,
        tickets,
    )
    return {row["ticket"]: row["id"] for row in rows}


async def read_mailed(
    connection: Connection, tickets: Sequence[UUID], *, since: datetime
) -> Mapping[UUID, Sequence[datetime]]:
    """By ticket, when its customer had mails since then, or will have those that are planned."""
    rows = await connection.fetch(
        """
        SELECT ticket, coalesce(ended_at, not_before) AS at FROM deliveries
        WHERE ticket = ANY($1::uuid[]) AND kind IN ('acknowledgement', 'reply')
          AND state <> 'suppressed' AND coalesce(ended_at, not_before) > $2
        """,
        tickets,
        since,
    )
    mailed: dict[UUID, list[datetime]] = defaultdict(list)
    for row in rows:
        mailed[row["ticket"]].append(row["at"])
    return mailed


async def carry_messages(connection: Connection, carried: Mapping[UUID, UUID]) -> None:
    """Note which mail carries a message; one that has its mail keeps it."""
    await connection.execute(
        """
        UPDATE messages AS m SET delivery = new.delivery
        FROM unnest($1::uuid[], $2::uuid[]) AS new (message, delivery)
        WHERE m.message = new.message AND m.delivery IS NULL
        """,
        list(carried),
        list(carried.values()),
    )
    await connection.execute(
        """
        UPDATE deliveries AS d SET messages = (
            SELECT array_agg(m.message ORDER BY m.sequence, m.message) FROM messages AS m
            WHERE m.delivery = d.id
        )
        WHERE d.id = ANY($1::uuid[])
          AND EXISTS (SELECT FROM messages AS m WHERE m.delivery = d.id)
        """,
        list(set(carried.values())),
    )
