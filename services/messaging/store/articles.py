"""Articles of the documentation."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.messaging.articles import Article
from shared.database import Connection

_LOCK = 0x0CA2E0D0
_MOST_RELATED = 3


@dataclass(frozen=True, slots=True)
class Shown:
    """An article as lists show it."""

    slug: str
    section: str
    title: str
    summary: str


@dataclass(frozen=True, slots=True)
class Kept:
    """An article as its page shows it."""

    slug: str
    section: str
    title: str
    summary: str
    source: str
    changed_at: datetime


async def replace_articles(
    connection: Connection, articles: Sequence[Article], now: datetime
) -> int:
    """Keep these articles and no others; says how many are new, different or gone."""
    # Replicas keep the same folder, one after the other: who comes second finds nothing to do.
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
    gone = await connection.fetch(
        "DELETE FROM articles WHERE slug <> ALL ($1::text[]) RETURNING slug",
        [article.slug for article in articles],
    )
    rows = await connection.fetch("SELECT slug, sha256 FROM articles")
    known = {row["slug"]: row["sha256"] for row in rows}
    other = [article for article in articles if known.get(article.slug) != article.sha256]
    await connection.executemany(_KEEP, [_row(article, now) for article in other])
    if gone or other:
        await _replace_words(connection, articles)
    return len(gone) + len(other)


_KEEP = """
    INSERT INTO articles (
        slug, section, title, summary, source, plain, keywords, position, sha256, changed_at, words
    )
    VALUES (
        $1, $2, $3, $4, $5, $6, $7, $8, $9, $10,
        -- Words as they bend, and as they stand.
        setweight(to_tsvector('english', $11), 'A') || setweight(to_tsvector('simple', $11), 'A')
            || setweight(to_tsvector('english', $12), 'B')
            || setweight(to_tsvector('simple', $12), 'B')
            || setweight(to_tsvector('english', $13), 'C')
            || setweight(to_tsvector('simple', $13), 'C')
            || setweight(to_tsvector('english', $14), 'D')
            || setweight(to_tsvector('simple', $14), 'D')
    )
    ON CONFLICT (slug) DO UPDATE SET
        section = excluded.section, title = excluded.title, summary = excluded.summary,
        source = excluded.source, plain = excluded.plain, keywords = excluded.keywords,
        position = excluded.position, sha256 = excluded.sha256,
        changed_at = excluded.changed_at, words = excluded.words
"""


def _row(article: Article, now: datetime) -> tuple[Any, ...]:
    plain = article.plain
    about = f"{article.summary}\n{plain.headings}"
    return (
        article.slug,
        article.section,
        article.title,
        article.summary,
        article.source,
        plain.text,
        list(article.keywords),
        article.position,
        article.sha256,
        now,
        *map(_without_tags, (article.title, " , ".join(article.keywords), about, plain.text)),
    )


def _without_tags(text: str) -> str:
    """For Postgres, which passes over all that stands in angle brackets."""
    return text.replace("<", " ").replace(">", " ")


async def _replace_words(connection: Connection, articles: Sequence[Article]) -> None:
    await connection.execute("DELETE FROM article_words")
    await connection.execute(
        """
        INSERT INTO article_words (word, articles)
        SELECT word, count(*) FROM unnest($1::text[]) AS word GROUP BY word
        """,
        [word for article in articles for word in article.words],
    )


async def list_articles(connection: Connection) -> list[Shown]:
    """All articles, as their sections show them."""
    rows = await connection.fetch(
        "SELECT slug, section, title, summary FROM articles ORDER BY position, title, slug"
    )
    return [Shown(**row) for row in rows]


async def read_article(connection: Connection, slug: str) -> Kept | None:
    """An article, or None if there is none under this name."""
    row = await connection.fetchrow(
        """
        SELECT slug, section, title, summary, source, changed_at FROM articles WHERE slug = $1
        """,
        slug,
    )
    return Kept(**row) if row else None


async def list_related(connection: Connection, slug: str) -> list[Shown]:
    """Articles whose titles, keywords and summaries have words of this one's, the nearest first."""
    rows = await connection.fetch(
        """
        WITH asked AS (
            SELECT string_agg(
                DISTINCT $3 || replace(replace(lexeme, $4, $4 || $4), $3, $3 || $3) || $3 || ':ABC',
                ' | '
            )::tsquery AS question
            FROM articles, to_tsvector('english', title || ' ' || array_to_string(keywords, ' '))
                AS own, unnest(own)
            WHERE slug = $1
        )
        SELECT slug, section, title, summary FROM articles, asked
        WHERE slug <> $1 AND words @@ question
        ORDER BY ts_rank('{0, 0.3, 0.6, 1}', words, question) DESC, slug
        LIMIT $2
        """,
        slug,
        _MOST_RELATED,
        "'",
        "\\",
    )
    return [Shown(**row) for row in rows]
