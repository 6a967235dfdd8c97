"""One trace from a request, or a mail, to the mail that acknowledges it, through real processes."""

import smtplib
from collections.abc import Iterator
from email.message import EmailMessage
from email.utils import make_msgid
from pathlib import Path

import httpx
import pytest

from shared.envelope import Topic
from shared.topics import topic_name
from tests.support.collector import Collector, Span, running_collector
from tests.support.desk import MAILBOX, SERVICES, Desk, running_desk
from tests.support.stack import Stack
from tests.support.stream import read_all
from tests.support.waiting import until
from tests.support.webhooks import Reply

pytestmark = pytest.mark.timeout(420)  # more than all waits of a test together

CUSTOMER = "petronella.quux@customer.example"
NAME = "Petronella Quux"
SUBJECT = "The zebra report is empty"
TEXT = "Since this morning the weekly aardvark has no rows."
PERSONAL = (CUSTOMER, "petronella", "quux", "customer.example", "zebra", "aardvark", "an-account")
TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = "b7ad6b7169203331"
REQUEST = {
    "requester": {"name": NAME, "address": CUSTOMER},
    "account": "an-account",
    "subject": SUBJECT,
    "text": TEXT,
    "channel": "web",
    "locale": "en-GB",
    "time_zone": "Europe/Berlin",
}


@pytest.fixture
def collector() -> Iterator[Collector]:
    """Where spans come in."""
    with running_collector() as running:
        yield running


@pytest.fixture
def desk(stack: Stack, tmp_path: Path, collector: Collector) -> Iterator[Desk]:
    """A desk whose four services run, and are traced."""
    with running_desk(stack, tmp_path) as running:
        running.settings["CARELINE_OTLP_ENDPOINT"] = collector.endpoint
        running.settings["CARELINE_OTLP_HEADERS"] = "authorization=Bearer of-the-tests"
        for service in SERVICES:
            running.start(service)
        yield running


async def test_a_request_and_its_mail_are_one_trace(desk: Desk, collector: Collector) -> None:
    """The caller's trace holds intake, sla, notifier and messaging, up to the mail that is taken.

    Every parent is known, each record carries the trace on, and nothing of the customer is told.
    """
    await desk.ready()
    given = {"traceparent": f"00-{TRACE}-{CALLER}-01", "tracestate": "vendor=value"}
    ticket = await _ask(desk, given)
    await until(lambda: desk.mailbox.to(CUSTOMER), what="the mail is taken")
    spans = await _whole(collector, TRACE)

    (request,) = _called(spans, "POST /v1/tickets")
    assert (request.service, request.parent, request.kind) == ("intake", CALLER, "server")
    assert request.attributes["http.response.status_code"] == "202"
    (mail,) = _called(spans, "send email")
    assert (mail.service, mail.kind, mail.failed) == ("notifier", "client", False)
    tickets, sla = topic_name(desk.namespace, Topic.TICKETS), topic_name(desk.namespace, Topic.SLA)
    assert _way_to(mail, spans) == [
        "POST /v1/tickets",
        f"send {tickets}",
        f"process {tickets}",
        "deliver acknowledgement",
        "send email",
    ]
    assert {span.service for span in _called(spans, f"process {tickets}")} == {
        "sla",
        "notifier",
        "messaging",
    }
    (slotted, *_) = [
        span for span in _called(spans, f"process {sla}") if span.service == "notifier"
    ]
    assert f"process {tickets}" in _way_to(slotted, spans)
    assert any(span.attributes.get("db.system.name") == "postgresql" for span in spans)
    _told_of(spans, ticket)
    _nothing_personal(collector)
    for service in SERVICES:
        log = (desk.folder / f"{service}.log").read_text().lower()
        assert [word for word in PERSONAL if word in log] == []
    assert {post.headers["authorization"] for post in collector.posts} == {"Bearer of-the-tests"}

    for topic in (Topic.TICKETS, Topic.SLA, Topic.NOTIFICATIONS):
        records = await read_all(desk.stack.bootstrap_servers, topic_name(desk.namespace, topic))
        ours = [dict(record.headers) for record in records if record.key == ticket.encode()]
        assert ours
        assert {headers["traceparent"][3:35] for headers in ours} == {TRACE.encode()}
        assert {headers["tracestate"] for headers in ours} == {b"vendor=value"}
    lines = [line for line in desk.log("notifier") if line["event"] == "delivery_tried"]
    assert [(line["trace_id"], line["ticket"]) for line in lines] == [(TRACE, ticket)]


async def test_a_mail_and_its_acknowledgement_are_one_trace(
    desk: Desk, collector: Collector
) -> None:
    """A mail begins a trace of its own, which ends with the mail that answers it."""
    await desk.ready()
    letter = EmailMessage()
    letter["From"], letter["To"], letter["Subject"] = f"{NAME} <{CUSTOMER}>", MAILBOX, SUBJECT
    letter["Message-ID"] = make_msgid(domain="customer.example")
    letter.set_content(TEXT)
    with smtplib.SMTP("127.0.0.1", desk.ports.smtp_in) as client:
        assert client.send_message(letter, CUSTOMER, MAILBOX) == {}
    await until(lambda: desk.mailbox.to(CUSTOMER), what="acknowledged")
    accepted = await until(
        lambda: _called(collector.spans(), "accept mail"), what="the mail is traced"
    )
    spans = await _whole(collector, accepted[0].trace)
    (mail,) = _called(spans, "send email")
    assert _way_to(mail, spans)[0] == "accept mail"
    assert _way_to(mail, spans)[-2:] == ["deliver acknowledgement", "send email"]
    _nothing_personal(collector)


async def test_a_breach_has_a_trace_of_its_own_that_names_the_tickets(
    desk: Desk, collector: Collector
) -> None:
    """Nobody asks for a breach: it begins a trace, linked to the one in which the ticket began."""
    await desk.ready()
    async with httpx.AsyncClient() as client:
        answer = await client.put(
            f"{desk.url('sla')}/v1/accounts/an-account/plan",
            json={"plan": "centurion"},
            headers=desk.bearer("admin"),
        )
        assert answer.status_code == 200, answer.text
    await _ask(desk, {"traceparent": f"00-{TRACE}-{CALLER}-01"})
    said = "say careline.deadline.breached.v1"
    breached = await until(
        lambda: _called(collector.spans(), said), within=60, what="the breach is traced"
    )
    assert [span.links for span in breached] == [(TRACE,)]
    alert = await until(
        lambda: _called(collector.spans(trace=breached[0].trace), "deliver breach_alert"),
        what="the alert is traced",
    )
    assert alert[0].service == "notifier"
    _nothing_personal(collector)


@pytest.mark.long
async def test_a_collector_that_never_answers_costs_nobody_anything(
    desk: Desk, collector: Collector
) -> None:
    """Requests are taken and answered as ever, and each service stops in its time."""
    collector.hook.default = Reply(hang=True)
    await desk.ready()
    await _ask(desk, {})
    await until(lambda: desk.mailbox.to(CUSTOMER), what="acknowledged")
    await until(lambda: collector.posts, what="the collector was asked")
    assert [desk.stop(service) for service in SERVICES] == [0, 0, 0, 0]


async def _ask(desk: Desk, headers: dict[str, str]) -> str:
    token = desk.bearer("customer", account="an-account")
    async with httpx.AsyncClient() as client:
        answer = await client.post(
            f"{desk.url('intake')}/v1/tickets", json=REQUEST, headers=token | headers
        )
    assert answer.status_code == 202, answer.text
    ticket: str = answer.json()["ticket"]
    return ticket


async def _whole(collector: Collector, trace: str) -> list[Span]:
    """The trace once the thread is open and the mail's outcome was heard: no parent is missing."""

    def found() -> list[Span] | None:
        spans = collector.spans(trace=trace)
        known = {span.id for span in spans} | {"", CALLER}
        heard = {(span.service, span.attributes.get("cloudevents.event_type")) for span in spans}
        done = ("messaging", "careline.notification.sent.v1") in heard
        return spans if done and {span.parent for span in spans} <= known else None

    return await until(found, what="the trace is whole")


def _called(spans: list[Span], name: str) -> list[Span]:
    return [span for span in spans if span.name == name]


def _way_to(span: Span, spans: list[Span]) -> list[str]:
    """The names of what is above it, from the top, and its own."""
    by_id = {each.id: each for each in spans}
    way = [span.name]
    while span.parent in by_id:
        span = by_id[span.parent]
        way.insert(0, span.name)
    return way


def _told_of(spans: list[Span], ticket: str) -> None:
    """Whoever looks for a ticket finds all that its records led to."""
    processed = [span for span in spans if span.name.startswith("process ")]
    assert {span.attributes["careline.ticket"] for span in processed} == {ticket}


def _nothing_personal(collector: Collector) -> None:
    exported = collector.bytes.lower()
    assert exported
    assert [word for word in PERSONAL if word.encode() in exported] == []
