"""Replies by mail, on their way into a thread: pure decisions."""

from uuid import UUID

from services.messaging import domain, writing
from services.messaging.domain import Message, Thread
from shared import events
from shared.messages import (
    AuthorKind,
    MessagePosted,
    MessageReceived,
    MessageReceivedPrivate,
    Visibility,
)

MOST_BYTES = 1_000_000
"""Of what is said of a message: no broker takes much more, and the outbox would wait for it."""


class StrangerError(ValueError):
    """A mail by somebody else than the ticket's requester.

    Intake proves that they are the same; where they are not, nobody may read the one's words in
    the other's thread.
    """


class MessageElsewhereError(ValueError):
    """A mail whose message is in the thread of another ticket already."""


class MailReusedError(ValueError):
    """Two different mails came under one Message-ID; the first one stands."""


class TooLargeError(ValueError):
    """A mail that is too large to be said."""


def refuse_stranger(received: MessageReceived, thread: Thread) -> None:
    """Let nobody but the ticket's requester write into its thread by mail.

    Raises:
        StrangerError: so that the mail is put aside instead of being shown, or lost.
    """
    if received.data.requester != thread.requester:
        raise StrangerError(str(thread.ticket))


def refuse_elsewhere(known: Message, answered: Thread) -> None:
    """Tell a repeat, which is harmless, from a message that is in another thread.

    Args:
        known: The message, wherever it is.
        answered: The thread of the ticket that the mail is for; it may have gone into the other.

    Raises:
        MessageElsewhereError: so that the mail is put aside instead of being lost.
    """
    if answered.ticket not in {known.ticket, known.came_to}:
        raise MessageElsewhereError(str(known.id))


def refuse_other_words(known: str | None, received: MessageReceived) -> None:
    """Tell a mail that comes again from another one under its Message-ID.

    Only words count: mail servers on the way wrap lines and take away spaces.

    Args:
        known: The words of the mail that came first, if they are there.
        received: The one that comes now.

    Raises:
        MailReusedError: so that the mail is put aside instead of being lost without a word.
    """
    private = received.data.private
    if known is not None and private is not None and known.split() != private.text.split():
        raise MailReusedError(str(received.data.message))


def write(
    thread: Thread,
    received: MessageReceived,
    private: MessageReceivedPrivate,
) -> tuple[Message, MessagePosted]:
    """The next message of a thread, from a mail to it or to what has gone into it.

    Returns:
        The message, and what is said of it.

    Raises:
        TooLargeError: if no broker would take that.
    """
    data = received.data
    message = Message(
        id=data.message,
        ticket=thread.ticket,
        sequence=thread.last_sequence + 1,
        author_kind=AuthorKind.SYSTEM if data.automatic else AuthorKind.CUSTOMER,
        author=data.requester,
        author_name=private.name,
        visibility=Visibility.PUBLIC,
        channel=data.channel,
        text=private.text,
        posted_at=domain.moment(thread, received.time),
        quoted=private.quoted,
        came_to=None if received.subject == str(thread.ticket) else UUID(received.subject),
    )
    posted = writing.say_posted(
        message, thread, attachments=private.attachments, led_by=received.id
    )
    if len(events.write(posted)) > MOST_BYTES:
        raise TooLargeError(str(message.id))
    return message, posted
