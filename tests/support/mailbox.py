"""A real SMTP server inside the test, which keeps what it takes and refuses whom it is told to."""

import asyncio
import email
import email.policy
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass
class Mailbox:
    """What came in, in order.

    `refused` addresses get their SMTP reply instead; those `kept_waiting` get none while they are.
    While it `hangs_up`, it does so once a mail has come, without an answer.
    """

    port: int
    refused: dict[str, str] = field(default_factory=dict)
    kept_waiting: set[str] = field(default_factory=set)
    hangs_up: bool = False
    mails: list[EmailMessage] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def to(self, address: str) -> list[EmailMessage]:
        """The mails to one address."""
        with self.lock:
            return [mail for mail in self.mails if mail["To"] == address]

    def text_to(self, address: str) -> str:
        """The text part of the one mail to this address."""
        (mail,) = self.to(address)
        part = mail.get_body(("plain",))
        assert part is not None
        return str(part.get_content())


class _Handler:
    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    async def handle_RCPT(  # noqa: N802 - aiosmtpd calls it so
        self, _s: SMTP, _n: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        while address in self._mailbox.kept_waiting:  # noqa: ASYNC110 - it is lifted in another thread
            await asyncio.sleep(0.05)
        if reply := self._mailbox.refused.get(address):
            return reply
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _n: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd calls it so
        assert isinstance(envelope.content, bytes)
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        with self._mailbox.lock:
            self._mailbox.mails.append(mail)
        if self._mailbox.hangs_up:
            assert server.transport is not None
            server.transport.close()
        return "250 OK"


@contextmanager
def running_mailbox(port: int) -> Iterator[Mailbox]:
    """Serve SMTP on 127.0.0.1 until the end of the block."""
    mailbox = Mailbox(port)
    controller = Controller(_Handler(mailbox), hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield mailbox
    finally:
        controller.stop()
