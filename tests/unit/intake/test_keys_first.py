"""By whichever way a request comes: the key of its personal parts is on the stream before them."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx
import pytest

from services.intake.accepting import MailIntake
from services.intake.api import Intake, routes
from services.intake.asked import TicketRequest
from services.intake.limits import Caps, HourlyCap
from services.intake.mail.reading import MailLimits
from services.intake.mail.rules import Envelope, MailDesk
from services.intake.sent import Sent
from services.intake.taking import Taking
from shared import web
from shared.faults import BrokerAwayError
from shared.forms import SentFile
from shared.identity import Verifier
from shared.mail_tokens import MailTokens
from shared.publisher import Outgoing
from shared.sealing import key_of
from tests.support.sealing import keys_in, sealing

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SECRET = "a-secret-of-the-tests"
MAILBOX = "support@careline.example"
MAIL = (
    b"From: customer@customer.example\r\nMessage-ID: <a@customer.example>\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: text/csv; name="report.csv"\r\nContent-Disposition: attachment\r\n\r\na,b\r\n'
)
ASKED = {"requester": {"address": "customer@customer.example"}, "subject": "It", "text": "Help!"}
TAKEN, PUT_OFF = "taken", "put off"


@dataclass
class Stream:
    """Takes so many batches of records, then the broker is away."""

    batches_until_away: int | None = None
    batches: list[Sequence[Outgoing]] = field(default_factory=list)

    async def publish(self, records: Sequence[Outgoing]) -> None:
        """Take them, or be away."""
        if len(self.batches) == self.batches_until_away:
            raise BrokerAwayError("away")
        self.batches.append(records)


async def by_mail(stream: Stream) -> str:
    """A mail with a file; its sender hears 250 or 451."""
    intake = MailIntake(
        publisher=stream,
        away=lambda: None,
        clock=lambda: NOW,
        desk=MailDesk(MailTokens(SECRET, MAILBOX), SECRET),
        limits=MailLimits(),
        caps=Caps(HourlyCap(2), HourlyCap(2), HourlyCap(2)),
        sealing=sealing(),
        places=asyncio.Semaphore(1),
    )
    envelope = Envelope("customer@customer.example", (MAILBOX,), "smtp")
    return {250: TAKEN, 451: PUT_OFF}[(await intake.accept(MAIL, envelope)).code]


async def by_form(stream: Stream) -> str:
    """A form with a file; its page is shown again while the broker is away."""
    taking = Taking(publisher=stream, files=stream, sealing=sealing(), secret=SECRET)
    asked = TicketRequest.model_validate(ASKED)
    form = Sent("a-form", asked, account_verified=False, files=[SentFile("a.csv", "", b"a,b")])
    try:
        await taking.take(form, now=NOW, traceparent=None)
    except BrokerAwayError:
        return PUT_OFF
    return TAKEN


async def by_api(stream: Stream) -> str:
    """A request with JSON; its caller hears 202 or 503."""
    intake = Intake(
        publisher=stream,
        verifier=Verifier(None, issuer="any", audience="any", clock=lambda: NOW),
        clock=lambda: NOW,
        new_key=lambda: "a-key",
        sealing=sealing(),
        messaging_center="",
        pseudonym_secret=SECRET,
    )
    app = web.application(routes(intake), dict)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://intake"
    ) as client:
        answer = await client.post("/v1/tickets", json=ASKED)
    return {202: TAKEN, 503: PUT_OFF}[answer.status_code]


each_way = pytest.mark.parametrize("ask", [by_mail, by_form, by_api])
Ask = Callable[[Stream], Awaitable[str]]


@each_way
async def test_keys_are_published_first_and_by_themselves(ask: Ask) -> None:
    """All that is sealed later opens with a key that the broker had by then."""
    stream = Stream()
    assert await ask(stream) == TAKEN
    keys, *later = stream.batches
    assert {record.topic for record in keys} == {"careline.keys"}
    opening = keys_in(record.value for record in keys)
    sealed = [key_of(record.value or b"") for records in later for record in records]
    assert sealed
    assert set(sealed) == opening.keys()


@each_way
async def test_without_its_key_nothing_is_published(ask: Ask) -> None:
    """Whoever asks hears that it was not taken, and no record is there that nobody could open."""
    stream = Stream(batches_until_away=0)
    assert await ask(stream) == PUT_OFF
    assert stream.batches == []


@each_way
async def test_a_key_alone_is_no_request(ask: Ask) -> None:
    """Once the broker goes away behind the key, it is not taken either; asked again it is."""
    stream = Stream(batches_until_away=1)
    assert await ask(stream) == PUT_OFF
    stream.batches_until_away = None
    assert await ask(stream) == TAKEN
    first, again, *sealed = stream.batches
    assert {record.topic for record in (*first, *again)} == {"careline.keys"}
    opening = keys_in(record.value for record in again)
    assert {key_of(record.value or b"") for batch in sealed for record in batch} == opening.keys()
