"""Mails whose thread is not open yet."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared import events
from shared.database import Connection
from shared.messages import MessageReceived


@dataclass(frozen=True, slots=True)
class Backlog:
    """Mails that are in no thread."""

    waiting: int
    refused: int
    waiting_since: datetime | None
    """When the oldest of them came in."""
    refused_since: datetime | None


async def add_waiting(connection: Connection, mails: Sequence[MessageReceived]) -> None:
    """Keep mails until their thread is open; one that is kept already stays as it is."""
    await connection.executemany(
        """
        INSERT INTO waiting_mails (message, ticket, received_at, event)
        VALUES ($1, $2, $3, $4)
        ON CONFLICT (message) DO NOTHING
        """,
        [(mail.data.message, UUID(mail.subject), mail.time, events.write(mail)) for mail in mails],
    )


async def list_waiting(
    connection: Connection, messages: Collection[UUID]
) -> dict[UUID, MessageReceived]:
    """Those of these mails that wait, as they were kept first."""
    rows = await connection.fetch(
        "SELECT message, event FROM waiting_mails WHERE message = ANY($1::uuid[])", messages
    )
    return {row["message"]: _mail(row["event"]) for row in rows}


async def list_awaited(connection: Connection, tickets: Collection[UUID]) -> set[UUID]:
    """Those of these tickets for which mails wait."""
    rows = await connection.fetch(
        """
        SELECT DISTINCT ticket FROM waiting_mails
        WHERE ticket = ANY($1::uuid[]) AND NOT refused
        """,
        tickets,
    )
    return {row["ticket"] for row in rows}


async def read_waiting(connection: Connection, ticket: UUID) -> MessageReceived | None:
    """Of the mails that wait for a thread the one that came in first, or None."""
    value = await connection.fetchval(
        """
        SELECT event FROM waiting_mails
        WHERE ticket = $1 AND NOT refused
        ORDER BY received_at, arrival
        LIMIT 1
        """,
        ticket,
    )
    return None if value is None else _mail(value)


async def end_waiting(connection: Connection, message: UUID) -> None:
    """A mail waits no longer: it is in its thread."""
    await connection.execute("DELETE FROM waiting_mails WHERE message = $1", message)


async def refuse_waiting(connection: Connection, message: UUID) -> None:
    """A mail is not for this thread, and stays where it is for somebody to look at."""
    await connection.execute("UPDATE waiting_mails SET refused = true WHERE message = $1", message)


async def measure_waiting(connection: Connection) -> Backlog:
    """How many mails wait for their thread, or were refused, and since when."""
    row = await connection.fetchrow(
        """
        SELECT count(*) FILTER (WHERE NOT refused) AS waiting,
            count(*) FILTER (WHERE refused) AS refused,
            min(received_at) FILTER (WHERE NOT refused) AS waiting_since,
            min(received_at) FILTER (WHERE refused) AS refused_since
        FROM waiting_mails
        """
    )
    assert row is not None  # noqa: S101 - an aggregate has one row
    return Backlog(**dict(row))


def _mail(value: bytes) -> MessageReceived:
    mail = events.read(value)
    assert isinstance(mail, MessageReceived)  # noqa: S101 - as add_waiting wrote it
    return mail
