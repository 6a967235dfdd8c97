"""One conversation with a mail server that brings us mail, by SMTP (RFC 5321) or LMTP (RFC 2033).

aiosmtpd speaks the protocol. What it leaves to others is here and in the files beside it: who may
be written to, a mail read in bounded memory, an answer for each recipient by LMTP, and an end for
whoever is too slow or too many.
"""

import asyncio
import collections
import contextlib
import ssl
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import AnyStr, NoReturn

import structlog
from aiosmtpd.smtp import SMTP, Envelope, TLSSetupException

from services.intake.accepting import MailIntake, Verdict
from services.intake.mail import rules as mail_rules
from services.intake.smtp import data as smtp_data
from services.intake.smtp.data import NotTaken
from services.intake.smtp.hooks import COMMAND_BYTES, COMMANDS, STRANGERS, Guest, Hooks, enhance
from services.intake.smtp.places import Places
from services.intake.smtp.recipients import Recipients
from shared import metrics

log = structlog.get_logger(__name__)


ABORT_AFTER = 5.0
"""Seconds that a peer has to read our last words."""

_CLOSING = "421 4.3.2 We are closing down; try again later"


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds for every session."""

    hostname: str
    """As we greet."""
    recipients: Recipients
    most_recipients: int
    idle_seconds: float
    """Without a command, or without progress in a mail."""
    data_seconds: float
    """For one mail."""
    tls: ssl.SSLContext | None = None
    must_have_tls: bool = False
    """Whether a mail is taken behind STARTTLS only."""


class MailSession(SMTP):
    """A session of SMTP.

    Args:
        intake: What takes the mails.
        rules: What holds for every session.
        places: Who is connected.
        loop: The event loop.
    """

    source: mail_rules.Source = "smtp"
    line_length_limit = smtp_data.CHUNK_BYTES
    session: Guest
    envelope: Envelope
    transport: asyncio.WriteTransport | None
    _timeout_handle: asyncio.TimerHandle

    def __init__(
        self, intake: MailIntake, rules: Rules, places: Places, loop: asyncio.AbstractEventLoop
    ) -> None:
        # Of its own: aiosmtpd keeps one for all sessions, and each new one empties it.
        self.command_size_limit = COMMAND_BYTES
        self.command_size_limits = collections.defaultdict(lambda: COMMAND_BYTES)
        self._intake, self._rules, self._places = intake, rules, places
        self._greets = self._ends = False
        super().__init__(
            Hooks(intake, rules.recipients, rules.most_recipients),
            data_size_limit=intake.most_bytes,
            enable_SMTPUTF8=True,
            hostname=rules.hostname,
            ident="Careline",
            tls_context=rules.tls,
            require_starttls=rules.must_have_tls,
            timeout=rules.idle_seconds,
            command_call_limit=COMMANDS,
            loop=loop,
        )

    @property
    def handling(self) -> "asyncio.Task[None] | None":
        """The task of the session."""
        return self._handler_coroutine

    def hang_up(self, line: str = "") -> None:
        """Say a last line and close; whoever doesn't take it is cut off."""
        transport, original = self.transport, self._original_transport
        if transport is None:
            return
        if line:
            transport.write(f"{line}\r\n".encode())
        transport.close()
        self.loop.call_later(ABORT_AFTER, transport.abort)
        if isinstance(original, asyncio.WriteTransport):
            self.loop.call_later(ABORT_AFTER, original.abort)

    def connection_lost(self, error: Exception | None) -> None:
        """Give the place back."""
        self._places.leave(self)
        super().connection_lost(error)

    def eof_received(self) -> bool | None:
        """Whoever has nothing more to say may still want to hear what became of their mail."""
        if self._places.is_busy(self) and self.session.ssl is None:
            self._ends = True
            return asyncio.StreamReaderProtocol.eof_received(self)
        return super().eof_received()

    def _create_session(self) -> Guest:
        return Guest(self.loop)

    async def _handle_client(self) -> None:
        refused = self._places.enter(self, self._host())
        if refused is not None:
            metrics.SMTP_TURNED_AWAY.labels(self.source, refused).inc()
            self.hang_up("421 4.7.0 Too many connections; try again later")
            return
        try:
            await super()._handle_client()
        except ConnectionError:
            self.hang_up()

    def _host(self) -> str | None:
        peer = self.session.peer
        return peer[0] if isinstance(peer, tuple) else None

    def _timeout_cb(self) -> None:
        metrics.SMTP_TURNED_AWAY.labels(self.source, "idle").inc()
        self.hang_up("421 4.4.2 Idle for too long")

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        try:
            address, rest = super()._getaddr(arg)
        except Exception:  # noqa: BLE001 - the parser of `email` trips over some malformed ones
            return None, None
        # Control characters, and what was no UTF-8, can't be written down.
        return (address, rest) if address is None or address.isprintable() else (None, None)

    async def push(self, status: AnyStr) -> None:
        """Answer."""
        if isinstance(status, str) and not self._greets:
            await super().push(enhance(status))
        else:
            await super().push(status)

    async def handle_exception(self, error: Exception) -> str:
        """A mistake of ours: the mail is not taken, and its sender keeps it."""
        if not isinstance(error, TLSSetupException):
            log.error("session_failed", source=self.source, exc_info=error)
        return "451 4.3.0 Something went wrong here; try again later"

    async def smtp_HELO(self, hostname: str) -> None:  # noqa: N802 - aiosmtpd calls it so
        """Greet."""
        await self._greet(super().smtp_HELO(hostname))

    async def smtp_EHLO(self, hostname: str) -> None:  # noqa: N802 - the same
        """Greet."""
        await self._greet(super().smtp_EHLO(hostname))

    async def smtp_AUTH(self, _: str) -> None:  # noqa: N802 - the same
        """Nobody logs in here."""
        await self.push("502 5.5.1 Not offered")

    async def smtp_VRFY(self, _: str) -> None:  # noqa: N802 - the same
        """We don't tell who is here."""
        await self.push("252 2.5.0 Send a mail and see")

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802 - the same
        """Who sends a mail."""
        # What other alphabets have for digits is no size.
        if arg is not None and not arg.rpartition(">")[2].isascii():
            await self.push("501 5.5.4 Options are written in ASCII")
        else:
            await super().smtp_MAIL(arg)

    async def smtp_RCPT(self, arg: str | None) -> None:  # noqa: N802 - the same
        """Whom a mail is for."""
        await super().smtp_RCPT(arg)
        if self.session.strangers > STRANGERS:
            metrics.SMTP_TURNED_AWAY.labels(self.source, "strangers").inc()
            self._finish("421 4.7.0 Too many recipients that are not here")

    async def smtp_DATA(self, arg: str | None) -> None:  # noqa: N802 - the same
        """Take a mail."""
        if await self.check_helo_needed():
            return
        if arg:
            await self.push("501 5.5.4 Syntax: DATA")
        elif not self.envelope.rcpt_tos:
            await self.push("503 5.5.1 Nobody is to have it; say RCPT first")
        else:
            with self._places.under_way(self):
                await self._answer(await self._take_mail())
            self.envelope = self._create_envelope()
            if self._places.ending:
                self._finish(_CLOSING)
            elif self._ends:
                self._finish()

    def _finish(self, line: str = "") -> NoReturn:
        """End the session. aiosmtpd would read on until the connection is gone."""
        self.hang_up(line)
        raise ConnectionResetError("the session is over")

    async def _greet(self, greeting: Awaitable[None]) -> None:
        self.session.host = self._host()
        self._greets = True
        try:
            await greeting
        finally:
            self._greets = False

    async def _take_mail(self) -> str:
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        most = self._intake.most_bytes
        with contextlib.ExitStack() as held:
            received = await smtp_data.receive(
                self._reader,
                held.enter_context(self._places.memory(self._host(), most_bytes=most)),
                most_bytes=most,
                seconds=self._rules.data_seconds,
                progress=self._reset_timeout,
            )
            if isinstance(received, NotTaken):
                return self._not_taken(received)
            return await self._decide(received, held.pop_all())

    def _not_taken(self, reason: NotTaken) -> str:
        metrics.SMTP_TURNED_AWAY.labels(self.source, reason).inc()
        outcome, line = smtp_data.ANSWERS[reason]
        self._intake.not_read(self.source, self._host(), outcome)
        self._ends = reason in (NotTaken.SLOW, NotTaken.ENDLESS)
        return line

    async def _decide(self, received: bytearray, held: contextlib.ExitStack) -> str:
        """What became of a mail: here as a whole, it is decided, even when its sender hangs up."""
        deciding = asyncio.create_task(self._accept(received, held))
        self._places.keep(deciding)
        self._timeout_handle.cancel()
        try:
            return (await asyncio.shield(deciding)).line
        finally:
            if self.transport is not None:
                self._reset_timeout()

    async def _accept(self, received: bytearray, held: contextlib.ExitStack) -> Verdict:
        envelope = mail_rules.Envelope(
            mail_from=self.envelope.mail_from,
            rcpt_to=tuple(self.envelope.rcpt_tos),
            source=self.source,
        )
        with held:
            content = await asyncio.to_thread(smtp_data.unstuff, received)
            received.clear()
            return await self._intake.accept(content, envelope, host=self._host())

    async def _answer(self, line: str) -> None:
        await self.push(line)


class LmtpSession(MailSession):
    """A session of LMTP: another greeting, and after a mail an answer for each recipient."""

    source: mail_rules.Source = "lmtp"

    def _host(self) -> str | None:
        """Who speaks LMTP is a mail server of our own, and brings the mail of everybody."""
        return None

    async def smtp_LHLO(self, hostname: str) -> None:  # noqa: N802 - aiosmtpd calls it so
        """Greet."""
        await super().smtp_EHLO(hostname)

    async def smtp_HELO(self, _: str) -> None:  # noqa: N802 - the same
        """Not by LMTP."""
        await self.push("500 5.5.1 This is LMTP: say LHLO")

    async def smtp_EHLO(self, _: str) -> None:  # noqa: N802 - the same
        """Not by LMTP."""
        await self.push("500 5.5.1 This is LMTP: say LHLO")

    async def _answer(self, line: str) -> None:
        for _ in list(self.envelope.rcpt_tos):
            await self.push(line)
