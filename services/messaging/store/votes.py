"""Whether articles helped."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.database import Connection


@dataclass(frozen=True, slots=True)
class Voices:
    """What readers said of an article."""

    helped: int = 0
    not_helped: int = 0

    @property
    def all(self) -> int:
        """How many said anything."""
        return self.helped + self.not_helped


async def keep_vote(
    connection: Connection, slug: str, voter: str, now: datetime, *, helped: bool
) -> None:
    """Keep what a reader says of an article: once, however often and whatever they said before."""
    await connection.execute(
        """
        INSERT INTO article_votes (slug, voter, helped, voted_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT (slug, voter) DO UPDATE
        SET helped = excluded.helped, voted_at = excluded.voted_at
        WHERE article_votes.helped <> excluded.helped
        """,
        slug,
        voter,
        helped,
        now,
    )


async def count_votes_lately(connection: Connection, slug: str, since: datetime) -> int:
    """How many readers spoke of an article since then."""
    found: int = await connection.fetchval(
        "SELECT count(*) FROM article_votes WHERE slug = $1 AND voted_at > $2", slug, since
    )
    return found


async def read_vote(connection: Connection, slug: str, voter: str) -> bool | None:
    """What a reader said of an article, if anything."""
    found: bool | None = await connection.fetchval(
        "SELECT helped FROM article_votes WHERE slug = $1 AND voter = $2", slug, voter
    )
    return found


async def count_votes(connection: Connection, slugs: Sequence[str]) -> dict[str, Voices]:
    """What readers said of each of these articles."""
    rows = await connection.fetch(
        """
        SELECT slug, count(*) FILTER (WHERE helped) AS helped,
            count(*) FILTER (WHERE NOT helped) AS not_helped
        FROM article_votes WHERE slug = ANY ($1::text[]) GROUP BY slug
        """,
        list(slugs),
    )
    found = {row["slug"]: Voices(row["helped"], row["not_helped"]) for row in rows}
    return {slug: found.get(slug, Voices()) for slug in slugs}
