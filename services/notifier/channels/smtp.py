"""Mail: SMTP over connections that are kept open."""

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from pathlib import Path
from typing import Literal

import aiosmtplib
import idna
import structlog

from services.notifier.channels.channel import spoken
from services.notifier.deliveries import Accepted, Answer, Content, Delivery, Lost, Refused
from shared.certificates import untrusted

log = structlog.get_logger(__name__)

IDLE = 30.0
"""Seconds after which a connection is not trusted to be open still."""
MEDIA_TYPE = "message/rfc822"


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where mails go out."""

    host: str
    port: int
    security: Literal["none", "starttls", "tls"] = "none"
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    authorities: Path | None = None
    """Certificates that its must hold by, instead of the system's."""


def content_of(mail: EmailMessage, recipient: str) -> Content:
    """A mail as it goes over the line: its `To` with the domain in ASCII.

    An address whose domain can't be written so stays as it is: the channel refuses it.
    """
    with contextlib.suppress(UnicodeError):
        address = _encoded(recipient)
        if address != recipient:
            mail.replace_header("To", address)
            recipient = address
    return Content(mail.as_bytes(policy=SMTP if recipient.isascii() else SMTPUTF8), MEDIA_TYPE)


class SmtpChannel:
    """Sends mails over as many connections as its caller has mails under way at once.

    Args:
        server: Where to.
        envelope_sender: Where a mail server sends back what it can't deliver.
        within: How long a mail may take, from the connect to the last answer.
    """

    def __init__(
        self,
        server: SmtpServer,
        *,
        envelope_sender: Callable[[Delivery], str],
        within: timedelta,
    ) -> None:
        self._server = server
        self._envelope_sender = envelope_sender
        self._within = within.total_seconds()
        self._open: list[tuple[aiosmtplib.SMTP, float]] = []

    async def send(self, delivery: Delivery, content: Content) -> Answer:
        """Hand a mail over and tell what became of it; never raises for what the server does."""
        try:
            address = _encoded(delivery.address)
        except UnicodeError:
            return Refused(553, "the domain can't be written in ASCII", for_good=True)
        return await self._hand_over(content.body, self._envelope_sender(delivery), address)

    async def close(self) -> None:
        """Take leave of the server."""
        clients = [client for client, _ in self._open]
        self._open.clear()
        await asyncio.gather(*(_quit(client) for client in clients))

    async def _hand_over(self, content: bytes, sender: str, address: str) -> Answer:
        after_data = False
        try:
            async with asyncio.timeout(self._within), self._connection() as client:
                refused = await _envelope(client, sender, address)
                if refused is not None:
                    return refused
                after_data = True
                return await _data(client, content)
        except aiosmtplib.SMTPResponseException as error:
            # Greeting, EHLO, STARTTLS, AUTH or MAIL: the server's trouble, or our settings', and
            # none of this mail's, whatever the code. RCPT and DATA have told theirs above.
            log.warning("smtp_unwilling", code=error.code, error=type(error).__name__)
            detail = spoken(f"{error.code} {error.message}")
        except (aiosmtplib.SMTPException, OSError) as error:
            # After DATA nobody knows. A try that took too long comes here too, as TimeoutError.
            log.warning("smtp_lost", after_data=after_data, error=_why(error))
            detail = f"no answer: {_why(error)}"
        return Lost(after_data, detail)

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncIterator[aiosmtplib.SMTP]:
        client = await self._connect()
        try:
            yield client
        except BaseException:
            client.close()
            raise
        if client.is_connected:
            self._open.append((client, time.monotonic()))

    async def _connect(self) -> aiosmtplib.SMTP:
        while self._open:
            client, since = self._open.pop()
            if time.monotonic() - since < IDLE and await _is_alive(client):
                return client
            client.close()
        client = aiosmtplib.SMTP(
            hostname=self._server.host,
            port=self._server.port,
            # One silent command is known as such before the try as a whole is over.
            timeout=self._within * 2 / 3,
            use_tls=self._server.security == "tls",
            start_tls=self._server.security == "starttls",
            username=self._server.user,
            password=self._server.password,
            cert_bundle=str(authorities) if (authorities := self._server.authorities) else None,
        )
        await client.connect()
        return client


async def _is_alive(client: aiosmtplib.SMTP) -> bool:
    """Also clears what a refused mail has left on the connection."""
    try:
        await client.rset()
    except (aiosmtplib.SMTPException, OSError):
        return False
    except BaseException:
        client.close()
        raise
    return True


async def _quit(client: aiosmtplib.SMTP) -> None:
    with contextlib.suppress(aiosmtplib.SMTPException, OSError):
        await client.quit(timeout=1)
    client.close()


def _why(error: Exception) -> str:
    """Name what is wrong; a certificate that does not hold is found below what it led to."""
    below: BaseException | None = error
    while below is not None:
        if isinstance(below, ssl.SSLCertVerificationError):
            return untrusted("the mail server", below)
        below = below.__cause__ or below.__context__
    return type(error).__name__


def _encoded(address: str) -> str:
    """The address with its domain in ASCII, by IDNA 2008 as registries sell domains.

    The standard library's codec is IDNA 2003, under which `faß.de` is `fass.de`: another owner.

    Raises:
        UnicodeError: the domain can't be encoded.
    """
    local, _, domain = address.rpartition("@")
    if domain.isascii():
        return address
    return f"{local}@{idna.encode(domain, uts46=True).decode()}"


async def _envelope(client: aiosmtplib.SMTP, sender: str, address: str) -> Refused | None:
    """Name sender and recipient; an address beyond ASCII needs SMTPUTF8 (RFC 6531)."""
    if address.isascii():
        await client.mail(sender)
        return await _recipient(client, address, "ascii")
    await client.ehlo()
    if not client.supports_extension("smtputf8"):
        return Refused(550, "the server takes no addresses beyond ASCII", for_good=True)
    await client.mail(sender, options=["SMTPUTF8"], encoding="utf-8")
    return await _recipient(client, address, "utf-8")


async def _recipient(client: aiosmtplib.SMTP, address: str, encoding: str) -> Refused | None:
    try:
        await client.rcpt(address, encoding=encoding)
    except aiosmtplib.SMTPRecipientRefused as error:
        return _refused(error)
    return None


async def _data(client: aiosmtplib.SMTP, content: bytes) -> Answer:
    try:
        await client.data(content)
    except aiosmtplib.SMTPDataError as error:
        return _refused(error)
    return Accepted()


def _refused(error: aiosmtplib.SMTPResponseException) -> Refused:
    for_good = error.code >= 500  # noqa: PLR2004 - RFC 5321: 5yz is for good
    return Refused(error.code, spoken(error.message), for_good)
