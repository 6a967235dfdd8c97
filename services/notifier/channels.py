"""The way out: SMTP over a bounded number of connections that are kept open."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8, Policy
from typing import Literal

import aiosmtplib
import structlog

from services.notifier.domain import Accepted, Answer, Lost, Refused

log = structlog.get_logger(__name__)

TIMEOUT = 20.0
"""Seconds for each command; a mail takes at most four."""
IDLE = 30.0
"""Seconds after which a connection is not trusted to be open still."""


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where mails go out."""

    host: str
    port: int
    security: Literal["none", "starttls", "tls"] = "none"
    user: str | None = None
    password: str | None = None


class SmtpChannel:
    """Sends mails, several at once.

    Args:
        server: Where to.
        connections: The most that are open at once.
    """

    def __init__(self, server: SmtpServer, *, connections: int) -> None:
        self._server = server
        self._free = asyncio.Semaphore(connections)
        self._open: list[tuple[aiosmtplib.SMTP, float]] = []

    async def send(self, mail: EmailMessage, *, sender: str, recipient: str) -> Answer:
        """Hand a mail over and tell what became of it; never raises for what the server does."""
        try:
            async with self._connection() as client:
                await _envelope(client, sender, recipient)
                return await self._data(client, mail)
        except aiosmtplib.SMTPResponseException as error:
            return Refused(error.code, error.message)
        except aiosmtplib.SMTPNotSupported as error:
            return Refused(550, str(error))
        except (aiosmtplib.SMTPException, OSError) as error:
            log.warning("smtp_away", error=type(error).__name__)
            return Lost(after_data=False)

    async def close(self) -> None:
        """Take leave of the server."""
        while self._open:
            client, _ = self._open.pop()
            with contextlib.suppress(aiosmtplib.SMTPException, OSError):
                await client.quit(timeout=1)

    async def _data(self, client: aiosmtplib.SMTP, mail: EmailMessage) -> Answer:
        try:
            await client.data(mail.as_bytes(policy=_policy(mail)))
        except aiosmtplib.SMTPResponseException:
            raise
        except (aiosmtplib.SMTPException, OSError) as error:
            # The line broke after the mail had begun to go out: nobody knows.
            log.warning("smtp_lost_after_data", error=type(error).__name__)
            client.close()
            return Lost(after_data=True)
        return Accepted()

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncIterator[aiosmtplib.SMTP]:
        async with self._free:
            client = await self._connect()
            try:
                yield client
            except aiosmtplib.SMTPResponseException:
                with contextlib.suppress(aiosmtplib.SMTPException, OSError):
                    await client.rset()
                raise
            except BaseException:
                client.close()
                raise
            finally:
                if client.is_connected:
                    self._open.append((client, time.monotonic()))

    async def _connect(self) -> aiosmtplib.SMTP:
        while self._open:
            client, since = self._open.pop()
            if client.is_connected and time.monotonic() - since < IDLE:
                return client
            client.close()
        client = aiosmtplib.SMTP(
            hostname=self._server.host,
            port=self._server.port,
            timeout=TIMEOUT,
            use_tls=self._server.security == "tls",
            start_tls=self._server.security == "starttls",
            username=self._server.user,
            password=self._server.password,
        )
        await client.connect()
        return client


def _policy(mail: EmailMessage) -> "Policy[EmailMessage]":
    return SMTP if str(mail["To"]).isascii() else SMTPUTF8


async def _envelope(client: aiosmtplib.SMTP, sender: str, recipient: str) -> None:
    """Name sender and recipient.

    Raises:
        SMTPNotSupported: the address needs SMTPUTF8 (RFC 6531), which the server doesn't know.
    """
    local, _, domain = recipient.rpartition("@")
    address = f"{local}@{domain.encode('idna').decode()}"
    if address.isascii():
        await client.mail(sender)
        await client.rcpt(address)
        return
    await client.ehlo()
    if not client.supports_extension("smtputf8"):
        raise aiosmtplib.SMTPNotSupported("the server takes no addresses beyond ASCII")
    await client.mail(sender, options=["SMTPUTF8"], encoding="utf-8")
    await client.rcpt(recipient, encoding="utf-8")
