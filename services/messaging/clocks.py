"""How the clocks of a ticket are shown in its thread, by what sla says of them: pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.deadlines import DeadlineAtRisk, DeadlineEvent, DeadlinePaused
from shared.plans import Clock


class ClockState(StrEnum):
    """How a clock is shown in its thread."""

    RUNNING = "running"
    AT_RISK = "at_risk"
    PAUSED = "paused"
    MET = "met"
    CANCELLED = "cancelled"
    BREACHED = "breached"


@dataclass(frozen=True, slots=True)
class ClockView:
    """What is known of one clock of a ticket."""

    clock: Clock
    cycle: int
    revision: int
    """Counts what sla said of it: what is older than this is passed over."""
    state: ClockState
    due_at: datetime | None
    """None while it stands still."""
    changed_at: datetime
    plan: str
    """The plan that it is promised by."""
    catalogue_version: str
    calendar: str
    """In which its time is counted, by its name in that catalogue."""
    started_at: datetime
    """From when the target counts."""
    target_seconds: int
    """What is promised, in seconds of working time."""
    left_seconds: float | None = None
    """Working time that is left while it stands still."""


def clock_state(event: DeadlineEvent) -> ClockState:
    """How a clock stands after an event: as the event says, or at risk while it runs."""
    if isinstance(event, DeadlineAtRisk):
        return ClockState.AT_RISK
    return ClockState(event.data.state.value)


def left_seconds(event: DeadlineEvent) -> float | None:
    """Working time that is left when a clock stands still; None while it runs, or is over."""
    return event.data.left_seconds if isinstance(event, DeadlinePaused) else None
