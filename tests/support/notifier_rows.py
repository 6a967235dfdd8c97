"""notifier's handler on a real database: what it is told, and what it keeps."""

from datetime import datetime, timedelta
from pathlib import Path

import asyncpg

from services.notifier import handlers
from services.notifier.handlers import Rules
from shared import events
from shared.consumer import Heard
from shared.database import Database
from shared.events import Event, TicketCreated
from tests.support import said

MIGRATIONS = Path(__file__).parents[2] / "services" / "notifier" / "migrations"
RULES = Rules(patience=timedelta(0))


async def hear(
    database: Database,
    *heard: Event,
    rules: Rules = RULES,
    now: datetime | None = None,
    rebuilding: bool = False,
) -> None:
    """One batch, in a transaction of its own."""
    handle = handlers.handle_with(lambda: said.CATALOGUE, lambda: now or said.now(), rules=rules)
    async with database.transaction() as connection:
        await handle(connection, [Heard(event, 0, rebuilding) for event in heard])


async def query(database: Database, sql: str, *values: object) -> list[asyncpg.Record]:
    """Rows of its database."""
    async with database.connection() as connection:
        return await connection.fetch(sql, *values)


async def deliveries(database: Database, kind: str) -> list[asyncpg.Record]:
    """Those of a kind, by when they were caused."""
    sql = "SELECT * FROM deliveries WHERE kind = $1 ORDER BY caused_at, id"
    return await query(database, sql, kind)


async def ticket(database: Database, created: TicketCreated) -> asyncpg.Record:
    """What is kept of a ticket."""
    sql = "SELECT * FROM tickets WHERE ticket = $1"
    (row,) = await query(database, sql, said.ticket_of(created))
    return row


async def texts(database: Database) -> dict[str, list[str]]:
    """By delivery, what agents wrote that it carries, in order; "" for what nothing carries."""
    rows = await query(
        database,
        """
        SELECT coalesce(delivery::text, '') AS delivery, text FROM messages
        WHERE author_kind = 'agent' ORDER BY sequence
        """,
    )
    carried: dict[str, list[str]] = {}
    for row in rows:
        carried.setdefault(row["delivery"], []).append(row["text"])
    return carried


async def outbox(database: Database) -> list[Event]:
    """What is to be said, in order."""
    rows = await query(database, "SELECT value FROM outbox ORDER BY id")
    return [event for row in rows if (event := events.read(row["value"]))]
