"""Opening hours on the real time line, laid out so that working time is looked up, not walked.

A calendar says what the clocks of its zone show when it opens and closes. Here that becomes spans
of the time line, and beside each stands how much working time has passed by its end: how far an
instant is into working time, and when so much has passed, are then two searches in sorted lists.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import chain
from zoneinfo import ZoneInfo

Span = tuple[datetime, datetime]
"""A stretch of the real time line in UTC, the end not included."""


class Openings:
    """The openings in a stretch of time, in order, and the working time up to each.

    Args:
        spans: When it is open; they come in order and don't overlap.
        begins: What lies before is cut off.
        ends: What lies after is cut off.
    """

    __slots__ = ("_edges", "_worked", "first", "last", "total")

    def __init__(self, spans: Iterable[Span], begins: datetime, ends: datetime) -> None:
        whole = joined((max(opens, begins), min(closes, ends)) for opens, closes in spans)
        self._edges = list(chain.from_iterable(whole))  # opens, closes, opens, closes, ...
        self._worked = [timedelta(0)]  # what was worked when so many edges had passed
        for opens, closes in whole:
            self._worked += [self._worked[-1], self._worked[-1] + (closes - opens)]
        self.total = self._worked[-1]
        """Working time in all."""
        self.first = self._edges[0] if whole else ends
        """The first opening; the end of the stretch if there is none."""
        self.last = self._edges[-1] if whole else begins
        """The last closing; the beginning of the stretch if there is none."""

    def worked(self, at: datetime) -> timedelta:
        """Working time from the beginning of the stretch to an instant in it."""
        passed = bisect_right(self._edges, at)
        worked = self._worked[passed]
        return worked + (at - self._edges[passed - 1]) if passed % 2 else worked

    def when(self, worked: timedelta) -> datetime:
        """The first instant by which so much was worked: more than nothing, at most all."""
        passed = bisect_left(self._worked, worked)
        return self._edges[passed - 1] - (self._worked[passed] - worked)

    def after(self, at: datetime) -> Iterator[Span]:
        """The openings from an instant on, in order; one that it lies in begins with it."""
        first = bisect_right(self._edges, at) // 2 * 2
        for opens in range(first, len(self._edges), 2):
            yield max(at, self._edges[opens]), self._edges[opens + 1]


def joined(spans: Iterable[Span]) -> list[Span]:
    """Ordered spans: those that touch or overlap are made one, and empty ones are left out."""
    whole: list[Span] = []
    for begins, ends in spans:
        if whole and begins <= whole[-1][1]:
            whole[-1] = whole[-1][0], max(whole[-1][1], ends)
        elif begins < ends:
            whole.append((begins, ends))
    return whole


def instant(zone: ZoneInfo, day: date, clock_time: str) -> datetime:
    """When the clocks of the zone first show this time of a day, or jump past it."""
    hours, minutes = clock_time.split(":")
    shown = datetime.combine(day, time()) + timedelta(hours=int(hours), minutes=int(minutes))
    first, second = (shown.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if first.utcoffset() >= second.utcoffset():  # type: ignore[operator]  # both have a zone
        return first.astimezone(UTC)
    # Skipped: read with the offset of before and of after, it lies on both sides of the change.
    low, high = int(second.timestamp()), int(first.timestamp())
    old = datetime.fromtimestamp(low, zone).utcoffset()

    def changed(second: int) -> bool:
        return datetime.fromtimestamp(second, zone).utcoffset() != old

    return datetime.fromtimestamp(low + bisect_left(range(low, high), x=True, key=changed), UTC)
