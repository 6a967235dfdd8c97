"""Sending again: what may be, and beginning it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from services.notifier.alerting import STORMY
from services.notifier.deliveries import ALERTS, Delivery
from services.notifier.register.again import HOPELESS, Standing
from services.notifier.register.listing import Batch
from services.notifier.store.deliveries import delivery_of
from services.notifier.store.shown import find_tickets, fitting
from shared.database import Connection


async def read_standings(
    connection: Connection, deliveries: Sequence[UUID]
) -> Mapping[UUID, Standing]:
    """What counts for sending these again, beside themselves."""
    rows = await connection.fetch(
        """
        SELECT d.id, o.reason AS outdated,
            d.kind = 'digest' AND NOT EXISTS (
                SELECT FROM deliveries AS c JOIN outdated AS oc ON oc.delivery = c.id
                WHERE c.digest = d.id AND c.state IN ('sent', 'failed') AND oc.reason IS NULL
            ) AS empty
        FROM deliveries AS d JOIN outdated AS o ON o.delivery = d.id
        WHERE d.id = ANY($1::uuid[])
        """,
        deliveries,
    )
    return {row["id"]: Standing(row["outdated"], row["empty"]) for row in rows}


async def lock_delivery(connection: Connection, delivery: UUID) -> Delivery | None:
    """A delivery as it stands, and stays until the transaction ends."""
    row = await connection.fetchrow(
        "SELECT * FROM deliveries WHERE id = $1 FOR NO KEY UPDATE", delivery
    )
    return None if row is None else delivery_of(row)


async def lock_batch(connection: Connection, asked: Batch) -> list[Delivery]:
    """What may be sent again of what is asked for, the first that ended first; one over the limit.

    What a digest carried is left to its digest, and what somebody is at work on to them.
    """
    tickets = None if asked.ticket is None else await find_tickets(connection, asked.ticket)
    rows = await connection.fetch(
        """
        SELECT d.* FROM deliveries AS d JOIN outdated AS o ON o.delivery = d.id
        WHERE d.state = ANY($1::text[]) AND d.digest IS NULL AND o.reason IS NULL
          AND NOT (d.state = 'suppressed' AND d.reason = ANY($2::text[]))
          AND ($3::text[] IS NULL OR d.kind = ANY($3::text[]))
          AND ($4::text[] IS NULL OR d.channel = ANY($4::text[]))
          AND ($5::text[] IS NULL OR d.lane = ANY($5::text[]))
          AND ($6::text[] IS NULL OR d.reason = ANY($6::text[]))
          AND ($7::uuid[] IS NULL OR d.ticket = ANY($7::uuid[]))
          AND ($8::text IS NULL OR lower(d.address) = lower($8))
          AND ($9::timestamptz IS NULL OR d.ended_at >= $9)
          AND NOT (d.kind = 'digest' AND NOT EXISTS (
              SELECT FROM deliveries AS c JOIN outdated AS oc ON oc.delivery = c.id
              WHERE c.digest = d.id AND c.state IN ('sent', 'failed') AND oc.reason IS NULL
          ))
        ORDER BY d.ended_at, d.id
        LIMIT $10
        FOR NO KEY UPDATE OF d SKIP LOCKED
        """,
        list(asked.state),
        list(HOPELESS),
        *fitting(asked),
        tickets,
        asked.address,
        asked.since,
        asked.limit + 1,
    )
    return [delivery_of(row) for row in rows]


async def begin_again(
    connection: Connection, deliveries: Sequence[UUID], *, by: str, now: datetime, in_turn: bool
) -> None:
    """Plan deliveries anew that this transaction has locked.

    Args:
        connection: In a transaction.
        deliveries: Which ones.
        by: Who wants it.
        now: From when everything counts anew.
        in_turn: Alerts pass storm control as new ones do, where people read them.
    """
    await connection.execute(
        """
        UPDATE deliveries
        SET state = 'planned', not_before = $2, ended_at = NULL, reason = NULL,
            withdrawn_by = NULL, withdrawn_during = NULL, first_tried_at = NULL,
            bounced_at = NULL,
            round = round + 1, again_at = $2, again_by = $3, tried_before = attempts,
            held = $4 AND kind = ANY($5::text[]) AND channel = ANY($6::text[])
        WHERE id = ANY($1::uuid[])
        """,
        deliveries,
        now,
        by,
        in_turn,
        list(ALERTS),
        list(STORMY),
    )


async def begin_carried_again(
    connection: Connection, digests: Sequence[UUID], *, by: str, now: datetime
) -> int:
    """What digests carried goes with them again; returns how many that are.

    What does not hold any more does not.
    """
    counted: int = await connection.fetchval(
        """
        WITH begun AS (
            UPDATE deliveries
            SET state = 'planned', not_before = $2, ended_at = NULL, reason = NULL,
                withdrawn_by = NULL, withdrawn_during = NULL, bounced_at = NULL,
                round = round + 1, again_at = $2, again_by = $3, tried_before = attempts
            WHERE id IN (
                SELECT d.id FROM deliveries AS d JOIN outdated AS o ON o.delivery = d.id
                WHERE d.digest = ANY($1::uuid[]) AND d.state IN ('sent', 'failed')
                  AND o.reason IS NULL
                ORDER BY d.id
                FOR NO KEY UPDATE OF d
            )
            RETURNING 1
        )
        SELECT count(*) FROM begun
        """,
        digests,
        now,
        by,
    )
    return counted
