"""When a ticket's clocks run, stand still and end: the rules, one by one."""

from itertools import permutations

import pytest

from services.sla.clocks import FactKind
from shared.deadlines import DeadlineState
from shared.events import TicketStatus
from shared.plans import Clock, Priority
from tests.support.promises import Told, answered, asked, became, happened, ticket

FIRST, NEXT = Clock.FIRST_RESPONSE, Clock.NEXT_RESPONSE
UPDATE, RESOLUTION = Clock.UPDATE, Clock.RESOLUTION


def states(told: Told) -> dict[tuple[Clock, int], str]:
    """How every clock stands."""
    return {key: deadline.state.value for key, deadline in told.deadlines.items()}


def test_a_new_ticket_owes_a_first_response_updates_and_a_resolution() -> None:
    """Each from its opening; what a customer writes next has a clock only once it is written."""
    told = Told(ticket())
    assert {key: told.due(*key) for key in told.deadlines} == {
        (FIRST, 1): 8,
        (UPDATE, 1): 24,
        (RESOLUTION, 1): 40,
    }


def test_a_ticket_that_an_agent_opened_owes_no_first_response() -> None:
    """The customer waits for nothing yet; their first message starts the next response."""
    told = Told(ticket(by_agent=True))
    assert set(told.deadlines) == {(UPDATE, 1), (RESOLUTION, 1)}
    told.hear(asked(3))
    assert told.due(NEXT) == 7


def test_the_next_response_counts_from_the_first_unanswered_message() -> None:
    """Further messages don't move it; an answer ends it; the next message starts another run."""
    told = Told(ticket())
    told.hear(answered(1), asked(2), asked(3), asked(5))
    assert told.due(NEXT) == 6
    told.hear(answered(5.5), asked(7))
    assert states(told)[NEXT, 1] == "met"
    assert told.due(NEXT, 2) == 11


def test_while_the_first_response_runs_the_next_one_does_not() -> None:
    """A customer who writes again before the first answer waits for that one answer."""
    told = Told(ticket())
    told.hear(asked(1), asked(2))
    assert (NEXT, 1) not in told.deadlines


def test_every_answer_promises_the_next_update() -> None:
    """We said that we would say something every so often, from each answer on."""
    told = Told(ticket())
    told.hear(answered(5))
    told.hear(answered(20))
    assert [told.due(UPDATE, cycle) for cycle in (1, 2, 3)] == [24, 29, 44]
    assert states(told) | {(RESOLUTION, 1): "-"} == {
        (FIRST, 1): "met",
        (UPDATE, 1): "met",
        (UPDATE, 2): "met",
        (UPDATE, 3): "running",
        (RESOLUTION, 1): "-",
    }


@pytest.mark.parametrize(
    ("status", "standing_still"),
    [
        (TicketStatus.PENDING, {UPDATE, RESOLUTION}),
        (TicketStatus.ON_HOLD, {RESOLUTION}),
    ],
)
def test_a_status_is_no_response(status: TicketStatus, standing_still: set[Clock]) -> None:
    """Pending and on hold stop what they may; who waits for a word of ours goes on waiting."""
    told = Told(ticket())
    told.hear(became(2, status))
    paused = {c for (c, _), d in told.deadlines.items() if d.state is DeadlineState.PAUSED}
    assert paused == standing_still
    assert told.due(FIRST) == 8
    told.hear(became(12, TicketStatus.OPEN))
    assert told.due(RESOLUTION) == 50
    assert told.due(UPDATE) == (34 if UPDATE in standing_still else 24)


def test_a_reopened_ticket_goes_on_where_it_was() -> None:
    """Resolved is met; opened again the clock runs on, and the time between is a pause."""
    told = Told(ticket())
    told.hear(answered(1), became(10, TicketStatus.RESOLVED))
    assert states(told)[RESOLUTION, 1] == "met"
    assert states(told)[UPDATE, 2] == "cancelled"
    told.hear(became(30, TicketStatus.OPEN))
    assert (told.due(RESOLUTION), told.due(UPDATE, 2)) == (60, 45)
    assert states(told)[RESOLUTION, 1] == states(told)[UPDATE, 2] == "running"


def test_a_closed_ticket_owes_nothing() -> None:
    """Closed without having been resolved: cancelled, not met."""
    told = Told(ticket())
    told.hear(became(2, TicketStatus.CLOSED))
    assert set(states(told).values()) == {"cancelled"}
    assert told.fire(100) == []


def test_an_answer_to_a_resolved_ticket_is_still_the_first_response() -> None:
    """Nobody had answered, and then somebody did."""
    told = Told(ticket())
    told.hear(became(2, TicketStatus.RESOLVED), answered(3))
    assert states(told)[FIRST, 1] == "met"
    assert (UPDATE, 2) not in told.deadlines


def test_another_priority_is_counted_from_the_start_with_earlier_pauses() -> None:
    """Paused for three hours, then urgent: ten hours from the opening, and the three."""
    told = Told(ticket())
    told.hear(became(1, TicketStatus.PENDING), became(4, TicketStatus.OPEN))
    told.hear(happened(5, FactKind.PRIORITY, Priority.URGENT))
    assert (told.due(FIRST), told.due(RESOLUTION)) == (2, 13)


def test_an_upgrade_counts_from_its_own_moment() -> None:
    """One hour from the upgrade on; what was promised sooner stays as it was."""
    told = Told(ticket())
    told.hear(happened(3, FactKind.PLAN, "professional"))
    assert (told.due(FIRST), told.due(UPDATE), told.due(RESOLUTION)) == (4, 9, 11)


def test_an_upgrade_never_makes_a_promise_later() -> None:
    """An hour before the end, a plan with a longer way to go changes nothing."""
    told = Told(ticket())
    assert told.hear(happened(7.5, FactKind.PLAN, "professional")) != []
    assert told.due(FIRST) == 8


def test_an_upgrade_from_a_plan_without_promises_starts_them() -> None:
    """Self Service owes nothing; from the upgrade on, the new plan does."""
    told = Told(ticket("self-service"))
    assert told.deadlines == {}
    (scheduled,) = told.hear(happened(3, FactKind.PLAN, "centurion"))
    assert told.due(FIRST) == 3.5
    assert scheduled.data.revision == 1
    assert scheduled.causationid == happened(3, FactKind.PLAN, "centurion").id


def test_after_a_downgrade_promises_are_kept_and_new_ones_follow_the_new_plan() -> None:
    """What was promised stays promised; the next run has the lower plan's time."""
    told = Told(ticket("professional"))
    assert told.hear(happened(0.5, FactKind.PLAN, "basic")) == []
    told.hear(answered(0.75), asked(1))
    assert (told.due(NEXT), told.due(UPDATE, 2)) == (5, 24.75)


def test_a_move_to_another_catalogue_is_counted_anew() -> None:
    """Version two gives five hours where version one gave eight."""
    told = Told(ticket())
    move = happened(1, FactKind.CATALOGUE, "two")
    (moved, *_) = told.hear(move)
    assert told.due(FIRST) == 5
    assert moved.data.catalogue_version == "two"
    assert moved.causationid == move.id


def test_the_order_of_hearing_makes_no_difference() -> None:
    """Topics have no order among them: every order of hearing comes to the same clocks."""
    facts = (
        answered(1),
        asked(2),
        became(3, TicketStatus.PENDING),
        happened(4, FactKind.PLAN, "professional"),
        became(6, TicketStatus.OPEN),
    )
    seen = set()
    for order in permutations(facts):
        told = Told(ticket())
        for fact in order:
            told.hear(fact)
        seen.add(frozenset((key, d.state, d.due_at, d.pauses) for key, d in told.deadlines.items()))
    assert len(seen) == 1


def test_an_answer_from_before_the_ticket_counts_from_the_ticket() -> None:
    """The clocks of two machines differ: an answer can't be earlier than its question."""
    told = Told(ticket())
    told.hear(answered(-0.001))
    assert told.deadline(FIRST).state is DeadlineState.MET
    assert told.deadline(FIRST).ended_at == told.ticket.opening.at
