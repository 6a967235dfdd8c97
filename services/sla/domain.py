"""Promises: pure decisions about slots and deadlines."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from shared import plans
from shared.calendars import Calendar, due_at
from shared.envelope import Cause
from shared.events import (
    AuthorKind,
    DeadlineAtRisk,
    DeadlineAtRiskData,
    DeadlineBreached,
    DeadlineBreachedData,
    DeadlineMet,
    DeadlineMetData,
    DeadlineScheduled,
    DeadlineScheduledData,
    Event,
    MessagePostedData,
    SlotTarget,
    TicketCreated,
    TicketSlotted,
    TicketSlottedData,
    Visibility,
)
from shared.plans import Catalogue, Clock, Plan

SOURCE = "/services/sla"

CLOCKS_AT_CREATION = (Clock.FIRST_RESPONSE,)
"""The clocks that a new ticket starts."""


class DeadlineState(StrEnum):
    """What became of a deadline; drawn in `docs/lifecycle.md`."""

    RUNNING = "running"
    MET = "met"
    BREACHED = "breached"


@dataclass(frozen=True, slots=True)
class Deadline:
    """One promise of one ticket. All instants are UTC."""

    ticket: UUID
    clock: Clock
    cycle: int
    partition: int
    state: DeadlineState
    plan: str
    catalogue_version: str
    started_at: datetime
    target_seconds: int
    due_at: datetime
    warn_at: datetime | None
    fires_at: datetime
    """When the timer has to look next: at the warning, then at the due time."""
    ended_at: datetime | None
    scheduled_by: UUID
    correlation: UUID
    traceparent: str | None

    @property
    def cause(self) -> Cause:
        """What follows from this deadline follows from its being scheduled."""
        return Cause(
            self.scheduled_by,
            str(self.ticket),
            self.correlation,
            self.scheduled_by,
            self.traceparent,
        )


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a new ticket stands: its plan, its deadlines, and what is said of both."""

    plan: Plan
    deadlines: tuple[Deadline, ...]
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A deadline after something happened to it, and what is said of that."""

    deadline: Deadline
    event: Event


def slot(created: TicketCreated, partition: int, plan: Plan, catalogue: Catalogue) -> Slot:
    """Give a new ticket its place by its account's plan."""
    deadlines: list[Deadline] = []
    scheduled: list[Event] = []
    for clock in CLOCKS_AT_CREATION:
        target = plan.targets[created.data.priority].of(clock)
        if target is None:
            continue
        event = _schedule(created, clock, target, plan, catalogue)
        scheduled.append(event)
        deadlines.append(_deadline(event, partition, plan, catalogue))
    slotted = _slotted(created, deadlines, plan, catalogue)
    return Slot(plan, tuple(deadlines), (slotted, *scheduled))


def _schedule(
    created: TicketCreated, clock: Clock, target: timedelta, plan: Plan, catalogue: Catalogue
) -> DeadlineScheduled:
    calendar = _calendar(plan, catalogue)
    due = created.time + target if calendar is None else due_at(calendar, created.time, target)
    data = DeadlineScheduledData(
        clock=clock,
        cycle=1,
        plan=plan.id,
        catalogue_version=catalogue.version,
        started=created.time,
        target_seconds=int(target.total_seconds()),
        due=due,
    )
    return DeadlineScheduled.say(
        data, cause=created.as_cause, source=SOURCE, time=created.time, part=f"{clock}/1"
    )


def _calendar(plan: Plan, catalogue: Catalogue) -> Calendar | None:
    return None if plan.calendar is None else catalogue.calendars[plan.calendar]


def _deadline(
    scheduled: DeadlineScheduled, partition: int, plan: Plan, catalogue: Catalogue
) -> Deadline:
    data = scheduled.data
    warn_at = _warn_at(data, plan, catalogue)
    return Deadline(
        ticket=UUID(scheduled.subject),
        clock=data.clock,
        cycle=data.cycle,
        partition=partition,
        state=DeadlineState.RUNNING,
        plan=data.plan,
        catalogue_version=data.catalogue_version,
        started_at=data.started,
        target_seconds=data.target_seconds,
        due_at=data.due,
        warn_at=warn_at,
        fires_at=warn_at or data.due,
        ended_at=None,
        scheduled_by=scheduled.id,
        correlation=scheduled.correlationid,
        traceparent=scheduled.traceparent,
    )


def _warn_at(scheduled: DeadlineScheduledData, plan: Plan, catalogue: Catalogue) -> datetime | None:
    """The earliest warning point, in working time as the target itself."""
    calendar = _calendar(plan, catalogue)
    target = timedelta(seconds=scheduled.target_seconds)
    points = [plans.warn_after(target, point) for point in plan.warnings[scheduled.clock]]
    if not points or calendar is None:
        return None
    warn_at = due_at(calendar, scheduled.started, min(points))
    return warn_at if warn_at < scheduled.due else None


def _slotted(
    created: TicketCreated, deadlines: Sequence[Deadline], plan: Plan, catalogue: Catalogue
) -> TicketSlotted:
    data = TicketSlottedData(
        account=created.data.account,
        plan=plan.id,
        service_level=plan.service_level,
        calendar=plan.calendar,
        catalogue_version=catalogue.version,
        priority=created.data.priority,
        targets=tuple(
            SlotTarget(clock=d.clock, target_seconds=d.target_seconds, due=d.due_at)
            for d in deadlines
        ),
    )
    return TicketSlotted.say(data, cause=created.as_cause, source=SOURCE, time=created.time)


def is_response(message: MessagePostedData) -> bool:
    """Whether a message ends a response clock: public, and by a person of ours."""
    return message.author_kind is AuthorKind.AGENT and message.visibility is Visibility.PUBLIC


def answer(deadline: Deadline, answered_at: datetime, *, said_at: datetime) -> Outcome:
    """A running response clock ends with the answer: met if it came by the due time.

    The answer is judged by when it was given, not by when we heard of it. One that came late is a
    breach, also when the timer had not yet come to it.
    """
    if answered_at > deadline.due_at:
        return breach(deadline, said_at=said_at)
    data = DeadlineMetData(
        clock=deadline.clock,
        cycle=deadline.cycle,
        plan=deadline.plan,
        catalogue_version=deadline.catalogue_version,
        due=deadline.due_at,
        met=answered_at,
    )
    met = DeadlineMet.say(data, cause=deadline.cause, source=SOURCE, time=answered_at)
    return Outcome(replace(deadline, state=DeadlineState.MET, ended_at=answered_at), met)


def fire(deadline: Deadline, heard_until: datetime, *, said_at: datetime) -> Outcome:
    """What a running deadline comes to, given that all was heard up to an instant.

    A warning that is overtaken by its own breach is dropped.
    """
    if deadline.due_at <= heard_until:
        return breach(deadline, said_at=said_at)
    return _warn(deadline)


def breach(deadline: Deadline, *, said_at: datetime) -> Outcome:
    """The time is over and nobody had answered."""
    data = DeadlineBreachedData(
        clock=deadline.clock,
        cycle=deadline.cycle,
        plan=deadline.plan,
        catalogue_version=deadline.catalogue_version,
        due=deadline.due_at,
        overdue_seconds=max(0.0, (said_at - deadline.due_at).total_seconds()),
    )
    event = DeadlineBreached.say(data, cause=deadline.cause, source=SOURCE, time=deadline.due_at)
    ended = replace(deadline, state=DeadlineState.BREACHED, ended_at=deadline.due_at)
    return Outcome(ended, event)


def _warn(deadline: Deadline) -> Outcome:
    warned = deadline.fires_at
    data = DeadlineAtRiskData(
        clock=deadline.clock,
        cycle=deadline.cycle,
        plan=deadline.plan,
        catalogue_version=deadline.catalogue_version,
        warned=warned,
        due=deadline.due_at,
    )
    event = DeadlineAtRisk.say(data, cause=deadline.cause, source=SOURCE, time=warned)
    return Outcome(replace(deadline, fires_at=deadline.due_at), event)
