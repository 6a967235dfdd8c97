"""Views of the inbox that people kept under a name: their own, and what others share."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from shared.database import Connection


@dataclass(frozen=True, slots=True)
class View:
    """A view of the inbox under a name."""

    id: UUID
    owner: str
    shared: bool
    name: str
    query: str
    """As it stands in the address of the inbox."""
    is_default: bool = False
    """Whether whoever asks begins with it."""


async def list_views(connection: Connection, owner: str, *, most: int = 200) -> list[View]:
    """Somebody's own views, then those that others share, by name."""
    rows = await connection.fetch(
        """
        SELECT v.id, v.owner, v.shared, v.name, v.query, d.view IS NOT NULL AS is_default
        FROM saved_views AS v
        LEFT JOIN default_views AS d ON d.view = v.id AND d.owner = $1
        WHERE v.owner = $1 OR v.shared
        ORDER BY (v.owner = $1) DESC, lower(v.name), v.id
        LIMIT $2
        """,
        owner,
        most,
    )
    return [View(**dict(row)) for row in rows]


async def read_view(connection: Connection, id_: UUID, owner: str) -> View | None:
    """A view that this person may see, or None."""
    row = await connection.fetchrow(
        """
        SELECT v.id, v.owner, v.shared, v.name, v.query, d.view IS NOT NULL AS is_default
        FROM saved_views AS v
        LEFT JOIN default_views AS d ON d.view = v.id AND d.owner = $2
        WHERE v.id = $1 AND (v.owner = $2 OR v.shared)
        """,
        id_,
        owner,
    )
    return None if row is None else View(**dict(row))


async def read_default(connection: Connection, owner: str) -> View | None:
    """The view that somebody begins with, or None."""
    row = await connection.fetchrow(
        """
        SELECT v.id, v.owner, v.shared, v.name, v.query, true AS is_default
        FROM default_views AS d JOIN saved_views AS v ON v.id = d.view
        WHERE d.owner = $1 AND (v.owner = $1 OR v.shared)
        """,
        owner,
    )
    return None if row is None else View(**dict(row))


async def count_views(connection: Connection, owner: str) -> int:
    """How many somebody has."""
    counted: int = await connection.fetchval(
        "SELECT count(*) FROM saved_views WHERE owner = $1", owner
    )
    return counted


async def save_view(connection: Connection, view: View, *, now: datetime) -> bool:
    """Keep a view of its owner's as it is now; False if another one of theirs has its name."""
    try:
        async with connection.transaction():
            await connection.execute(
                """
                INSERT INTO saved_views AS v (id, owner, shared, name, query, saved_at)
                VALUES ($1, $2, $3, $4, $5, $6)
                ON CONFLICT (id) DO UPDATE
                SET shared = excluded.shared, name = excluded.name, query = excluded.query,
                    saved_at = excluded.saved_at
                WHERE v.owner = excluded.owner
                """,
                view.id,
                view.owner,
                view.shared,
                view.name,
                view.query,
                now,
            )
    except asyncpg.UniqueViolationError:
        return False
    return True


async def delete_view(connection: Connection, id_: UUID, owner: str) -> View | None:
    """Forget a view of its owner's; what it was, or None if it isn't theirs."""
    row = await connection.fetchrow(
        """
        DELETE FROM saved_views WHERE id = $1 AND owner = $2
        RETURNING id, owner, shared, name, query
        """,
        id_,
        owner,
    )
    return None if row is None else View(**dict(row))


async def set_default(connection: Connection, owner: str, view: UUID | None) -> None:
    """Begin with a view, or with everything."""
    await connection.execute("DELETE FROM default_views WHERE owner = $1", owner)
    if view is not None:
        await connection.execute(
            "INSERT INTO default_views (owner, view) VALUES ($1, $2)", owner, view
        )
