"""What sla says of a deadline: one promise, one run of one clock on one ticket.

Every event has all that the promise consists of: where its calendar stands, from when it counts,
how much working time is promised, which pauses were taken out, and by when it is due. From one
event alone anyone can compute it again. Of one deadline, the event with the highest `revision`
says how it stands.
"""

from enum import StrEnum
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import Field

from shared.envelope import Envelope, Fact, Instant, Topic
from shared.plans import Clock


class DeadlineState(StrEnum):
    """How a deadline stands; drawn in `docs/lifecycle.md`."""

    RUNNING = "running"
    """Time is counted, and not over as far as was heard."""
    PAUSED = "paused"
    """The clock stands still; there is no due time until it goes on."""
    MET = "met"
    """What was owed was done in time."""
    CANCELLED = "cancelled"
    """It is owed no longer."""
    BREACHED = "breached"
    """The time was over before it was done."""


PlanId = Annotated[str, Field(description="The plan's id in the catalogue, such as `starter`.")]
CatalogueVersion = Annotated[
    str, Field(description="Version of the plan catalogue that the promise was made by.")
]
WorkingSeconds = Annotated[int, Field(description="What is promised, in seconds of working time.")]
ElapsedSeconds = Annotated[
    float | None,
    Field(
        description=(
            "Working time that was used up, in seconds: in `calendar`, from `started` to the"
            " event's `time`, `pauses` left out."
        )
    ),
]


class Pause(Fact):
    """A stretch in which a clock stands still; only the working time in it is taken out."""

    since: Instant
    """When it began."""
    until: Instant | None = None
    """When it ended; none while it lasts."""


class DeadlineData(Fact):
    """What every event of a deadline says: the promise as it stands after it."""

    clock: Clock
    cycle: Annotated[int, Field(description="Counts the runs of one clock on one ticket, from 1.")]
    revision: int
    """Counts what was said of this clock and cycle, from 1: the highest says how it stands."""
    state: DeadlineState
    plan: PlanId
    catalogue_version: CatalogueVersion
    calendar: str
    """The calendar in which time is counted, by its name in that catalogue."""
    started: Instant
    """From when the target counts: the clock's start, or the moment of an upgrade since. Outside
    hours it counts from the next opening."""
    target_seconds: WorkingSeconds
    pauses: tuple[Pause, ...] = ()
    """What is taken out, the earliest first."""
    due: Instant | None = None
    """The last instant that is in time; none while the clock is paused."""


class DueData(DeadlineData):
    """What is said only of a deadline that has a due time."""

    due: Annotated[Instant, Field(description="The last instant that is in time.")]


class DeadlineScheduledData(DeadlineData):
    """A clock started: we owe something by `due`."""


class DeadlineMovedData(DeadlineData):
    """The promise was counted anew: by another priority, plan or catalogue, or by late news."""

    previous_due: Instant | None = None
    """By when it was due before; none while the clock is paused."""


class DeadlinePausedData(DeadlineData):
    """The clock stands still, for instance while we wait for the customer."""

    left_seconds: float
    """Working time that is left, in seconds."""


class DeadlineResumedData(DeadlineData):
    """The clock runs on: after a pause, or since the ticket was opened again."""


class DeadlineAtRiskData(DueData):
    """A warning point was passed and the clock still runs."""

    warned: Instant
    """The warning point itself."""
    passed: int | None = None
    """How many warning points are behind it, this one and those that were overtaken included."""


class DeadlineMetData(DueData):
    """What was owed was done: by event time, not later than due."""

    met: Instant
    """When it was done."""
    elapsed_seconds: ElapsedSeconds = None


class DeadlineBreachedData(DueData):
    """Nobody had done what was owed when the time was over."""

    overdue_seconds: float
    """From due to when it was said, in seconds of real time, not of working time."""
    elapsed_seconds: ElapsedSeconds = None


class DeadlineCancelledData(DeadlineData):
    """It is owed no longer: the ticket is over, or nothing is promised for it any more."""

    cancelled: Instant
    """Since when."""


class DeadlineBreachRetractedData(DeadlineData):
    """A breach was said in error: a fact from before it was heard only afterwards.

    `state` and `due` say how the deadline stands in truth.
    """

    breach: UUID
    """Id of the `DeadlineBreached` that does not hold."""
    breached_due: Instant
    """The due time that it named."""


class DeadlineScheduled(Envelope[DeadlineScheduledData]):
    """Said by sla."""

    TOPIC: ClassVar[Topic] = Topic.SLA
    type: Literal["careline.deadline.scheduled.v1"] = "careline.deadline.scheduled.v1"


class DeadlineMoved(Envelope[DeadlineMovedData]):
    """Said by sla."""

    TOPIC: ClassVar[Topic] = Topic.SLA
    type: Literal["careline.deadline.moved.v1"] = "careline.deadline.moved.v1"


class DeadlinePaused(Envelope[DeadlinePausedData]):
    """Said by sla."""

    TOPIC: ClassVar[Topic] = Topic.SLA
    type: Literal["careline.deadline.paused.v1"] = "careline.deadline.paused.v1"


class DeadlineResumed(Envelope[DeadlineResumedData]):
    """Said by sla."""

    TOPIC: ClassVar[Topic] = Topic.SLA
    type: Literal["careline.deadline.resumed.v1"] = "careline.deadline.resumed.v1"


class DeadlineAtRisk(Envelope[DeadlineAtRiskData]):
    """Said by sla."""

    TOPIC: ClassVar[Topic] = Topic.SLA
    type: Literal["careline.deadline.at_risk.v1"] = "careline.deadline.at_risk.v1"


class DeadlineMet(Envelope[DeadlineMetData]):
    """Said by sla."""

    TOPIC: ClassVar[Topic] = Topic.SLA
    type: Literal["careline.deadline.met.v1"] = "careline.deadline.met.v1"


class DeadlineBreached(Envelope[DeadlineBreachedData]):
    """Said by sla."""

    TOPIC: ClassVar[Topic] = Topic.SLA
    type: Literal["careline.deadline.breached.v1"] = "careline.deadline.breached.v1"


class DeadlineCancelled(Envelope[DeadlineCancelledData]):
    """Said by sla."""

    TOPIC: ClassVar[Topic] = Topic.SLA
    type: Literal["careline.deadline.cancelled.v1"] = "careline.deadline.cancelled.v1"


class DeadlineBreachRetracted(Envelope[DeadlineBreachRetractedData]):
    """Said by sla."""

    TOPIC: ClassVar[Topic] = Topic.SLA
    type: Literal["careline.deadline.breach_retracted.v1"] = "careline.deadline.breach_retracted.v1"


DeadlineEvent = (
    DeadlineScheduled
    | DeadlineMoved
    | DeadlinePaused
    | DeadlineResumed
    | DeadlineAtRisk
    | DeadlineMet
    | DeadlineBreached
    | DeadlineCancelled
    | DeadlineBreachRetracted
)
