"""The SMTP and LMTP servers as parts of the service: where they listen, and how they end."""

import asyncio
import contextlib
import logging
import ssl
from dataclasses import dataclass, replace
from pathlib import Path

from services.intake.accepting import MailIntake
from services.intake.smtp.places import Places
from services.intake.smtp.session import MailSession, Rules

STOP_WITHIN = 4.0
"""Seconds that mails on their way in have at the end."""
SOCKET_MODE = 0o660


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server listens: a port, or a socket in the file system."""

    host: str
    port: int
    path: Path | None = None


class Certificate:
    """What STARTTLS shows; a renewed one is taken up without a restart.

    Raises:
        OSError: a file can't be read.
        ssl.SSLError: they are no certificate and key that belong together.
    """

    def __init__(self, chain: Path, key: Path) -> None:
        self._chain, self._key = chain, key
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._stamp = self._read()

    def context(self) -> ssl.SSLContext:
        """The context for a new session."""
        with contextlib.suppress(OSError):  # half renewed: the old one serves on
            if self._look() != self._stamp:
                self._stamp = self._read()
        return self._context

    def _read(self) -> tuple[float, float]:
        stamp = self._look()
        self._context.load_cert_chain(self._chain, self._key)
        return stamp

    def _look(self) -> tuple[float, float]:
        return self._chain.stat().st_mtime, self._key.stat().st_mtime


class MailServer:
    """One way in for mail, as a part of the service.

    Args:
        kind: The protocol that it speaks.
        place: Where it listens.
        intake: What takes the mails.
        rules: What holds for every session.
        places: Who is connected.
        certificate: For STARTTLS, where it is offered.
    """

    def __init__(
        self,
        kind: type[MailSession],
        place: Place,
        intake: MailIntake,
        rules: Rules,
        places: Places,
        certificate: Certificate | None = None,
    ) -> None:
        self.name = kind.source
        self._kind, self._place = kind, place
        self._intake, self._rules = intake, rules
        self._places, self._certificate = places, certificate
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: when the port or socket can't be had.
        """
        # It logs addresses, and every line of a session.
        logging.getLogger("mail.log").setLevel(logging.CRITICAL + 1)
        loop = asyncio.get_running_loop()
        if self._place.path is None:
            self._server = await loop.create_server(
                self._session, self._place.host, self._place.port, backlog=512
            )
        else:
            self._server = await loop.create_unix_server(self._session, self._place.path)
            self._place.path.chmod(SOCKET_MODE)

    async def stop(self) -> None:
        """Take no more connections; mails on their way in have 4 s."""
        if self._server is None:
            return
        self._server.close()
        await self._places.end(STOP_WITHIN)

    def ready(self) -> str | None:
        """Why nobody can connect, or None."""
        return None if self._server and self._server.is_serving() else "not listening"

    def _session(self) -> MailSession:
        rules = self._rules
        if self._certificate is not None:
            rules = replace(rules, tls=self._certificate.context())
        return self._kind(self._intake, rules, self._places, asyncio.get_running_loop())
