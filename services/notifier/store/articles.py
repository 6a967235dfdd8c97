"""Articles that a mail may name, and those that fit what somebody asks."""

from collections.abc import Sequence

from services.notifier.articles import CONFIGURATIONS, DEFAULT_LANGUAGE, MOST, Question, Shelf
from shared.database import Connection

_LOCK = 0x0CA2E0A2
LOWEST_RANK = 0.045
"""Of what fits: about one word in a title or among the keywords, for every dozen that are asked."""


async def replace_articles(connection: Connection, shelf: Shelf) -> bool:
    """Keep these articles and no others; says whether there were others before."""
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
    known = await connection.fetch("SELECT DISTINCT version FROM articles")
    wanted = [shelf.version] if shelf.articles else []
    if [row["version"] for row in known] == wanted:
        return False
    await connection.execute("DELETE FROM articles")
    await connection.executemany(
        """
        INSERT INTO articles (id, version, language, title, url, words)
        VALUES (
            $1, $2, $3, $4, $5,
            setweight(to_tsvector($8::text::regconfig, $4), 'A')
                || setweight(to_tsvector($8::text::regconfig, $6), 'B')
                || setweight(to_tsvector($8::text::regconfig, $7), 'D')
        )
        """,
        [
            (
                id_,
                shelf.version,
                article.language,
                article.title,
                article.url,
                " , ".join(article.keywords),
                article.summary,
                CONFIGURATIONS[article.language],
            )
            for id_, article in shelf.articles.items()
        ],
    )
    return True


async def find_articles(
    connection: Connection, questions: Sequence[Question]
) -> list[list[dict[str, str]]]:
    """For each question the titles and addresses of up to three articles, the best first.

    They are in the question's language, or in English where none there fits; none may fit at all.
    """
    found = await _find(connection, questions, [question.language for question in questions])
    if all(found):
        return found
    in_english = await _find(connection, questions, [DEFAULT_LANGUAGE] * len(questions))
    return [own or other for own, other in zip(found, in_english, strict=True)]


async def _find(
    connection: Connection, questions: Sequence[Question], languages: Sequence[str]
) -> list[list[dict[str, str]]]:
    rows = await connection.fetch(
        """
        SELECT asked.at, fitting.title, fitting.url
        FROM unnest($1::integer[], $2::text[], $3::text[], $4::text[])
            AS asked (at, words, language, configuration)
        CROSS JOIN LATERAL websearch_to_tsquery(asked.configuration::regconfig, asked.words)
            AS question
        CROSS JOIN LATERAL (
            SELECT title, url, ts_rank('{0.1, 0.2, 0.8, 1.0}', words, question) AS rank
            FROM articles
            WHERE language = asked.language AND words @@ question
              AND ts_rank('{0.1, 0.2, 0.8, 1.0}', words, question) >= $5
            ORDER BY rank DESC, id
            LIMIT $6
        ) AS fitting
        ORDER BY asked.at, fitting.rank DESC
        """,
        list(range(len(questions))),
        # This way of asking knows no wrong syntax, whatever the words are.
        [" or ".join(question.words) for question in questions],
        list(languages),
        [CONFIGURATIONS[language] for language in languages],
        LOWEST_RANK,
        MOST,
    )
    found: list[list[dict[str, str]]] = [[] for _ in questions]
    for row in rows:
        found[row["at"]].append({"title": row["title"], "url": row["url"]})
    return found
