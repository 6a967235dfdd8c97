"""What sla says of a ticket: slots, changes, warnings, breaches and their retraction."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.sla import domain
from services.sla.clocks import FactKind, Opening
from shared import plans
from shared.deadlines import (
    DeadlineAtRisk,
    DeadlineBreached,
    DeadlineBreachRetracted,
    DeadlineCancelled,
    DeadlineEvent,
    DeadlineMet,
    DeadlineMoved,
    DeadlinePaused,
    DeadlineResumed,
    DeadlineScheduled,
    DeadlineState,
)
from shared.events import TicketStatus
from shared.plans import Clock, Priority
from tests.support.promises import (
    TICKET,
    Told,
    answered,
    asked,
    at,
    became,
    happened,
    ids,
    ticket,
)

MONDAY = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
DEFAULT = plans.load_catalogue(Path(__file__).parents[3] / "deploy" / "plans.toml")
FIRST, RESOLUTION = Clock.FIRST_RESPONSE, Clock.RESOLUTION


def kinds(events: list[DeadlineEvent], clock: Clock = FIRST) -> list[type[DeadlineEvent]]:
    """What was said of one clock."""
    return [type(event) for event in events if event.data.clock is clock]


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
    opening = Opening(TICKET, MONDAY, Priority.NORMAL, plan, DEFAULT.version)
    of = domain.Ticket(TICKET, 3, "an-account", opening, None)
    slotted, (outcome,) = domain.slot(of, DEFAULT)
    assert outcome.deadline.due_at == due
    assert [target.due for target in slotted.data.targets] == [due]
    (scheduled,) = outcome.events
    assert isinstance(scheduled, DeadlineScheduled)
    assert scheduled.data.due == due
    assert scheduled.causationid == slotted.causationid == TICKET


def test_self_service_is_slotted_without_a_deadline() -> None:
    """The plan promises no time: a slot, no clock."""
    told = Told(ticket("self-service"))
    assert told.slotted.data.targets == ()
    assert told.events == []


def test_the_same_ticket_slotted_twice_gives_the_same_events() -> None:
    """Ids follow from the cause: a repeat meets its own primary key."""
    one, other = Told(ticket()), Told(ticket())
    assert (one.slotted, one.events) == (other.slotted, other.events)


def test_what_was_said_once_is_not_said_again() -> None:
    """The same facts heard again are no news."""
    told = Told(ticket())
    assert told.hear(answered(1), became(2, TicketStatus.PENDING)) != []
    assert told.hear() == []


def test_an_answer_at_the_due_time_is_in_time() -> None:
    """Due is the last instant that is in time."""
    told = Told(ticket())
    (met, *_) = told.hear(answered(8))
    assert isinstance(met, DeadlineMet)
    assert (met.data.met, met.data.due) == (at(8), at(8))


def test_only_the_timer_says_that_time_is_over() -> None:
    """A late answer proves nothing yet: an earlier one may still be on its way."""
    told = Told(ticket())
    assert kinds(told.hear(answered(9))) == []
    assert told.deadline(FIRST).state is DeadlineState.RUNNING
    (breached,) = [e for e in told.fire(9) if isinstance(e, DeadlineBreached)]
    assert breached.data.clock is FIRST
    assert breached.data.overdue_seconds == 3600
    assert breached.time == at(8)


def test_a_pause_and_its_end_are_said_with_the_time_that_is_left() -> None:
    """Who waits knows how much is left, and by when it is due once it goes on."""
    told = Told(ticket())
    paused = told.hear(became(2, TicketStatus.PENDING))
    (of_resolution,) = [
        e for e in paused if isinstance(e, DeadlinePaused) and e.data.clock is RESOLUTION
    ]
    assert of_resolution.data.left_seconds == 38 * 3600
    assert of_resolution.data.due is None
    resumed = told.hear(became(5, TicketStatus.OPEN))
    assert kinds(resumed, RESOLUTION) == [DeadlineResumed]
    assert told.due(RESOLUTION) == 43


def test_a_pause_that_is_heard_when_it_is_over_moves_the_deadline() -> None:
    """Nobody was told that it stood still; the pause stands in what is said."""
    told = Told(ticket())
    said = told.hear(became(2, TicketStatus.PENDING), became(5, TicketStatus.OPEN))
    (moved,) = [e for e in said if isinstance(e, DeadlineMoved) and e.data.clock is RESOLUTION]
    assert (moved.data.previous_due, moved.data.due) == (at(40), at(43))
    assert [(p.since, p.until) for p in moved.data.pauses] == [(at(2), at(5))]


def test_a_closed_ticket_s_clocks_are_cancelled() -> None:
    """Each clock that ran is said to be owed no longer, since when."""
    told = Told(ticket())
    said = told.hear(became(1, TicketStatus.CLOSED))
    assert {type(event) for event in said} == {DeadlineCancelled}
    assert {event.time for event in said} == {at(1)}
    assert {d.state for d in told.deadlines.values()} == {DeadlineState.CANCELLED}


def test_each_warning_is_said_once_and_never_after_the_end() -> None:
    """At half of eight hours, and an hour before they are over; none once it is answered."""
    told = Told(ticket())
    assert kinds(told.fire(3.9)) == []
    assert kinds(told.fire(4)) == [DeadlineAtRisk]
    assert kinds(told.fire(6)) == []
    told.hear(answered(6.5))
    assert kinds(told.fire(30)) == []


def test_a_warning_overtaken_by_the_next_or_by_the_breach_is_dropped() -> None:
    """Nobody was there to warn in time: only what counts now is said."""
    late, too_late = Told(ticket()), Told(ticket())
    (warned,) = [e for e in late.fire(7.5) if isinstance(e, DeadlineAtRisk)]
    assert warned.data.warned == at(7)
    assert kinds(too_late.fire(8)) == [DeadlineBreached]


def test_a_breach_is_retracted_when_an_answer_from_before_it_is_heard() -> None:
    """It says which breach does not hold; what the answer means is said after it."""
    told = Told(ticket())
    (breached,) = [e for e in told.fire(8) if isinstance(e, DeadlineBreached)]
    said = [event for event in told.hear(answered(7)) if event.data.clock is FIRST]
    retracted, met = said
    assert isinstance(retracted, DeadlineBreachRetracted)
    assert (retracted.data.breach, retracted.data.breached_due) == (breached.id, at(8))
    assert isinstance(met, DeadlineMet)
    assert kinds(told.fire(100)) == []


def test_a_breach_that_a_late_pause_puts_off_may_happen_later() -> None:
    """Retracted, since the clock stood still; breached all the same when the time was over."""
    told = Told(ticket())
    assert kinds(told.fire(40), RESOLUTION)[-1] is DeadlineBreached
    said = told.hear(became(2, TicketStatus.ON_HOLD), became(5, TicketStatus.OPEN))
    assert kinds(said, RESOLUTION) == [DeadlineBreachRetracted]
    assert told.due(RESOLUTION) == 43
    assert kinds(told.fire(43), RESOLUTION)[-1] is DeadlineBreached


@pytest.mark.parametrize(
    "later",
    [
        answered(9),
        happened(9, FactKind.PLAN, "professional"),
        happened(9, FactKind.PRIORITY, Priority.LOW),
        became(9, TicketStatus.CLOSED),
    ],
)
def test_a_breach_stays_on_record(later: object) -> None:
    """What happens after it changes nothing of it."""
    told = Told(ticket())
    told.fire(8)
    told.hear(later)  # type: ignore[arg-type] # a list of facts, to pytest objects
    assert told.deadline(FIRST).state is DeadlineState.BREACHED
    assert kinds(told.events).count(DeadlineBreached) == 1
    assert DeadlineBreachRetracted not in kinds(told.events)


def test_a_priority_that_leaves_no_time_is_breached_when_it_was_set() -> None:
    """Urgent after five hours, with two promised: heard up to the change, not before it."""
    told = Told(ticket())
    told.hear(happened(5, FactKind.PRIORITY, Priority.URGENT))
    assert told.deadline(FIRST).fires_at == at(5)
    (breached,) = [e for e in told.fire(5) if isinstance(e, DeadlineBreached)]
    assert breached.time == at(5)
    assert breached.data.due == at(2)


def test_an_answer_before_the_priority_was_raised_was_in_time() -> None:
    """Heard only after the change: it met what was promised then."""
    told = Told(ticket())
    told.hear(happened(5, FactKind.PRIORITY, Priority.URGENT))
    told.hear(answered(4))
    assert told.deadline(FIRST).state is DeadlineState.MET


def test_late_news_may_undo_a_run() -> None:
    """An update was promised with an answer; by then, it turns out, the ticket was over."""
    told = Told(ticket())
    told.hear(answered(5))
    said = told.hear(became(4, TicketStatus.RESOLVED))
    assert kinds(said, Clock.UPDATE) == [DeadlineCancelled, DeadlineCancelled]


def test_revisions_have_no_gaps_and_events_no_common_ids() -> None:
    """A reader can order what it hears of a clock, and drop what comes twice."""
    told = Told(ticket())
    told.hear(answered(1), asked(2))
    told.fire(5)
    told.hear(became(6, TicketStatus.PENDING))
    told.hear(became(9, TicketStatus.RESOLVED))
    told.hear(became(10, TicketStatus.OPEN))
    told.fire(200)
    assert len(ids(told.events)) == len(told.events)
    for key in told.deadlines:
        of_one = [e.data.revision for e in told.events if (e.data.clock, e.data.cycle) == key]
        assert of_one == list(range(1, len(of_one) + 1))


def test_what_was_used_up_is_said_when_a_clock_is_met() -> None:
    """Working time, the pauses left out: four hours of six, of which it stood still for two."""
    told = Told(ticket("professional"))
    told.hear(became(1, TicketStatus.PENDING), became(3, TicketStatus.OPEN))
    (met,) = [e for e in told.hear(became(6, TicketStatus.RESOLVED)) if isinstance(e, DeadlineMet)]
    assert met.data.clock is RESOLUTION
    assert met.data.elapsed_seconds == 4 * 3600


def test_what_was_used_up_is_said_when_a_clock_is_breached() -> None:
    """The target; or more, if what makes it overdue happened only later."""
    told = Told(ticket("basic"))
    breached = [e for e in told.fire(8) if isinstance(e, DeadlineBreached)]
    assert [e.data.elapsed_seconds for e in breached] == [8 * 3600]
    told = Told(ticket("basic"))
    told.hear(happened(3, FactKind.PRIORITY, Priority.URGENT.value))
    breached = [e for e in told.fire(4) if isinstance(e, DeadlineBreached)]
    assert [e.data.elapsed_seconds for e in breached] == [3 * 3600]


def test_each_warning_says_how_many_points_are_behind_it() -> None:
    """Of half the time and an hour before its end; the one that was overtaken counts."""
    told = Told(ticket("basic"))
    (first,) = told.fire(4)
    assert isinstance(first, DeadlineAtRisk)
    assert first.data.passed == 1
    late = Told(ticket("basic"))
    (overtaking,) = [e for e in late.fire(7.5) if e.data.clock is FIRST]
    assert isinstance(overtaking, DeadlineAtRisk)
    assert overtaking.data.passed == 2
