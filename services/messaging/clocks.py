"""How the clocks of a ticket are shown in its thread, by what sla says of them: pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.deadlines import DeadlineAtRisk, DeadlineEvent
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


def clock_state(event: DeadlineEvent) -> ClockState:
    """How a clock stands after an event: as the event says, or at risk while it runs."""
    if isinstance(event, DeadlineAtRisk):
        return ClockState.AT_RISK
    return ClockState(event.data.state.value)
