"""A backup of messaging's database: its threads go on from where the backup has them."""

from uuid import UUID

from services.messaging import doing, domain, handlers, rebuilding
from services.messaging.store import erasures
from shared.consumer import Heard
from shared.database import Database
from shared.envelope import Cause
from shared.events import Event, TicketStatus
from shared.messages import MessagePosted
from shared.privacy import ErasureRequested, ErasureRequestedData
from tests.support import said, said_mails
from tests.support.inbox import count, hear, shown
from tests.support.visiting import ACCOUNT, AGENT, customer, do, post

CREATED = said.ticket_created("one", account=ACCOUNT)
TICKET = said.ticket_of(CREATED)
TABLES = "threads, messages, outbox"


async def _catch_up(database: Database, *heard: Event) -> None:
    """Find the database to be older, hear these up to the horizon, and finish."""
    async with database.transaction() as connection:
        await rebuilding.restore(connection)
    for event in heard:
        async with database.transaction() as connection:
            await handlers.handle(connection, [Heard(event, 0, rebuilding=True)])
    more = True
    while more:
        async with database.transaction() as connection:
            more = await rebuilding.finish(connection)


async def _forget_said(database: Database) -> None:
    async with database.transaction() as connection:
        await connection.execute("DELETE FROM outbox")


async def test_what_was_written_and_set_after_the_backup_is_there_again(
    database: Database,
) -> None:
    """Behind what the backup has, at its place, and not said once more."""
    await hear(database, CREATED)
    await post(database, AGENT, TICKET, "Before the backup")
    await _forget_said(database)
    async with database.transaction() as connection:
        await connection.execute("CREATE SCHEMA backup")
        for table in ("threads", "messages"):
            await connection.execute(f"CREATE TABLE backup.{table} AS TABLE {table}")
    await post(database, customer(), TICKET, "After it")
    await do(database, AGENT, doing.set_status, TICKET, TicketStatus.PENDING)
    whole = await shown(database, TICKET)
    async with database.transaction() as connection:
        await connection.execute(f"TRUNCATE {TABLES} CASCADE")
        for table in ("threads", "messages"):
            columns = await connection.fetchval(
                "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute"
                " WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped"
                " AND attgenerated = ''",
                table,
            )
            await connection.execute(
                f"INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE"  # noqa: S608 - names of ours
                f" SELECT {columns} FROM backup.{table}"
            )
    assert (await shown(database, TICKET)).texts == ["Help!", "Before the backup"]
    await _catch_up(database, *whole.said)
    again = await shown(database, TICKET)
    assert (again.thread, again.messages) == (whole.thread, whole.messages)
    assert again.said == []


async def test_a_mail_that_waited_in_the_backup_is_posted_where_it_was(
    database: Database,
) -> None:
    """Its ticket was heard after the backup; by then something else had come first."""
    mail = said_mails.message_received(CREATED)
    posted = said_mails.mail_posted(CREATED, mail)
    await hear(database, mail)
    assert await count(database, "waiting_mails") == 1
    await _catch_up(database, CREATED, posted)
    found = await shown(database, TICKET)
    assert found.texts == ["Help!", "It still does not work."]
    assert found.said == []
    assert await count(database, "waiting_mails") == 0


async def test_a_mail_that_waited_and_nobody_has_posted_is_posted_then(
    database: Database,
) -> None:
    """At the horizon, once."""
    mail = said_mails.message_received(CREATED)
    await hear(database, mail)
    await _catch_up(database, CREATED)
    (event,) = (await shown(database, TICKET)).said
    assert isinstance(event, MessagePosted)
    assert event.data.message == mail.data.message


async def test_everybody_signs_in_again(database: Database) -> None:
    """Who had signed out since the backup is not back."""
    async with database.transaction() as connection:
        await connection.execute(
            "INSERT INTO people (subject, roles, seen_at) VALUES ('a', '{}', now());"
            "INSERT INTO sessions VALUES ('x', 'a', now(), now(), now() + interval '1 day', NULL)"
        )
    await _catch_up(database)
    assert await count(database, "sessions") == 0


async def test_an_erasure_that_was_asked_for_and_begun_is_not_asked_for_again(
    database: Database,
) -> None:
    """In the backup it was only asked for; the stream knows that its keys are thrown away."""
    person = "r-somebody"
    id_ = UUID(int=7)
    async with database.transaction() as connection:
        await connection.execute(
            "INSERT INTO erasures (id, persons, asked_by, asked_at) VALUES ($1, $2, 'x', now())",
            id_,
            [person],
        )
    await _catch_up(database, _requested(id_, person))
    async with database.connection() as connection:
        found = await erasures.read_erasure(connection, id_)
    assert found is not None
    assert found.state == "locked"
    assert len(found.keys) == 1


def _requested(erasure: UUID, person: str) -> ErasureRequested:
    data = ErasureRequestedData(
        erasure=erasure, persons=(person,), keys=(UUID(int=8),), by="an-admin"
    )
    cause = Cause(erasure, person)
    return ErasureRequested.say(data, cause=cause, source=domain.SOURCE, time=said.now())
