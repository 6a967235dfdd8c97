"""Finding articles of the documentation."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from services.messaging.questions import Question, nearest
from shared.database import Connection

_BEGIN, _END = "\x01", "\x02"
"""Around what was found. No article holds these: a file with control characters is refused."""
_BRACKETS = "\x03\x04"
"""Stand for angle brackets meanwhile."""
_CANDIDATES = 10

Marked = tuple[tuple[str, bool], ...]
"""A text in pieces, each with whether it is what was looked for."""


@dataclass(frozen=True, slots=True)
class Hit:
    """An article that was found."""

    slug: str
    section: str
    title: str
    summary: str
    marked_title: Marked
    headline: Marked
    """Where the words stand in it; its summary if they stand in no sentence of it."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a question found."""

    hits: Sequence[Hit] = ()
    total: int = 0
    asked: str = ""
    """What was looked for in the end."""
    corrected: str | None = None
    """The question as it may have been meant, if that is another one."""
    loosely: bool = False
    """Nothing has all the words: these have some."""

    @property
    def is_corrected(self) -> bool:
        """Whether something else was looked for than was asked."""
        return self.corrected is not None and self.asked == self.corrected


async def search_articles(
    connection: Connection, question: Question, *, limit: int, offset: int = 0
) -> Found:
    """Articles with all words of a question, the best first.

    If there is none: those with all words as they may have been meant; else those with some.
    """
    asked = await _all_words(connection, question)
    found = await _find(connection, asked, limit, offset)
    meant = await _corrected(connection, question)
    text = meant.text if meant else None
    if found.total:
        return Found(found.hits, found.total, question.text, text)
    if meant is not None:
        asked = await _all_words(connection, meant)
        found = await _find(connection, asked, limit, offset)
        if found.total:
            return Found(found.hits, found.total, meant.text, text)
    last = meant or question
    found = await _find(connection, await _some_words(connection, last), limit, offset)
    return Found(found.hits, found.total, last.text, text, loosely=True)


async def _all_words(connection: Connection, question: Question) -> str:
    """As `tsquery`: words as they bend and as they stand, the last one perhaps only begun."""
    # This way of asking knows no wrong syntax, whatever is asked; a beginning is letters alone.
    asked: str = await connection.fetchval(
        """
        SELECT websearch_to_tsquery('english', $1) || websearch_to_tsquery('simple', $1)
            || CASE WHEN $3 = '' THEN ''::tsquery
                ELSE websearch_to_tsquery('english', $2)
                    && to_tsquery('simple', quote_literal($3) || ':*')
            END
        """,
        question.text,
        question.before,
        question.beginning,
    )
    return asked


async def _some_words(connection: Connection, question: Question) -> str:
    """As `tsquery`: any of the words, in a title, a summary, a heading or among keywords."""
    asked: str = await connection.fetchval(
        """
        SELECT coalesce(string_agg(DISTINCT quote_literal(lexeme) || ':ABC', ' | '), '')::tsquery
        FROM unnest(to_tsvector('english', $1))
        """,
        " ".join(question.words),
    )
    return asked


async def _find(connection: Connection, asked: str, limit: int, offset: int) -> Found:
    rows = await connection.fetch(
        """
        WITH hits AS (
            SELECT slug, section, title, summary, question, count(*) OVER () AS total,
                -- What stands in angle brackets would be left out of headlines.
                translate(title, '<>', $6) AS said_title, translate(plain, '<>', $6) AS said,
                ts_rank_cd('{0.01, 0.15, 0.5, 1}', words, question) AS rank, position
            FROM articles, CAST($1 AS tsquery) AS question
            WHERE words @@ question
            ORDER BY rank DESC, position, slug
            LIMIT $2 OFFSET $3
        )
        SELECT slug, section, title, summary, total,
            ts_headline('english', said_title, question, $4) AS bent_title,
            ts_headline('simple', said_title, question, $4) AS exact_title,
            ts_headline('english', said, question, $5) AS bent,
            ts_headline('simple', said, question, $5) AS exact
        FROM hits
        ORDER BY rank DESC, position, slug
        """,
        asked,
        limit,
        offset,
        f'HighlightAll=true, StartSel="{_BEGIN}", StopSel="{_END}"',
        f'MaxFragments=2, MaxWords=24, MinWords=10, FragmentDelimiter=" … ", '
        f'StartSel="{_BEGIN}", StopSel="{_END}"',
        _BRACKETS,
    )
    hits = [_hit(dict(row)) for row in rows]
    return Found(hits, rows[0]["total"] if rows else 0)


def _hit(row: dict[str, Any]) -> Hit:
    title = _first_marked(row["bent_title"], row["exact_title"]) or row["title"]
    quoted = _first_marked(row["bent"], row["exact"])
    headline = f"… {quoted} …" if quoted else row["summary"]
    return Hit(
        row["slug"], row["section"], row["title"], row["summary"], _mark(title), _mark(headline)
    )


def _first_marked(*texts: str) -> str | None:
    return next((text for text in texts if _BEGIN in text), None)


def _mark(text: str) -> Marked:
    text = text.translate(str.maketrans(_BRACKETS, "<>"))
    pieces: list[tuple[str, bool]] = []
    for at, piece in enumerate(text.split(_BEGIN)):
        hit, end, rest = piece.partition(_END)
        pieces += [(hit, True), (rest, False)] if at and end else [(piece, False)]
    return tuple(piece for piece in pieces if piece[0])


async def _corrected(connection: Connection, question: Question) -> Question | None:
    """The question as it may have been meant; None if all its words are known, or like no other."""
    unknown = await connection.fetch(
        """
        SELECT asked.word, array(
            SELECT known.word FROM article_words AS known
            WHERE known.word % asked.word
            ORDER BY similarity(known.word, asked.word) DESC, known.articles DESC, known.word
            LIMIT $2
        ) AS candidates
        FROM unnest($1::text[]) AS asked (word)
        WHERE NOT EXISTS (
            SELECT FROM articles
            WHERE words @@ (
                to_tsquery('simple', quote_literal(asked.word) || ':*')
                || plainto_tsquery('english', asked.word)
            )
        )
        """,
        list(question.doubtful),
        _CANDIDATES,
    )
    meant = {row["word"]: nearest(row["word"], row["candidates"]) for row in unknown}
    corrections = {word: other for word, other in meant.items() if other is not None}
    return question.corrected(corrections) if corrections else None
