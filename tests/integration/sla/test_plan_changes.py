"""Open tickets follow the plan changes of their account."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from services.sla.recounts import PAGE
from shared.deadlines import DeadlineScheduled
from shared.envelope import Topic, format_instant
from shared.events import TicketCreated, TicketSlotted
from tests.support import said
from tests.support.desk import Desk
from tests.support.sla_desk import put_plan, said_of, tell
from tests.support.stream import read_events
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(240)  # more than all waits of a test together


async def test_an_upgrade_reaches_every_open_ticket_once_though_sla_is_killed(desk: Desk) -> None:
    """More tickets than a page: killed in the middle, the work goes on where it was."""
    desk.start("sla", CARELINE_FAILPOINT="recounts.before_commit:2")
    await desk.ready("sla")
    tickets = _tickets(2 * PAGE + 50)
    await tell(desk, *tickets)
    await said_of(desk, tickets, until_each=TicketSlotted)
    await put_plan(desk, "an-account", "starter")
    assert await desk.died("sla") == -9
    desk.start("sla")
    await desk.ready("sla")
    came_to = await said_of(desk, tickets, until_each=DeadlineScheduled)
    assert {tuple(kinds[:2]) for kinds in came_to.values()} == {(TicketSlotted, DeadlineScheduled)}
    (change,) = await until(lambda: _applied(desk, 1), what="the change is applied")
    assert change["applied_to_tickets"] == len(tickets)


async def test_a_ticket_that_cannot_be_counted_holds_up_no_other(desk: Desk) -> None:
    """It is named in the log and counted; the rest of its page, and what comes after, goes on."""
    desk.start("sla")
    await desk.ready("sla")
    broken, *tickets = _tickets(5)
    await tell(desk, broken, *tickets)
    await said_of(desk, [broken, *tickets], until_each=TicketSlotted)
    statement = "UPDATE tickets SET catalogue_version = 'lost' WHERE ticket = $1 RETURNING 1"
    await desk.query("sla", statement, UUID(broken.subject))
    await put_plan(desk, "an-account", "starter")
    await said_of(desk, tickets, until_each=DeadlineScheduled)
    await until(lambda: _applied(desk, 1), what="the change is applied")
    passed_over = [line for line in desk.log("sla") if line["event"] == "ticket_passed_over"]
    assert [line["ticket"] for line in passed_over] == [broken.subject]
    async with httpx.AsyncClient() as client:
        metrics = (await client.get(f"{desk.url('sla')}/metrics")).text
    assert "sla_recount_tickets_passed_over_total 1.0" in metrics
    assert "sla_recounts_open 0.0" in metrics


async def test_a_plan_of_the_future_counts_from_when_it_begins(desk: Desk) -> None:
    """Nothing before, and then from that moment on, not from when the ticket was opened."""
    desk.start("sla")
    await desk.ready("sla")
    (created,) = _tickets(1)
    await tell(desk, created)
    await said_of(desk, [created], until_each=TicketSlotted)
    begins = said.now() + timedelta(seconds=3)
    await put_plan(desk, "an-account", "centurion", since=format_instant(begins))
    await said_of(desk, [created], until_each=DeadlineScheduled)
    events = await read_events(desk.stack.bootstrap_servers, desk.namespace, Topic.SLA)
    (scheduled,) = [event for event in events if isinstance(event, DeadlineScheduled)]
    assert scheduled.data.started == begins
    assert scheduled.data.due == begins + timedelta(seconds=4)


async def test_an_upgrade_that_is_entered_late_breaches_nothing(desk: Desk) -> None:
    """Dated a day back, it counts from when it was entered: a promise begins when it is made."""
    desk.start("sla")
    await desk.ready("sla")
    (created,) = _tickets(1)
    await tell(desk, created)
    await said_of(desk, [created], until_each=TicketSlotted)
    entered = said.now()
    yesterday = format_instant(entered - timedelta(days=1))
    await put_plan(desk, "an-account", "starter", since=yesterday)
    await said_of(desk, [created], until_each=DeadlineScheduled)
    events = await read_events(desk.stack.bootstrap_servers, desk.namespace, Topic.SLA)
    (scheduled,) = [event for event in events if isinstance(event, DeadlineScheduled)]
    assert scheduled.data.started >= entered
    assert scheduled.causationid is not None


def _tickets(count: int) -> list[TicketCreated]:
    return [said.ticket_created(f"t{n}", account="an-account") for n in range(count)]


async def _applied(desk: Desk, changes: int) -> list[dict[str, Any]] | None:
    async with httpx.AsyncClient() as client:
        answer = await client.get(
            f"{desk.url('sla')}/v1/accounts/an-account", headers=desk.bearer("agent")
        )
    history: list[dict[str, Any]] = answer.json()["history"]
    return (
        history if sum(change["applied_at"] is not None for change in history) == changes else None
    )
