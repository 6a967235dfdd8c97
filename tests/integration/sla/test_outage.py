"""No false alarm: sla is away while tickets are answered in time, and while others are not."""

from datetime import timedelta

import pytest

from shared.deadlines import DeadlineAtRisk, DeadlineBreached, DeadlineMet
from shared.events import Event, TicketCreated
from tests.support import said
from tests.support.desk import Desk
from tests.support.sla_desk import ANSWERED, OVERTAKEN, deadlines_kept, put_plan, said_of, tell
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(360)  # more than all waits of the test together

EACH = 500
"""Tickets of a kind: heard or not heard before the outage, answered or not answered in it."""
TARGET = timedelta(seconds=12)
"""Starter's, in the catalogue of the tests."""


async def test_after_an_outage_only_what_nobody_answered_is_breached(desk: Desk) -> None:
    """1,000 tickets are answered in time and 1,000 are not while all of them fall due unheard.

    Half of them lay in the log with all that came after them, the other half were slotted before.
    """
    desk.start("sla")
    await desk.ready("sla")
    await put_plan(desk, "an-account", "starter")
    answered, silent = _tickets("answered, slotted"), _tickets("silent, slotted")
    await tell(desk, *answered, *silent)
    await deadlines_kept(desk, 2 * EACH)
    desk.kill("sla")

    answered += (unheard := _tickets("answered, unheard"))
    silent += (unheard_too := _tickets("silent, unheard"))
    await tell(desk, *unheard, *unheard_too)
    soon = timedelta(seconds=1)
    await tell(desk, *(said.message_posted(ticket, at=ticket.time + soon) for ticket in answered))
    due = max(ticket.time for ticket in silent) + TARGET
    await until(lambda: said.now() > due, what="all are due")
    desk.start("sla")

    breached = await said_of(desk, silent, until_each=DeadlineBreached)
    met = await said_of(desk, answered, until_each=DeadlineMet)
    assert _kinds(breached) == {tuple(OVERTAKEN)}
    assert _kinds(met) == {tuple(ANSWERED)}
    assert (len(breached), len(met)) == (2 * EACH, 2 * EACH)


def _tickets(name: str) -> list[TicketCreated]:
    return [said.ticket_created(f"{name} {n}", account="an-account") for n in range(EACH)]


def _kinds(by_ticket: dict[str, list[type[Event]]]) -> set[tuple[type[Event], ...]]:
    """What was said of the tickets; a warning may have been said before the outage."""
    return {
        tuple(kind for kind in kinds if kind is not DeadlineAtRisk) for kinds in by_ticket.values()
    }
