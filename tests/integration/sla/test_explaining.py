"""Why a due time is what it is, asked of a running sla."""

from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from shared.calendars import Calendar, due_at
from shared.deadlines import DeadlineMet, DeadlineScheduled
from shared.events import TicketCreated, TicketStatus
from tests.support import said
from tests.support.desk import Desk
from tests.support.sla_desk import put_plan, said_of, tell

pytestmark = pytest.mark.timeout(240)  # more than all waits of a test together


@pytest.fixture
async def ticket(desk: Desk) -> TicketCreated:
    """A ticket of an account on starter, answered after a second."""
    desk.start("sla")
    await desk.ready("sla")
    await put_plan(desk, "an-account", "starter")
    created = said.ticket_created(account="an-account")
    await tell(desk, created, said.message_posted(created, at=created.time + timedelta(seconds=1)))
    await said_of(desk, [created], until_each=DeadlineMet)
    return created


async def _ask(desk: Desk, created: TicketCreated, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.get(
            f"{desk.url('sla')}/v1/tickets/{created.subject}/sla", headers=headers
        )


async def test_a_clock_shows_all_that_its_due_time_was_counted_from(
    desk: Desk, ticket: TicketCreated
) -> None:
    """Version, calendar, start, target, pauses, due, state, history: the same as on the stream."""
    explained = (await _ask(desk, ticket, **desk.bearer("agent"))).json()
    (clock,) = explained["clocks"]
    due = ticket.time + timedelta(seconds=12)
    assert clock["state"] == "met"
    assert (clock["plan"], clock["catalogue_version"]) == ("starter", "demo-1")
    assert (clock["calendar"], clock["target_seconds"], clock["pauses"]) == ("always", 12, [])
    assert datetime.fromisoformat(clock["started"]) == ticket.time
    assert datetime.fromisoformat(clock["due"]) == due
    assert [line["what"] for line in clock["history"]] == ["started", "met"]
    assert clock["history"][0]["event"] == str(ticket.id)
    assert explained["not_promised"] == ["resolution", "update"]
    assert _counted_again(clock["case"]) == due


async def test_a_ticket_s_promises_are_for_its_account_and_for_our_people(
    desk: Desk, ticket: TicketCreated
) -> None:
    """Strangers are told that there is no such ticket; without a token nobody is told anything."""
    own = desk.bearer("customer", account="an-account")
    stranger = desk.bearer("customer", account="another-account")
    statuses = [
        (await _ask(desk, ticket, **headers)).status_code for headers in (own, stranger, {})
    ]
    assert statuses == [200, 404, 401]


async def test_of_a_ticket_that_is_not_known_there_is_nothing_to_say(desk: Desk) -> None:
    """Also not of one of which only a fact was heard so far."""
    desk.start("sla")
    await desk.ready("sla")
    created = said.ticket_created()
    await tell(desk, said.status_changed(created, TicketStatus.PENDING))
    answer = await _ask(desk, created, **desk.bearer("agent"))
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    await tell(desk, created)
    await put_plan(desk, created.data.account, "starter")
    await said_of(desk, [created], until_each=DeadlineScheduled)
    explained = (await _ask(desk, created, **desk.bearer("lead"))).json()
    assert (explained["status"], explained["plan"]) == ("pending", "starter")


def _counted_again(case: dict[str, Any]) -> datetime:
    """What anyone can do with the case."""
    calendar = Calendar.model_validate(case["calendar"])
    pauses = [(datetime.fromisoformat(a), datetime.fromisoformat(b)) for a, b in case["pauses"]]
    target = timedelta(seconds=case["target_seconds"])
    return due_at(calendar, datetime.fromisoformat(case["start"]), target, pauses)
