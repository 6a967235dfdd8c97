"""A backup of notifier's database: what it holds as pending may have gone out since."""

from datetime import timedelta

from services.notifier import horizon, rebuilding
from shared.database import Database
from shared.events import Event
from tests.integration.notifier.test_horizon import TERMS, replied
from tests.support import said
from tests.support.notifier_rows import deliveries, hear, outbox, query, texts

CREATED, LATER = said.ticket_created(), said.ticket_created("later")
BREACH = said.breach(said.slot(CREATED))
ANSWER, MORE = (
    said.message_posted(CREATED, key=key, text=f"{key}.", sequence=place)
    for place, key in enumerate(("One", "Two"), 2)
)


async def catch_up(database: Database, *heard: Event) -> None:
    """Find the database to be older, hear these up to the horizon, and finish."""
    async with database.transaction() as connection:
        begun = said.now() - timedelta(seconds=1)
        await connection.execute("DELETE FROM rebuild")
        await connection.execute("INSERT INTO rebuild (begun_at) VALUES ($1)", begun)
        await rebuilding.restore(connection)
    for event in heard:
        await hear(database, event, rebuilding=True)
    more = True
    while more:
        async with database.transaction() as connection:
            more = await horizon.finish(connection, TERMS, now=said.now())
    async with database.transaction() as connection:
        await connection.execute("UPDATE rebuild SET finished_at = now()")


async def states(database: Database, kind: str) -> list[tuple[str, bool]]:
    """In which state those of a kind are, and whether a second copy is possible."""
    return [(row["state"], row["uncertain"]) for row in await deliveries(database, kind)]


async def test_what_the_stream_says_was_sent_is_not_sent_again(database: Database) -> None:
    """Pending in the backup, sent afterwards: its state is the stream's, and nothing is said."""
    await hear(database, CREATED)
    assert await states(database, "acknowledgement") == [("planned", False)]
    await catch_up(database, said.acknowledged(CREATED))
    assert await states(database, "acknowledgement") == [("sent", False)]
    assert await outbox(database) == []


async def test_without_being_told_of_the_backup_it_would_go_out_again(database: Database) -> None:
    """What this is for: an outcome that is heard as ever changes nothing of what is pending."""
    await hear(database, CREATED, said.acknowledged(CREATED))
    assert await states(database, "acknowledgement") == [("planned", False)]


async def test_what_the_stream_says_nothing_of_is_owed(database: Database) -> None:
    """It may have gone out a moment before the loss: that is said with it."""
    await hear(database, CREATED)
    await catch_up(database, LATER, said.acknowledged(LATER))
    found = {
        row["ticket"]: (row["state"], row["uncertain"])
        for row in await deliveries(database, "acknowledgement")
    }
    assert found == {
        said.ticket_of(CREATED): ("planned", True),
        said.ticket_of(LATER): ("sent", False),
    }


async def test_an_alert_that_waits_in_the_backup_waits_on(database: Database) -> None:
    """Nobody has reacted to the breach: its steps go out, those that the stream knows do not."""
    await hear(database, CREATED, BREACH)
    before = await deliveries(database, "breach_alert")
    assert before
    await catch_up(database, said.acknowledged(CREATED))
    after = await deliveries(database, "breach_alert")
    assert [(row["id"], row["state"]) for row in after] == [
        (row["id"], row["state"]) for row in before
    ]


async def test_a_reply_that_took_more_along_after_the_backup_has_it_all(
    database: Database,
) -> None:
    """The second answer was heard after the backup, and went out in the mail of the first."""
    await hear(database, CREATED)
    await hear(database, ANSWER)
    (planned,) = await deliveries(database, "reply")
    sent = replied(CREATED, ANSWER.data.message, MORE.data.message)
    data = sent.data.model_copy(update={"delivery": planned["id"]})
    await catch_up(database, MORE, sent.model_copy(update={"data": data}))
    (reply,) = await deliveries(database, "reply")
    assert reply["state"] == "sent"
    assert await texts(database) == {str(reply["id"]): ["One.", "Two."]}
    assert [event for event in await outbox(database) if event.subject != CREATED.subject] == []


async def test_somebodys_wish_to_send_it_again_outlives_an_earlier_outcome(
    database: Database,
) -> None:
    """Wanted again, then backed up: what had become of it before that changes nothing."""
    await hear(database, CREATED)
    await query(database, "UPDATE deliveries SET round = 1, again_at = now()")
    await catch_up(database, said.acknowledged(CREATED))
    (row,) = await deliveries(database, "acknowledgement")
    assert (row["state"], row["round"]) == ("planned", 1)
