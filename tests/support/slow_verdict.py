"""What is wrong with what sla keeps and says of a ticket: beside the slow clocks, and in itself."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from uuid import UUID

from services.sla.deadlines import Deadline
from shared.deadlines import (
    DeadlineAtRisk,
    DeadlineBreached,
    DeadlineBreachRetracted,
    DeadlineEvent,
    DeadlineMet,
    DeadlinePaused,
    DeadlineScheduled,
    DeadlineState,
)
from shared.events import Event
from shared.plans import Clock
from tests.support.slow_catalogues import CATALOGUES
from tests.support.slow_shown import Shown, TermKey
from tests.support.slow_steps import STEP, steps_of

Key = tuple[Clock, int]
Saved = Mapping[Key, Deadline]
MOST_WARNINGS = max(
    len(points)
    for catalogue in CATALOGUES.values()
    for plan in catalogue.plans
    for points in plan.warnings.values()
)


@dataclass(frozen=True)
class Circumstances:
    """What may excuse a difference."""

    fired_until: datetime
    """The timer has said everything that was due before then."""
    heard_until: datetime
    """When the last fact that is known happened."""
    was_disordered: bool = False
    """Something was heard that had happened before what was known already: how a clock ended that
    had ended by then is not said again, unless it was met at another time."""
    was_late: bool = False
    """Something was heard that had happened before then: breaches may have been said in error, and
    one that by late news would have come even earlier stays as it was said."""
    is_late: bool = False
    """The timer has not looked since."""


def differences(shown: Sequence[Shown], saved: Saved, now: Circumstances) -> Iterator[str]:
    """Where what is kept is not what the slow clocks show."""
    for each in shown:
        kept = saved.get((each.clock, each.cycle))
        if each.owed is None:
            if kept is not None and kept.state is not DeadlineState.CANCELLED:
                yield f"{_name(kept)} is {kept.state}, but nothing is promised"
        elif kept is None:
            yield f"{each.clock}/{each.cycle} is not kept, but it should be {each.state}"
        else:
            yield from _differ(each, kept, now)
    for key in saved.keys() - {(each.clock, each.cycle) for each in shown}:
        if saved[key].state is not DeadlineState.CANCELLED:
            yield f"{_name(saved[key])} is {saved[key].state}, but it never began"


def _differ(shown: Shown, kept: Deadline, now: Circumstances) -> Iterator[str]:
    assert shown.owed is not None
    name, due = _name(kept), shown.owed.due
    if shown.state is DeadlineState.BREACHED and now.was_late:
        yield from _differ_in_breach(shown, kept, now)
        return
    if kept.state is not shown.state:
        yield f"{name} is {kept.state}, not {shown.state}"
        return
    if _stays(shown, kept, now):
        return
    if kept.ended_at != shown.ended_at:
        yield f"{name} ended at {kept.ended_at}, not {shown.ended_at}"
    if shown.ended_still:
        return
    if kept.due_at != due:
        yield f"{name} is due at {kept.due_at}, not {due}"
    if _term(kept) not in shown.owed.terms:
        yield f"{name} is told by {_term(kept)}, not by one of {list(shown.owed.terms)}"
    elif kept.state is DeadlineState.RUNNING:
        yield from _differ_in_warnings(shown, kept, now)
    yield from _differ_in_pauses(shown, kept, now)


def _differ_in_breach(shown: Shown, kept: Deadline, now: Circumstances) -> Iterator[str]:
    assert shown.owed is not None
    name, due = _name(kept), shown.owed.due
    unfired = now.is_late and kept.state is DeadlineState.RUNNING
    if not unfired and kept.state is not DeadlineState.BREACHED:
        yield f"{name} is {kept.state}, not breached"
    if due and (kept.due_at is None or kept.due_at < due):
        yield f"{name} was breached at {kept.due_at}, but was due only at {due}"


def _stays(shown: Shown, kept: Deadline, now: Circumstances) -> bool:
    """Whether what had ended before is left as it was, since its end is no news any more."""
    if kept.state is DeadlineState.MET:
        return now.was_disordered and kept.ended_at == shown.ended_at
    if kept.state is not DeadlineState.CANCELLED or kept.ended_at is None:
        return False
    # It may have been owed again for a moment, of which nobody heard before it was over again.
    ended_before = shown.ended_at is not None and shown.started <= kept.ended_at < shown.ended_at
    return now.was_disordered or ended_before


def _differ_in_warnings(shown: Shown, kept: Deadline, now: Circumstances) -> Iterator[str]:
    assert shown.owed is not None
    points, due = shown.owed.terms[_term(kept)].warn_at, shown.owed.due
    if due is not None and due <= now.heard_until:
        return  # it is over, and only has to be said
    if kept.warn_at != points[kept.warned :]:
        yield f"{_name(kept)} warns at {kept.warn_at}, {kept.warned} were said of {points}"
    if kept.fires_at is not None and kept.fires_at < now.fired_until and not now.is_late:
        yield f"{_name(kept)} was to fire at {kept.fires_at}, which is over"


def _differ_in_pauses(shown: Shown, kept: Deadline, now: Circumstances) -> Iterator[str]:
    at, end = kept.started_at, kept.ended_at or now.heard_until
    if kept.state is DeadlineState.BREACHED:
        end = kept.due_at or end
    while at < end:
        stood = any(since <= at and (not until or at < until) for since, until in kept.pauses)
        if stood != (at in shown.stood):
            yield f"{_name(kept)} {'stood still' if stood else 'ran'} at {at}: {kept.pauses}"
            return
        at += STEP


def faults(said: Sequence[Event], saved: Saved) -> Iterator[str]:
    """What is wrong with the events in themselves."""
    if len({event.id for event in said}) != len(said):
        yield "two events have one id"
    told = by_deadline(said)
    for key in told.keys() ^ saved.keys():
        yield f"{key} is kept, but nothing was said of it, or the other way round"
    for key in told.keys() & saved.keys():
        events, kept = told[key], saved[key]
        name = _name(kept)
        revisions = [event.data.revision for event in events]
        if revisions != list(range(1, len(events) + 1)):
            yield f"{name} has the revisions {revisions}"
        if not isinstance(events[0], DeadlineScheduled):
            yield f"{name} begins with {type(events[0]).__name__}"
        if told_of(events[-1]) != told_of(kept):
            yield f"{name} is {told_of(kept)}, but was told to be {told_of(events[-1])}"
        if events[-1].id != kept.last_event:
            yield f"{name} does not name what was said of it last"
        for before, event in pairwise(events):
            yield from (f"{name}: {what}" for what in _faults_in(before, event))
        yield from (f"{name}: {what}" for what in _faults_in_warnings(events))


def _faults_in(before: DeadlineEvent, event: DeadlineEvent) -> Iterator[str]:
    state = before.data.state
    if isinstance(event, DeadlineScheduled):
        yield "it is scheduled a second time"
    if isinstance(event, DeadlineAtRisk | DeadlineBreached) and state is not DeadlineState.RUNNING:
        yield f"{type(event).__name__} of what is {state}"
    if isinstance(event, DeadlineBreachRetracted):
        if (event.data.breach, event.data.breached_due) != (before.id, before.data.due):
            yield "what is retracted is not what was said last"
    elif state is DeadlineState.BREACHED:
        yield f"{type(event).__name__} of what is breached"
    if isinstance(event, DeadlineAtRisk) and event.data.warned > event.time:
        yield "it warns too early"


def _faults_in_warnings(events: Iterable[DeadlineEvent]) -> Iterator[str]:
    warnings = [event.data for event in events if isinstance(event, DeadlineAtRisk)]
    if len(warnings) > MOST_WARNINGS:
        yield f"it warns {len(warnings)} times"
    points = [(data.plan, data.started, data.target_seconds, data.warned) for data in warnings]
    if len(set(points)) < len(points):
        yield f"it warns twice at one point: {points}"


def false_alarms(
    said: Sequence[Event], shown: Sequence[Shown], saved: Saved, *, all_heard: bool
) -> Iterator[str]:
    """Of a ticket of which nothing was ever heard too late: what should not have been said."""
    truth = {(each.clock, each.cycle): each for each in shown}
    for key, events in by_deadline(said).items():
        if any(isinstance(event, DeadlineBreachRetracted) for event in events):
            yield f"{_name(saved[key])} was breached in error"
        last = events[-1]
        if key not in truth or not all_heard:
            continue
        for event in events:
            if isinstance(event, DeadlineAtRisk):
                yield from _false_warning(event, truth[key])
        if isinstance(last, DeadlineMet) and truth[key].state is DeadlineState.MET:
            yield from _false_elapsed(last, truth[key])
        owed = truth[key].owed
        if isinstance(last, DeadlinePaused) and last.data.state is truth[key].state and owed:
            left = owed.terms[_term(saved[key])].left.total_seconds()
            if last.data.left_seconds != left:
                yield f"{_name(saved[key])} has {last.data.left_seconds} s left, not {left}"


def _false_warning(event: DeadlineAtRisk, truth: Shown) -> Iterator[str]:
    name, at = f"{truth.clock}/{truth.cycle}", event.time
    if truth.ended_at is not None and truth.ended_at <= at:
        yield f"{name} warned at {at}, but ended at {truth.ended_at}"
    if any(step <= at < step + STEP for step in truth.stood):
        yield f"{name} warned at {at}, but stood still"


def _false_elapsed(event: DeadlineMet, truth: Shown) -> Iterator[str]:
    is_open = steps_of(CATALOGUES[event.data.catalogue_version].calendars[event.data.calendar])
    at, used = event.data.started, timedelta(0)
    while at < event.time:
        used += STEP if is_open[at] and at not in truth.stood else timedelta(0)
        at += STEP
    if event.data.elapsed_seconds != used.total_seconds():
        said = f"{event.data.elapsed_seconds} s used up, not {used.total_seconds()}"
        yield f"{truth.clock}/{truth.cycle} has {said}"


def overtaken(said: Sequence[Event]) -> Iterator[str]:
    """Of what is said at one time: warnings of what is over already."""
    for (clock, cycle), events in by_deadline(said).items():
        kinds = {type(event) for event in events}
        if kinds >= {DeadlineAtRisk, DeadlineBreached}:
            yield f"{clock}/{cycle} warns of its own breach"


def by_deadline(said: Iterable[Event]) -> dict[Key, list[DeadlineEvent]]:
    """What was said of each deadline, in order."""
    told: dict[Key, list[DeadlineEvent]] = {}
    for event in said:
        if isinstance(event, DeadlineEvent):
            told.setdefault((event.data.clock, event.data.cycle), []).append(event)
    return told


def told_of(source: DeadlineEvent | Deadline) -> tuple[object, ...]:
    """The promise and how it stands, as an event says it or as a deadline is kept."""
    if isinstance(source, Deadline):
        pauses = [(since, until) for since, until in source.pauses]
        promise = (source.plan, source.catalogue_version, source.started_at, source.target_seconds)
        return source.revision, source.state, source.due_at, source.calendar, *promise, pauses
    data = source.data
    pauses = [(pause.since, pause.until) for pause in data.pauses]
    promise = (data.plan, data.catalogue_version, data.started, data.target_seconds)
    return data.revision, data.state, data.due, data.calendar, *promise, pauses


def table(shown: Sequence[Shown], saved: Saved) -> str:
    """Both sides, for whoever has to find out which one is wrong."""
    lines = ["slow clocks:"]
    for each in shown:
        owed = each.owed and (each.owed.due, list(each.owed.terms))
        lines.append(f"  {each.clock}/{each.cycle} {each.state} {owed} ended {each.ended_at}")
    lines.append("kept:")
    for kept in saved.values():
        promise = (kept.due_at, _term(kept))
        lines.append(f"  {_name(kept)} {kept.state} {promise} ended {kept.ended_at}")
        lines.append(f"    {kept.pauses} fires {kept.fires_at} revision {kept.revision}")
    return "\n".join(lines)


def ids(events: Collection[Event]) -> list[UUID]:
    """By which readers drop what comes twice."""
    return [event.id for event in events]


def _term(kept: Deadline) -> TermKey:
    return kept.plan, kept.catalogue_version, kept.started_at, kept.target_seconds


def _name(kept: Deadline) -> str:
    return f"{kept.clock}/{kept.cycle}"
