"""SQL of links that open one ticket without signing in."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from shared.database import Connection


@dataclass(frozen=True, slots=True)
class LinkRow:
    """A link, as the stream tells it."""

    sha256: str
    ticket: UUID
    origin: Literal["form", "mail"]
    made_at: datetime
    expires_at: datetime


async def keep_links(connection: Connection, rows: Sequence[LinkRow]) -> None:
    """Remember links; one that is known already stays as it is, revoked or not."""
    await connection.execute(
        """
        INSERT INTO links (sha256, ticket, origin, made_at, expires_at)
        SELECT * FROM unnest(
            $1::text[], $2::uuid[], $3::text[], $4::timestamptz[], $5::timestamptz[])
        ON CONFLICT (sha256) DO NOTHING
        """,
        [row.sha256 for row in rows],
        [row.ticket for row in rows],
        [row.origin for row in rows],
        [row.made_at for row in rows],
        [row.expires_at for row in rows],
    )


@dataclass(frozen=True, slots=True)
class KnownLink:
    """A link that was told of."""

    ticket: UUID
    expires_at: datetime
    revoked_at: datetime | None

    def holds(self, now: datetime) -> bool:
        """Whether it opens its ticket."""
        return self.revoked_at is None and now < self.expires_at


async def read_link(connection: Connection, sha256: str) -> KnownLink | None:
    """A link, whether it holds or not; None where none was told of, or it was forgotten."""
    row = await connection.fetchrow(
        "SELECT ticket, expires_at, revoked_at FROM links WHERE sha256 = $1", sha256
    )
    return KnownLink(**row) if row else None


async def list_linked(
    connection: Connection, hashes: Collection[str], *, now: datetime
) -> dict[UUID, bool]:
    """The tickets of those links that hold, and whether one of them came by mail."""
    rows = await connection.fetch(
        """
        SELECT ticket, bool_or(origin = 'mail') AS is_mailed FROM links
        WHERE sha256 = ANY ($1::text[]) AND expires_at > $2 AND revoked_at IS NULL
        GROUP BY ticket
        """,
        list(hashes),
        now,
    )
    return {row["ticket"]: row["is_mailed"] for row in rows}


async def count_links(connection: Connection, ticket: UUID, *, now: datetime) -> int:
    """How many links open a ticket now."""
    return int(
        await connection.fetchval(
            """
            SELECT count(*) FROM links
            WHERE ticket = $1 AND expires_at > $2 AND revoked_at IS NULL
            """,
            ticket,
            now,
        )
    )


async def revoke_links(connection: Connection, ticket: UUID, *, now: datetime) -> list[str]:
    """Let no link that is known by now open a ticket any longer; the hashes of those that did."""
    rows = await connection.fetch(
        """
        UPDATE links SET revoked_at = $2
        WHERE ticket = $1 AND revoked_at IS NULL AND expires_at > $2 RETURNING sha256
        """,
        ticket,
        now,
    )
    return [row["sha256"] for row in rows]


async def delete_expired(connection: Connection, *, before: datetime) -> int:
    """Delete links that expired before then; how many there were."""
    rows = await connection.fetch("DELETE FROM links WHERE expires_at <= $1 RETURNING 1", before)
    return len(rows)
