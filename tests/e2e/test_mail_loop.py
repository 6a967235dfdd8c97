"""Two desks that mail each other come to rest."""

import asyncio
import smtplib
from collections.abc import Iterator
from contextlib import ExitStack
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from functools import partial
from pathlib import Path

import pytest
from aiosmtpd import smtp as aiosmtpd
from aiosmtpd.controller import Controller

from deploy.local import ports
from tests.support.desk import Desk, running_desk
from tests.support.stack import Stack
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(420)  # more than all waits of a test together

ONE, OTHER = "support@one.example", "support@other.example"
PER_ADDRESS = 2
"""Acknowledgements that one address gets in an hour."""
MARKS = ("Auto-Submitted", "X-Auto-Response-Suppress", "X-Careline-Desk", "Precedence", "List-Id")
TICKETS = "SELECT ticket FROM tickets"
UNENDED = "SELECT id FROM deliveries WHERE state IN ('planned', 'sending')"


class Relay:
    """A mail server between the desks that takes away every sign that a mail is automatic."""

    def __init__(self, to: int) -> None:
        self._to = to
        self.passed = 0

    async def handle_DATA(  # noqa: N802 - aiosmtpd calls it so
        self, _s: aiosmtpd.SMTP, _n: aiosmtpd.Session, envelope: aiosmtpd.Envelope
    ) -> str:
        """Hand a mail on under another Message-ID, and answer as the next server did."""
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=SMTP)
        for mark in (*MARKS, "Message-ID", "In-Reply-To", "References", "Reply-To"):
            del mail[mark]
        self.passed += 1
        mail["Message-ID"] = f"<{self.passed}@relay.example>"
        recipient = mail["To"].addresses[0].addr_spec
        code, text = await asyncio.to_thread(self._hand_on, mail, recipient)
        return f"{code} {text}"

    def _hand_on(self, mail: EmailMessage, recipient: str) -> tuple[int, str]:
        with smtplib.SMTP("127.0.0.1", self._to, timeout=20) as client:
            client.ehlo()
            client.mail(mail["From"].addresses[0].addr_spec)
            code, text = client.rcpt(recipient)
            if code == 250:
                code, text = client.data(mail.as_bytes())
        return code, text.decode().replace("\n", " ")


@pytest.fixture
def desks(stack: Stack, tmp_path: Path) -> Iterator[tuple[Desk, Desk]]:
    """Two desks of which nothing runs yet; each takes mail for an address of its own."""
    with ExitStack() as entered:
        made = []
        for mailbox in (ONE, OTHER):
            folder = tmp_path / mailbox
            folder.mkdir()
            desk = entered.enter_context(running_desk(stack, folder))
            desk.settings |= {
                "CARELINE_REPLY_MAILBOX": mailbox,
                "CARELINE_SENDER": mailbox,
                "CARELINE_PATIENCE": "0",
                "CARELINE_ACKNOWLEDGEMENTS_PER_ADDRESS_HOUR": str(PER_ADDRESS),
            }
            made.append(desk)
        yield made[0], made[1]


async def test_two_desks_end_a_loop_at_once(desks: tuple[Desk, Desk]) -> None:
    """One desk's acknowledgement is refused by the other: no ticket there, and nothing more."""
    one, other = desks
    _connect(one, other.ports.smtp_in)
    _connect(other, one.ports.smtp_in)
    await _start(one, other)
    assert _send(one, OTHER, ONE) == 250
    await until(lambda: _refused(one), what="the other desk has refused it")
    await _come_to_rest(one, other)
    assert len(await one.query("notifier", TICKETS)) == 1
    assert await other.query("notifier", TICKETS) == []


async def test_a_loop_without_any_sign_of_itself_ends_by_the_caps(desks: tuple[Desk, Desk]) -> None:
    """A relay takes every sign away: each desk acknowledges as often as the cap has it."""
    one, other = desks
    relays = []
    for desk, to in ((one, other.ports.smtp_in), (other, one.ports.smtp_in)):
        relay = Relay(to)
        controller = Controller(relay, hostname="127.0.0.1", port=ports.free_ports().smtp)
        controller.start()
        relays.append(controller)
        _connect(desk, controller.port)
    try:
        await _start(one, other)
        assert _send(one, OTHER, ONE) == 250
        # One desk has one ticket more than it may acknowledge, the other one as many.
        await until(lambda: _has(one, PER_ADDRESS + 1), what="the cap is reached")
        await _come_to_rest(one, other)
        assert len(await one.query("notifier", TICKETS)) == PER_ADDRESS + 1
        assert len(await other.query("notifier", TICKETS)) == PER_ADDRESS
    finally:
        for controller in relays:
            controller.stop()


def _connect(desk: Desk, port: int) -> None:
    desk.settings["CARELINE_SMTP_PORT"] = str(port)


async def _start(*desks: Desk) -> None:
    for desk in desks:
        for service in ("intake", "notifier"):
            desk.start(service)
    for desk in desks:
        await desk.ready("intake", "notifier")


def _send(desk: Desk, sender: str, to: str) -> int:
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"], mail["Subject"] = sender, to, "Hello"
    mail["Message-ID"] = "<first@other.example>"
    mail.set_content("A question from one desk to another.")
    with smtplib.SMTP("127.0.0.1", desk.ports.smtp_in, timeout=30) as client:
        client.ehlo()
        client.mail(sender)
        client.rcpt(to)
        return client.data(mail.as_bytes())[0]


async def _refused(desk: Desk) -> bool:
    return bool(await desk.query("notifier", "SELECT 1 FROM deliveries WHERE state = 'failed'"))


async def _has(desk: Desk, tickets: int) -> bool:
    return len(await desk.query("notifier", TICKETS)) >= tickets


async def _come_to_rest(*desks: Desk) -> None:
    """Wait until nothing is on its way, and that for a while."""
    for _ in range(3):
        for desk in desks:
            await until(partial(_ended, desk), what="every delivery has ended")
        await asyncio.sleep(1)


async def _ended(desk: Desk) -> bool:
    return await desk.query("notifier", UNENDED) == []
