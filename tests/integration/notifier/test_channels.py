"""The SMTP channel against real servers that answer as they shouldn't."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from deploy.local.ports import free_ports
from services.notifier.channels import SmtpChannel, SmtpServer
from services.notifier.domain import Accepted, Answer, Lost, Refused

SENDER = "support@careline.example"
RECIPIENT = "customer@customer.example"
LONG = timedelta(seconds=30)
SHORT = timedelta(seconds=1)


class Server:
    """Takes every mail, unless `replies` has another answer to a command."""

    def __init__(self, **replies: str) -> None:
        self.replies = replies
        self.commands: list[str] = []
        self.recipients: list[str] = []
        self.contents: list[bytes] = []

    async def handle_MAIL(  # noqa: N802 - aiosmtpd calls it so
        self, _s: SMTP, _n: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take the sender, or say no."""
        self.commands.append("MAIL")
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return self.replies.get("MAIL", "250 OK")

    async def handle_RCPT(  # noqa: N802 - aiosmtpd calls it so
        self, _s: SMTP, _n: Session, envelope: Envelope, address: str, _o: list[str]
    ) -> str:
        """Take the recipient, or say no."""
        self.recipients.append(address)
        envelope.rcpt_tos.append(address)
        return self.replies.get("RCPT", "250 OK")

    async def handle_DATA(self, _s: SMTP, _n: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd calls it so
        """Take the mail, or say no."""
        assert isinstance(envelope.content, bytes)
        self.contents.append(envelope.content)
        return self.replies.get("DATA", "250 OK")

    async def handle_QUIT(self, _s: SMTP, _n: Session, _e: Envelope) -> str:  # noqa: N802 - aiosmtpd calls it so
        """See the client off."""
        self.commands.append("QUIT")
        return "221 Bye"


@contextmanager
def serving(server: Server, **settings: Any) -> Iterator[int]:  # noqa: ANN401 - aiosmtpd's own
    """Serve until the end of the block, on this port."""
    port = free_ports().smtp
    controller = Controller(server, hostname="127.0.0.1", port=port, **settings)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(talk: Talk) -> AsyncIterator[int]:
    """Talk to whoever connects; at the end of the block wait until all have hung up."""
    talks: list[asyncio.Task[None]] = []

    async def whole(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        finally:
            writer.close()
            await asyncio.gather(writer.wait_closed(), return_exceptions=True)

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks.append(asyncio.create_task(whole(reader, writer)))

    listener = await asyncio.start_server(begin, "127.0.0.1", 0)
    async with listener:
        yield listener.sockets[0].getsockname()[1]
        await asyncio.gather(*talks, return_exceptions=True)


@asynccontextmanager
async def scripted(*lines: bytes) -> AsyncIterator[int]:
    """Say the first line as greeting and one more after each line heard, then nothing any more."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for line in lines:
            writer.write(line + b"\r\n")
            await reader.readline()
        await reader.read()

    async with listening(talk) as port:
        yield port


async def send(
    port: int, *, to: str = RECIPIENT, within: timedelta = LONG, user: str = ""
) -> Answer:
    """What becomes of a mail."""
    server = SmtpServer("127.0.0.1", port, user=user or None, password="wrong" if user else None)
    channel = SmtpChannel(server, within=within)
    try:
        return await channel.send(mail(to), sender=SENDER, recipient=to)
    finally:
        await channel.close()


def mail(to: str) -> EmailMessage:
    """A mail to this address."""
    made = EmailMessage()
    made["From"] = SENDER
    made["To"] = to
    made["Subject"] = "Received"
    made.set_content("We have it.")
    return made


async def test_a_554_greeting_is_no_refusal_of_the_mail() -> None:
    """The server has no service for anyone: the mail is tried again."""
    async with scripted(b"554 no SMTP service here") as port:
        assert await send(port) == Lost(after_data=False)


async def test_a_no_to_ehlo_is_no_refusal_of_the_mail() -> None:
    """Neither EHLO nor HELO says anything of this mail: it is tried again."""
    async with scripted(b"220 hello", b"550 not you", b"550 not you") as port:
        assert await send(port) == Lost(after_data=False)


async def test_a_no_to_the_sender_is_no_refusal_of_the_mail() -> None:
    """530 to MAIL: who sends is for our settings to mend, and the mail is tried again."""
    with serving(Server(MAIL="530 sign on first")) as port:
        assert await send(port) == Lost(after_data=False)


async def test_a_wrong_password_is_no_refusal_of_the_mail() -> None:
    """535 to AUTH: the settings are wrong, and no mail may be lost by that."""

    def refuse(*_: object) -> AuthResult:
        return AuthResult(success=False, handled=False)

    server = Server()
    with serving(server, authenticator=refuse, auth_require_tls=False) as port:
        assert await send(port, user="careline") == Lost(after_data=False)
    assert "MAIL" not in server.commands


async def test_no_starttls_where_it_is_asked_for_is_no_refusal_of_the_mail() -> None:
    """A server that has lost its certificate gets no mail in the clear, and loses none."""
    server = Server()
    with serving(server) as port:
        channel = SmtpChannel(SmtpServer("127.0.0.1", port, "starttls"), within=LONG)
        answer = await channel.send(mail(RECIPIENT), sender=SENDER, recipient=RECIPIENT)
    assert answer == Lost(after_data=False)
    assert not server.commands


@pytest.mark.parametrize("command", ["RCPT", "DATA"])
@pytest.mark.parametrize("code", [451, 550])
async def test_a_no_to_recipient_or_content_is_a_refusal(command: str, code: int) -> None:
    """RCPT and DATA speak of this mail, for now or for good."""
    with serving(Server(**{command: f"{code} no"})) as port:
        assert await send(port) == Refused(code, "no", for_good=code >= 500)


async def test_a_reply_in_latin_1_is_kept_as_far_as_it_can_be() -> None:
    """No lone surrogate and no endless text gets into what an event carries."""
    reply = b"550 " + b"\xe9" + b"x" * 480
    async with scripted(b"220 hello", b"250 hello", b"250 sender OK", reply) as port:
        answer = await send(port, within=timedelta(seconds=5))
    assert isinstance(answer, Refused)
    assert answer.code == 550
    assert answer.detail.encode() == b"?" + b"x" * 480


async def test_an_endless_reply_is_cut() -> None:
    """500 characters tell enough."""
    lines = b"\r\n".join(b"550-" + b"x" * 400 for _ in range(3)) + b"\r\n550 end"
    async with scripted(b"220 hello", b"250 hello", b"250 sender OK", lines) as port:
        answer = await send(port, within=timedelta(seconds=5))
    assert isinstance(answer, Refused)
    assert len(answer.detail) == 500


@pytest.mark.parametrize(
    ("lines", "after_data"),
    [
        ((), False),
        ((b"220 hello", b"250 hello", b"250 sender OK"), False),
        ((b"220 hello", b"250 hello", b"250 OK", b"250 OK", b"354 go on"), True),
    ],
)
async def test_a_server_that_falls_silent_is_not_waited_for(
    lines: tuple[bytes, ...], *, after_data: bool
) -> None:
    """The try ends by itself, and knows whether the mail may have been taken."""
    async with scripted(*lines) as port:
        assert await send(port, within=SHORT) == Lost(after_data=after_data)


async def test_the_try_as_a_whole_has_an_end() -> None:
    """A server that keeps each command just alive is left when the time is over."""

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hello\r\n")
        while await reader.readline():
            # Less than a command may take; but EHLO, MAIL, RCPT and DATA together take too long.
            await asyncio.sleep(0.5)
            writer.write(b"250 OK\r\n")

    async with listening(drip) as port:
        assert await send(port, within=SHORT) == Lost(after_data=False)


async def test_a_domain_beyond_ascii_is_encoded_as_it_was_registered() -> None:
    """IDNA 2008 keeps the sharp s; envelope and header carry the ASCII form."""
    server = Server()
    with serving(server) as port:
        assert await send(port, to="kunde@faß.de") == Accepted()
    assert server.recipients == ["kunde@xn--fa-hia.de"]
    (content,) = server.contents
    assert b"To: kunde@xn--fa-hia.de\r\n" in content
    assert content.isascii()


async def test_a_local_part_beyond_ascii_needs_a_server_that_takes_it() -> None:
    """With SMTPUTF8 it goes out as it is; without, nothing else can be done with it."""
    server = Server()
    with serving(server, enable_SMTPUTF8=True) as port:
        assert await send(port, to="käufer@faß.de") == Accepted()
    assert server.recipients == ["käufer@xn--fa-hia.de"]
    with serving(Server(), enable_SMTPUTF8=False) as port:
        answer = await send(port, to="käufer@faß.de")
    assert isinstance(answer, Refused)
    assert answer.code == 550


async def test_a_domain_that_cannot_be_encoded_is_refused_for_good() -> None:
    """No server is asked: the address can't exist."""
    with serving(Server()) as port:
        answer = await send(port, to=f"kunde@{'ü' * 70}.de")
    assert isinstance(answer, Refused)
    assert answer.code == 553


async def test_after_a_refusal_the_connection_serves_the_next_mail() -> None:
    """What a refused mail leaves behind does not hinder the next; a close says QUIT once."""
    server = Server(RCPT="550 no such user")
    with serving(server) as port:
        channel = SmtpChannel(SmtpServer("127.0.0.1", port), within=LONG)
        first = await channel.send(mail(RECIPIENT), sender=SENDER, recipient=RECIPIENT)
        server.replies.clear()
        second = await channel.send(mail(RECIPIENT), sender=SENDER, recipient=RECIPIENT)
        await channel.close()
    assert (first, second) == (Refused(550, "no such user", for_good=True), Accepted())
    assert server.commands == ["MAIL", "MAIL", "QUIT"]


async def test_a_connection_that_the_server_has_closed_costs_no_try() -> None:
    """The mail server was started anew between two mails: the second goes over a new connection."""
    server = Server()
    port = free_ports().smtp
    channel = SmtpChannel(SmtpServer("127.0.0.1", port), within=LONG)
    for _ in range(2):
        controller = Controller(server, hostname="127.0.0.1", port=port)
        controller.start()
        try:
            answer = await channel.send(mail(RECIPIENT), sender=SENDER, recipient=RECIPIENT)
        finally:
            controller.stop()
        assert answer == Accepted()
    await channel.close()
