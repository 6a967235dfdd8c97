"""Canned answers: what agents don't want to write every day."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from shared.database import Connection


@dataclass(frozen=True, slots=True)
class Canned:
    """An answer under a title."""

    id: UUID
    title: str
    text: str
    """May hold placeholders such as {name}."""
    changed_by: str
    changed_at: datetime


async def list_canned(connection: Connection, *, words: str = "", most: int = 500) -> list[Canned]:
    """Canned answers by title; with `words`, those that hold them."""
    rows = await connection.fetch(
        """
        SELECT id, title, text, changed_by, changed_at FROM canned_answers
        WHERE $1 = '' OR position(lower($1) IN lower(title || ' ' || text)) > 0
        ORDER BY lower(title) LIMIT $2
        """,
        words,
        most,
    )
    return [Canned(**dict(row)) for row in rows]


async def read_canned(connection: Connection, id_: UUID) -> Canned | None:
    """A canned answer, or None."""
    row = await connection.fetchrow(
        "SELECT id, title, text, changed_by, changed_at FROM canned_answers WHERE id = $1", id_
    )
    return None if row is None else Canned(**dict(row))


async def save_canned(connection: Connection, canned: Canned) -> bool:
    """Keep a canned answer as it is now; False if another one has its title."""
    try:
        async with connection.transaction():
            await connection.execute(
                """
                INSERT INTO canned_answers (id, title, text, changed_by, changed_at)
                VALUES ($1, $2, $3, $4, $5)
                ON CONFLICT (id) DO UPDATE
                SET title = excluded.title, text = excluded.text,
                    changed_by = excluded.changed_by, changed_at = excluded.changed_at
                """,
                canned.id,
                canned.title,
                canned.text,
                canned.changed_by,
                canned.changed_at,
            )
    except asyncpg.UniqueViolationError:
        return False
    return True


async def delete_canned(connection: Connection, id_: UUID) -> Canned | None:
    """Forget a canned answer; what it was, or None if there is none."""
    row = await connection.fetchrow(
        """
        DELETE FROM canned_answers WHERE id = $1
        RETURNING id, title, text, changed_by, changed_at
        """,
        id_,
    )
    return None if row is None else Canned(**dict(row))


async def count_canned(connection: Connection) -> int:
    """How many there are."""
    counted: int = await connection.fetchval("SELECT count(*) FROM canned_answers")
    return counted
