"""What whoever brings a mail is told, by what becomes of it."""

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from uuid import uuid5

import pytest
from aiokafka.errors import MessageSizeTooLargeError

from services.intake.accepting import MailIntake, Outcome
from services.intake.limits import Caps, HourlyCap
from services.intake.mail.reading import MailLimits
from services.intake.mail.rules import Envelope, MailDesk
from shared.envelope import NAMESPACE
from shared.faults import BrokerAwayError
from shared.identity import requester_id
from shared.mail_tokens import MailTokens
from shared.publisher import Outgoing
from tests.support.sealing import sealing

SECRET = "a-secret-of-the-tests"

MAILBOX = "support@careline.example"
MAIL = b"From: customer@customer.example\r\nMessage-ID: <a@customer.example>\r\n\r\nHelp!\r\n"
ENVELOPE = Envelope("customer@customer.example", (MAILBOX,), "smtp")


@dataclass
class Stream:
    """Takes records, or fails as it is told."""

    error: Exception | None = None
    taken: list[Outgoing] = field(default_factory=list)

    async def publish(self, records: Sequence[Outgoing]) -> None:
        """Take them, or fail."""
        if self.error is not None:
            raise self.error
        self.taken += records


def intake(stream: Stream, *, away: str | None = None) -> MailIntake:
    """An intake that puts its records there."""
    return MailIntake(
        publisher=stream,
        away=lambda: away,
        clock=lambda: datetime(2026, 3, 1, tzinfo=UTC),
        desk=MailDesk(MailTokens(SECRET, MAILBOX), SECRET),
        limits=MailLimits(),
        caps=Caps(HourlyCap(2), HourlyCap(2), HourlyCap(2)),
        sealing=sealing(),
        places=asyncio.Semaphore(1),
    )


async def test_a_mail_is_taken_once_its_records_are() -> None:
    """250, and they are on the stream under the ticket's key."""
    stream = Stream()
    verdict = await intake(stream).accept(MAIL, ENVELOPE)
    assert (verdict.outcome, verdict.code) == (Outcome.TICKET, 250)
    key, record = stream.taken
    assert (key.topic, record.topic) == ("careline.keys", "careline.tickets")


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (BrokerAwayError("away"), "451 4.3.0"),
        (MessageSizeTooLargeError("large"), "552 5.3.4"),
        (RuntimeError("a mistake of ours"), "451 4.3.0"),
    ],
)
async def test_a_mail_that_is_not_on_the_stream_is_never_taken(error: Exception, line: str) -> None:
    """Whatever the reason: its sender keeps it, for good only when trying again can't help."""
    taking = intake(Stream(error))
    verdict = await taking.accept(MAIL, ENVELOPE)
    assert verdict.line.startswith(line)
    # And the place is free again.
    assert not taking.places.locked()


async def test_while_the_broker_is_away_no_mail_is_read() -> None:
    """It is known at once, for every mail."""
    verdict = await intake(Stream(), away="the broker is away").accept(MAIL, ENVELOPE)
    assert (verdict.code, verdict.for_all) == (451, True)


async def test_a_refused_mail_leaves_nothing() -> None:
    """Its sender hears the reason; no record is made, and it counts against no cap."""
    stream = Stream()
    taking = intake(stream)
    own = MAIL.replace(b"\r\n\r\n", b"\r\nX-Careline-Desk: support@careline.example\r\n\r\n")
    for _ in range(3):
        assert (await taking.accept(own, ENVELOPE)).line.startswith("554 5.4.6")
    assert not stream.taken
    assert (await taking.accept(MAIL, ENVELOPE)).code == 250


async def test_what_was_not_taken_counts_against_no_sender() -> None:
    """An hour of trying again must not make a sender one who writes too much."""
    stream = Stream(BrokerAwayError("away"))
    taking = intake(stream)
    for _ in range(5):
        await taking.accept(MAIL, ENVELOPE)
    stream.error = None
    codes = [(await taking.accept(MAIL, ENVELOPE)).code for _ in range(3)]
    assert codes == [250, 250, 451]


async def test_refused_mail_counts_against_its_network() -> None:
    """To read it costs as much; after the cap it is put off unread, and others are not."""
    taking = intake(Stream())
    nobody = MAIL.replace(b"customer@customer.example\r\n", b"nobody\r\n", 1)
    codes = [(await taking.accept(nobody, ENVELOPE, host="192.0.2.1")).code for _ in range(3)]
    assert codes == [550, 550, 451]
    assert (await taking.accept(MAIL, ENVELOPE, host="198.51.100.1")).code == 250


async def test_mail_given_up_on_its_way_counts_against_its_network() -> None:
    """It took as much of the line."""
    taking = intake(Stream())
    for _ in range(2):
        taking.not_read("smtp", "192.0.2.1", Outcome.REFUSED)
    assert taking.not_now("192.0.2.7") is not None
    assert taking.not_now("198.51.100.1") is None


async def test_who_forges_an_address_locks_nobody_out() -> None:
    """Neither the mails of its owner from elsewhere, nor their answers, which prove themselves."""
    taking = intake(Stream())
    for number in range(3):
        forged = MAIL.replace(b"<a@", f"<{number}@".encode())
        verdict = await taking.accept(forged, ENVELOPE, host=f"2001:db8::{number}")
    assert verdict.code == 451
    assert (await taking.accept(MAIL, ENVELOPE, host="192.0.2.1")).code == 250
    party = requester_id("customer@customer.example", secret=SECRET)
    for number in range(2):
        address = taking.desk.tokens.address(uuid5(NAMESPACE, str(number)), party)
        answer = replace(ENVELOPE, rcpt_to=(address,))
        assert (await taking.accept(MAIL, answer)).outcome is Outcome.REPLY


async def test_nobody_is_told_whether_they_were_let_into_a_thread() -> None:
    """A ticket, a reply and a bounce are answered in the same words."""
    party = requester_id("customer@customer.example", secret=SECRET)
    taking = intake(Stream())
    address = taking.desk.tokens.address(uuid5(NAMESPACE, "one"), party)
    ticket, reply = [
        await taking.accept(MAIL, replace(ENVELOPE, rcpt_to=(to,))) for to in (MAILBOX, address)
    ]
    assert (ticket.outcome, reply.outcome) == (Outcome.TICKET, Outcome.REPLY)
    assert ticket.line == reply.line


class Endless(dict[str, str]):
    """A table of queues in which nothing is found until it is told so."""

    def __init__(self) -> None:
        super().__init__()
        self.may_end = threading.Event()
        self.threads: list[threading.Thread] = []

    def get(self, *_: object) -> None:  # type: ignore[override] # it gives nothing back
        """Wait."""
        self.threads.append(threading.current_thread())
        self.may_end.wait(30)


async def test_a_mail_whose_reading_has_no_end_is_put_off_and_keeps_its_place() -> None:
    """There are never more of them than places, and no thread of theirs keeps us from ending."""
    taking, queues = intake(Stream()), Endless()
    desk = replace(taking.desk, queues=queues)
    verdict = await replace(taking, desk=desk, judge_seconds=0.05).accept(MAIL, ENVELOPE)
    assert (verdict.code, verdict.cause) == (451, "slow")
    assert taking.places.locked()
    assert [thread.daemon for thread in queues.threads] == [True]
    queues.may_end.set()
    assert (await taking.accept(MAIL, ENVELOPE)).code == 250
