"""Whatever happens to a ticket: sla agrees with a slow second implementation of its rules.

Each machine draws what happens, works a desk in memory and compares after every step.
"""

from datetime import datetime

from hypothesis import settings

from shared.deadlines import DeadlineBreached, DeadlineBreachRetracted, DeadlineEvent
from shared.plans import Clock, Priority
from tests.support.slow_course import Order
from tests.support.slow_desk import MemoryDesk
from tests.support.slow_machine import LONG_AFTER, SlaMachine
from tests.support.slow_steps import STEP
from tests.support.slow_verdict import by_deadline

STEPS = settings(stateful_step_count=30)


class _InMemory(SlaMachine):
    def make_desk(self) -> MemoryDesk:
        return MemoryDesk()


class HeardAsItHappens(_InMemory):
    """All is heard at once and in order: there is one right answer to everything."""


class HeardInAnyOrder(_InMemory):
    """Much is held back and heard in another order; the timer waits for it, and errs never."""

    order = Order.HELD_BACK


class HeardTooLate(_InMemory):
    """The timer does not wait for what is on its way: what it said in error is taken back."""

    order = Order.TOO_LATE


TestHeardAsItHappens = HeardAsItHappens.TestCase
TestHeardAsItHappens.settings = STEPS
TestHeardInAnyOrder = HeardInAnyOrder.TestCase
TestHeardInAnyOrder.settings = STEPS
TestHeardTooLate = HeardTooLate.TestCase
TestHeardTooLate.settings = STEPS


def test_when_to_look_next_changes_even_if_nothing_is_said() -> None:
    """By late news a promise was made only later: it is breached then, not when it is due."""
    ticket = HeardInAnyOrder()
    ticket.open(
        steps=0, plan=None, priority=Priority.NORMAL, by_agent=False, catalogue="one", held=False
    )
    ticket.set_priority(Priority.LOW, held=True, crashes=False)  # nothing is promised from now on
    ticket.advance_to_due_time(which=0, steps=1, polls=False, hears=False, crashes=False)
    ticket.set_priority(Priority.NORMAL, held=False, crashes=False)
    ticket.teardown()
    assert _ends(ticket) == [(DeadlineBreached, ticket.course.now - LONG_AFTER)]


def test_a_breach_that_comes_later_than_it_was_said_is_taken_back() -> None:
    """By late news nothing was promised when the time was over, and is only since a move."""
    ticket = HeardTooLate()
    ticket.open(
        steps=164, plan=None, priority=Priority.URGENT, by_agent=False, catalogue="one", held=False
    )
    ticket.advance_to_due_time(which=0, steps=0, polls=False, hears=False, crashes=False)
    due = ticket.course.now
    ticket.advance(steps=12, polls=False, hears=False, crashes=False)
    ticket.move("two", held=False, crashes=False)
    ticket.it_agrees_with_the_slow_clocks()
    ticket.course.now = due
    ticket.set_priority(Priority.LOW, held=True, crashes=False)
    ticket.course.now += 12 * STEP
    ticket.teardown()
    assert _ends(ticket) == [
        (DeadlineBreached, due),
        (DeadlineBreachRetracted, due + 12 * STEP),
        (DeadlineBreached, due + 12 * STEP),
    ]


def _ends(ticket: SlaMachine) -> list[tuple[type[DeadlineEvent], datetime]]:
    """Which breaches of the first response were said, and taken back, and when that happened."""
    kinds = (DeadlineBreached, DeadlineBreachRetracted)
    events = by_deadline(ticket.course.desk.said())[Clock.FIRST_RESPONSE, 1]
    return [(type(event), event.time) for event in events if isinstance(event, kinds)]
