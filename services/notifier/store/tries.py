"""What each try of a delivery came to, and what was handed over at the last."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from services.notifier.deliveries import Content, Delivery
from shared.database import Connection

Came = Literal["accepted", "refused", "lost"]
"""What a try came to."""


async def begin_tries(connection: Connection, claimed: Sequence[Delivery], *, at: datetime) -> None:
    """A sender has taken these."""
    await connection.execute(
        """
        INSERT INTO tries (delivery, attempt, began_at, outcome)
        SELECT delivery, attempt, $3, 'under_way'
        FROM unnest($1::uuid[], $2::integer[]) AS new (delivery, attempt)
        ON CONFLICT (delivery, attempt) DO NOTHING
        """,
        [each.id for each in claimed],
        [each.attempts for each in claimed],
        at,
    )


async def end_try(
    connection: Connection,
    tried: Delivery,
    came_to: Came,
    *,
    code: int | None,
    detail: str | None,
    at: datetime,
) -> None:
    """The try of a delivery that was claimed is over, as its attempts count it."""
    await connection.execute(
        """
        UPDATE tries SET ended_at = $3, outcome = $4, code = $5, detail = $6
        WHERE delivery = $1 AND attempt = $2
        """,
        tried.id,
        tried.attempts,
        at,
        came_to,
        code,
        detail,
    )


async def keep_content(connection: Connection, tried: Delivery, content: Content) -> None:
    """Keep what was handed over, in place of what was before."""
    await connection.execute(
        """
        INSERT INTO contents (delivery, body, media_type) VALUES ($1, $2, $3)
        ON CONFLICT (delivery) DO UPDATE
        SET body = excluded.body, media_type = excluded.media_type
        """,
        tried.id,
        content.body,
        content.media_type,
    )
