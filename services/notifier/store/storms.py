"""Alerts whose time has come: let go by themselves, or put into digests."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

from services.notifier.deliveries import Delivery
from services.notifier.store.alerts import add_alerts
from services.notifier.store.deliveries import delivery_of
from services.notifier.storms import Lately
from shared.database import Connection


async def read_due(connection: Connection, *, now: datetime, limit: int) -> dict[str, list[UUID]]:
    """Held alerts whose time has come, by recipient: the earliest first."""
    rows = await connection.fetch(
        """
        SELECT lower(address) AS recipient, id FROM deliveries
        WHERE held AND state = 'planned' AND not_before <= $1
        ORDER BY not_before, caused_at, id
        LIMIT $2
        """,
        now,
        limit,
    )
    due: dict[str, list[UUID]] = defaultdict(list)
    for row in rows:
        due[row["recipient"]].append(row["id"])
    return due


async def read_lately(
    connection: Connection, recipients: Collection[str], *, since: datetime
) -> dict[str, Lately]:
    """What these recipients had since some instant; nothing of what was held back after all."""
    rows = await connection.fetch(
        """
        SELECT lower(address) AS recipient,
            array_agg(admitted_at) FILTER (WHERE kind <> 'digest') AS alone,
            count(*) FILTER (WHERE kind = 'digest') AS digests
        FROM deliveries
        WHERE lower(address) = ANY($1::text[]) AND admitted_at > $2 AND state <> 'suppressed'
        GROUP BY lower(address)
        """,
        list(recipients),
        since,
    )
    return {row["recipient"]: Lately(row["alone"] or (), row["digests"]) for row in rows}


async def lock_open_digests(connection: Connection, recipients: Collection[str]) -> dict[str, UUID]:
    """The digest of each recipient that still takes alerts: no sender has had it yet.

    Senders leave the recipient's row alone: who holds a digest must wait for nobody who plans.
    """
    rows = await connection.fetch(
        """
        SELECT r.address, d.id
        FROM recipients AS r
        JOIN deliveries AS d ON d.id = r.open_digest
        WHERE r.address = ANY($1::text[]) AND d.state = 'planned' AND d.attempts = 0
        ORDER BY d.id
        FOR NO KEY UPDATE OF d
        """,
        list(recipients),
    )
    return {row["address"]: row["id"] for row in rows}


async def read_alerts(connection: Connection, alerts: Collection[UUID]) -> dict[UUID, Delivery]:
    """These alerts."""
    rows = await connection.fetch(
        "SELECT * FROM deliveries WHERE id = ANY($1::uuid[])", list(alerts)
    )
    return {row["id"]: delivery_of(row) for row in rows}


async def add_digests(connection: Connection, digests: Mapping[str, Delivery]) -> None:
    """Open a digest for each of these recipients."""
    await add_alerts(connection, list(digests.values()))
    await connection.execute(
        """
        INSERT INTO recipients (address, open_digest)
        SELECT * FROM unnest($1::text[], $2::uuid[])
        ON CONFLICT (address) DO UPDATE SET open_digest = excluded.open_digest
        """,
        list(digests),
        [digest.id for digest in digests.values()],
    )


async def let_go(
    connection: Connection, alerts: Mapping[UUID, UUID | None], *, now: datetime
) -> None:
    """Hold alerts no longer: each goes by itself, or in the digest that is named beside it."""
    await connection.execute(
        """
        UPDATE deliveries AS d
        SET held = false, digest = new.digest,
            admitted_at = CASE WHEN new.digest IS NULL THEN $3::timestamptz END
        FROM unnest($1::uuid[], $2::uuid[]) AS new (id, digest)
        WHERE d.id = new.id
        """,
        list(alerts),
        list(alerts.values()),
        now,
    )
