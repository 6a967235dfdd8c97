"""Replies by mail: pure decisions."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.messaging import changes, domain, mails
from services.messaging.domain import Thread
from shared.events import TicketStatus, TicketStatusChanged
from shared.messages import AuthorKind, Channel, MessagePosted
from tests.support import said, said_mails

CREATED = said.ticket_created(account="an-account")
LATER = CREATED.time + timedelta(hours=1)


def thread(status: TicketStatus = TicketStatus.OPEN) -> Thread:
    """A thread whose ticket has this status."""
    opened, _ = domain.open_thread(CREATED)
    return replace(opened, status=status)


def posted(to: Thread, *, automatic: bool = False) -> MessagePosted:
    """What is said of a mail."""
    received = said_mails.message_received(CREATED, at=LATER, automatic=automatic)
    assert received.data.private is not None
    return mails.write(to, received, received.data.private)[1]


def test_a_mail_is_the_same_message_however_often_it_is_written() -> None:
    """Its id is the mail's, and the event follows from it alone."""
    received = said_mails.message_received(CREATED, at=LATER)
    assert received.data.private is not None
    first, again = (mails.write(thread(), received, received.data.private) for _ in range(2))
    assert first == again
    assert first[0].id == received.data.message


def test_a_mail_lies_behind_the_last_change() -> None:
    """Its own time stays, unless somebody has set the ticket to something else since."""
    received = said_mails.message_received(CREATED, at=LATER)
    assert received.data.private is not None
    change = LATER + timedelta(minutes=1)
    changed = replace(thread(), changed_at=change)
    message, event = mails.write(changed, received, received.data.private)
    assert message.posted_at == event.time > change
    assert mails.write(thread(), received, received.data.private)[0].posted_at == LATER


@pytest.mark.parametrize("status", list(TicketStatus))
def test_a_customers_mail_opens_more_than_their_words_over_http(status: TicketStatus) -> None:
    """A closed ticket too: over HTTP they are told to write a new request, by mail they are not."""
    before = thread(status)
    change = changes.reopen(before, posted(before))
    if status in {TicketStatus.OPEN, TicketStatus.ON_HOLD}:
        assert change is None
        return
    assert change is not None
    assert isinstance(change.event, TicketStatusChanged)
    assert change.event.data.previous is status
    over_http = posted(before)
    over_http = over_http.model_copy(
        update={"data": over_http.data.model_copy(update={"channel": Channel.API})}
    )
    opened = changes.reopen(before, over_http) is not None
    assert opened is (status is not TicketStatus.CLOSED)


@pytest.mark.parametrize("status", list(TicketStatus))
def test_an_automatic_mail_opens_nothing(status: TicketStatus) -> None:
    """A vacation notice is nothing that anybody said."""
    before = thread(status)
    event = posted(before, automatic=True)
    assert event.data.author_kind is AuthorKind.SYSTEM
    assert changes.reopen(before, event) is None


def test_a_strangers_mail_is_refused() -> None:
    """Intake proves who wrote it; should that fail, nobody reads it in another's thread."""
    received = said_mails.message_received(CREATED)
    mails.refuse_stranger(received, thread())
    with pytest.raises(mails.StrangerError):
        mails.refuse_stranger(said_mails.by_somebody_else(received), thread())
