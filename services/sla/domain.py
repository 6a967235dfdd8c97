"""Promises: what is said when a ticket is slotted, when its clocks change, and when time is over.

Pure: facts and what was said before go in; deadlines and events come out. Only `fire` says that a
deadline is breached, since only the timer knows up to when everything was heard.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never
from uuid import UUID

from services.sla.clocks import Clocks, Fact, Opening, Run, tell_all
from services.sla.deadlines import SOURCE, Deadline, Saying, calendar_of, say_next, told
from services.sla.terms import Catalogues, Pauses, Promise, ended, plan_of
from shared.adopted import CatalogueMoved, CatalogueMovedData
from shared.calendars import Calendar
from shared.deadlines import DeadlineEvent, DeadlineState
from shared.envelope import Cause
from shared.events import SlotTarget, TicketSlotted, TicketSlottedData, TicketStatus
from shared.messages import AuthorKind
from shared.plans import Catalogue, Clock

NO_PLAN = ""
"""Stands for plan and catalogue of a ticket that is not slotted yet."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """What is kept of a ticket beside its facts and deadlines."""

    ticket: UUID
    partition: int
    account: str
    """Whose plan counts."""
    opening: Opening
    traceparent: str | None
    status: TicketStatus = TicketStatus.OPEN
    plan_change: UUID | None = None
    """The plan change that it was slotted by, if its account was in the directory."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A deadline after something happened to it, and what is said of that."""

    deadline: Deadline
    events: tuple[DeadlineEvent, ...]


@dataclass(frozen=True, slots=True)
class Settled:
    """What a ticket comes to: where it stands, and which of its deadlines changed."""

    status: TicketStatus
    outcomes: tuple[Outcome, ...]


@dataclass(frozen=True, slots=True)
class _Standing:
    """How a run stands by all that was told; never breached, that is the timer's to say."""

    state: DeadlineState
    promise: Promise | None
    pauses: Pauses
    ended_at: datetime | None
    changed_at: datetime
    changed_by: UUID | None
    scheduled_by: UUID | None
    calendar: Calendar | None = None
    """In which the promise is counted."""


def slot(ticket: Ticket, catalogue: Catalogue) -> tuple[TicketSlotted, tuple[Outcome, ...]]:
    """Give a new ticket its place by its account's plan, and schedule what that promises."""
    opening = ticket.opening
    outcomes = settle(ticket, (), {}, {catalogue.version: catalogue}).outcomes
    plan = plan_of(catalogue, opening.plan)
    data = TicketSlottedData(
        account=ticket.account,
        plan=plan.id,
        service_level=plan.service_level,
        calendar=plan.calendar,
        catalogue_version=catalogue.version,
        priority=opening.priority,
        targets=tuple(
            SlotTarget(clock=d.clock, target_seconds=d.target_seconds, due=d.due_at)
            for d in (outcome.deadline for outcome in outcomes)
            if d.due_at is not None
        ),
        plan_change=ticket.plan_change,
        opened_by=AuthorKind.AGENT if opening.by_agent else AuthorKind.CUSTOMER,
    )
    cause = Cause(opening.id, str(ticket.ticket), opening.id, opening.id, ticket.traceparent)
    return TicketSlotted.say(data, cause=cause, source=SOURCE, time=opening.at), outcomes


def moved(ticket: Ticket, move: UUID, version: str, at: datetime) -> CatalogueMoved:
    """From now on a ticket counts by another catalogue; it follows a move that was asked for."""
    opening = ticket.opening
    cause = Cause(move, str(ticket.ticket), opening.id, None, ticket.traceparent)
    data = CatalogueMovedData(catalogue_version=version, move=move)
    return CatalogueMoved.say(data, cause=cause, source=SOURCE, time=at, part=str(ticket.ticket))


def settle(
    ticket: Ticket,
    facts: Iterable[Fact],
    saved: Mapping[tuple[Clock, int], Deadline],
    catalogues: Catalogues,
) -> Settled:
    """What has to be said so that what was said agrees with the facts.

    Args:
        ticket: Whose facts they are.
        facts: All that were ever heard of it, in any order.
        saved: Its deadlines as they were last said.
        catalogues: At least those that the ticket and its facts name.
    """
    clocks = tell_all(ticket.opening, facts, catalogues)
    standings = {(run.clock, run.cycle): _standing(run, clocks, catalogues) for run in clocks.runs}
    standings |= {key: _vanished(saved[key]) for key in saved.keys() - standings.keys()}
    changes = (_change(ticket, key, saved.get(key), each) for key, each in standings.items())
    return Settled(clocks.status, tuple(change for change in changes if change is not None))


def _standing(run: Run, clocks: Clocks, catalogues: Catalogues) -> _Standing:
    promise, pauses, ended_at = run.promise, run.pauses, run.met_at
    if run.breached_at is not None:
        state = DeadlineState.RUNNING
    elif run.met_at is not None:
        state = DeadlineState.MET
    elif clocks.over_since is not None:
        is_met = run.clock is Clock.RESOLUTION and clocks.resolved
        state = DeadlineState.MET if is_met else DeadlineState.CANCELLED
        ended_at = max(clocks.over_since, run.started_at)
        promise, pauses = run.last_owed, ended(pauses, ended_at)
    else:
        state = DeadlineState.PAUSED if run.is_paused else DeadlineState.RUNNING
    if promise is None:
        state, ended_at = DeadlineState.CANCELLED, run.changed_at
    calendar = calendar_of(promise, catalogues) if promise else None
    return _Standing(
        state, promise, pauses, ended_at, run.changed_at, run.changed_by, run.scheduled_by, calendar
    )


def _vanished(saved: Deadline) -> _Standing:
    """By late news the run that was told of never began."""
    at = saved.started_at
    return _Standing(DeadlineState.CANCELLED, None, saved.pauses, at, at, None, None)


def _change(
    ticket: Ticket, key: tuple[Clock, int], saved: Deadline | None, standing: _Standing
) -> Outcome | None:
    """Bring a deadline from what was said last to how it stands; None if that is no news."""
    if saved is None:
        return None if standing.promise is None else _begin(ticket, key, standing)
    now = _applied(saved, standing)
    if saved.state is not DeadlineState.BREACHED:
        if not _is_news(saved, now):
            # When the timer has to look is nobody's news, but it may have changed.
            looks_anew = replace(saved, fires_at=now.fires_at, warn_at=now.warn_at)
            return None if looks_anew == saved else Outcome(looks_anew, ())
        saying = say_next(now, standing.changed_at, standing.changed_by)
        event = _change_event(saying, saved, standing)
        return Outcome(told(saying, event), (event,))
    if _was_breached(saved, standing):
        return None
    saying = say_next(now, standing.changed_at, standing.changed_by)
    retracted = saying.retracted(saved)
    now = told(saying, retracted)
    if standing.state is DeadlineState.RUNNING:
        return Outcome(now, (retracted,))
    return _and_then(Outcome(now, (retracted,)), saved, standing)


def _begin(ticket: Ticket, key: tuple[Clock, int], standing: _Standing) -> Outcome:
    """The first that is said of a deadline, and at once what has become of it since."""
    owed = standing.promise
    assert owed is not None  # noqa: S101 - the caller has looked
    clock, cycle = key
    fresh = Deadline(
        ticket=ticket.ticket,
        clock=clock,
        cycle=cycle,
        partition=ticket.partition,
        revision=0,
        state=DeadlineState.RUNNING,
        plan=owed.plan,
        catalogue_version=owed.catalogue_version,
        calendar=owed.calendar,
        started_at=owed.counts_from,
        target_seconds=owed.target_seconds,
        pauses=standing.pauses,
        due_at=owed.due_at,
        warn_at=(),
        warned=0,
        fires_at=None,
        ended_at=None,
        last_event=ticket.opening.id,
        correlation=ticket.opening.id,
        traceparent=ticket.traceparent,
    )
    saying = say_next(fresh, owed.counts_from, standing.scheduled_by)
    scheduled = saying.scheduled()
    begun = told(saying, scheduled)
    outcome = Outcome(_applied(begun, standing), (scheduled,))
    if standing.state is DeadlineState.RUNNING:
        return outcome
    return _and_then(outcome, begun, standing)


def _and_then(outcome: Outcome, saved: Deadline, standing: _Standing) -> Outcome:
    saying = say_next(outcome.deadline, standing.changed_at, standing.changed_by)
    event = _change_event(saying, saved, standing)
    return Outcome(told(saying, event), (*outcome.events, event))


def _change_event(saying: Saying, saved: Deadline, standing: _Standing) -> DeadlineEvent:
    ended_saying = replace(saying, at=standing.ended_at or saying.at)
    match standing.state:
        case DeadlineState.RUNNING | DeadlineState.PAUSED if standing.state is saved.state:
            return saying.moved(saved.due_at)
        case DeadlineState.RUNNING:
            return saying.resumed()
        case DeadlineState.PAUSED:
            return saying.paused(standing.promise.left if standing.promise else timedelta(0))
        case DeadlineState.MET:
            return ended_saying.met(standing.calendar)
        case DeadlineState.CANCELLED:
            return ended_saying.cancelled()
        case DeadlineState.BREACHED:
            raise AssertionError("only the timer says that a deadline is breached")
        case _:
            assert_never(standing.state)


def _applied(saved: Deadline, standing: _Standing) -> Deadline:
    """The deadline with all that the standing has; nothing is said of it yet."""
    now = replace(
        saved,
        state=standing.state,
        pauses=standing.pauses,
        ended_at=standing.ended_at,
        warn_at=(),
        fires_at=None,
    )
    owed = standing.promise
    if owed is None:
        return now
    now = replace(
        now,
        plan=owed.plan,
        catalogue_version=owed.catalogue_version,
        calendar=owed.calendar,
        started_at=owed.counts_from,
        target_seconds=owed.target_seconds,
        due_at=owed.due_at,
    )
    if standing.state is not DeadlineState.RUNNING or owed.due_at is None:
        return now
    if owed.due_at <= standing.changed_at:
        # What makes it overdue happened only later: to be said by who has heard all up to that.
        return replace(now, fires_at=standing.changed_at)
    to_come = owed.warn_at[saved.warned :]
    fires_at = max(to_come[0], standing.changed_at) if to_come else owed.due_at
    return replace(now, warn_at=to_come, fires_at=fires_at)


def _is_news(saved: Deadline, now: Deadline) -> bool:
    """Whether readers would learn something from it."""
    if saved.state is now.state is DeadlineState.CANCELLED:
        return False
    if saved.state is now.state is DeadlineState.MET:
        return saved.ended_at != now.ended_at
    return replace(now, fires_at=saved.fires_at, warn_at=saved.warn_at) != saved


def _was_breached(saved: Deadline, standing: _Standing) -> bool:
    """Whether a breach that was said holds: the time was over then, or even before."""
    if standing.state is not DeadlineState.RUNNING or standing.promise is None:
        return False
    due, said, at = standing.promise.due_at, saved.due_at, saved.ended_at
    if due is None or said is None or at is None:
        return False
    # What makes it overdue may have happened only after that: then it was not over yet.
    return due <= said and max(due, standing.changed_at) <= at


def fire(
    deadline: Deadline, heard_until: datetime, *, said_at: datetime, catalogues: Catalogues
) -> Outcome:
    """What a running deadline comes to, given that all was heard up to an instant.

    Its `fires_at` is not later than that. A warning that is overtaken by its own breach, or by the
    next warning, is dropped.

    Args:
        deadline: One that fires.
        heard_until: Up to when everything was heard.
        said_at: The present.
        catalogues: If the deadline's is among them, a breach says how much time was used up.
    """
    due, fires_at = deadline.due_at, deadline.fires_at
    assert due is not None  # noqa: S101 - the timer takes running deadlines only
    assert fires_at is not None  # noqa: S101 - the same
    if due <= heard_until:
        calendar = calendar_of(deadline, catalogues)
        return _breach(deadline, calendar, at=max(due, fires_at), said_at=said_at)
    passed = [point for point in deadline.warn_at if point <= heard_until]
    to_come = deadline.warn_at[len(passed) :]
    next_look = replace(
        deadline,
        warn_at=to_come,
        warned=deadline.warned + len(passed),
        fires_at=max(to_come[0], fires_at) if to_come else due,
    )
    saying = say_next(next_look, max(passed[-1], fires_at), deadline.last_event)
    event = saying.at_risk(passed[-1])
    return Outcome(told(saying, event), (event,))


def _breach(
    deadline: Deadline, calendar: Calendar | None, *, at: datetime, said_at: datetime
) -> Outcome:
    """The time is over and what was owed was not done."""
    ended = replace(deadline, state=DeadlineState.BREACHED, ended_at=at, warn_at=(), fires_at=None)
    saying = say_next(ended, at, deadline.last_event)
    event = saying.breached(said_at - (deadline.due_at or at), calendar)
    return Outcome(told(saying, event), (event,))
