"""Which letters of a dead-letter topic were put back, in memory that is bounded by its length."""

from array import array
from datetime import UTC, datetime

from shared.dead_record import Replayed


class Marks:
    """Which letters were put back, when and by whom: 12 bytes for each offset of the topic."""

    def __init__(self) -> None:
        self._first = 0
        self._times = array("q")
        self._who = array("I")
        self._names: dict[str, int] = {}

    def reach(self, offset: int) -> None:
        """Make room for this offset, which is the highest so far."""
        if not self._times:
            self._first = offset
        missing = offset - self._first + 1 - len(self._times)
        self._times.extend([0] * missing)
        self._who.extend([0] * missing)

    def add(self, offset: int, mark: Replayed) -> None:
        """Remember one; letters that are gone from the topic don't matter."""
        place = offset - self._first
        if 0 <= place < len(self._times):
            self._times[place] = int(mark.at.timestamp() * 1000)
            self._who[place] = self._names.setdefault(mark.by, len(self._names))

    def of(self, offset: int) -> Replayed | None:
        """How a letter was put back, if it was."""
        place = offset - self._first
        if not (0 <= place < len(self._times) and self._times[place]):
            return None
        by = list(self._names)[self._who[place]]
        return Replayed(datetime.fromtimestamp(self._times[place] / 1000, UTC), by)
