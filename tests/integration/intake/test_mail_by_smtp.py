"""Mail that comes in by SMTP: what becomes of it, and what of whoever breaks the rules."""

import base64
import hashlib
from collections.abc import AsyncIterator, Iterator
from email.message import EmailMessage

import aiosmtplib
import pytest

from shared.envelope import Topic
from shared.events import Event, TicketCreated
from shared.identity import requester_id
from shared.mail_tokens import BOUNCES, MailTokens
from shared.messages import AttachmentReceived, Channel, MailBounced, MessageReceived
from tests.support.desk import SECRET, Desk, running_desk
from tests.support.mail_sender import (
    CUSTOMER,
    HOST,
    MAILBOX,
    Conversation,
    a_mail,
    conversation,
    stuffed,
)
from tests.support.said import ticket_created, ticket_of
from tests.support.stack import Stack
from tests.support.stream import read_events

TOKENS = MailTokens(SECRET, MAILBOX)
PARTY = requester_id(CUSTOMER, secret=SECRET)
MOST_BYTES = 200_000
SETTINGS = {
    "CARELINE_MAIL_QUEUES": "billing@careline.example=billing",
    "CARELINE_MAIL_MOST_BYTES": str(MOST_BYTES),
}


@pytest.fixture(scope="module")
def module_desk(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One intake for all mails."""
    with running_desk(stack, tmp_path_factory.mktemp("smtp")) as made:
        made.start("intake", **SETTINGS)
        yield made


@pytest.fixture
async def desk(module_desk: Desk) -> Desk:
    """The desk, once intake is ready."""
    await module_desk.ready("intake")
    return module_desk


@pytest.fixture
async def line(desk: Desk) -> AsyncIterator[Conversation]:
    """A connection that has said EHLO."""
    async with conversation(desk.ports.smtp_in) as opened:
        await opened.greet()
        yield opened


async def test_a_mail_becomes_a_ticket(desk: Desk) -> None:
    """With all that its parts say; and again under the same Message-ID it is the same ticket."""
    mail = a_mail("<ticket@customer.example>", subject="Grüße", text="Hallo\n")
    await _send(desk, mail)
    await _send(desk, mail)
    first, second = await _created(desk, "<ticket@customer.example>")
    assert first.id == second.id
    assert (first.data.channel, first.data.queue) == (Channel.MAIL, "support")
    assert first.data.requester == PARTY
    assert first.data.private is not None
    assert first.data.private.address == CUSTOMER
    assert (first.data.private.subject, first.data.private.text) == ("Grüße", "Hallo")


async def test_a_reply_to_its_address_goes_into_the_thread(desk: Desk) -> None:
    """Of the sender for whom the address was made; anybody else opens a ticket that names it."""
    ticket = ticket_of(ticket_created("reply"))
    to = TOKENS.address(ticket, PARTY)
    await _send(desk, a_mail("<reply@customer.example>", to=to))
    await _send(desk, a_mail("<stranger@else.example>", to=to, sender="stranger@else.example"))
    (reply,) = [each for each in await _events(desk) if isinstance(each, MessageReceived)]
    assert (reply.subject, reply.data.proof) == (str(ticket), "reply_address")
    (opened,) = await _created(desk, "<stranger@else.example>")
    assert opened.data.continues == ticket


async def test_a_bounce_is_told_by_its_null_sender_and_address(desk: Desk) -> None:
    """What a mail server returns marks the address."""
    ticket = ticket_of(ticket_created("bounce"))
    report = (
        b"From: MAILER-DAEMON@customer.example\r\nSubject: Undelivered\r\n"
        b"Message-ID: <bounce@customer.example>\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        b"--b\r\nContent-Type: text/plain\r\n\r\nNo such user\r\n"
        b"--b\r\nContent-Type: message/delivery-status\r\n\r\n"
        b"Reporting-MTA: dns; customer.example\r\n\r\n"
        b"Final-Recipient: rfc822; customer@customer.example\r\n"
        b"Action: failed\r\nStatus: 5.1.1\r\n\r\n--b--\r\n"
    )
    async with conversation(desk.ports.smtp_in) as line:
        await line.greet()
        await line.begin(TOKENS.address(ticket, BOUNCES), sender="")
        line.send(stuffed(report))
        assert (await line.answer()).startswith("250 ")
    (bounced,) = [each for each in await _events(desk) if isinstance(each, MailBounced)]
    assert (bounced.data.permanent, bounced.data.status) == (True, "5.1.1")


async def test_files_come_in_parts_and_whole(desk: Desk) -> None:
    """Every byte, in order, in records that the broker takes."""
    content = bytes(range(256)) * 400
    mail = a_mail("<file@customer.example>")
    mail.add_attachment(content, maintype="application", subtype="x-test", filename="a.bin")
    await _send(desk, mail)
    (created,) = await _created(desk, "<file@customer.example>")
    assert created.data.private is not None
    (named,) = created.data.private.attachments
    parts = [
        each.data
        for each in await _events(desk)
        if isinstance(each, AttachmentReceived) and each.data.attachment == named.id
    ]
    parts.sort(key=lambda data: data.part)
    pieces = [base64.b64decode(data.private.content) for data in parts if data.private]
    assert b"".join(pieces) == content
    assert named.sha256 == hashlib.sha256(content).hexdigest()


async def test_an_address_may_stand_for_a_queue(desk: Desk) -> None:
    """Which the ticket says; one mail to several of our addresses is one ticket."""
    recipients = [MAILBOX, "billing@careline.example", "Postmaster@Careline.Example"]
    mail = a_mail("<queue@customer.example>", to="billing@careline.example")
    await _send(desk, mail, recipients)
    (created,) = await _created(desk, "<queue@customer.example>")
    assert created.data.queue == "billing"


@pytest.mark.parametrize(
    "stranger",
    [
        "somebody@elsewhere.example",
        "somebody@careline.example",
        "support@elsewhere.example",
        "support%elsewhere.example@careline.example",
        "@careline.example:somebody@elsewhere.example",
        "supportx@careline.example",
        '"support@careline.example"@elsewhere.example',
    ],
)
async def test_mail_for_others_is_refused(line: Conversation, stranger: str) -> None:
    """No relay, whatever the address looks like."""
    await line.say(f"MAIL FROM:<{CUSTOMER}>")
    assert (await line.say(f"RCPT TO:<{stranger}>"))[:3] in ("550", "553")
    assert (await line.say("DATA")).startswith("503 ")


@pytest.mark.parametrize(
    "ours",
    [
        "SUPPORT@careline.EXAMPLE",
        "support+anything@careline.example",
        "postmaster",
        "postmaster@careline.example",
        "abuse@careline.example",
    ],
)
async def test_our_own_addresses_are_taken(line: Conversation, ours: str) -> None:
    """The mailbox with and without what stands behind a plus, and what every domain must have."""
    await line.say("MAIL FROM:<>")
    assert (await line.say(f"RCPT TO:<{ours}>")).startswith("250 ")


async def test_what_is_offered(line: Conversation) -> None:
    """What a mail server wants, and no login."""
    offered = await line.say("EHLO client.example")
    for extension in ("SIZE 200000", "8BITMIME", "SMTPUTF8", "PIPELINING", "ENHANCEDSTATUSCODES"):
        assert extension in offered
    assert "AUTH" not in offered
    assert "STARTTLS" not in offered
    assert (await line.say("AUTH PLAIN AGEAYg==")).startswith("502 ")


async def test_a_mail_that_says_its_size_is_refused_before_it_is_sent(line: Conversation) -> None:
    """552 to MAIL; and what is below the limit is let through."""
    assert (await line.say(f"MAIL FROM:<{CUSTOMER}> SIZE={MOST_BYTES + 1}")).startswith("552 ")
    assert (await line.say(f"MAIL FROM:<{CUSTOMER}> SIZE={MOST_BYTES}")).startswith("250 ")


async def test_a_mail_that_turns_out_too_large_is_refused_at_its_end(line: Conversation) -> None:
    """552, and the session goes on; what has no end is cut off."""
    await line.begin()
    line.send(stuffed(a_mail(text=("x" * 70 + "\r\n") * (MOST_BYTES // 70)).as_bytes()))
    assert (await line.answer()).startswith("552 ")
    await line.begin()
    line.send(b"x" * (3 * MOST_BYTES))
    assert (await line.answer()).startswith("552 ")
    assert await line.is_closed()


@pytest.mark.parametrize("size", [0, 1, 2, 65_530, 65_531, 65_532, 65_533, 65_536, 131_072])
async def test_a_mail_ends_where_it_ends(desk: Desk, line: Conversation, size: int) -> None:
    """Wherever in the stream its last dot falls; and what follows is the next command."""
    await line.begin()
    message_id = f"<end-{size}@customer.example>"
    text = "y" * size
    line.send(stuffed(a_mail(message_id, text=text, subject="Ends").as_bytes()) + b"NOOP\r\n")
    assert (await line.answer()).startswith("250 2.0.0 Taken")
    assert (await line.answer()).startswith("250 2.0.0 OK")
    assert len(await _created(desk, message_id)) == 1


async def test_an_empty_mail_is_answered(line: Conversation) -> None:
    """A dot right after DATA: nobody to answer, so it is refused, not lost."""
    await line.begin()
    line.send(b".\r\n")
    assert (await line.answer()).startswith("550 ")


async def test_dots_at_the_start_of_lines_are_the_mails_own(desk: Desk, line: Conversation) -> None:
    """Those that SMTP adds are taken off again, and no other."""
    await line.begin()
    text = ".one\r\n..two\r\nthree.\r\n.\r\nfour"
    line.send(stuffed(a_mail("<dots@customer.example>", text=text).as_bytes()))
    assert (await line.answer()).startswith("250 ")
    (created,) = await _created(desk, "<dots@customer.example>")
    assert created.data.private is not None
    assert created.data.private.text == text.replace("\r\n", "\n")


@pytest.mark.parametrize(
    "end", [b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r\n.\n", b"\r\n.\r", b"\r.\r\n", b"\n.\r\r\n"]
)
async def test_nobody_smuggles_a_second_mail_inside_of_one(
    desk: Desk, line: Conversation, end: bytes
) -> None:
    """Bare CR and LF end no mail: all of it is one, and its commands are its words."""
    name = end.hex()
    inner = a_mail(f"<inner-{name}@customer.example>", sender="boss@customer.example").as_bytes()
    smuggled = (
        b"MAIL FROM:<boss@customer.example>\r\nRCPT TO:<support@careline.example>\r\nDATA\r\n"
    )
    outer = a_mail(f"<outer-{name}@customer.example>", text="Hello").as_bytes()
    await line.begin()
    line.send(outer.rstrip() + end + smuggled + inner.replace(b"\r\n.", b"\r\n..") + b"\r\n.\r\n")
    assert (await line.answer()).startswith("250 ")
    assert (await line.say("NOOP")).startswith("250 2.0.0 OK")
    assert len(await _created(desk, f"<outer-{name}@customer.example>")) == 1
    assert not await _created(desk, f"<inner-{name}@customer.example>")


@pytest.mark.parametrize("half_closed", [False, True])
async def test_a_line_cut_in_the_middle_of_a_mail_leaves_nothing(
    desk: Desk, *, half_closed: bool
) -> None:
    """Nobody was told that it was taken, and it is not."""
    async with conversation(desk.ports.smtp_in) as line:
        await line.greet()
        await line.begin()
        line.send(a_mail("<cut@customer.example>").as_bytes()[:-5])
        await line.writer.drain()
        if half_closed:
            line.writer.write_eof()
            assert await line.is_closed()
    await _send(desk, a_mail("<after-cut@customer.example>"))
    assert await _created(desk, "<after-cut@customer.example>")
    assert not await _created(desk, "<cut@customer.example>")


async def test_who_has_no_more_to_say_still_hears_the_answer(desk: Desk) -> None:
    """A connection that is half closed behind its mail is answered, and closed."""
    async with conversation(desk.ports.smtp_in) as line:
        await line.greet()
        await line.begin()
        line.send(stuffed(a_mail("<half@customer.example>", text="z" * 100_000).as_bytes()))
        await line.writer.drain()
        line.writer.write_eof()
        assert (await line.answer()).startswith("250 ")
        assert await line.is_closed()


async def test_a_hundred_recipients_are_taken_and_no_more(line: Conversation) -> None:
    """RFC 5321 wants a hundred; the sender tries again with the rest."""
    await line.say(f"MAIL FROM:<{CUSTOMER}>")
    for number in range(100):
        answer = await line.say(f"RCPT TO:<support+{number}@careline.example>")
        assert answer.startswith("250 ")
    assert (await line.say(f"RCPT TO:<{MAILBOX}>")).startswith("452 ")


async def test_who_guesses_addresses_is_sent_off(line: Conversation) -> None:
    """After a number of recipients that we don't know."""
    await line.say(f"MAIL FROM:<{CUSTOMER}>")
    answers = [await line.say(f"RCPT TO:<nobody{n}@careline.example>") for n in range(26)]
    assert answers[0].startswith("550 ")
    assert (await line.answer()).startswith("421 ")


@pytest.mark.parametrize(
    "command",
    [
        b"MAIL FROM:<\xff\xfe@customer.example>",
        b"MAIL FROM:<",
        b"MAIL FROM:<a@b.example> SIZE=\xc2\xb2",
        b"MAIL FROM:<a@b.example\x00>",
        b"VRFY \xff",
        b"\xff\xff",
        b"",
        b"RCPT TO:<a@b>",
        b"X" * 3000,
        b"DATA",
        b"HELP \xff",
        b"STARTTLS",
        b"BDAT 5 LAST",
    ],
)
async def test_a_malformed_command_is_answered_and_nothing_breaks(
    desk: Desk, line: Conversation, command: bytes
) -> None:
    """With a code of the right kind, and the session goes on."""
    line.send(command + b"\r\n")
    assert (await line.answer())[0] in "245"
    assert (await line.say("NOOP")).startswith("250 ")
    assert "session_failed" not in {entry["event"] for entry in desk.log("intake")}


async def test_nobodys_words_or_addresses_are_logged(desk: Desk) -> None:
    """Ids alone, whatever came in."""
    await _send(desk, a_mail("<secret@customer.example>", subject="Secret subject"))
    assert await _created(desk, "<secret@customer.example>")
    log = (desk.folder / "intake.log").read_text()
    for personal in (CUSTOMER, "Secret subject", "A Customer", "secret@", "127.0.0.1'"):
        assert personal not in log
    assert "mail_accepted" in log


async def _send(desk: Desk, mail: EmailMessage, recipients: list[str] | None = None) -> None:
    await aiosmtplib.send(
        mail,
        hostname=HOST,
        port=desk.ports.smtp_in,
        start_tls=False,
        recipients=recipients,
    )


async def _events(desk: Desk) -> list[Event]:
    topics = (Topic.TICKETS, Topic.MESSAGES, Topic.ATTACHMENTS)
    return await read_events(desk.stack.bootstrap_servers, desk.namespace, *topics)


async def _created(desk: Desk, message_id: str) -> list[TicketCreated]:
    return [
        event
        for event in await _events(desk)
        if isinstance(event, TicketCreated)
        and event.data.private is not None
        and event.data.private.message_id == message_id
    ]
