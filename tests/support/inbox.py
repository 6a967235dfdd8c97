"""messaging's own parts on a database: mails, files and tickets in, threads and events out."""

from dataclasses import dataclass, replace
from uuid import UUID

from services.messaging import changes, domain, handlers, store
from services.messaging.files import File
from shared import events
from shared.consumer import Heard
from shared.database import Connection, Database
from shared.events import Event, TicketStatus
from shared.identity import Caller
from tests.support import said


@dataclass(frozen=True)
class Shown:
    """A thread as it is kept, and what was said of it."""

    thread: domain.Thread
    messages: list[domain.Message]
    files: dict[UUID, list[File]]
    said: list[Event]

    @property
    def texts(self) -> list[str]:
        """What stands in it, in order."""
        return [message.text for message in self.messages]


async def hear(database: Database, *events: Event) -> None:
    """One batch."""
    async with database.transaction() as connection:
        await handlers.handle(connection, [Heard(event, 0) for event in events])


async def shown(database: Database, ticket: UUID) -> Shown:
    """A thread that is there; how often it was looked at anew is nothing that a page shows."""
    async with database.connection() as connection:
        thread = await store.read_thread(connection, ticket)
        assert thread is not None
        thread = replace(thread, revision=0)
        messages = await store.list_messages(connection, ticket, after=0, limit=500, notes=True)
        files = await store.list_attachments(connection, [message.id for message in messages])
        return Shown(thread, messages, dict(files), await _said(connection, ticket))


async def set_status(
    database: Database, ticket: UUID, status: TicketStatus, *, caller: Caller = said.AGENT
) -> changes.Change:
    """Somebody sets a ticket to another status."""
    async with database.transaction() as connection:
        thread = await store.lock_thread(connection, ticket)
        assert thread is not None
        by = said.actor(caller, thread)
        change = changes.set_status(thread, status, by, now=said.now())
        assert change is not None
        await store.update_status(connection, change.thread)
    return change


async def content(database: Database, file: UUID) -> bytes:
    """What is kept of a file."""
    async with database.connection() as connection:
        return b"".join([piece async for piece in store.read_parts(connection, file)])


async def count(database: Database, table: str) -> int:
    """How many rows a table has."""
    async with database.connection() as connection:
        return int(await connection.fetchval(f"SELECT count(*) FROM {table}"))  # noqa: S608 - names a table of ours


async def _said(connection: Connection, ticket: UUID) -> list[Event]:
    rows = await connection.fetch(
        "SELECT value FROM outbox WHERE key = $1 ORDER BY id", str(ticket)
    )
    found = [events.read(row["value"]) for row in rows]
    return [event for event in found if event is not None]
