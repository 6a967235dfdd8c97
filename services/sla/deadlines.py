"""A deadline as it is kept, and every event that can be said of it."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.sla.terms import Catalogues, Pauses, Promise
from shared.calendars import Calendar, working_time_between
from shared.deadlines import (
    DeadlineAtRisk,
    DeadlineAtRiskData,
    DeadlineBreached,
    DeadlineBreachedData,
    DeadlineBreachRetracted,
    DeadlineBreachRetractedData,
    DeadlineCancelled,
    DeadlineCancelledData,
    DeadlineEvent,
    DeadlineMet,
    DeadlineMetData,
    DeadlineMoved,
    DeadlineMovedData,
    DeadlinePaused,
    DeadlinePausedData,
    DeadlineResumed,
    DeadlineResumedData,
    DeadlineScheduled,
    DeadlineScheduledData,
    DeadlineState,
    Pause,
)
from shared.envelope import Cause
from shared.plans import Clock

SOURCE = "/services/sla"
_ENDED = (DeadlineState.MET, DeadlineState.CANCELLED, DeadlineState.BREACHED)


@dataclass(frozen=True, slots=True)
class Deadline:
    """One promise as it was last said. All instants are UTC."""

    ticket: UUID
    clock: Clock
    cycle: int
    partition: int
    revision: int
    state: DeadlineState
    plan: str
    catalogue_version: str
    calendar: str
    started_at: datetime
    """From when the target counts."""
    target_seconds: int
    pauses: Pauses
    due_at: datetime | None
    """None while it is paused."""
    warn_at: tuple[datetime, ...]
    """The warning points that are still to come."""
    warned: int
    """How many were said, or overtaken."""
    fires_at: datetime | None
    """When the timer has to look next: at a warning point, then at the due time."""
    ended_at: datetime | None
    last_event: UUID
    """What was last said of it."""
    correlation: UUID
    traceparent: str | None


@dataclass(frozen=True, slots=True)
class Saying:
    """Says one thing of a deadline: `deadline` is how it stands then."""

    deadline: Deadline
    """With the revision that the event is to have."""
    at: datetime
    """When it happened."""
    caused_by: UUID | None
    """The event that led to it."""

    @property
    def _facts(self) -> dict[str, Any]:
        d = self.deadline
        return {
            "clock": d.clock,
            "cycle": d.cycle,
            "revision": d.revision,
            "state": d.state,
            "plan": d.plan,
            "catalogue_version": d.catalogue_version,
            "calendar": d.calendar,
            "started": d.started_at,
            "target_seconds": d.target_seconds,
            "pauses": tuple(Pause(since=since, until=until) for since, until in d.pauses),
            "due": d.due_at,
        }

    def _elapsed(self, calendar: Calendar | None) -> float | None:
        """Seconds of working time that were used up by then; None if nobody knows the calendar."""
        d = self.deadline
        if self.at == d.due_at:
            return float(d.target_seconds)  # by definition, and without counting
        if calendar is None:
            return None
        return working_time_between(calendar, d.started_at, self.at, d.pauses).total_seconds()

    @property
    def _how(self) -> dict[str, Any]:
        d = self.deadline
        return {
            "cause": Cause(
                d.correlation, str(d.ticket), d.correlation, self.caused_by, d.traceparent
            ),
            "source": SOURCE,
            "time": self.at,
            "part": f"{d.clock}/{d.cycle}/{d.revision}",
        }

    def scheduled(self) -> DeadlineScheduled:
        """The clock started."""
        return DeadlineScheduled.say(DeadlineScheduledData(**self._facts), **self._how)

    def moved(self, previous_due: datetime | None) -> DeadlineMoved:
        """The promise was counted anew."""
        data = DeadlineMovedData(**self._facts, previous_due=previous_due)
        return DeadlineMoved.say(data, **self._how)

    def paused(self, left: timedelta) -> DeadlinePaused:
        """The clock stands still."""
        data = DeadlinePausedData(**self._facts, left_seconds=left.total_seconds())
        return DeadlinePaused.say(data, **self._how)

    def resumed(self) -> DeadlineResumed:
        """The clock runs on."""
        return DeadlineResumed.say(DeadlineResumedData(**self._facts), **self._how)

    def at_risk(self, warned: datetime) -> DeadlineAtRisk:
        """A warning point was passed."""
        data = DeadlineAtRiskData(**self._facts, warned=warned, passed=self.deadline.warned)
        return DeadlineAtRisk.say(data, **self._how)

    def met(self, calendar: Calendar | None) -> DeadlineMet:
        """What was owed was done."""
        elapsed = self._elapsed(calendar)
        data = DeadlineMetData(**self._facts, met=self.at, elapsed_seconds=elapsed)
        return DeadlineMet.say(data, **self._how)

    def breached(self, overdue: timedelta, calendar: Calendar | None) -> DeadlineBreached:
        """The time is over."""
        seconds, elapsed = max(0.0, overdue.total_seconds()), self._elapsed(calendar)
        data = DeadlineBreachedData(**self._facts, overdue_seconds=seconds, elapsed_seconds=elapsed)
        return DeadlineBreached.say(data, **self._how)

    def cancelled(self) -> DeadlineCancelled:
        """It is owed no longer."""
        data = DeadlineCancelledData(**self._facts, cancelled=self.at)
        return DeadlineCancelled.say(data, **self._how)

    def retracted(self, breached: Deadline) -> DeadlineBreachRetracted:
        """A breach was said in error."""
        data = DeadlineBreachRetractedData(
            **self._facts, breach=breached.last_event, breached_due=breached.due_at
        )
        return DeadlineBreachRetracted.say(data, **self._how)


def calendar_of(promised: Deadline | Promise, catalogues: Catalogues) -> Calendar | None:
    """The calendar in which a promise is counted; None if its catalogue isn't among these."""
    catalogue = catalogues.get(promised.catalogue_version)
    return catalogue.calendars[promised.calendar] if catalogue else None


def as_said(event: DeadlineEvent, partition: int) -> Deadline:
    """The deadline as an event says it, as far as it does; nothing fires until it is settled."""
    data = event.data
    return Deadline(
        ticket=UUID(event.subject),
        clock=data.clock,
        cycle=data.cycle,
        partition=partition,
        revision=data.revision,
        state=data.state,
        plan=data.plan,
        catalogue_version=data.catalogue_version,
        calendar=data.calendar,
        started_at=data.started,
        target_seconds=data.target_seconds,
        pauses=tuple((pause.since, pause.until) for pause in data.pauses),
        due_at=data.due,
        warn_at=(),
        warned=event.data.passed or 0 if isinstance(event, DeadlineAtRisk) else 0,
        fires_at=None,
        ended_at=event.time if data.state in _ENDED else None,
        last_event=event.id,
        correlation=event.correlationid,
        traceparent=event.traceparent,
    )


def say_next(deadline: Deadline, at: datetime, caused_by: UUID | None) -> Saying:
    """For the next thing that is said of a deadline."""
    return Saying(replace(deadline, revision=deadline.revision + 1), at, caused_by)


def told(saying: Saying, event: DeadlineEvent) -> Deadline:
    """The deadline after an event was said of it."""
    return replace(saying.deadline, last_event=event.id)
