"""One example of each thing that sla says of a deadline.

A first response that was given in time; one that was said to be breached in error; and a resolution
that is paused, runs on, is counted anew and is owed no longer.
"""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from shared.deadlines import (
    DeadlineAtRisk,
    DeadlineAtRiskData,
    DeadlineBreached,
    DeadlineBreachedData,
    DeadlineBreachRetracted,
    DeadlineBreachRetractedData,
    DeadlineCancelled,
    DeadlineCancelledData,
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
from shared.events import TicketCreated, TicketPriorityChanged, TicketStatusChanged
from shared.messages import MessagePosted
from shared.plans import Clock

SLA = "/services/sla"
ASKED = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
"""A Monday, within hours: 09:00 to 17:00 UTC on weekdays, to keep the sums short."""
TARGET = timedelta(hours=4)
DUE = ASKED + TARGET

PLAN, CATALOGUE, CALENDAR = "advanced", "2026-11", "business"

RESOLUTION = timedelta(hours=8)
TUESDAY = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
"""When we open on the next day."""
RESOLUTION_DUE = TUESDAY + timedelta(hours=4.5)
"""Of eight hours, Monday has seven and a half, of which the pause takes four."""
SOONER = TUESDAY + timedelta(hours=2.5)
"""The same with six hours, as a higher priority has it."""


def scheduled(created: TicketCreated) -> DeadlineScheduled:
    """The first response is owed."""
    data = DeadlineScheduledData(**_first_response(1))
    return DeadlineScheduled.say(data, **_how(created, 1), time=ASKED)


def at_risk(before: DeadlineScheduled) -> DeadlineAtRisk:
    """Four fifths of the time are over."""
    warned = ASKED + 0.8 * TARGET
    data = DeadlineAtRiskData(**_first_response(2), warned=warned, passed=1)
    return DeadlineAtRisk.say(data, **_how(before, 2), time=warned)


def met(posted: MessagePosted) -> DeadlineMet:
    """An agent has answered in time."""
    elapsed = (posted.time - ASKED).total_seconds()  # all of it within hours
    facts = _first_response(2, DeadlineState.MET)
    data = DeadlineMetData(**facts, met=posted.time, elapsed_seconds=elapsed)
    return DeadlineMet.say(data, **_how(posted, 2), time=posted.time)


def breached(before: DeadlineAtRisk) -> DeadlineBreached:
    """Nobody had answered, as far as sla had heard."""
    facts = _first_response(3, DeadlineState.BREACHED)
    elapsed = TARGET.total_seconds()
    data = DeadlineBreachedData(**facts, overdue_seconds=0.482113, elapsed_seconds=elapsed)
    return DeadlineBreached.say(data, **_how(before, 3), time=DUE)


def retracted(breach: DeadlineBreached, answer: MessagePosted) -> DeadlineBreachRetracted:
    """An answer from before the due time was heard after the breach had been said."""
    facts = _first_response(4, DeadlineState.MET)
    data = DeadlineBreachRetractedData(**facts, breach=breach.id, breached_due=DUE)
    return DeadlineBreachRetracted.say(data, **_how(answer, 4), time=answer.time)


def paused(pending: TicketStatusChanged) -> DeadlinePaused:
    """We wait for the customer."""
    facts = _resolution(2, (Pause(since=pending.time),), RESOLUTION)
    facts |= {"state": DeadlineState.PAUSED}
    left = RESOLUTION - (pending.time - ASKED)
    data = DeadlinePausedData(**facts, left_seconds=left.total_seconds())
    return DeadlinePaused.say(data, **_how(pending, 2, Clock.RESOLUTION), time=pending.time)


def resumed(before: DeadlinePaused, opened: TicketStatusChanged) -> DeadlineResumed:
    """The customer has written."""
    pauses = (Pause(since=before.time, until=opened.time),)
    data = DeadlineResumedData(**_resolution(3, pauses, RESOLUTION), due=RESOLUTION_DUE)
    return DeadlineResumed.say(data, **_how(opened, 3, Clock.RESOLUTION), time=opened.time)


def moved(before: DeadlineResumed, raised: TicketPriorityChanged) -> DeadlineMoved:
    """A higher priority promises a shorter time, from the clock's start."""
    facts = _resolution(4, before.data.pauses, timedelta(hours=6))
    data = DeadlineMovedData(**facts, due=SOONER, previous_due=before.data.due)
    return DeadlineMoved.say(data, **_how(raised, 4, Clock.RESOLUTION), time=raised.time)


def cancelled(before: DeadlineMoved, closed: TicketStatusChanged) -> DeadlineCancelled:
    """The ticket was closed without having been resolved."""
    facts = before.data.model_dump(exclude={"previous_due"})
    facts |= {"revision": 5, "state": DeadlineState.CANCELLED}
    data = DeadlineCancelledData(**facts, cancelled=closed.time)
    return DeadlineCancelled.say(data, **_how(closed, 5, Clock.RESOLUTION), time=closed.time)


def _first_response(revision: int, state: DeadlineState = DeadlineState.RUNNING) -> dict[str, Any]:
    return _facts(Clock.FIRST_RESPONSE, revision, TARGET) | {"state": state, "due": DUE}


def _resolution(revision: int, pauses: tuple[Pause, ...], target: timedelta) -> dict[str, Any]:
    return _facts(Clock.RESOLUTION, revision, target) | {"pauses": pauses}


def _facts(clock: Clock, revision: int, target: timedelta) -> dict[str, Any]:
    return {
        "clock": clock,
        "cycle": 1,
        "revision": revision,
        "state": DeadlineState.RUNNING,
        "plan": PLAN,
        "catalogue_version": CATALOGUE,
        "calendar": CALENDAR,
        "started": ASKED,
        "target_seconds": int(target.total_seconds()),
    }


def _how(led_by: Any, revision: int, clock: Clock = Clock.FIRST_RESPONSE) -> dict[str, Any]:  # noqa: ANN401 - an event of any type
    """A deadline's events hang on the ticket's first; what led to one is its cause."""
    ticket: UUID = led_by.correlationid
    cause = Cause(ticket, led_by.subject, ticket, led_by.id, led_by.traceparent)
    return {"cause": cause, "source": SLA, "part": f"{clock}/1/{revision}"}
