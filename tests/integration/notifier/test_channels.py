"""The SMTP channel against real servers that answer as they shouldn't."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from deploy.local.ports import free_ports
from services.notifier.channels.smtp import SmtpChannel, SmtpServer, content_of
from services.notifier.deliveries import (
    MAIL_LANE,
    Accepted,
    Answer,
    Content,
    Delivery,
    Lost,
    Refused,
)
from tests.support import alerts
from tests.support.peers import listening, scripted

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


def opened(port: int, *, within: timedelta = LONG, **settings: Any) -> SmtpChannel:  # noqa: ANN401 - of `SmtpServer`
    """The channel to a server on this port."""
    server = SmtpServer("127.0.0.1", port, **settings)
    return SmtpChannel(server, envelope_sender=lambda _: SENDER, within=within)


async def send(
    port: int,
    *,
    to: str = RECIPIENT,
    within: timedelta = LONG,
    **settings: Any,  # noqa: ANN401 - of `SmtpServer`
) -> Answer:
    """What becomes of a mail."""
    channel = opened(port, within=within, **settings)
    try:
        return await channel.send(delivery(to), content(to))
    finally:
        await channel.close()


def delivery(to: str = RECIPIENT) -> Delivery:
    """A mail to this address, as it was planned."""
    alert = alerts.breach_alert(lane=MAIL_LANE, channel=alerts.MAIL)
    return replace(alert, address=to)


def content(to: str = RECIPIENT) -> Content:
    """A mail to this address, as it goes over the line."""
    made = EmailMessage()
    made["From"] = SENDER
    made["To"] = to
    made["Subject"] = "Received"
    made.set_content("We have it.")
    return content_of(made, to)


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
        assert await send(port, user="careline", password="wrong") == Lost(after_data=False)
    assert "MAIL" not in server.commands


async def test_no_starttls_where_it_is_asked_for_is_no_refusal_of_the_mail() -> None:
    """A server that has lost its certificate gets no mail in the clear, and loses none."""
    server = Server()
    with serving(server) as port:
        assert await send(port, security="starttls") == Lost(after_data=False)
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


async def test_a_server_that_dies_after_data_may_have_taken_the_mail() -> None:
    """The line is lost where the answer should come: nobody knows."""

    async def die(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for line in (b"220 hello", b"250 hello", b"250 OK", b"250 OK", b"354 go on"):
            writer.write(line + b"\r\n")
            await reader.readline()
        while (await reader.readline()) not in {b".\r\n", b""}:
            pass

    async with listening(die) as port:
        assert await send(port) == Lost(after_data=True)


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
        channel = opened(port)
        first = await channel.send(delivery(), content())
        server.replies.clear()
        second = await channel.send(delivery(), content())
        await channel.close()
    assert (first, second) == (Refused(550, "no such user", for_good=True), Accepted())
    assert server.commands == ["MAIL", "MAIL", "QUIT"]


async def test_a_connection_that_the_server_has_closed_costs_no_try() -> None:
    """The mail server was started anew between two mails: the second goes over a new connection."""
    server = Server()
    port = free_ports().smtp
    channel = opened(port)
    for _ in range(2):
        controller = Controller(server, hostname="127.0.0.1", port=port)
        controller.start()
        try:
            answer = await channel.send(delivery(), content())
        finally:
            controller.stop()
        assert answer == Accepted()
    await channel.close()
