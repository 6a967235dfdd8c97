"""The slow clocks beside examples that were worked out by hand; what they find can be wrong."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from services.sla import domain
from services.sla.clocks import Fact, FactKind, Opening
from services.sla.deadlines import Deadline
from shared.deadlines import DeadlineState
from shared.events import Event
from shared.messages import AuthorKind, Visibility
from shared.plans import Clock, Priority
from tests.support.slow_catalogues import CATALOGUES
from tests.support.slow_clocks import watch
from tests.support.slow_desk import MemoryDesk
from tests.support.slow_shown import Shown
from tests.support.slow_story import Happened, Known, Story
from tests.support.slow_verdict import Circumstances, Key, differences, false_alarms, faults

LONG_AFTER = datetime(2027, 1, 1, tzinfo=UTC)
FIRST, NEXT = (Clock.FIRST_RESPONSE, 1), (Clock.NEXT_RESPONSE, 1)
UPDATE, RESOLUTION = (Clock.UPDATE, 1), (Clock.RESOLUTION, 1)
RUNNING, PAUSED, MET = DeadlineState.RUNNING, DeadlineState.PAUSED, DeadlineState.MET
CANCELLED, BREACHED = DeadlineState.CANCELLED, DeadlineState.BREACHED


def at(text: str) -> datetime:
    """A day of October 2026 and a time, in UTC: "21 13:00". Berlin is 2 hours ahead till the 25th.

    After that it is 1 hour ahead.
    """
    return datetime.strptime(f"2026-10-{text}", "%Y-%m-%d %H:%M").replace(tzinfo=UTC)


def happened(*told: str) -> list[Fact]:
    """Facts such as "21 13:00 status pending" or "22 08:00 agent_message"."""
    facts = []
    for number, line in enumerate(told):
        day, time, kind, *value = line.split()
        facts.append(Fact(UUID(int=number), FactKind(kind), at(f"{day} {time}"), "".join(value)))
    return facts


def clocks(
    opened: str,
    plan: str,
    *told: str,
    priority: Priority = Priority.NORMAL,
    by_agent: bool = False,
    until: datetime | None = None,
) -> dict[Key, Shown]:
    """What the slow clocks show of a ticket of the first catalogue."""
    opening = Opening(UUID(int=99), at(opened), priority, plan, "one", by_agent)
    facts = happened(*told)
    shown = watch(opening, facts, CATALOGUES).show(until or max(f.at for f in facts))
    return {(each.clock, each.cycle): each for each in shown}


def due(shown: Shown) -> datetime | None:
    """By when it is owed."""
    assert shown.owed is not None
    return shown.owed.due


@pytest.mark.parametrize(
    ("opened", "plan", "clock", "expected"),
    [
        # 15:00 to 17:00 in Berlin, and two of the four hours in the short Thursday from 10:00.
        ("21 13:00", "basic", FIRST, "22 10:00"),
        # Used up exactly at closing time.
        ("21 11:00", "basic", FIRST, "21 15:00"),
        # Fri 1 h, Sat 4 h, Sunday and the holiday none, Tue 8 h (an hour later in UTC), Wed closed,
        # and the last 3 of 16 on Thursday.
        ("23 14:00", "basic", RESOLUTION, "29 11:00"),
        # Sat 22:00 to 24:00; the night of the clock change has 7 hours to 06:00; 3 more of 12.
        ("24 20:00", "professional", RESOLUTION, "25 22:00"),
        # New York on a Friday closes at noon, opens on Saturday at 08:00, 4 hours behind UTC.
        ("23 14:00", "advanced", FIRST, "24 14:00"),
        # Round the clock.
        ("24 23:30", "centurion", FIRST, "25 01:30"),
    ],
)
def test_only_open_steps_are_counted(opened: str, plan: str, clock: Key, expected: str) -> None:
    """Windows, days with other hours, holidays and clock changes, each counted by hand."""
    assert due(clocks(opened, plan, until=at(opened))[clock]) == at(expected)


def test_what_is_done_when_it_is_due_is_in_time() -> None:
    """A step later it is a breach, which happened when it was due."""
    in_time = clocks("24 23:30", "centurion", "25 01:30 agent_message")[FIRST]
    assert (in_time.state, in_time.ended_at) == (MET, at("25 01:30"))
    late = clocks("24 23:30", "centurion", "25 02:00 agent_message")[FIRST]
    assert (late.state, late.ended_at) == (BREACHED, at("25 01:30"))


def test_clocks_stand_still_each_in_its_own_statuses() -> None:
    """Pending stops update and resolution, on hold the resolution alone, neither a response."""
    pending = clocks("23 08:00", "basic", "23 09:00 status pending", "23 10:00 status pending")
    assert [pending[key].state for key in (FIRST, UPDATE, RESOLUTION)] == [RUNNING, PAUSED, PAUSED]
    held = clocks("23 08:00", "basic", "23 09:00 status on_hold", "23 10:00 status on_hold")
    assert [held[key].state for key in (FIRST, UPDATE, RESOLUTION)] == [RUNNING, RUNNING, PAUSED]
    resumed = clocks("23 08:00", "basic", "23 09:00 status pending", "23 10:30 status open")
    assert due(resumed[FIRST]) == at("23 12:00")
    # 6 hours from 10:00 in Berlin and a break of 1:30: five to 17:00 less the break, then Saturday.
    assert due(resumed[UPDATE]) == at("24 08:30")


def test_a_ticket_that_is_over_owes_nothing_and_goes_on_when_it_is_opened_again() -> None:
    """Resolved is done, closed is not; the time between is taken out."""
    over = clocks("24 00:00", "centurion", "24 01:00 status resolved", priority=Priority.URGENT)
    assert over[FIRST].state is BREACHED  # after half an hour
    assert (over[RESOLUTION].state, over[RESOLUTION].ended_at) == (MET, at("24 01:00"))
    assert (over[UPDATE].state, due(over[UPDATE])) == (CANCELLED, at("24 02:00"))
    closed = clocks("24 00:00", "centurion", "24 01:00 status closed", priority=Priority.URGENT)
    assert closed[RESOLUTION].state is CANCELLED
    told = ("24 01:00 status resolved", "24 09:00 status open")
    again = clocks("24 00:00", "centurion", *told, priority=Priority.URGENT)
    assert (again[RESOLUTION].state, due(again[RESOLUTION])) == (RUNNING, at("24 12:00"))


def test_the_first_message_that_nobody_answered_starts_the_next_response() -> None:
    """Not before there was an answer at all; further messages don't move it."""
    before = clocks("24 00:00", "centurion", "24 00:30 customer_message")
    assert NEXT not in before
    told = ("24 01:00 agent_message", "24 02:00 customer_message", "24 03:00 customer_message")
    after = clocks("24 00:00", "centurion", *told)
    assert (after[NEXT].state, due(after[NEXT])) == (RUNNING, at("24 03:30"))
    later = ("24 04:00 customer_message", "24 05:00 agent_message")
    answered = clocks("24 00:00", "centurion", *told, *later)
    assert answered[NEXT].state is BREACHED
    assert (Clock.NEXT_RESPONSE, 2) not in answered
    assert answered[Clock.UPDATE, 2].started == at("24 01:00")
    assert answered[Clock.UPDATE, 3].started == at("24 05:00")


def test_a_ticket_opened_by_an_agent_waits_for_no_first_response() -> None:
    """The customer's first message is owed an answer at once."""
    shown = clocks("24 00:00", "centurion", "24 01:00 customer_message", by_agent=True)
    assert FIRST not in shown
    assert due(shown[NEXT]) == at("24 02:30")


def test_another_priority_is_counted_from_the_start() -> None:
    """What is over by then is breached at that moment, not before."""
    later = clocks("24 00:00", "centurion", "24 01:00 priority high", "24 01:30 customer_message")
    assert (later[FIRST].state, later[FIRST].ended_at) == (BREACHED, at("24 01:00"))
    overdue = clocks("24 00:00", "centurion", "24 01:30 priority high", "24 02:00 status closed")
    assert (overdue[FIRST].state, overdue[FIRST].ended_at) == (BREACHED, at("24 01:30"))
    assert due(overdue[FIRST]) == at("24 01:00")


def test_an_upgrade_never_makes_a_promise_later() -> None:
    """The new plan counts from its own moment; what was promised before it stays."""
    soon = clocks("21 07:00", "starter", "21 08:00 plan centurion")[FIRST]
    assert due(soon) == at("21 10:00")  # 2 hours round the clock; else 8 working hours
    late = clocks("21 07:00", "starter", "21 14:00 plan centurion")[FIRST]
    assert due(late) == at("21 15:00")
    down = clocks("24 00:00", "centurion", "24 00:30 plan self-service", "24 01:00 agent_message")
    assert down[FIRST].state is MET
    assert down[Clock.UPDATE, 2].owed is None


def test_another_catalogue_counts_from_the_start_too() -> None:
    """By the plan of the same name there: 20 hours round the clock."""
    moved = clocks("21 07:00", "starter", "21 08:00 catalogue two")[FIRST]
    assert due(moved) == at("22 03:00")


def test_at_one_instant_opening_comes_before_writing_and_closing_after_it() -> None:
    """The answer is a further update of a ticket that is open again, and then it is over."""
    told = ("24 01:00 status resolved", "24 02:00 status pending", "24 02:00 agent_message")
    shown = clocks("24 00:00", "centurion", *told)
    assert [key for key in shown if key[0] is Clock.UPDATE] == [UPDATE]
    more = ("24 02:00 status closed", "24 02:00 agent_message", "24 02:00 status open")
    shown = clocks("24 00:00", "centurion", told[0], *more)
    assert shown[Clock.UPDATE, 2].state is CANCELLED


def _answered() -> tuple[Known, MemoryDesk, datetime]:
    """A ticket that was answered late, asked again and answered in time, and asked once more."""
    desk, story, known, now = MemoryDesk(), Story(), Known(), at("24 00:00")
    desk.put_plans(known.change_plan("centurion", None, at("20 00:00")))
    told = [
        Happened(story.created(now, Priority.HIGH, by_agent=False), None),
        story.message(at("24 02:00"), AuthorKind.AGENT, Visibility.PUBLIC),
        story.message(at("24 03:00"), AuthorKind.CUSTOMER, Visibility.PUBLIC),
        story.priority(at("24 03:30"), Priority.URGENT),
        story.message(at("24 03:30"), AuthorKind.AGENT, Visibility.PUBLIC),
        story.message(at("24 03:30"), AuthorKind.CUSTOMER, Visibility.PUBLIC),
    ]
    for each in told:
        desk.hear([each.event], each.event.time, crashes=False)
        known.hear([each], each.event.time)
    until = at("24 03:30") + timedelta(minutes=5)
    desk.fire(until, until, crashes=False)
    return known, desk, until


def _wrong(known: Known, saved: dict[Key, Deadline], said: list[Event], until: datetime) -> bool:
    shown = known.watch().show(until)
    now = Circumstances(fired_until=until, heard_until=known.heard_until)
    alarms = false_alarms(said, shown, saved, all_heard=True)
    return any([*differences(shown, saved, now), *faults(said, saved), *alarms])


def test_what_sla_makes_of_it_is_right() -> None:
    """The history that is spoiled below is sound, and has something of everything."""
    known, desk, until = _answered()
    assert not _wrong(known, desk.deadlines(), desk.said(), until)
    states = {each.state for each in desk.deadlines().values()}
    assert states >= {RUNNING, MET, BREACHED}


@pytest.mark.parametrize(
    ("key", "change"),
    [
        (FIRST, {"state": RUNNING, "ended_at": None}),
        (FIRST, {"due_at": at("24 01:30")}),
        (FIRST, {"ended_at": at("24 02:00")}),
        (FIRST, {"plan": "basic"}),
        (FIRST, {"revision": 9}),
        (NEXT, {"state": BREACHED}),
        (NEXT, {"ended_at": at("24 03:00")}),
        (RESOLUTION, {"started_at": at("24 02:00")}),
        (RESOLUTION, {"pauses": ((at("24 01:00"), at("24 02:00")),)}),
        (RESOLUTION, {"fires_at": at("24 01:00")}),
        ((Clock.UPDATE, 3), {"warn_at": ()}),
        (RESOLUTION, {"catalogue_version": "two"}),
        (RESOLUTION, {"state": CANCELLED}),
    ],
)
def test_a_deadline_that_is_kept_wrongly_is_found(key: Key, change: dict[str, object]) -> None:
    """Each field in turn says something else."""
    known, desk, until = _answered()
    saved = desk.deadlines()
    spoiled = saved | {key: replace(saved[key], **change)}  # type: ignore[arg-type] # any field
    assert _wrong(known, spoiled, desk.said(), until)


@pytest.mark.parametrize("index", range(12))
def test_an_event_that_is_lost_or_doubled_is_found(index: int) -> None:
    """Whichever it is."""
    known, desk, until = _answered()
    said = desk.said()
    told = [event for event in said if event.type.startswith("careline.deadline")]
    event = told[index % len(told)]
    assert _wrong(known, desk.deadlines(), [e for e in said if e is not event], until)
    assert _wrong(known, desk.deadlines(), [*said, event], until)


def test_a_deadline_that_is_lost_or_made_up_is_found() -> None:
    """One that is owed has to be there, one that is not may not."""
    known, desk, until = _answered()
    saved = dict(desk.deadlines())
    made_up = replace(saved[RESOLUTION], cycle=2)
    assert _wrong(known, saved | {(Clock.RESOLUTION, 2): made_up}, desk.said(), until)
    del saved[RESOLUTION]
    assert _wrong(known, saved, desk.said(), until)


def test_a_false_alarm_is_found() -> None:
    """The timer fires what is met already: that is seen, whatever is said of it afterwards."""
    known, desk, until = _answered()
    saved = dict(desk.deadlines())
    again = replace(saved[NEXT], state=RUNNING, fires_at=saved[NEXT].due_at, ended_at=None)
    outcome = domain.fire(again, until + timedelta(days=1), said_at=until, catalogues=CATALOGUES)
    saved[NEXT] = outcome.deadline
    assert _wrong(known, saved, [*desk.said(), *outcome.events], until)
