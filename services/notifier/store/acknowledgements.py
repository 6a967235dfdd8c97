"""How many acknowledgements there were of late."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from shared.database import Connection


async def read_known_deliveries(connection: Connection, ids: Sequence[UUID]) -> set[UUID]:
    """Which of these are planned, or over, already."""
    rows = await connection.fetch("SELECT id FROM deliveries WHERE id = ANY($1::uuid[])", ids)
    return {row["id"] for row in rows}


async def lock_addresses(connection: Connection, addresses: Collection[str]) -> None:
    """Let no other replica count what goes to these addresses until we commit."""
    await connection.execute(
        """
        SELECT pg_advisory_xact_lock(key) FROM (
            SELECT DISTINCT hashtextextended('acknowledge ' || lower(address), 0) AS key
            FROM unnest($1::text[]) AS asked (address)
            ORDER BY key
            OFFSET 0
        ) AS in_order
        """,
        list(addresses),
    )


async def read_acknowledged(
    connection: Connection, addresses: Collection[str], *, since: datetime, until: datetime
) -> Mapping[str, Sequence[datetime]]:
    """By address, in lower case, of when its acknowledged tickets are."""
    rows = await connection.fetch(
        """
        SELECT lower(address) AS address, caused_at FROM deliveries
        WHERE lower(address) = ANY($1::text[]) AND caused_at BETWEEN $2 AND $3
          AND kind = 'acknowledgement' AND state <> 'suppressed'
        """,
        [address.lower() for address in addresses],
        since,
        until,
    )
    times: dict[str, list[datetime]] = defaultdict(list)
    for row in rows:
        times[row["address"]].append(row["caused_at"])
    return times


async def count_acknowledged(
    connection: Connection, domain_hours: Collection[tuple[str, datetime]], *, most: int
) -> dict[tuple[str, datetime], int]:
    """How many there are of each domain and hour; none is counted beyond `most`."""
    asked = list(domain_hours)
    rows = await connection.fetch(
        """
        SELECT asked.domain, asked.hour, counted.amount
        FROM unnest($1::text[], $2::timestamptz[]) AS asked (domain, hour)
        CROSS JOIN LATERAL (
            SELECT count(*) AS amount FROM (
                SELECT FROM deliveries
                WHERE lower(substring(address FROM '[^@]*$')) = asked.domain
                  AND caused_at >= asked.hour AND caused_at < asked.hour + $3
                  AND kind = 'acknowledgement' AND state <> 'suppressed'
                LIMIT $4
            ) AS such
        ) AS counted
        """,
        [domain for domain, _ in asked],
        [hour for _, hour in asked],
        timedelta(hours=1),
        most,
    )
    return {(row["domain"], row["hour"]): row["amount"] for row in rows}
