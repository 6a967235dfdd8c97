"""A backup of sla's database: what was said since is learnt, what is owed is said, once."""

from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from services.sla import rebuilding
from services.sla.catalogues import Book
from services.sla.handlers import Rules, handle_with
from shared import events
from shared.catalogue_file import CatalogueFile
from shared.consumer import Heard
from shared.database import Database
from shared.deadlines import DeadlineMet, DeadlineScheduled
from shared.events import Event, TicketSlotted
from tests.support import said
from tests.support.desk import CATALOGUE
from tests.support.said_handling import plan_change_requested

MIGRATIONS = Path(__file__).parents[3] / "services" / "sla" / "migrations"
CREATED, LATER = (said.ticket_created(key, account="an-account") for key in ("one", "later"))
ANSWER = said.message_posted(CREATED)


@pytest.fixture(scope="session")
def migrations() -> Path:
    """Its own tables."""
    return MIGRATIONS


class Sla:
    """Its parts on a database, without a stream."""

    def __init__(self, database: Database) -> None:
        self.database = database
        file = CatalogueFile(CATALOGUE)
        file.load()
        book = Book(file)
        self._handle = handle_with(Rules(book), said.now)
        self._finish = rebuilding.finish_with(book, file, said.now)
        self._file = file

    async def hear(self, *heard: Event, past: bool = False) -> None:
        """One batch."""
        async with self.database.transaction() as connection:
            await self._handle(connection, [Heard(event, 0, past) for event in heard])

    async def adopt(self) -> None:
        """Keep the catalogue in force, as its start does, and a plan for the account."""
        async with self.database.transaction() as connection:
            await connection.execute(
                "INSERT INTO catalogues (version, text, adopted_at, said)"
                " VALUES ($1, $2, now(), true)",
                self._file.catalogue.version,
                self._file.text,
            )
            await connection.execute(
                "INSERT INTO plan_changes (id, account, plan, since, changed_by, changed_at)"
                " VALUES ($1, 'an-account', 'starter', $2, 'somebody', $2)",
                UUID(int=1),
                said.now() - timedelta(days=1),
            )

    async def said(self) -> list[Event]:
        """All that waits to be published; it is gone then."""
        async with self.database.transaction() as connection:
            rows = await connection.fetch(
                "WITH gone AS (DELETE FROM outbox RETURNING *) SELECT value FROM gone ORDER BY id"
            )
        found = (events.read(row["value"]) for row in rows)
        return [event for event in found if event is not None]

    async def catch_up(self, *heard: Event) -> None:
        """Find the database to be older, hear these up to the horizon, and finish."""
        async with self.database.transaction() as connection:
            await rebuilding.restore(connection)
        for event in heard:
            await self.hear(event, past=True)
        more = True
        while more:
            async with self.database.transaction() as connection:
                more = await self._finish(connection)

    async def standing(self) -> set[str]:
        """Tickets of which nothing is counted any more."""
        async with self.database.connection() as connection:
            rows = await connection.fetch("SELECT ticket FROM tickets WHERE stands_as_said")
        return {str(row["ticket"]) for row in rows}


@pytest.fixture
async def sla(database: Database) -> Sla:
    """With one ticket, slotted and said."""
    made = Sla(database)
    await made.adopt()
    async with database.transaction() as connection:
        # As the first start has left it.
        await connection.execute("UPDATE relearning SET after = $1, is_settled = true", UUID(int=9))
    await made.hear(CREATED)
    assert [type(event) for event in await made.said()] == [TicketSlotted, DeadlineScheduled]
    return made


async def _after_the_backup(sla: Sla, *heard: Event) -> list[Event]:
    """What sla says of these; then the database is as it was before."""
    async with sla.database.transaction() as connection:
        await connection.execute("CREATE SCHEMA backup")
        tables = ("tickets", "facts", "deadlines", "plan_requests", "plan_changes")
        for table in tables:
            await connection.execute(f"CREATE TABLE backup.{table} AS TABLE {table}")
    await sla.hear(*heard)
    found = await sla.said()
    async with sla.database.transaction() as connection:
        for table in tables:
            await connection.execute(f"TRUNCATE {table}")
            await connection.execute(
                f"INSERT INTO {table} OVERRIDING SYSTEM VALUE SELECT * FROM backup.{table}"  # noqa: S608 - names of ours
            )
    return found


async def test_what_was_said_after_the_backup_is_not_said_again(sla: Sla) -> None:
    """An answer met the promise, another ticket was slotted: both are known, and no news."""
    told = await _after_the_backup(sla, ANSWER, LATER)
    assert {type(event) for event in told} == {DeadlineMet, TicketSlotted, DeadlineScheduled}
    await sla.catch_up(ANSWER, LATER, *told)
    assert await sla.said() == []
    async with sla.database.connection() as connection:
        rows = await connection.fetch("SELECT ticket, state FROM deadlines")
    assert {str(row["ticket"]): row["state"] for row in rows} == {
        CREATED.subject: "met",
        LATER.subject: "running",
    }


async def test_what_a_backup_holds_of_a_ticket_it_has_whole(sla: Sla) -> None:
    """Its beginning lies before the backup; still it is counted on, and fires."""
    told = await _after_the_backup(sla, ANSWER)
    await sla.catch_up(ANSWER, *told)
    assert await sla.standing() == set()
    async with sla.database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM relearnt_slots") == 0


async def test_what_was_not_said_by_then_is_said_under_the_same_id(sla: Sla) -> None:
    """The answer had reached the stream, and what follows from it had not."""
    told = await _after_the_backup(sla, ANSWER)
    await sla.catch_up(ANSWER)
    assert [event.id for event in await sla.said()] == [event.id for event in told]


async def test_a_ticket_whose_beginning_was_lost_in_the_gap_stands_as_it_was_said(
    sla: Sla,
) -> None:
    """The backup is older than the stream keeps tickets; what sla said of it is kept longer."""
    told = await _after_the_backup(sla, LATER)
    await sla.catch_up(*told)
    assert await sla.standing() == {LATER.subject}
    assert await sla.said() == []


async def test_a_request_that_was_answered_after_the_backup_is_not_answered_again(
    sla: Sla,
) -> None:
    """The directory has the plan that was said, once."""
    asked = plan_change_requested(CREATED, "advanced")
    told = await _after_the_backup(sla, asked)
    assert told
    await sla.catch_up(asked, *told)
    assert await sla.said() == []
    async with sla.database.connection() as connection:
        rows = await connection.fetch("SELECT plan FROM plan_changes ORDER BY since")
    assert [row["plan"] for row in rows] == ["starter", "advanced"]
