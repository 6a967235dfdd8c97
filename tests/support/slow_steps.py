"""Working time in steps: a calendar is open in a step, or it is closed.

Weekday, holiday and exception are looked up in the calendar's zone, by the clock on its wall. Where
the clocks are set back that is right as long as no window opens or closes in the hour that comes
twice.
"""

from datetime import datetime, timedelta
from functools import lru_cache
from typing import get_args
from zoneinfo import ZoneInfo

from shared.calendars import Calendar, Weekday

STEP = timedelta(minutes=30)
_WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)


def is_working(calendar: Calendar, at: datetime) -> bool:
    """Whether the calendar is open in the step that begins then, by the clock on its wall."""
    local = at.astimezone(ZoneInfo(calendar.tz))
    today, time = local.date(), f"{local:%H:%M}"
    if today in calendar.exceptions:
        windows = calendar.exceptions[today]
    elif today in calendar.holidays:
        windows = ()
    else:
        windows = calendar.hours.get(_WEEKDAYS[local.weekday()], ())
    return any(opens <= time < closes for opens, closes in windows)


class Steps(dict[datetime, bool]):
    """In which steps a calendar is open; each is looked up once."""

    def __init__(self, calendar: Calendar) -> None:
        super().__init__()
        self._calendar = calendar

    def __missing__(self, at: datetime) -> bool:
        """Look at the calendar."""
        self[at] = is_working(self._calendar, at)
        return self[at]


steps_of = lru_cache(Steps)
"""The steps of a calendar."""
