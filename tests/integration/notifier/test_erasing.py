"""Somebody asks to be forgotten: nothing of theirs is left, and nothing more is sent to them."""

from datetime import timedelta
from uuid import uuid4  # noqa: TID251 - of requests that tests make up

import pytest
from structlog.testing import capture_logs

from services.notifier import concluding, store
from services.notifier.concluding import Try
from services.notifier.deliveries import Accepted, Answer, Content, Refused
from shared.database import Database
from shared.envelope import Cause
from shared.events import Event, TicketCreated
from shared.notifications import NotificationSuppressed
from shared.privacy import ErasureRequested, ErasureRequestedData, PersonErased
from tests.support import said, said_mails
from tests.support.notifier_rows import deliveries, hear, outbox, query

CREATED = said.ticket_created(text="MARKER what was asked")
ANSWER = said.message_posted(CREATED, text="MARKER what was answered")
WROTE = said_mails.message_received(CREATED)
MARKERS = ("MARKER", said.ADDRESS, "A Customer", "mail.customer.example")
LATER = timedelta(days=1)

DECIDED = {
    "articles": {
        "id": "the organisation's articles",
        "version": "a hash of their file",
        "language": "theirs",
        "title": "theirs",
        "url": "theirs",
        "words": "theirs",
    },
    "bounces": {
        "address": "deleted with its row",
        "status": "deleted with its row",
        "detail": "deleted with its row",
        "person": "deleted with its row",
    },
    "clocks": {"clock": "a word of ours", "plan": "the catalogue's"},
    "contents": {"body": "deleted with its row", "media_type": "deleted with its row"},
    "deliveries": {
        "kind": "a word of ours",
        "channel": "a word of ours",
        "lane": "a way out",
        "address": "emptied",
        "state": "a word of ours",
        "traceparent": "an id",
        "facts": "emptied where it is a mail to them; of others it is what a promise is about",
        "clock": "a word of ours",
        "reason": "a word of ours",
        "detail": "emptied",
        "again_by": "an operator's id",
        "person": "a pseudonym, as on the stream",
        "half_heard": "a word of ours",
    },
    "erasures": {"heard": "pseudonyms and ids, as on the stream"},
    "messages": {
        "author_kind": "a word of ours",
        "author_name": "emptied",
        "text": "emptied",
        "files": "emptied",
        "traceparent": "an id",
        "person": "a pseudonym, as on the stream",
    },
    "outbox": {
        "topic": "ours",
        "key": "an id",
        "value": "its personal part is taken out",
        "trace": "ids",
    },
    "overtaken": {"clock": "a word of ours"},
    "rebuild_horizon": {"topic": "ours"},
    "received": {"requester": "deleted with its row", "message_id": "deleted with its row"},
    "recipients": {"address": "of people of ours"},
    "stream_positions": {"topic": "ours"},
    "schema_migrations": {
        "origin": "ours",
        "name": "ours",
        "checksum": "ours",
    },
    "slips": {"waits": "an event that has no personal part"},
    "stream_keys": {
        "person": "a pseudonym, as on the stream",
        "wrapped": "emptied: the key is thrown away",
    },
    "tickets": {
        "requester": "a pseudonym, as on the stream",
        "address": "emptied",
        "name": "emptied",
        "locale": "emptied",
        "time_zone": "emptied",
        "queue": "a team of ours",
        "message_id": "emptied",
        "plan": "the catalogue's",
        "priority": "a word of ours",
    },
    "traces": {"trace": "ids"},
    "tries": {"outcome": "a word of ours", "detail": "emptied"},
    "waiting_bounces": {"heard": "deleted with its row", "person": "deleted with its row"},
}
"""Of every column that could hold words: what an erasure does about it, or why nothing."""


def request(*, hours: float = 0, key: str = "one") -> ErasureRequested:
    """What messaging says when somebody is to be forgotten, so many hours after they had asked."""
    erasure = uuid4()
    data = ErasureRequestedData(
        erasure=erasure,
        persons=(said.REQUESTER, "a-customer"),
        keys=(uuid4(),),
        by="an-admin",
    )
    at = said.now() + timedelta(hours=hours)
    return ErasureRequested.say(
        data, cause=Cause(erasure, said.REQUESTER), source="/services/messaging", time=at, part=key
    )


async def tables_with(database: Database, marker: str) -> set[str]:
    """Which tables have a word anywhere, in bytes too."""
    columns = await query(
        database,
        "SELECT table_name, column_name, data_type FROM information_schema.columns"
        " JOIN pg_tables ON tablename = table_name AND schemaname = 'public'"
        " WHERE table_schema = 'public'",
    )
    found = set()
    for table, column, kind in columns:
        text = f"encode(\"{column}\", 'escape')" if kind == "bytea" else f'"{column}"::text'
        sql = f'SELECT 1 FROM "{table}" WHERE position($1 in {text}) > 0 LIMIT 1'  # noqa: S608 - names of ours
        if await query(database, sql, marker):
            found.add(table)
    return found


async def everywhere(database: Database) -> set[str]:
    """Which tables have anything of theirs."""
    return {name for marker in MARKERS for name in await tables_with(database, marker)}


async def filled(database: Database) -> None:
    """They asked, wrote, were answered; one mail went out and bounced, one waits."""
    await hear(database, CREATED)
    await query(
        database,
        "UPDATE deliveries SET state = 'sent', attempts = 1, ended_at = $1, detail = $2",
        said.now(),
        f"250 {said.ADDRESS}",
    )
    await query(
        database,
        "INSERT INTO contents SELECT id, 'MARKER, a mail', 'message/rfc822' FROM deliveries",
    )
    await query(
        database,
        "INSERT INTO tries SELECT id, 1, caused_at, caused_at, 'accepted', 250, detail"
        " FROM deliveries",
    )
    sent = (await deliveries(database, "acknowledgement"))[0]["id"]
    await hear(database, WROTE, ANSWER)
    await hear(database, said_mails.mail_bounced(CREATED, delivery=sent))
    await query(database, "UPDATE bounces SET bounced_at = $1, alive_at = NULL", CREATED.time)


async def test_every_column_that_could_hold_words_has_been_decided_about(
    database: Database,
) -> None:
    """Whoever adds one says here what an erasure does about it."""
    rows = await query(
        database,
        """
        SELECT table_name, column_name FROM information_schema.columns
        JOIN pg_tables ON tablename = table_name AND schemaname = 'public'
        WHERE table_schema = 'public'
          AND data_type IN ('text', 'bytea', 'jsonb', 'json', 'tsvector', 'character varying')
            OR (data_type = 'ARRAY' AND udt_name = '_text' AND table_schema = 'public')
        """,
    )
    there: dict[str, set[str]] = {}
    for table, column in rows:
        there.setdefault(table, set()).add(column)
    assert there == {table: set(columns) for table, columns in DECIDED.items()}


async def test_nothing_of_theirs_is_left_in_any_table_nor_in_the_log(database: Database) -> None:
    """Not their address, name, words, mails, nor what was to be said of them."""
    await filled(database)
    assert await everywhere(database) >= {
        "tickets",
        "messages",
        "deliveries",
        "contents",
        "tries",
        "bounces",
        "received",
    }
    with capture_logs() as logs:
        await hear(database, request(hours=1))
    assert await everywhere(database) == set()
    assert not [marker for marker in MARKERS if marker in str(logs)]


async def test_what_was_taken_away_is_said_once(database: Database) -> None:
    """In plain words, with counts; the request heard again says and does nothing more."""
    await filled(database)
    asked = request(hours=1)
    await hear(database, asked)
    await hear(database, asked)
    (erased,) = [event for event in await outbox(database) if isinstance(event, PersonErased)]
    assert (erased.data.erasure, erased.data.service) == (asked.data.erasure, "notifier")
    counts = {each.what: each.count for each in erased.data.removed}
    assert (counts["requests"], counts["messages"], counts["deliveries"]) == (1, 2, 2)


async def test_a_planned_mail_to_them_is_never_sent(database: Database) -> None:
    """It is suppressed, and said so, without where it would have gone."""
    await filled(database)
    await hear(database, request(hours=1))
    (reply,) = await deliveries(database, "reply")
    assert (reply["state"], reply["reason"], reply["address"]) == ("suppressed", "erased", "")
    (said_of_it,) = [
        event for event in await outbox(database) if isinstance(event, NotificationSuppressed)
    ]
    assert (said_of_it.data.delivery, said_of_it.data.private) == (reply["id"], None)


@pytest.mark.parametrize(
    "answer", [Accepted(250), Refused(550, f"5.1.1 {said.ADDRESS}: who?", for_good=True)]
)
async def test_one_in_flight_ends_as_it_ends_and_leaves_nothing(
    database: Database, answer: Answer
) -> None:
    """That it was taken is known, and neither the mail nor the address nor what was answered."""
    now = said.now()
    await hear(database, CREATED)
    async with database.transaction() as connection:
        (taken,) = await store.claim(
            connection, now=now + LATER, held_until=now + 2 * LATER, free={"email": 1}
        )
    await hear(database, request(hours=1))
    content = Content(f"MARKER to {said.ADDRESS}".encode(), "message/rfc822")
    async with database.transaction() as connection:
        outcome = await concluding.conclude(
            connection, Try(taken, answer, content), now=now, give_up_after=LATER
        )
    assert outcome is not None
    ended = {Accepted: "sent", Refused: "failed"}[type(answer)]
    assert outcome.delivery.state == ended
    assert await everywhere(database) == set()


async def test_what_is_heard_after_it_and_is_from_before_leaves_nothing(
    database: Database,
) -> None:
    """Topics have no order among them: whether its key is gone by then or not."""
    await hear(database, request(hours=1))
    story: list[Event] = [CREATED, WROTE, ANSWER, said_mails.mail_bounced(CREATED)]
    await hear(database, *story)
    assert await everywhere(database) == set()
    assert await query(database, "SELECT 1 FROM deliveries") == []


async def test_whoever_asks_again_is_somebody_new(database: Database) -> None:
    """Acknowledged as ever; a request that is heard again takes nothing of it away."""
    await filled(database)
    asked = request(hours=1)
    await hear(database, asked)
    again = _asked_again()
    await hear(database, again)
    await hear(database, asked)
    rows = await deliveries(database, "acknowledgement")
    assert [row["state"] for row in rows if row["ticket"] == said.ticket_of(again)] == ["planned"]


async def test_what_they_asked_since_stays_when_the_request_is_heard_late(
    database: Database,
) -> None:
    """A request counts for what is from before it."""
    await filled(database)
    again = _asked_again()
    await hear(database, again)
    await hear(database, request(hours=1))
    rows = await deliveries(database, "acknowledgement")
    assert {row["ticket"]: row["address"] for row in rows} == {
        said.ticket_of(CREATED): "",
        said.ticket_of(again): said.ADDRESS,
    }


async def test_alerts_about_their_requests_go_out_all_the_same(database: Database) -> None:
    """They are for people of ours, and name no customer."""
    await filled(database)
    await hear(database, said.breach(said.slot(CREATED)))
    before = await deliveries(database, "breach_alert")
    await hear(database, request(hours=1))
    assert await deliveries(database, "breach_alert") == before
    assert before


def _asked_again() -> TicketCreated:
    return said.ticket_created("again", at=said.now() + 2 * LATER)


async def test_a_key_of_ours_that_nobody_named_is_thrown_away_too(database: Database) -> None:
    """We may have made it after the others were counted: nobody else knew of it then."""
    asked = request()
    (named,), ours, others = asked.data.keys, uuid4(), uuid4()
    async with database.transaction() as connection:
        await connection.executemany(
            "INSERT INTO stream_keys (id, person, wrapped, made_at, own)"
            " VALUES ($1, $2, 'wrapped', now(), $3)",
            [
                (named, said.REQUESTER, False),
                (ours, said.REQUESTER, True),
                (others, "r-somebody-else", True),
            ],
        )
    await hear(database, asked)
    left = await query(database, "SELECT id FROM stream_keys WHERE wrapped IS NOT NULL")
    tombstones = await query(database, "SELECT topic, key FROM outbox WHERE value IS NULL")
    assert [row["id"] for row in left] == [others]
    assert [tuple(row) for row in tombstones] == [("keys", str(ours))]
