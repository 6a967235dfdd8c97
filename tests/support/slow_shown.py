"""What the slow clocks show of a ticket."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.deadlines import DeadlineState
from shared.plans import Clock

TermKey = tuple[str, str, datetime, int]
"""Plan, catalogue version, since when it counts, target in seconds."""


@dataclass(frozen=True)
class Counted:
    """How far a clock has come by one term."""

    left: timedelta
    """Working time that is left; none if more than the target is used up."""
    warn_at: tuple[datetime, ...]
    """The warning points, if the clock goes on running from now on."""


@dataclass(frozen=True)
class Owed:
    """What a clock promises: when it is due, and by which terms it may be told."""

    due: datetime | None
    """None while it stands still."""
    terms: Mapping[TermKey, Counted]
    """Those that are due first, or, while it stands still, all that promise anything."""


@dataclass(frozen=True)
class Shown:
    """A run as everybody may see it."""

    clock: Clock
    cycle: int
    state: DeadlineState
    owed: Owed | None
    """None if nothing is promised."""
    started: datetime
    ended_at: datetime | None
    stood: frozenset[datetime]

    @property
    def ended_still(self) -> bool:
        """Whether it ended while it stood still: nothing is agreed of its due time."""
        return self.ended_at is not None and self.owed is not None and self.owed.due is None
