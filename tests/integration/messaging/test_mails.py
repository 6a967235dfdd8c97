"""Replies by mail into their threads, over a real database: each once, whatever is heard first."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from services.messaging import changes, mails, store, writing
from services.messaging.domain import Message
from shared.database import Database
from shared.events import Event, TicketCreated, TicketStatus, TicketStatusChanged
from shared.identity import Caller, Role
from shared.messages import AuthorKind, Channel, MessagePosted, Visibility
from tests.support import said, said_mails
from tests.support.inbox import count, hear, set_status, shown

CREATED = said.ticket_created(account="an-account")
TICKET = UUID(CREATED.subject)
CUSTOMER = Caller("c-one", "an-account", None, frozenset({Role.CUSTOMER}))
LATER = CREATED.time + timedelta(minutes=5)


async def test_a_mail_becomes_the_next_message_and_is_said_once(database: Database) -> None:
    """With its author, channel and quoted words; a repeat changes nothing and says nothing."""
    mail = said_mails.message_received(CREATED, quoted="> Does it work?", at=LATER)
    await hear(database, CREATED, mail)
    await hear(database, mail, mail)
    found = await shown(database, TICKET)
    assert found.messages[1:] == [
        Message(
            id=mail.data.message,
            ticket=TICKET,
            sequence=2,
            author_kind=AuthorKind.CUSTOMER,
            author=CREATED.data.requester,
            author_name="A Customer",
            visibility=Visibility.PUBLIC,
            channel=Channel.MAIL,
            text="It still does not work.",
            posted_at=LATER,
            quoted="> Does it work?",
        )
    ]
    (posted,) = found.said
    assert isinstance(posted, MessagePosted)
    assert (posted.data.sequence, posted.data.channel) == (2, Channel.MAIL)
    assert posted.data.private is not None
    assert posted.data.private.quoted == "> Does it work?"
    assert (posted.time, posted.causationid, posted.correlationid) == (LATER, mail.id, CREATED.id)
    assert found.thread.last_sequence == 2


async def test_mails_that_are_there_before_their_thread_wait_for_it(database: Database) -> None:
    """In order of time, behind what was asked first; then they wait no more."""
    second, first = (
        said_mails.message_received(CREATED, key, text=key, at=LATER + timedelta(seconds=seconds))
        for key, seconds in (("second", 2), ("first", 1))
    )
    await hear(database, second)
    await hear(database, first, second)
    assert await count(database, "waiting_mails") == 2
    await hear(database, CREATED)
    found = await shown(database, TICKET)
    assert found.texts == ["Help!", "first", "second"]
    assert [message.sequence for message in found.messages] == [1, 2, 3]
    assert _sequences(found.said) == [2, 3]
    assert await count(database, "waiting_mails") == 0
    await hear(database, CREATED, first, second)
    assert await shown(database, TICKET) == found


async def test_an_automatic_mail_is_by_nobody_and_opens_nothing(database: Database) -> None:
    """A vacation notice is in the thread, as the desk's system, and the ticket stays as it is."""
    await hear(database, CREATED)
    await set_status(database, TICKET, TicketStatus.PENDING)
    await hear(database, said_mails.message_received(CREATED, automatic=True))
    found = await shown(database, TICKET)
    assert found.thread.status is TicketStatus.PENDING
    assert found.messages[1].author_kind is AuthorKind.SYSTEM
    (posted,) = found.said
    assert isinstance(posted, MessagePosted)
    assert posted.data.author_kind is AuthorKind.SYSTEM


@pytest.mark.parametrize("status", list(TicketStatus))
async def test_a_customers_mail_opens_what_waits_was_solved_or_closed(
    database: Database, status: TicketStatus
) -> None:
    """Also a closed ticket, since nobody would hear of a refusal; on hold is not theirs to end."""
    await hear(database, CREATED)
    before = None
    if status is not TicketStatus.OPEN:
        before = await set_status(database, TICKET, status)
    # It was sent before that, and lies behind it all the same.
    mail = said_mails.message_received(CREATED, at=CREATED.time)
    await hear(database, mail)
    await hear(database, mail)
    found = await shown(database, TICKET)
    if status in {TicketStatus.OPEN, TicketStatus.ON_HOLD}:
        assert found.thread.status is status
        assert [type(event) for event in found.said] == [MessagePosted]
        return
    assert found.thread.status is TicketStatus.OPEN
    opened, posted = found.said
    assert isinstance(opened, TicketStatusChanged)
    assert (opened.data.previous, opened.data.by_kind) == (status, AuthorKind.CUSTOMER)
    assert opened.data.by == CREATED.data.requester
    assert (opened.time, opened.causationid) == (posted.time, posted.id)
    assert before is not None
    assert posted.time > before.event.time


async def test_a_mail_to_a_ticket_that_changed_too_often_is_kept_and_opens_nothing(
    database: Database,
) -> None:
    """Two robots that answer each other come to an end; what was written is there."""
    await hear(database, CREATED)
    async with database.transaction() as connection:
        thread = await store.lock_thread(connection, TICKET)
        assert thread is not None
        worn = replace(thread, status=TicketStatus.RESOLVED, changes=changes.MOST_CHANGES)
        await store.update_status(connection, worn)
    await hear(database, said_mails.message_received(CREATED))
    found = await shown(database, TICKET)
    assert found.thread.status is TicketStatus.RESOLVED
    assert len(found.messages) == 2
    assert _sequences(found.said) == [2]


async def test_a_mail_without_its_personal_part_leaves_no_trace(database: Database) -> None:
    """There is nothing to show: whether its thread is there already or not."""
    early, late = (
        said_mails.without_private(said_mails.message_received(CREATED, key)) for key in "ab"
    )
    await hear(database, early)
    await hear(database, CREATED)
    await hear(database, late)
    found = await shown(database, TICKET)
    assert (found.texts, found.said) == (["Help!"], [])
    assert await count(database, "waiting_mails") == 0


async def test_nobody_but_the_requester_writes_into_a_thread_by_mail(database: Database) -> None:
    """What can't be, since intake proves it, is refused: nothing of it is shown or said."""
    await hear(database, CREATED)
    with pytest.raises(mails.StrangerError):
        await hear(database, said_mails.by_somebody_else(said_mails.message_received(CREATED)))
    found = await shown(database, TICKET)
    assert (found.texts, found.said) == (["Help!"], [])


async def test_a_mail_that_waits_takes_no_ticket_with_it(database: Database) -> None:
    """One at fault stays aside for somebody to look at; ticket and other mails are put in."""
    strange = said_mails.by_somebody_else(said_mails.message_received(CREATED, "strange"))
    unstorable = said_mails.message_received(CREATED, "null", text="\x00")
    await hear(database, strange, unstorable, said_mails.message_received(CREATED, text="Hello"))
    await hear(database, CREATED)
    await hear(database, CREATED)
    assert (await shown(database, TICKET)).texts == ["Help!", "Hello"]
    async with database.connection() as connection:
        kept = await connection.fetch("SELECT message, refused FROM waiting_mails")
    assert {(row["message"], row["refused"]) for row in kept} == {
        (strange.data.message, True),
        (unstorable.data.message, True),
    }


async def test_a_message_that_is_in_another_thread_is_no_repeat(database: Database) -> None:
    """It is put aside; to pass it over would lose it without a word."""
    other = said.ticket_created("another", account="an-account")
    mail = said_mails.message_received(CREATED)
    same = mail.data.message
    double = said_mails.message_received(other)
    double = double.model_copy(update={"data": double.data.model_copy(update={"message": same})})
    await hear(database, CREATED, other, mail)
    with pytest.raises(mails.MessageElsewhereError):
        await hear(database, double)


@pytest.mark.parametrize("waits", [True, False])
async def test_another_mail_under_the_same_message_id_is_not_lost_without_a_word(
    database: Database, *, waits: bool
) -> None:
    """It is put aside; one that only has other spaces and line ends is the same mail again."""
    first, again, other = (
        said_mails.message_received(CREATED, text=text)
        for text in ("It is red.\n", "It is\r\n  red.", "It is blue.")
    )
    await hear(database, *([first] if waits else [CREATED, first]))
    await hear(database, again)
    with pytest.raises(mails.MailReusedError):
        await hear(database, other)
    await hear(database, CREATED)
    assert (await shown(database, TICKET)).texts == ["Help!", "It is red.\n"]


async def test_what_no_broker_would_take_is_not_said(database: Database) -> None:
    """The outbox would wait for it for ever, and with it everything that is said later."""
    long = said_mails.message_received(CREATED, quoted="x" * mails.MOST_BYTES)
    await hear(database, CREATED)
    with pytest.raises(mails.TooLargeError):
        await hear(database, long)
    assert (await shown(database, TICKET)).said == []


async def test_what_came_by_mail_is_kept_of_a_new_ticket_too(database: Database) -> None:
    """Queue, the older ticket that it names, that a machine wrote it; and what was quoted."""
    older = said.ticket_of(said.ticket_created("older"))
    created = said_mails.ticket_by_mail(
        CREATED, queue="billing", continues=older, automatic=True, quoted="> As I wrote"
    )
    await hear(database, created)
    found = await shown(database, TICKET)
    assert (found.thread.queue, found.thread.continues) == ("billing", older)
    assert found.thread.automatic
    (first,) = found.messages
    assert (first.quoted, first.channel) == ("> As I wrote", Channel.MAIL)


async def test_mails_and_words_over_http_share_one_order(database: Database) -> None:
    """Whoever comes later is behind, under the next number."""
    await hear(database, CREATED, said_mails.message_received(CREATED, "one", text="one"))
    await _write(database, "two")
    await hear(database, said_mails.message_received(CREATED, "three", text="three"))
    found = await shown(database, TICKET)
    assert found.texts == ["Help!", "one", "two", "three"]
    assert [message.sequence for message in found.messages] == [1, 2, 3, 4]


def test_the_ticket_by_mail_is_the_same_ticket() -> None:
    """What a test says of a mail differs from a request in nothing but what it names."""
    changed: TicketCreated = said_mails.ticket_by_mail(CREATED, queue="billing")
    assert changed.id == CREATED.id
    assert changed.data.channel is Channel.MAIL


async def _write(database: Database, text: str) -> None:
    async with database.transaction() as connection:
        thread = await store.lock_thread(connection, TICKET)
        assert thread is not None
        by = said.actor(CUSTOMER, thread)
        id_ = writing.message_id(ticket=TICKET, author=by.id, key=text)
        message = writing.write(thread, by, text, Visibility.PUBLIC, id_=id_, now=said.now())
        await store.append_message(connection, message)


def _sequences(events: list[Event]) -> list[int]:
    return [event.data.sequence for event in events if isinstance(event, MessagePosted)]
