"""Events of a mail: in an order that loses nothing, with ids that a repeat has as well."""

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from uuid import UUID

from services.intake.mail.reading import read_mail
from services.intake.mail.rules import Bounce, NewTicket, RefusedMail, Reply
from services.intake.received import events_of
from services.messaging import domain as messaging
from shared.attached import PART_BYTES
from shared.events import Event, TicketCreated
from shared.links import make_link
from shared.messages import AttachmentReceived, Channel, MailBounced, MessageReceived
from tests.support.mails import (
    CUSTOMER,
    DELIVERY,
    LIMITS,
    MAILBOX,
    REPLY,
    REQUESTER,
    TICKET,
    Case,
    cases,
)

NOW = datetime(2024, 6, 3, 8, 0, tzinfo=UTC)
CONTENT = bytes(range(256)) * 4097
"""A file of two parts and a bit."""


def events_from(case: Case, *, now: datetime = NOW) -> tuple[Event, ...]:
    """What intake says of a mail."""
    return events_of(case.judgement, read_mail(case.content, LIMITS), now=now)


def named(name: str) -> Case:
    """A mail of the corpus."""
    return next(case for case in cases() if case.name == name)


def letter(to: str = MAILBOX) -> Case:
    """A mail with two files, of which one is empty."""
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"], mail["Subject"] = f"A Customer <{CUSTOMER}>", to, "Files"
    mail["Message-ID"] = "<files@customer.example>"
    mail.set_content("Here.\n\nOn 3 June at 10:05, Careline <a@desk.example> wrote:\n> Where?\n")
    mail.add_attachment(CONTENT, maintype="application", subtype="zip", filename="rows.zip")
    mail.add_attachment(b"", maintype="text", subtype="csv", filename="none.csv")
    return Case("letter", mail.as_bytes(), {"rcpt_to": [to]})


def test_a_link_that_is_quoted_opens_nothing_any_longer() -> None:
    """Customers answer below our mail: agents read that there was a link, and no more."""
    token = make_link("a secret of the tests", "mail", expires=NOW).token
    link = f"https://desk.example/open/{token}"
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"], mail["Subject"] = CUSTOMER, MAILBOX, "Re: Files"
    mail["Message-ID"] = "<quoting@customer.example>"
    mail.set_content(
        f"See {link}?to=chat\n\nOn 3 June at 10:05, Careline <a@desk.example> wrote:\n> {link}\n"
    )
    (created,) = events_from(Case("quoting", mail.as_bytes(), {"rcpt_to": [MAILBOX]}))
    assert isinstance(created, TicketCreated)
    private = created.data.private
    assert private is not None
    assert private.text == "See https://desk.example/open/…?to=chat"
    assert private.quoted is not None
    assert "https://desk.example/open/…" in private.quoted
    assert token not in created.model_dump_json()


def test_a_new_ticket_comes_after_its_files() -> None:
    """Whoever hears of it finds its files; whoever dies before it has told nobody."""
    *parts, created = events_from(letter())
    assert isinstance(created, TicketCreated)
    assert all(isinstance(part, AttachmentReceived) for part in parts)
    assert {event.subject for event in (*parts, created)} == {created.subject}
    assert {event.correlationid for event in (*parts, created)} == {created.id}
    private = created.data.private
    assert created.data.channel is Channel.MAIL
    assert private is not None
    assert private.message_id == "<files@customer.example>"
    assert private.text == "Here."
    assert private.quoted is not None
    assert [file.name for file in private.attachments] == ["rows.zip", "none.csv"]


def test_the_files_of_a_ticket_belong_to_the_first_message_of_its_thread() -> None:
    """The thread's service derives that message's id by itself."""
    *parts, created = events_from(letter())
    assert isinstance(created, TicketCreated)
    _, first = messaging.open_thread(created)
    assert first is not None
    assert {part.data.message for part in parts if isinstance(part, AttachmentReceived)} == {
        first.id
    }


def test_a_file_can_be_put_together_from_its_parts() -> None:
    """In their order they are the file; an empty one has one part, too."""
    *parts, created = events_from(letter())
    assert isinstance(created, TicketCreated)
    assert created.data.private is not None
    for file in created.data.private.attachments:
        own = [each for each in parts if is_part_of(each, file.id)]
        pieces = [piece(each) for each in own]
        assert max(map(len, pieces)) <= PART_BYTES
        content = b"".join(pieces)
        assert (len(content), hashlib.sha256(content).hexdigest()) == (file.size_bytes, file.sha256)


def is_part_of(event: Event, file: UUID) -> bool:
    """Whether an event is a part of a file."""
    return isinstance(event, AttachmentReceived) and event.data.attachment == file


def piece(event: Event) -> bytes:
    """The bytes of a part, which knows its place."""
    assert isinstance(event, AttachmentReceived)
    assert 1 <= event.data.part <= event.data.parts
    assert event.data.private is not None
    return base64.b64decode(event.data.private.content)


def test_a_repeat_has_the_same_ids() -> None:
    """A mail that is sent again, an hour later and by another way, is dropped wherever it comes."""
    once, again = (
        events_from(case, now=now)
        for case, now in (
            (letter(), NOW),
            (
                Case(
                    "", b"Received: a\r\n" + letter().content, {"rcpt_to": [MAILBOX, "x@y.example"]}
                ),
                NOW + timedelta(hours=1),
            ),
        )
    )
    ids = [event.id for event in once]
    assert ids == [event.id for event in again]
    assert len(set(ids)) == len(ids)


def test_a_reply_goes_to_the_thread_that_it_proved_to_take_part_in() -> None:
    """With its own id, the sender's pseudonym and what proves it."""
    *parts, received = events_from(letter(REPLY))
    assert isinstance(received, MessageReceived)
    assert received.subject == str(TICKET)
    assert received.data.requester == REQUESTER
    assert received.data.proof == "reply_address"
    assert received.data.private is not None
    assert received.data.private.text == "Here."
    assert [event.id for event in events_from(letter(REPLY))] == [
        event.id for event in (*parts, received)
    ]


def test_a_reply_belongs_to_the_history_of_its_ticket() -> None:
    """Its correlation is the id of the ticket's first event, which intake can tell by itself."""
    created = events_from(letter())[-1]
    judged = letter().judgement
    assert isinstance(judged, NewTicket)
    reply = Reply(judged.ticket, TICKET, judged.requester, judged.person, "message_id", False)
    said = events_of(reply, read_mail(letter().content, LIMITS), now=NOW)
    assert {event.correlationid for event in said} == {created.id}


def test_a_note_on_what_was_left_out_stands_below_the_words() -> None:
    """Whoever reads the thread learns that something is missing."""
    mail = read_mail(letter().content, LIMITS.__class__(file_bytes=1000))
    created = events_of(letter().judgement, mail, now=NOW)[-1]
    assert isinstance(created, TicketCreated)
    assert created.data.private is not None
    note = "[rows.zip, 1 MB, was left out: larger than 1000 bytes]"
    assert created.data.private.text == f"Here.\n\n{note}"


def test_a_bounce_says_which_delivery_came_back() -> None:
    """One event, the same for the same report."""
    case = named("dsn-postfix")
    assert isinstance(case.judgement, Bounce)
    (bounced,) = events_from(case)
    assert isinstance(bounced, MailBounced)
    assert bounced.data.delivery == DELIVERY
    assert bounced.data.permanent
    assert bounced.subject == str(TICKET)
    assert bounced.data.private is not None
    assert bounced.data.private.address == CUSTOMER
    assert bounced.id == events_from(case, now=NOW + timedelta(hours=1))[0].id


def test_what_is_refused_says_nothing_on_the_stream() -> None:
    """Its sender is told."""
    case = named("own-mail-comes-back")
    assert isinstance(case.judgement, RefusedMail)
    assert events_from(case) == ()
