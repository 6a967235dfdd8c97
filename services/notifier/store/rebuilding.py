"""What a rebuild puts together of deliveries: what led to them, and what became of them."""

import json
from collections.abc import Collection, Sequence
from uuid import UUID

from services.notifier.deliveries import Delivery, RebuiltReason
from services.notifier.store.deliveries import delivery_of
from shared import events
from shared.database import Connection
from shared.messages import MailBounced


async def is_rebuilding(connection: Connection) -> bool:
    """Whether the rebuild has not ended; it does not end before this transaction does."""
    finished = await connection.fetchval("SELECT finished_at FROM rebuild FOR SHARE")
    return finished is None


async def doubt_pending(connection: Connection) -> None:
    """Of what was under way when a backup was made, only what led to it is known."""
    await connection.execute(
        """
        UPDATE deliveries SET half_heard = 'cause'
        WHERE state IN ('planned', 'sending') AND half_heard IS NULL
        """
    )


async def lock_rebuild(connection: Connection) -> None:
    """Wait for all who still hear what lies before the horizon."""
    await connection.execute("SELECT FROM rebuild FOR UPDATE")


async def was_here(connection: Connection) -> bool:
    """Whether the stream has told what became of anything: this database is not our first."""
    found: bool = await connection.fetchval(
        """
        SELECT EXISTS (
            SELECT FROM deliveries AS d, rebuild AS r
            WHERE d.ended_at < r.begun_at AND d.reason IS DISTINCT FROM $1
        )
        """,
        RebuiltReason.REBUILT.value,
    )
    return found


async def keep_outcomes(connection: Connection, outcomes: Sequence[Delivery]) -> None:
    """Keep what became of deliveries; of one that was sent again, what did at last.

    Args:
        connection: In a transaction.
        outcomes: As much of each delivery as its outcome tells; digests first, since what they
            carried names them.
    """
    await connection.executemany(
        """
        INSERT INTO deliveries AS d (
            id, ticket, kind, channel, lane, address, state, not_before, attempts, uncertain,
            caused_at, ended_at, caused_by, correlation, traceparent, admitted_at, digest,
            withdrawn_by, reason, code, detail, round, again_at, person, messages, half_heard
        )
        VALUES (
            $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
            $20, $21, $22, $23, $24, $25, $26
        )
        ON CONFLICT (id) DO UPDATE
        SET state = excluded.state, ended_at = excluded.ended_at, attempts = excluded.attempts,
            uncertain = excluded.uncertain, admitted_at = excluded.admitted_at, held = false,
            digest = excluded.digest, withdrawn_by = excluded.withdrawn_by,
            reason = excluded.reason, code = excluded.code, detail = excluded.detail,
            round = excluded.round, again_at = excluded.again_at, messages = excluded.messages,
            address = CASE d.address WHEN '' THEN excluded.address ELSE d.address END,
            half_heard = CASE d.half_heard WHEN 'cause' THEN NULL ELSE d.half_heard END
        WHERE (d.half_heard = 'cause' AND d.round <= excluded.round)
           OR (d.round, d.ended_at) < (excluded.round, excluded.ended_at)
        """,
        [[getattr(each, column) for column in _OUTCOME] for each in outcomes],
    )


_OUTCOME = (
    "id",
    "ticket",
    "kind",
    "channel",
    "lane",
    "address",
    "state",
    "not_before",
    "attempts",
    "uncertain",
    "caused_at",
    "ended_at",
    "caused_by",
    "correlation",
    "traceparent",
    "admitted_at",
    "digest",
    "withdrawn_by",
    "reason",
    "code",
    "detail",
    "round",
    "again_at",
    "person",
    "messages",
    "half_heard",
)


async def complete(connection: Connection, planned: Sequence[Delivery]) -> None:
    """Of those whose outcome was heard before their cause, keep what the cause tells."""
    await connection.executemany(
        """
        UPDATE deliveries
        SET lane = $2, caused_at = $3, caused_by = $4, correlation = $5, traceparent = $6,
            facts = $7, clock = $8, cycle = $9, step = $10,
            address = CASE address WHEN '' THEN $11 ELSE address END, half_heard = NULL
        WHERE id = $1 AND half_heard = 'outcome'
        """,
        [
            [json.dumps(dict(d.facts)) if name == "facts" else getattr(d, name) for name in _CAUSE]
            for d in planned
        ],
    )


_CAUSE = (
    "id",
    "lane",
    "caused_at",
    "caused_by",
    "correlation",
    "traceparent",
    "facts",
    "clock",
    "cycle",
    "step",
    "address",
)


async def note_mailed(connection: Connection, tickets: Collection[UUID]) -> None:
    """Note which mail carried a message, whichever of both was heard first."""
    await connection.execute(
        """
        UPDATE messages AS m SET delivery = d.id
        FROM deliveries AS d
        WHERE m.ticket = ANY($1::uuid[]) AND m.delivery IS NULL
          AND d.ticket = m.ticket AND d.kind = 'reply' AND m.message = ANY(d.messages)
        """,
        list(tickets),
    )


async def keep_bounces(connection: Connection, bounced: Sequence[MailBounced]) -> None:
    """Keep which mails came back until it is known what was sent."""
    await connection.executemany(
        """
        INSERT INTO waiting_bounces (event, ticket, bounced_at, heard, person)
        VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (event) DO NOTHING
        """,
        [
            (
                event.id,
                UUID(event.subject),
                event.time,
                event.model_dump_json(),
                event.data.private and event.data.private.person,
            )
            for event in bounced
        ],
    )


async def take_bounces(connection: Connection, *, limit: int) -> list[MailBounced]:
    """Some of them, the earliest first; each once only."""
    rows = await connection.fetch(
        """
        WITH taken AS (
            DELETE FROM waiting_bounces WHERE event IN (
                SELECT event FROM waiting_bounces ORDER BY bounced_at, event LIMIT $1
            )
            RETURNING event, bounced_at, heard
        )
        SELECT heard FROM taken ORDER BY bounced_at, event
        """,
        limit,
    )
    heard = (events.read(row["heard"].encode()) for row in rows)
    return [event for event in heard if isinstance(event, MailBounced)]


async def lock_halves(connection: Connection, *, limit: int) -> list[Delivery]:
    """Some of which the cause was heard and no outcome; retractions after what they take back."""
    rows = await connection.fetch(
        """
        SELECT * FROM deliveries
        WHERE half_heard = 'cause'
        ORDER BY kind = 'breach_retraction', caused_at, id
        LIMIT $1
        FOR UPDATE
        """,
        limit,
    )
    return [delivery_of(row) for row in rows]


async def drop(connection: Connection, deliveries: Sequence[UUID]) -> None:
    """Take out what would never have been planned."""
    await connection.execute("DELETE FROM deliveries WHERE id = ANY($1::uuid[])", deliveries)


async def read_needed(connection: Connection, retractions: Sequence[UUID]) -> set[UUID]:
    """Which of these take back what may have arrived."""
    rows = await connection.fetch(
        """
        SELECT r.id FROM deliveries AS r JOIN deliveries AS a ON a.ticket = r.ticket
        WHERE r.id = ANY($1::uuid[]) AND a.kind = 'breach_alert' AND a.attempts > 0
          AND a.caused_by = (r.facts ->> 'breach')::uuid AND lower(a.address) = lower(r.address)
        """,
        retractions,
    )
    return {row["id"] for row in rows}


async def find_unmailed(connection: Connection, *, limit: int) -> list[UUID]:
    """Some tickets in which something stands that no mail has brought to the customer."""
    rows = await connection.fetch(
        """
        SELECT DISTINCT m.ticket FROM messages AS m JOIN tickets AS t USING (ticket)
        WHERE m.author_kind = 'agent' AND m.delivery IS NULL
          AND (m.text <> '' OR m.files <> '[]')
          AND t.address IS NOT NULL AND t.requester IS NOT NULL
        LIMIT $1
        """,
        limit,
    )
    return [row["ticket"] for row in rows]


async def mark_uncertain(connection: Connection, tickets: Collection[UUID]) -> None:
    """Replies that are planned may have been under way when the database was lost."""
    await connection.execute(
        """
        UPDATE deliveries SET uncertain = true
        WHERE ticket = ANY($1::uuid[]) AND kind = 'reply' AND state = 'planned' AND attempts = 0
        """,
        list(tickets),
    )


async def restore_requesters(connection: Connection) -> None:
    """Whoever we have written to lately is known by that, also where their ticket itself is not."""
    await connection.execute(
        """
        UPDATE tickets AS t
        SET requester = d.person, address = d.address, known_at = d.caused_at
        FROM (
            SELECT DISTINCT ON (ticket) ticket, person, address, caused_at FROM deliveries
            WHERE kind IN ('acknowledgement', 'reply') AND address <> ''
            ORDER BY ticket, caused_at DESC
        ) AS d
        WHERE t.ticket = d.ticket AND t.requester IS NULL
        """
    )
