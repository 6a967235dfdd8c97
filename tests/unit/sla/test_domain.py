"""What sla promises and what becomes of it: pure decisions."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.sla import domain
from services.sla.domain import DeadlineState
from shared import plans
from shared.events import (
    DeadlineAtRisk,
    DeadlineBreached,
    DeadlineMet,
    DeadlineScheduled,
    TicketSlotted,
    Visibility,
)
from tests.support import said

MONDAY = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
DEFAULT = plans.load_catalogue(Path(__file__).parents[3] / "deploy" / "plans.toml")


def slot(plan: str) -> domain.Slot:
    """A ticket of Monday 15:00 UTC, slotted by the default catalogue."""
    created = said.ticket_created(at=MONDAY)
    return domain.slot(created, 3, plans.plan(DEFAULT, plan), DEFAULT)


@pytest.mark.parametrize(
    ("plan", "due"),
    [
        ("starter", datetime(2026, 11, 25, 15, 0, tzinfo=UTC)),
        ("basic", datetime(2026, 11, 24, 15, 0, tzinfo=UTC)),
        ("advanced", datetime(2026, 11, 24, 11, 0, tzinfo=UTC)),
        ("professional", datetime(2026, 11, 23, 16, 0, tzinfo=UTC)),
        ("centurion", datetime(2026, 11, 23, 15, 30, tzinfo=UTC)),
    ],
)
def test_each_plan_is_due_in_its_own_working_time(plan: str, due: datetime) -> None:
    """16, 8, 4, 1 working hours from Monday 15:00 (open until 17:00); 30 minutes at all hours."""
    slotted = slot(plan)
    (deadline,) = slotted.deadlines
    assert deadline.due_at == due
    ticket_slotted, scheduled = slotted.events
    assert isinstance(ticket_slotted, TicketSlotted)
    assert [target.due for target in ticket_slotted.data.targets] == [due]
    assert isinstance(scheduled, DeadlineScheduled)
    assert scheduled.data.due == due
    assert scheduled.causationid == said.ticket_created(at=MONDAY).id


def test_self_service_is_slotted_without_a_deadline() -> None:
    """The plan promises no time: a slot, no clock."""
    slotted = slot("self-service")
    assert slotted.deadlines == ()
    (event,) = slotted.events
    assert isinstance(event, TicketSlotted)
    assert event.data.targets == ()


def test_the_same_ticket_slotted_twice_gives_the_same_events() -> None:
    """Ids follow from the cause: a repeat meets its own primary key."""
    assert slot("basic") == slot("basic")


def test_an_answer_at_the_due_time_is_in_time() -> None:
    """Due is the last instant that keeps the promise."""
    (deadline,) = slot("basic").deadlines
    outcome = domain.answer(deadline, deadline.due_at, said_at=deadline.due_at)
    assert outcome.deadline.state is DeadlineState.MET
    assert isinstance(outcome.event, DeadlineMet)


def test_an_answer_after_the_due_time_is_a_breach_even_if_the_timer_was_slower() -> None:
    """The answer is judged by when it was given."""
    (deadline,) = slot("basic").deadlines
    late = deadline.due_at + timedelta(microseconds=1)
    outcome = domain.answer(deadline, late, said_at=late)
    assert outcome.deadline.state is DeadlineState.BREACHED
    assert isinstance(outcome.event, DeadlineBreached)


def test_a_deadline_warns_first_and_then_is_breached() -> None:
    """At the warning point the clock goes on, and fires again at the due time."""
    (deadline,) = slot("basic").deadlines
    assert deadline.warn_at is not None
    warned = domain.fire(deadline, deadline.warn_at, said_at=deadline.warn_at)
    assert isinstance(warned.event, DeadlineAtRisk)
    assert warned.deadline.state is DeadlineState.RUNNING
    assert warned.deadline.fires_at == deadline.due_at
    after = deadline.due_at + timedelta(seconds=0.4)
    breached = domain.fire(warned.deadline, after, said_at=after)
    assert isinstance(breached.event, DeadlineBreached)
    assert breached.event.time == deadline.due_at
    assert breached.event.data.overdue_seconds == pytest.approx(0.4)


def test_a_warning_that_is_overtaken_by_its_breach_is_dropped() -> None:
    """Who comes back after the due time says the breach alone."""
    (deadline,) = slot("basic").deadlines
    outcome = domain.fire(deadline, deadline.due_at, said_at=deadline.due_at)
    assert isinstance(outcome.event, DeadlineBreached)


def test_a_breach_by_the_timer_and_one_by_a_late_answer_are_the_same_event() -> None:
    """Whoever notices first says it; the other's repeat has the same id."""
    (deadline,) = slot("basic").deadlines
    late = deadline.due_at + timedelta(seconds=1)
    assert (
        domain.answer(deadline, late, said_at=late).event.id
        == domain.fire(deadline, late, said_at=late).event.id
    )


def test_only_a_public_message_by_a_person_of_ours_is_a_response() -> None:
    """Notes and the customer's own words don't count."""
    created = said.ticket_created(at=MONDAY)
    public = said.message_posted(created)
    note = said.message_posted(created, visibility=Visibility.NOTE)
    assert domain.is_response(public.data)
    assert not domain.is_response(note.data)
