"""How the ways out stand, and addresses that mail came back from."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.notifier.store.bounces import BOUNCE_COUNTS
from shared.database import Connection

LOOK_AT = 10_000
"""Deliveries of a lane that are looked at to tell how it stands."""
LATELY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Lane:
    """How a way out stands."""

    lane: str
    due: int = 0
    """Whose time has come, or that were tried before."""
    waiting: int = 0
    """Whose time is to come, and that were never tried."""
    sending: int = 0
    at_least: bool = False
    """There are more than were looked at."""
    oldest: datetime | None = None
    """Since when the oldest of those that are due or being sent is to go out."""
    failed: int = 0
    """Within the last hour."""


@dataclass(frozen=True, slots=True)
class Bounce:
    """An address that mail came back from for good, and that gets none for now."""

    address: str
    bounced_at: datetime
    status: str | None
    detail: str | None


async def busy_lanes(connection: Connection) -> set[str]:
    """The lanes that something is to go out on."""
    rows = await connection.fetch(
        """
        WITH RECURSIVE lanes AS (
            SELECT min(lane) AS lane FROM deliveries
            WHERE state IN ('planned', 'sending') AND digest IS NULL AND NOT held
            UNION ALL
            SELECT (
                SELECT min(d.lane) FROM deliveries AS d
                WHERE state IN ('planned', 'sending') AND digest IS NULL AND NOT held
                  AND d.lane > lanes.lane
            )
            FROM lanes WHERE lanes.lane IS NOT NULL
        )
        SELECT lane FROM lanes WHERE lane IS NOT NULL
        """
    )
    return {row["lane"] for row in rows}


async def count_failed(connection: Connection, *, now: datetime) -> dict[str, int]:
    """By lane, how many failed within the last hour; of the first ten thousand."""
    rows = await connection.fetch(
        """
        SELECT lane, count(*) AS number FROM (
            SELECT lane FROM deliveries WHERE state = 'failed' AND ended_at > $1
            ORDER BY ended_at DESC
            LIMIT $2
        ) AS lately
        GROUP BY lane
        """,
        now - LATELY,
        LOOK_AT,
    )
    return {row["lane"]: row["number"] for row in rows}


async def read_lanes(
    connection: Connection, lanes: Sequence[str], *, now: datetime
) -> dict[str, Lane]:
    """How these lanes stand."""
    rows = await connection.fetch(
        """
        SELECT lanes.lane,
            count(*) FILTER (WHERE state = 'planned' AND is_due) AS due,
            count(*) FILTER (WHERE state = 'planned' AND NOT is_due) AS waiting,
            count(*) FILTER (WHERE state = 'sending') AS sending,
            count(*) > $3 AS at_least,
            min(since) FILTER (WHERE state = 'sending' OR is_due) AS oldest
        FROM unnest($1::text[]) AS lanes (lane)
        CROSS JOIN LATERAL (
            SELECT state, coalesce(again_at, caused_at) AS since,
                not_before <= $2 OR attempts > tried_before AS is_due
            FROM deliveries
            WHERE deliveries.lane = lanes.lane
              AND state IN ('planned', 'sending') AND digest IS NULL AND NOT held
            ORDER BY not_before
            LIMIT $3 + 1
        ) AS pending
        GROUP BY lanes.lane
        """,
        lanes,
        now,
        LOOK_AT,
    )
    return {row["lane"]: Lane(**dict(row)) for row in rows}


async def list_bounces(
    connection: Connection,
    *,
    now: datetime,
    address: str | None,
    before: tuple[datetime, str] | None,
    limit: int,
) -> list[Bounce]:
    """Addresses that get no mail for now, the last that bounced first."""
    rows = await connection.fetch(
        """
        SELECT address, bounced_at, status, detail FROM bounces
        WHERE bounced_at > $1 AND (alive_at IS NULL OR alive_at < bounced_at)
          AND ($2::text IS NULL OR address = lower($2))
          AND ($3::timestamptz IS NULL OR (bounced_at, address) < ($3, $4::text))
        ORDER BY bounced_at DESC, address DESC
        LIMIT $5
        """,
        now - BOUNCE_COUNTS,
        address,
        before and before[0],
        before and before[1],
        limit,
    )
    return [Bounce(**dict(row)) for row in rows]


async def clear_bounce(connection: Connection, address: str, *, now: datetime) -> bool:
    """Mail this address again; what bounced until now counts no more, even if heard again.

    Returns whether it was marked.
    """
    row = await connection.fetchrow(
        """
        UPDATE bounces SET alive_at = greatest($2, bounced_at)
        WHERE address = lower($1)
          AND bounced_at > $3 AND (alive_at IS NULL OR alive_at < bounced_at)
        RETURNING 1
        """,
        address,
        now,
        now - BOUNCE_COUNTS,
    )
    return row is not None
