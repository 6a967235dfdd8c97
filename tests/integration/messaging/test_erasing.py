"""Somebody who is to be forgotten: what is theirs goes, what is others' stays, and it is told."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid5

import pytest

from services.messaging import doing, handlers
from services.messaging.erasing import Erasing
from services.messaging.store import erasures
from shared import events, outbox
from shared.consumer import Heard
from shared.database import Database
from shared.envelope import NAMESPACE, Cause, Topic, derive_id
from shared.events import Event
from shared.keyring import Keyring
from shared.messages import MessagePosted
from shared.privacy import (
    ErasureRequested,
    ErasureRequestedData,
    PersonErased,
    PersonErasedData,
    Removed,
)
from shared.topics import declared_topics, ensure_topics
from tests.support import said, said_mails
from tests.support.inbox import count, hear, shown
from tests.support.locks import somebody_waits
from tests.support.sealing import clock, keyring
from tests.support.stack import Stack
from tests.support.visiting import ACCOUNT, AGENT, customer, do, post
from tests.support.waiting import until

TEXT, ANSWER, OTHERS = "A marker of the requester", "A marker of the answer", "Somebody else's"
CONTENT = b"A marker in a file"
ERASURE = uuid5(NAMESPACE, "an erasure")
COLLEAGUE = "r-somebody-else"


@pytest.fixture
async def ring(database: Database, stack: Stack, namespace: str) -> AsyncIterator[Keyring]:
    """The keys of messaging."""
    await ensure_topics(stack.bootstrap_servers, declared_topics(namespace, 2), 1)
    keys = keyring(database, stack.bootstrap_servers, namespace, "messaging")
    await keys.start()
    yield keys
    await keys.stop()


async def test_what_is_theirs_goes_and_what_is_others_stays(
    database: Database, ring: Keyring
) -> None:
    """Their words, answers to them, files, names; another's words in their thread remain."""
    created = said.ticket_created(account=ACCOUNT, text=TEXT)
    other = said.ticket_created("another", text=OTHERS, requester=COLLEAGUE)
    ticket = said.ticket_of(created)
    file = said_mails.attachment(created, CONTENT, name="marker.txt")
    mail = said_mails.message_received(created, text=TEXT, quoted=TEXT, attachments=(file,))
    await hear(database, created, other, mail)
    await hear(database, *said_mails.attachment_parts(created, file, CONTENT))
    await post(database, customer(), ticket, OTHERS)
    await post(database, AGENT, ticket, ANSWER)
    await _ask(database)
    assert await _work(database, ring) > 2
    kept = await shown(database, said.ticket_of(created))
    assert kept.thread.subject is None
    assert kept.thread.address is None
    assert kept.texts == ["", "", OTHERS, ""]
    assert [message.sequence for message in kept.messages] == [1, 2, 3, 4]
    assert kept.files == {}
    assert await count(database, "attachment_parts") == 0
    untouched = await shown(database, said.ticket_of(other))
    assert untouched.texts == [OTHERS]
    assert untouched.thread.address is not None
    assert not await _traces(database, TEXT, ANSWER, "marker")


async def test_what_waits_to_be_published_is_taken_along(database: Database, ring: Keyring) -> None:
    """What was said of them and lies in the outbox goes out without its personal part."""
    created = said.ticket_created(account=ACCOUNT, text=TEXT)
    await hear(database, created, said_mails.message_received(created, text=TEXT))
    assert await _traces(database, TEXT)
    await _ask(database)
    await _work(database, ring)
    assert not await _traces(database, TEXT)
    (posted,) = [e for e in await _said(database) if e.type == "careline.message.posted.v1"]
    assert posted.data.private is None


async def test_keys_go_first_and_everybody_is_told_which(database: Database, ring: Keyring) -> None:
    """Other services hear of the keys; a tombstone for each; and at the end what was done."""
    created = said.ticket_created(account=ACCOUNT, text=TEXT)
    async with database.transaction() as connection:
        keys, _ = await ring.for_writing(connection, {said.REQUESTER, COLLEAGUE})
    await hear(database, created)
    await _ask(database)
    await _work(database, ring)
    spoken = await _said(database)
    (asked,) = [event for event in spoken if isinstance(event, ErasureRequested)]
    assert asked.data.keys == (keys[said.REQUESTER].id,)
    assert asked.subject == said.REQUESTER
    (erased,) = [event for event in spoken if isinstance(event, PersonErased)]
    assert Removed(what="messages", count=1) in erased.data.removed
    assert await _tombstones(database) == [str(keys[said.REQUESTER].id)]
    assert set(await ring.find([key.id for key in keys.values()])) == {keys[COLLEAGUE].id}


async def test_who_writes_again_is_not_forgotten_with_the_rest(
    database: Database, ring: Keyring
) -> None:
    """What came after somebody had asked for it is a new conversation, and stays."""
    await hear(database, said.ticket_created(account=ACCOUNT, text=TEXT))
    await _ask(database)
    again = said.ticket_created("again", text=OTHERS, at=clock() + timedelta(minutes=1))
    await hear(database, again)
    await _work(database, ring)
    assert (await shown(database, said.ticket_of(again))).texts == [OTHERS]


async def test_a_process_that_died_in_the_middle_goes_on(database: Database, ring: Keyring) -> None:
    """Each step stands by itself; what was done is not done twice, and nothing is said twice."""
    for number in range(120):
        await hear(database, said.ticket_created(str(number), text=TEXT))
    await _ask(database)
    assert await Erasing(database, ring, clock).step()
    assert await Erasing(database, ring, clock).step()
    async with database.connection() as connection:
        half = await erasures.read_erasure(connection, ERASURE)
    assert half is not None
    assert half.removed["messages"] == 50
    await _work(database, ring)
    async with database.connection() as connection:
        whole = await erasures.read_erasure(connection, ERASURE)
    assert whole is not None
    assert (whole.state, whole.removed["messages"], whole.removed["tickets"]) == (
        "erased",
        120,
        120,
    )
    assert len([e for e in await _said(database) if isinstance(e, PersonErased)]) == 1


async def test_what_others_did_is_in_the_report(database: Database, ring: Keyring) -> None:
    """The report waits for each service, and has what each has said."""
    await _ask(database)
    await _work(database, ring)
    data = PersonErasedData(
        erasure=ERASURE, service="notifier", removed=(Removed(what="mails", count=3),)
    )
    cause = Cause(derive_id(ERASURE, "notifier"), said.REQUESTER)
    event = PersonErased.say(data, cause=cause, source="/services/notifier", time=clock())
    await hear(database, event)
    await hear(database, event)
    async with database.connection() as connection:
        erasure = await erasures.read_erasure(connection, ERASURE)
    assert erasure is not None
    assert [(report.service, report.removed) for report in erasure.reports] == [
        ("notifier", {"mails": 3})
    ]


async def test_what_was_opened_before_and_is_heard_after_leaves_nothing(
    database: Database, ring: Keyring
) -> None:
    """A batch may have been opened while the key still held: its words stay out all the same."""
    created = said.ticket_created(account=ACCOUNT, text=TEXT)
    file = said_mails.attachment(created, CONTENT, name="marker.txt")
    mail = said_mails.message_received(created, text=TEXT, attachments=(file,))
    parts = said_mails.attachment_parts(created, file, CONTENT)
    other = said.ticket_created("another", text=OTHERS, requester=COLLEAGUE)
    await _ask(database)
    await _work(database, ring)
    await hear(database, created, other, mail, *parts)
    assert (await shown(database, said.ticket_of(created))).texts == [""]
    assert (await shown(database, said.ticket_of(other))).texts == [OTHERS]
    assert not await _traces(database, TEXT, "marker", CONTENT.decode())


async def test_a_batch_under_way_is_waited_for(database: Database, ring: Keyring) -> None:
    """What it keeps, and what it says, is taken along."""
    created = said.ticket_created(account=ACCOUNT, text=TEXT)
    mail = said_mails.message_received(created, text=TEXT)
    async with database.transaction() as connection:
        await handlers.handle(connection, [Heard(event, 0) for event in (created, mail)])
        await _ask(database)
        work = asyncio.create_task(_work(database, ring))
        await until(lambda: somebody_waits(database), what="the erasure waits")
    await work
    assert (await shown(database, said.ticket_of(created))).texts == ["", ""]
    assert not await _traces(database, TEXT)


async def test_a_key_that_a_relay_is_making_is_thrown_away_too(
    database: Database, ring: Keyring
) -> None:
    """It may have sealed something on the stream already, though its row is not there yet."""
    await _ask(database)
    async with database.connection() as connection, connection.transaction():
        await outbox.forget(connection, ())  # nobody relays but us
        keys, _ = await ring.for_writing(connection, {said.REQUESTER})
        work = asyncio.create_task(_work(database, ring))
        await until(lambda: somebody_waits(database), what="the erasure waits")
    await work
    assert not await ring.find([keys[said.REQUESTER].id])
    assert await _tombstones(database) == [str(keys[said.REQUESTER].id)]


async def test_a_mail_that_waits_for_its_thread_goes_with_the_keys(
    database: Database, ring: Keyring
) -> None:
    """Its thread may open a moment later: then it would be said, sealed with a new key.

    Parts of files that no message has named so far go with it.
    """
    created = said.ticket_created(account=ACCOUNT, text=TEXT)
    file = said_mails.attachment(created, CONTENT, name="marker.txt")
    await hear(database, *said_mails.attachment_parts(created, file, CONTENT))
    await hear(database, said_mails.message_received(created, text=TEXT))
    await _ask(database)
    assert await Erasing(database, ring, clock).step()
    assert await count(database, "waiting_mails") == 0
    assert await count(database, "attachment_parts") == 0
    await hear(database, created)
    assert not [e for e in await _said(database) if e.type == "careline.message.posted.v1"]


async def test_nothing_of_theirs_stays_in_what_their_ticket_was_merged_into(
    database: Database, ring: Keyring
) -> None:
    """Neither the subject in the note about it, nor what their machine sent there."""
    created = said.ticket_created(account=ACCOUNT, text=TEXT)
    other = said.ticket_created("another", account=ACCOUNT, text=OTHERS, requester=COLLEAGUE)
    private = created.data.private
    assert private is not None
    data = created.data.model_copy(
        update={"private": private.model_copy(update={"subject": "A marker of the subject"})}
    )
    await hear(database, created.model_copy(update={"data": data}), other)
    await do(database, AGENT, doing.merge, said.ticket_of(created), said.ticket_of(other))
    mail = said_mails.message_received(created, text=TEXT)
    machines = mail.data.model_copy(update={"automatic": True})
    await hear(database, mail.model_copy(update={"data": machines}))
    assert (await shown(database, said.ticket_of(other))).texts[-1] == TEXT
    posted = [e for e in await _said(database) if isinstance(e, MessagePosted)][-1]
    assert posted.data.private is not None
    assert posted.data.private.person == said.REQUESTER
    await _ask(database)
    await _work(database, ring)
    assert (await shown(database, said.ticket_of(other))).texts[0] == OTHERS
    assert not await _traces(database, TEXT, "A marker of the subject")


async def test_who_is_known_under_more_ids_is_asked_for_anew(database: Database) -> None:
    """One that is under way and does not name all of them would leave the others behind."""
    more = uuid5(NAMESPACE, "another erasure")
    async with database.transaction() as connection:
        names = {said.REQUESTER, "c-one"}
        first = await erasures.add_erasure(connection, ERASURE, {said.REQUESTER}, "a", clock())
        wider = await erasures.add_erasure(connection, more, names, "a", clock())
        again = await erasures.add_erasure(connection, uuid5(more, "x"), {"c-one"}, "a", clock())
    assert (first, wider, again) == (ERASURE, more, more)


async def test_a_rebuilt_database_tells_what_was_told_before(
    database: Database, ring: Keyring
) -> None:
    """What the stream gives back is taken away again: neither counted twice nor said again."""
    async with database.transaction() as connection:
        keys, _ = await ring.for_writing(connection, {said.REQUESTER})
    created = said.ticket_created(account=ACCOUNT, text=TEXT)
    cause, at, source = Cause(ERASURE, said.REQUESTER), clock(), "/services/messaging"
    asked = ErasureRequestedData(
        erasure=ERASURE, persons=(said.REQUESTER,), keys=(keys[said.REQUESTER].id,), by="a"
    )
    removed = (Removed(what="messages", count=1),)
    erased = PersonErasedData(erasure=ERASURE, service="messaging", removed=removed)
    await hear(
        database,
        created,
        ErasureRequested.say(asked, cause=cause, source=source, time=at),
        PersonErased.say(erased, cause=cause, source=source, time=at),
    )
    assert not await ring.find([keys[said.REQUESTER].id])
    await _work(database, ring)
    assert not await _traces(database, TEXT)
    assert not await _said(database)
    async with database.connection() as connection:
        known = await erasures.read_erasure(connection, ERASURE)
    assert known is not None
    assert (known.state, known.removed) == ("erased", {"messages": 1})


async def _ask(database: Database) -> None:
    async with database.transaction() as connection:
        await erasures.add_erasure(connection, ERASURE, {said.REQUESTER}, "an-admin", clock())


async def _work(database: Database, ring: Keyring) -> int:
    """Until nothing is left to do; returns in how many steps."""
    erasing, steps = Erasing(database, ring, clock), 0
    while await erasing.step():
        steps += 1
    return steps


async def _said(database: Database) -> list[Event]:
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT value FROM outbox WHERE value IS NOT NULL ORDER BY id"
        )
    return [event for row in rows if row["value"] and (event := events.read(row["value"]))]


async def _tombstones(database: Database) -> list[str]:
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT key FROM outbox WHERE value IS NULL AND topic = $1", Topic.KEYS.value
        )
    return [row["key"] for row in rows]


async def _traces(database: Database, *markers: str) -> list[str]:
    """Tables in which one of these stands, whatever the column; bytes are read as text."""
    async with database.connection() as connection:
        tables = await connection.fetch(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
        )
        found = []
        for table in (row["tablename"] for row in tables):
            for row in await connection.fetch(f'SELECT * FROM "{table}"'):  # noqa: S608 - a table's own name
                values = " ".join(
                    each.decode(errors="replace") if isinstance(each, bytes) else str(each)
                    for each in row.values()
                )
                if any(marker in values for marker in markers):
                    found.append(table)
        return found
