"""How long rules look back and wait: as in operation, or shortened for exercises.

The same rules are written either way. An exercise on a running desk causes a fault and wants to see
its alert fire within seconds, not after the minutes that keep people asleep for what passes.
"""

import math
from dataclasses import dataclass

MINUTE, HOUR, DAY = 60, 3600, 86400
SHORTEST_WINDOW = 5
"""Seconds: an exercise scrapes every second, and a rate needs some of that."""
SHORTEST_AGE = 5
"""Seconds: gauges are measured every 5 s, and a desk at rest is never quite at 0."""

_UNITS = ((DAY, "d"), (HOUR, "h"), (MINUTE, "m"))


def spell(seconds: int) -> str:
    """A duration as Prometheus writes it: `90s`, `15m`, `3d`."""
    for size, unit in _UNITS:
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


@dataclass(frozen=True, slots=True)
class Pace:
    """By what rules are shortened; thresholds that count something stay as they are.

    Args:
        by: 1 in operation.
    """

    by: int = 1

    def window(self, seconds: int) -> str:
        """How far a range selector looks back."""
        return spell(seconds if self.by == 1 else max(SHORTEST_WINDOW, seconds // self.by))

    def hold(self, seconds: int) -> str:
        """How long something must be so before an alert fires."""
        return spell(math.ceil(seconds / self.by))

    def age(self, seconds: int) -> int:
        """A threshold for how old something may be."""
        return seconds if self.by == 1 else max(SHORTEST_AGE, seconds // self.by)

    def every(self, seconds: int) -> int:
        """Seconds between two evaluations."""
        return max(1, seconds // self.by)
