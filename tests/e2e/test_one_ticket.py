"""One ticket's whole way, through four real processes that know each other only by topic."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from shared.envelope import Topic
from shared.events import (
    DeadlineBreached,
    DeadlineMet,
    DeadlineScheduled,
    MessagePosted,
    NotificationSent,
    PlanChanged,
    TicketCreated,
    TicketSlotted,
)
from tests.support.desk import SERVICES, Desk, running_desk
from tests.support.stack import Stack
from tests.support.stream import read_events
from tests.support.waiting import until

Thread = dict[str, list[dict[str, str]]]

REQUEST = {
    "requester": {"name": "A Customer", "address": "customer@customer.example"},
    "account": "an-account",
    "subject": "The report is empty",
    "text": "Since this morning the weekly report has no rows.",
    "channel": "web",
    "locale": "en-GB",
    "time_zone": "Europe/Berlin",
}


@pytest.fixture
def desk(stack: Stack, tmp_path: Path) -> Iterator[Desk]:
    """A desk whose four services run."""
    with running_desk(stack, tmp_path) as running:
        for service in SERVICES:
            running.start(service)
        yield running


async def test_a_ticket_is_slotted_acknowledged_and_answered_in_time(desk: Desk) -> None:
    """A request is accepted, slotted by its plan, acknowledged by mail and met by an answer."""
    await desk.ready()
    async with httpx.AsyncClient() as client:
        await _put_plan(client, desk, "professional")
        ticket = await _send(client, desk)
        thread = await until(lambda: _thread(client, desk, ticket), what="the thread is open")
        assert [message["text"] for message in thread["messages"]] == [REQUEST["text"]]

        await until(lambda: desk.mailbox.to("customer@customer.example"), what="acknowledged")
        mail = desk.mailbox.text_to("customer@customer.example")
        assert "slotted by your Service Plan" in mail
        assert "YOUR PLAN: Platform Care Professional (Platinum Service & Support)" in mail
        assert f"{desk.url('messaging')}/v1/tickets/{ticket}" in mail

        answer = await client.post(
            f"{desk.url('messaging')}/v1/tickets/{ticket}/messages",
            json={"text": "The report is back."},
            headers=desk.bearer("agent"),
        )
        assert answer.status_code == 201
        await until(lambda: _clock(client, desk, ticket, "met"), what="the first response is met")

    said = await read_events(desk.stack.bootstrap_servers, desk.namespace, *Topic)
    ours = [event for event in said if event.subject == ticket]
    assert [type(event) for event in ours if event.TOPIC is Topic.SLA] == [
        TicketSlotted,
        DeadlineScheduled,
        DeadlineMet,
    ]
    assert sum(isinstance(event, TicketCreated) for event in ours) == 1
    assert sum(isinstance(event, MessagePosted) for event in ours) == 1
    assert sum(isinstance(event, NotificationSent) for event in ours) == 1
    assert sum(isinstance(event, PlanChanged) for event in said) == 1
    assert len({event.correlationid for event in ours}) == 1


async def test_a_ticket_that_nobody_answers_is_breached_once_and_alerted(desk: Desk) -> None:
    """Nobody answers: the breach is said once, not before it is due, and one person is told."""
    await desk.ready()
    async with httpx.AsyncClient() as client:
        await _put_plan(client, desk, "centurion")
        ticket = await _send(client, desk)
        await until(lambda: _clock(client, desk, ticket, "breached"), what="breached")
    leads = "support-leads@careline.example"
    (alert,) = await until(lambda: desk.mailbox.to(leads), what="the lead is told")
    assert alert["Subject"].startswith("Breached: first response of CL-")

    said = await read_events(desk.stack.bootstrap_servers, desk.namespace, Topic.SLA)
    (breached,) = [event for event in said if isinstance(event, DeadlineBreached)]
    assert breached.subject == ticket
    assert breached.data.overdue_seconds >= 0


async def test_every_service_stops_within_ten_seconds(desk: Desk) -> None:
    """SIGTERM ends each service cleanly; the desk's stop would raise after 12 s."""
    await desk.ready()
    assert [desk.stop(service) for service in SERVICES] == [0, 0, 0, 0]


async def _put_plan(client: httpx.AsyncClient, desk: Desk, plan: str) -> None:
    answer = await client.put(
        f"{desk.url('sla')}/v1/accounts/{REQUEST['account']}/plan",
        json={"plan": plan},
        headers=desk.bearer("admin"),
    )
    assert answer.status_code == 200, answer.text


async def _send(client: httpx.AsyncClient, desk: Desk) -> str:
    answer = await client.post(f"{desk.url('intake')}/v1/tickets", json=REQUEST)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["ticket"])


async def _thread(
    client: httpx.AsyncClient, desk: Desk, ticket: str
) -> dict[str, list[dict[str, str]]] | None:
    answer = await client.get(
        f"{desk.url('messaging')}/v1/tickets/{ticket}", headers=desk.bearer("agent")
    )
    return answer.json() if answer.status_code == 200 else None


async def _clock(client: httpx.AsyncClient, desk: Desk, ticket: str, state: str) -> bool:
    thread = await _thread(client, desk, ticket)
    return thread is not None and [clock["state"] for clock in thread["clocks"]] == [state]
