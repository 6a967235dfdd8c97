"""When somebody is there in a chat, if nobody is."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.messaging import domain
from services.messaging.pages import chats, outlooks, tickets
from services.messaging.pages.chats import Attendance, Here
from services.messaging.pages.outlooks import Facts
from services.messaging.pages.tickets import Position
from services.messaging.plans import Plans
from shared.events import TicketStatus
from shared.languages import Languages
from tests.support import said
from tests.unit.messaging.test_outlooks import CLOCK

SATURDAY = datetime(2026, 11, 28, 9, 0, tzinfo=UTC)
MONDAY = datetime(2026, 11, 30, 9, 30, tzinfo=UTC)
NOBODY = Attendance(Here.NOBODY)
ENGLISH = Languages().of(None)
PLANS = Plans(Path(__file__).parents[3] / "deploy" / "plans.toml")
PLANS.load()


def foreseen(plan: str | None, now: datetime, *, due: datetime | None = None) -> chats.Foresight:
    """Of a ticket on this plan, with an answer due then."""
    thread, _ = domain.open_thread(said.ticket_created(at=SATURDAY))
    clocks = [replace(CLOCK, due_at=due)] if due else []
    promised = tickets.promised(PLANS.catalogue, plan, thread.priority)
    facts = Facts(TicketStatus.OPEN, plan, promised, clocks, None)
    position = Position(thread, plan, outlooks.look_ahead(facts), outlooks.owed(facts))
    return chats.foresee(tickets.show(position, PLANS, ENGLISH), NOBODY, PLANS, now)


def test_the_promise_says_it_first() -> None:
    """By when an answer is due, in the customer's zone."""
    found = foreseen("basic", SATURDAY, due=MONDAY + timedelta(hours=1))
    assert found.due == "Mon 30 Nov, 11:30 CET"


def test_outside_hours_the_next_opening_says_it() -> None:
    """Of the plan's calendar; in hours there is nothing to say."""
    assert foreseen("basic", SATURDAY).opens == "Mon 30 Nov, 10:00 CET"
    assert foreseen("basic", MONDAY).opens == ""
    assert foreseen("centurion", SATURDAY).opens == ""


@pytest.mark.parametrize(("plan", "promised"), [("self-service", False), ("basic", True)])
def test_self_service_promises_no_time(plan: str, promised: bool) -> None:  # noqa: FBT001 - a column of the table
    """Its customers are told so instead."""
    found = foreseen(plan, SATURDAY)
    assert found.is_promised is promised
    assert found.due == ""


def test_an_unknown_plan_promises_nothing_yet() -> None:
    """Nothing is made up before the slot is there, nor for a plan that is there no more."""
    found = [foreseen(plan, SATURDAY) for plan in (None, "gone")]
    assert [(each.due, each.opens, each.is_promised) for each in found] == [("", "", False)] * 2
