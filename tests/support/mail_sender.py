"""Whoever brings mail to the desk: well-behaved, or byte by byte as a test wants it."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from pathlib import Path

HOST = "127.0.0.1"
MAILBOX = "support@careline.example"
CUSTOMER = "customer@customer.example"
ANSWERS_WITHIN = 30


def a_mail(
    message_id: str = "<one@customer.example>",
    *,
    sender: str = CUSTOMER,
    to: str = MAILBOX,
    subject: str = "It does not work",
    text: str = "Help!",
    **headers: str,
) -> EmailMessage:
    """A mail as a mail program writes it; `headers` are named with underscores for dashes."""
    mail = EmailMessage(policy=SMTP_POLICY)
    mail["From"] = f"A Customer <{sender}>"
    mail["To"] = to
    mail["Subject"] = subject
    mail["Message-ID"] = message_id
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(text)
    return mail


def stuffed(mail: bytes) -> bytes:
    """A mail as it stands behind DATA, with its end."""
    return mail.replace(b"\r\n.", b"\r\n..") + b".\r\n"


@dataclass
class Conversation:
    """A connection on which every byte is the test's."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def say(self, line: str) -> str:
        """Send a line and return what is answered."""
        self.writer.write(f"{line}\r\n".encode())
        return await self.answer()

    def send(self, content: bytes) -> None:
        """Send this and nothing more."""
        self.writer.write(content)

    async def answer(self) -> str:
        """The next answer, of several lines all; empty once the other side has closed."""
        lines: list[str] = []
        async with asyncio.timeout(ANSWERS_WITHIN):
            while not lines or lines[-1][3:4] == "-":
                line = (await self.reader.readline()).decode()
                if not line:
                    break
                lines.append(line.rstrip("\r\n"))
        return "\n".join(lines)

    async def greet(self, command: str = "EHLO") -> str:
        """Hear the banner and greet."""
        await self.answer()
        return await self.say(f"{command} client.example")

    async def begin(self, *recipients: str, sender: str = CUSTOMER) -> str:
        """Go as far as DATA; returns its answer."""
        await self.say(f"MAIL FROM:<{sender}>")
        for recipient in recipients or (MAILBOX,):
            await self.say(f"RCPT TO:<{recipient}>")
        return await self.say("DATA")

    async def start_tls(self, authority: Path) -> str:
        """Go on encrypted; returns the answer to STARTTLS."""
        answer = await self.say("STARTTLS")
        await self.encrypt(authority)
        return answer

    async def encrypt(self, authority: Path) -> None:
        """Shake hands."""
        await self.writer.start_tls(ssl.create_default_context(cafile=authority))

    async def is_closed(self) -> bool:
        """Wait until the other side has closed."""
        async with asyncio.timeout(ANSWERS_WITHIN):
            try:
                return await self.reader.read() is not None
            except ConnectionError:
                return True


@asynccontextmanager
async def conversation(port: int | Path) -> AsyncIterator[Conversation]:
    """Connect to a port of this machine, or to a socket in the file system."""
    opened = (
        asyncio.open_unix_connection(port)
        if isinstance(port, Path)
        else asyncio.open_connection(HOST, port)
    )
    reader, writer = await opened
    try:
        yield Conversation(reader, writer)
    finally:
        writer.transport.abort()
