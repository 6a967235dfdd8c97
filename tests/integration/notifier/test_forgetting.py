"""What is personal goes after a while; what was done stays known."""

from datetime import timedelta

from services.notifier import store
from services.notifier.forgetting import forgetter
from shared.database import Database
from shared.events import Event, TicketStatus
from tests.support import said, said_mails
from tests.support.notifier_rows import deliveries, hear, query, texts, ticket
from tests.support.waiting import until

DAY = timedelta(days=1)
CREATED = said.ticket_created()
ANSWER = said.message_posted(CREATED, at=CREATED.time + timedelta(seconds=1))
RESOLVED = said.status_changed(
    CREATED, TicketStatus.RESOLVED, at=CREATED.time + timedelta(seconds=2)
)
STORY: list[Event] = [CREATED, ANSWER, RESOLVED]
LATER = CREATED.time + DAY


async def done(database: Database) -> None:
    """A ticket that was answered by mail and is over, with the mails as they went out."""
    await hear(database, *STORY)
    await query(
        database,
        "UPDATE deliveries SET state = 'sent', attempts = 1, ended_at = $1",
        CREATED.time + timedelta(seconds=3),
    )
    await query(
        database,
        "INSERT INTO contents SELECT id, 'a mail', 'message/rfc822' FROM deliveries",
    )


async def forget(database: Database, limit: int = 500) -> bool:
    """One step, a day later."""
    async with database.transaction() as connection:
        return await store.forget(connection, LATER, limit=limit)


async def test_words_mails_and_address_go_and_the_rows_stay(database: Database) -> None:
    """Nothing of what people wrote, and not who they are; that there was a mail is still known."""
    await done(database)
    assert not await forget(database)
    rows = await query(database, "SELECT text, author_name FROM messages")
    assert [tuple(row) for row in rows] == [("", None)] * 2
    assert await query(database, "SELECT 1 FROM contents") == []
    row = await ticket(database, CREATED)
    assert (row["address"], row["name"]) == (None, None)
    assert [row["state"] for row in await deliveries(database, "reply")] == ["sent"]


async def test_the_names_of_files_go_too(database: Database) -> None:
    """Also of a message that was nothing but a file."""
    private = ANSWER.data.private
    assert private is not None
    file = said_mails.attachment(CREATED, b"a,b", name="my-report.csv")
    with_file = private.model_copy(update={"text": "", "attachments": (file,)})
    answer = ANSWER.model_copy(
        update={"data": ANSWER.data.model_copy(update={"private": with_file})}
    )
    await hear(database, CREATED, answer, RESOLVED)
    await query(
        database,
        "UPDATE deliveries SET state = 'sent', attempts = 1, ended_at = $1",
        CREATED.time + timedelta(seconds=3),
    )
    assert await _tables_with(database, "my-report.csv") == {"messages"}
    await forget(database)
    assert await _tables_with(database, "my-report.csv") == set()


async def test_no_table_has_the_address_any_more(database: Database) -> None:
    """Nor what a mail server said of it; of colleagues of ours it stays, as what they were told."""
    await hear(database, CREATED, said.breach(said.slot(CREATED)), ANSWER, RESOLVED)
    await query(
        database,
        "UPDATE deliveries SET state = 'sent', attempts = 1, ended_at = $1,"
        " detail = CASE WHEN kind <> 'breach_alert' THEN $2 END",
        CREATED.time + timedelta(seconds=3),
        f"451 {said.ADDRESS} is busy",
    )
    await query(
        database,
        "INSERT INTO tries (delivery, attempt, began_at, outcome, detail)"
        " SELECT id, 1, caused_at, 'refused', detail FROM deliveries WHERE detail <> ''",
    )
    await query(database, "DELETE FROM outbox")  # the relay has said it
    assert await _tables_with(database, said.ADDRESS) == {"tickets", "deliveries", "tries"}
    while await forget(database, limit=1):
        pass
    assert await _tables_with(database, said.ADDRESS) == set()
    (alert,) = await deliveries(database, "breach_alert")
    assert alert["address"]


async def test_a_mail_that_comes_back_after_its_address_was_forgotten_marks_nothing(
    database: Database,
) -> None:
    """There is no address to leave alone."""
    await done(database)
    (acknowledgement,) = await deliveries(database, "acknowledgement")
    await forget(database)
    await hear(database, said_mails.mail_bounced(CREATED, delivery=acknowledgement["id"]))
    assert await query(database, "SELECT address FROM bounces") == []


async def test_a_replay_brings_nothing_back_and_sends_nothing(database: Database) -> None:
    """All is heard again: forgotten words stay forgotten, and no mail is planned."""
    await done(database)
    await forget(database)
    tables = ("tickets", "messages", "deliveries", "contents")
    before = [await query(database, f"SELECT * FROM {table}") for table in tables]  # noqa: S608 - ours
    await hear(database, *STORY)
    assert [await query(database, f"SELECT * FROM {table}") for table in tables] == before  # noqa: S608 - ours


async def test_what_is_still_to_be_sent_is_kept_with_all_that_it_needs(database: Database) -> None:
    """However old: the reply's words, and the address."""
    await hear(database, *STORY)
    await forget(database)
    assert [*(await texts(database)).values()] == [["It works now."]]
    assert (await ticket(database, CREATED))["address"] == said.ADDRESS


async def test_an_open_ticket_keeps_its_address(database: Database) -> None:
    """There may be something to answer yet."""
    await hear(database, CREATED)
    await query(database, "UPDATE deliveries SET state = 'sent', ended_at = $1", CREATED.time)
    await forget(database)
    assert (await ticket(database, CREATED))["address"] == said.ADDRESS


async def test_who_writes_again_is_answered_again(database: Database) -> None:
    """A mail into a forgotten thread brings the address back, for its own requester alone."""
    await done(database)
    await forget(database)
    opened = said.status_changed(
        CREATED, TicketStatus.OPEN, previous=TicketStatus.RESOLVED, at=LATER
    )
    answer = said.message_posted(CREATED, key="late", text="Hello again.", sequence=4, at=LATER)
    await hear(database, opened, answer)
    received = said_mails.message_received(CREATED, at=LATER)
    await hear(database, said_mails.by_somebody_else(received))
    assert len(await deliveries(database, "reply")) == 1
    other = said_mails.message_received(CREATED, "another mail", at=LATER)
    await hear(database, other)
    _, late = await deliveries(database, "reply")
    assert (await texts(database))[str(late["id"])] == ["Hello again."]


async def test_old_bounces_go_and_newer_ones_stay(database: Database) -> None:
    """An address that bounced long ago is tried again."""
    async with database.transaction() as connection:
        for address, at in (("old", CREATED.time), ("new", LATER)):
            await store.mark_bounced(connection, f"{address}@customer.example", at)
    await forget(database)
    rows = await query(database, "SELECT address FROM bounces")
    assert [row["address"] for row in rows] == ["new@customer.example"]


async def test_much_is_forgotten_in_small_steps(database: Database) -> None:
    """Each step takes a few rows and says that there is more; the worker goes on until all is."""
    await done(database)
    assert await forget(database, limit=1)
    assert len(await query(database, "SELECT 1 FROM contents")) == 1
    worker = forgetter(database, lambda: LATER, keep=timedelta(0))
    await worker.start()
    try:
        await until(lambda: _nothing_left(database), what="all is forgotten")
    finally:
        await worker.stop()


async def _tables_with(database: Database, words: str) -> set[str]:
    """Which tables have them anywhere."""
    names = await query(database, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    found = {
        name: await query(
            database,
            f'SELECT 1 FROM "{name}" AS t WHERE position($1 in t::text) > 0',  # noqa: S608 - ours
            words,
        )
        for (name,) in names
    }
    return {name for name, rows in found.items() if rows}


async def _nothing_left(database: Database) -> bool:
    left = "SELECT 1 FROM contents UNION ALL SELECT 1 FROM messages WHERE text <> ''"
    return not await query(database, left)
