"""One ticket's whole way, through four real processes that know each other only by topic."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

import httpx
import pytest

from shared import events
from shared.deadlines import (
    DeadlineAtRisk,
    DeadlineBreached,
    DeadlineMet,
    DeadlineScheduled,
)
from shared.envelope import Topic
from shared.events import PlanChanged, TicketCreated, TicketSlotted
from shared.messages import MessagePosted
from shared.notifications import NotificationSent
from shared.topics import topic_name
from tests.support.desk import SERVICES, Desk, running_desk
from tests.support.stack import Stack
from tests.support.stream import read_all, read_events
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(420)  # more than all waits of a test together

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

REQUEST = {
    "subject": "The report is empty",
    "text": "Since this morning the weekly report has no rows.",
    "channel": "web",
    "locale": "en-GB",
    "time_zone": "Europe/Berlin",
}


@pytest.fixture(scope="module")
def desk(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk whose four services run; each test is a customer on a plan of their own."""
    with running_desk(stack, tmp_path_factory.mktemp("desk")) as running:
        for service in SERVICES:
            running.start(service)
        yield running


async def test_a_ticket_is_slotted_acknowledged_and_answered_in_time(desk: Desk) -> None:
    """A request is accepted, slotted by its plan, acknowledged by mail and met by an answer.

    The plan has the longest target, and a warning on the way is no failure: machines may be slow.
    """
    await desk.ready()
    async with httpx.AsyncClient() as client:
        await _put_plan(client, desk, "starter")
        ticket = await _send(client, desk, "starter")
        thread = await until(lambda: _thread(client, desk, ticket), what="the thread is open")
        assert [message["text"] for message in thread["messages"]] == [REQUEST["text"]]

        # The thread has it from the stream, where it is said after the mail has gone.
        await until(lambda: _acknowledged(client, desk, ticket), what="acknowledged")
        mail = desk.mailbox.text_to("starter@customer.example")
        assert "slotted by your Service Plan" in mail
        assert "YOUR PLAN: Platform Care Starter (Bronze Service & Support)" in mail
        (link,) = set(re.findall(f"{desk.url('messaging')}/open/[A-Za-z0-9_-]{{43}}", mail))
        opened = await client.get(link)
        assert (opened.status_code, opened.headers["location"]) == (303, f"/center/{ticket}")

        answer = await client.post(
            f"{desk.url('messaging')}/v1/tickets/{ticket}/messages",
            json={"text": "The report is back."},
            headers=desk.bearer("agent"),
        )
        assert answer.status_code == 201
        await until(lambda: _clock(client, desk, ticket, "met"), what="the first response is met")

    said = await read_events(desk.stack.bootstrap_servers, desk.namespace, *Topic)
    ours = [event for event in said if event.subject == ticket]
    by_sla = [type(event) for event in ours if event.TOPIC is Topic.SLA]
    assert [kind for kind in by_sla if kind is not DeadlineAtRisk] == [
        TicketSlotted,
        DeadlineScheduled,
        DeadlineMet,
    ]
    assert sum(isinstance(event, TicketCreated) for event in ours) == 1
    assert sum(isinstance(event, MessagePosted) for event in ours) == 1
    assert sum(isinstance(event, NotificationSent) for event in ours) == 1
    plans = [event for event in said if isinstance(event, PlanChanged)]
    assert [event.data.plan for event in plans if event.subject == "on-starter"] == ["starter"]
    assert len({event.correlationid for event in ours}) == 1


async def test_a_ticket_that_nobody_answers_is_breached_once_and_alerted(desk: Desk) -> None:
    """Nobody answers: the breach is said once, not before it is due, and one person is told."""
    await desk.ready()
    async with httpx.AsyncClient() as client:
        await _put_plan(client, desk, "centurion")
        ticket = await _send(client, desk, "centurion")
        await until(lambda: _clock(client, desk, ticket, "breached"), what="breached")
    leads = "support-leads@careline.example"

    def alerts() -> list[EmailMessage]:
        # A warning, on a slow machine, is of another ticket.
        mails = desk.mailbox.to(leads)
        return [mail for mail in mails if mail["Subject"].startswith("Breached: first response of")]

    assert len(await until(alerts, what="the lead is told")) == 1

    topic = topic_name(desk.namespace, Topic.SLA)
    records = await read_all(desk.stack.bootstrap_servers, topic)
    said = [(record.timestamp, events.read(record.value)) for record in records]
    breaches = [each for each in said if isinstance(each[1], DeadlineBreached)]
    ((appended, breached),) = [each for each in breaches if each[1] and each[1].subject == ticket]
    assert isinstance(breached, DeadlineBreached)
    # The broker's own clock, in whole milliseconds, and not what sla says of itself.
    assert appended >= (breached.data.due - EPOCH) // timedelta(milliseconds=1)


async def test_every_service_stops_within_ten_seconds(desk: Desk) -> None:
    """SIGTERM ends each service cleanly; the desk's stop would raise after 12 s."""
    await desk.ready()  # the last test of all: from now on nothing runs
    assert [desk.stop(service) for service in SERVICES] == [0, 0, 0, 0]


async def _put_plan(client: httpx.AsyncClient, desk: Desk, plan: str) -> None:
    answer = await client.put(
        f"{desk.url('sla')}/v1/accounts/on-{plan}/plan",
        json={"plan": plan},
        headers=desk.bearer("admin"),
    )
    assert answer.status_code == 200, answer.text


async def _send(client: httpx.AsyncClient, desk: Desk, plan: str) -> str:
    customer = {"name": "A Customer", "address": f"{plan}@customer.example"}
    request = REQUEST | {"requester": customer, "account": f"on-{plan}"}
    answer = await client.post(f"{desk.url('intake')}/v1/tickets", json=request)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["ticket"])


async def _thread(
    client: httpx.AsyncClient, desk: Desk, ticket: str
) -> dict[str, list[dict[str, str]]] | None:
    answer = await client.get(
        f"{desk.url('messaging')}/v1/tickets/{ticket}", headers=desk.bearer("agent")
    )
    return answer.json() if answer.status_code == 200 else None


async def _acknowledged(client: httpx.AsyncClient, desk: Desk, ticket: str) -> bool:
    thread = await _thread(client, desk, ticket)
    return thread is not None and thread["acknowledged_at"] is not None


async def _clock(client: httpx.AsyncClient, desk: Desk, ticket: str, state: str) -> bool:
    thread = await _thread(client, desk, ticket)
    return thread is not None and [clock["state"] for clock in thread["clocks"]] == [state]
