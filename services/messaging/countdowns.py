"""What is left of a clock, in working time: as a page says it, and can count it further by itself.

A page is given the working time that is left at one moment and the opening hours from then on: what
is left at any later moment follows from both, without asking again. Pure: the present comes in.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from services.messaging.clocks import ClockState, ClockView
from shared.calendars import Calendar, openings_after, working_time_between

MOST_WINDOWS = 12
"""Openings that a page is told: two weeks of ordinary days. A page that is open for longer counts
on as if it were always closed after them, until it hears of the clock again."""
ALWAYS = ((0, 4_102_444_800),)
"""One window, to the year 2100: in a calendar that nobody knows real time counts."""

Calendars = Callable[[str, str], Calendar | None]
"""Finds a calendar by the version of its catalogue and its name."""


class Course(StrEnum):
    """What a countdown does."""

    RUNNING = "running"
    AT_RISK = "at_risk"
    OVERDUE = "overdue"
    PAUSED = "paused"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Countdown:
    """One clock, as it is counted on a page."""

    course: Course
    at: datetime
    """The moment that the rest is about."""
    left: timedelta
    """Working time; less than nothing once it is overdue, and then real working time too."""
    windows: tuple[tuple[int, int], ...] = ()
    """Openings from that moment on, in seconds since 1970."""
    due_at: datetime | None = None
    total: timedelta = timedelta(0)
    """What was promised."""

    @property
    def counts(self) -> bool:
        """Whether it changes as time passes."""
        return self.course in {Course.RUNNING, Course.AT_RISK, Course.OVERDUE}

    @property
    def is_open(self) -> bool:
        """Whether it does so now."""
        return bool(self.windows) and self.windows[0][0] <= self.at.timestamp()

    @property
    def opens_at(self) -> datetime | None:
        """When it goes on, if it stands still outside hours."""
        if self.is_open or not self.counts or not self.windows:
            return None
        return datetime.fromtimestamp(self.windows[0][0], UTC)

    @property
    def spelled(self) -> str:
        """How long, whether left or overdue: "3 h 20 min"."""
        return spell(self.left)

    @property
    def seconds(self) -> int:
        """What is left, in whole seconds; negative once it is overdue."""
        return int(self.left.total_seconds())

    @property
    def spans(self) -> str:
        """The windows as an attribute: "1764579600-1764608400 1764666000-1764694800"."""
        return " ".join(f"{opens}-{closes}" for opens, closes in self.windows)

    @property
    def share(self) -> int:
        """How much of what was promised is used up, in per cent; at most 100."""
        if not self.total:
            return 100
        return min(100, max(0, round(100 - 100 * (self.left / self.total))))


def count(view: ClockView, calendars: Calendars, now: datetime) -> Countdown:
    """How a clock stands at a moment."""
    total = timedelta(seconds=view.target_seconds)
    if view.state in {ClockState.MET, ClockState.CANCELLED}:
        return Countdown(Course.OVER, now, timedelta(0), due_at=view.due_at, total=total)
    if view.due_at is None:
        left = timedelta(seconds=view.left_seconds or 0)
        return Countdown(Course.PAUSED, now, left, total=total)
    calendar = calendars(view.catalogue_version, view.calendar)
    left, windows = _working(calendar, now, view.due_at)
    course = _course(view, left, now)
    return Countdown(course, now, left, windows, view.due_at, total)


def next_due(clocks: Iterable[ClockView]) -> ClockView | None:
    """The clock that an agent has to look after first; None if nothing runs."""
    order = {ClockState.RUNNING: 0, ClockState.AT_RISK: 0, ClockState.PAUSED: 1}
    live = [each for each in clocks if each.state in order]
    far = datetime.max.replace(tzinfo=UTC)
    return min(live, key=lambda each: (order[each.state], each.due_at or far), default=None)


def worked(windows: Iterable[tuple[int, int]], since: datetime, until: datetime) -> timedelta:
    """How much of some windows lies between two moments: what pages count, in a few words."""
    a, b = since.timestamp(), until.timestamp()
    seconds = sum(max(0.0, min(closes, b) - max(opens, a)) for opens, closes in windows)
    return timedelta(seconds=seconds)


def spell(time: timedelta) -> str:
    """Working time in short: "16 h", "3 h 20 min", "12 min", "45 s"; whether left or overdue."""
    seconds = abs(int(time.total_seconds()))
    hours, minutes = seconds // 3600, seconds % 3600 // 60
    if hours:
        return f"{hours:,} h {minutes:02} min" if minutes else f"{hours:,} h"
    return f"{minutes} min" if minutes else f"{seconds} s"


def _course(view: ClockView, left: timedelta, now: datetime) -> Course:
    if view.state is ClockState.BREACHED or (view.due_at is not None and view.due_at <= now):
        return Course.OVERDUE
    if view.state is ClockState.AT_RISK:
        return Course.AT_RISK
    return Course.RUNNING if left > timedelta(0) else Course.OVERDUE


def _working(
    calendar: Calendar | None, now: datetime, due: datetime
) -> tuple[timedelta, tuple[tuple[int, int], ...]]:
    """What is left until a due time, and the windows in which it passes."""
    if calendar is None:
        return due - now, ALWAYS
    left = working_time_between(calendar, now, due)
    if due < now:
        left = -working_time_between(calendar, due, now)
    windows = openings_after(calendar, now.replace(microsecond=0), MOST_WINDOWS)
    spans = ((int(opens.timestamp()), int(closes.timestamp())) for opens, closes in windows)
    return left, tuple(spans)
