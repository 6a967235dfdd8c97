"""Addresses that mail came back from, and those that are alive."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from shared.database import Connection

BOUNCE_COUNTS = timedelta(days=30)
"""After that we try again: mailboxes come back."""
SLACK = timedelta(minutes=1)
"""By how much a bounce may seem to be earlier than the mail that came back: clocks differ."""


async def mark_bounced(
    connection: Connection,
    address: str,
    at: datetime,
    *,
    person: str | None = None,
    status: str | None = None,
    detail: str | None = None,
) -> None:
    """Mail to an address came back for good, or was refused for good as no address.

    Args:
        connection: In a transaction.
        address: Which one, in any case.
        at: When; an earlier one than is known changes nothing.
        person: Whose address it is.
        status: RFC 3463's, such as `5.1.1`.
        detail: What the mail server said.
    """
    await connection.execute(
        """
        INSERT INTO bounces AS b (address, bounced_at, status, detail, person)
        VALUES (lower($1), $2, $3, $4, $5)
        ON CONFLICT (address) DO UPDATE
        SET bounced_at = excluded.bounced_at, status = excluded.status, detail = excluded.detail,
            person = coalesce(excluded.person, b.person)
        WHERE b.bounced_at IS NULL OR b.bounced_at < excluded.bounced_at
        """,
        address,
        at,
        status,
        detail,
        person,
    )


async def mark_alive(connection: Connection, wrote: Sequence[tuple[str, datetime, str]]) -> None:
    """Somebody wrote to us from these addresses: what bounced before counts no more.

    Args:
        connection: In a transaction.
        wrote: The address, when, and the pseudonym of who it is.
    """
    await connection.execute(
        """
        INSERT INTO bounces AS b (address, alive_at, person)
        SELECT lower(address), max(at), max(person)
        FROM unnest($1::text[], $2::timestamptz[], $3::text[]) AS new (address, at, person)
        GROUP BY lower(address)
        ORDER BY lower(address)
        ON CONFLICT (address) DO UPDATE
        SET alive_at = greatest(b.alive_at, excluded.alive_at),
            person = coalesce(excluded.person, b.person)
        """,
        [address for address, _, _ in wrote],
        [at for _, at, _ in wrote],
        [person for _, _, person in wrote],
    )


async def read_bounced(
    connection: Connection, addresses: Collection[str], *, now: datetime
) -> set[str]:
    """Which of these addresses bounced for good, in the last 30 days and since they last wrote."""
    rows = await connection.fetch(
        """
        SELECT asked.address
        FROM unnest($1::text[]) AS asked (address)
        JOIN bounces AS b ON b.address = lower(asked.address)
        WHERE b.bounced_at > $2 AND (b.alive_at IS NULL OR b.alive_at < b.bounced_at)
        """,
        list(addresses),
        now - BOUNCE_COUNTS,
    )
    return {row["address"] for row in rows}


async def mark_delivery_bounced(
    connection: Connection, ticket: UUID, delivery: UUID | None, address: str | None, at: datetime
) -> str | None:
    """Note that a mail came back, and return the address that it had gone to; None if unknown.

    It is the one that is named, else the newest that this address was sent about the ticket by
    then; an address that was forgotten since is unknown. So what somebody makes up about an address
    that we never wrote to counts for nothing.
    """
    found: str | None = await connection.fetchval(
        """
        UPDATE deliveries SET bounced_at = coalesce(bounced_at, $3)
        WHERE id = $1 AND channel = 'email' AND ticket = $2 AND attempts > 0 AND address <> ''
        RETURNING address
        """,
        delivery,
        ticket,
        at,
    )
    if found is not None or address is None:
        return found
    sent: str | None = await connection.fetchval(
        """
        UPDATE deliveries SET bounced_at = coalesce(bounced_at, $3)
        WHERE id = (
            SELECT id FROM deliveries
            WHERE ticket = $1 AND channel = 'email' AND lower(address) = lower($2)
              AND state = 'sent' AND ended_at <= $4
            ORDER BY ended_at DESC
            LIMIT 1
        )
        RETURNING address
        """,
        ticket,
        address,
        at,
        at + SLACK,
    )
    return sent
