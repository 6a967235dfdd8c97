"""The loops that one would write first for a due time: what `shared.calendars` is measured beside.

They know no pauses, and no times that a clock change skips.
"""

from collections.abc import Container, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import get_args
from zoneinfo import ZoneInfo

from holidays import country_holidays

from shared.calendars import Calendar, Weekday

WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def by_days(calendar: Calendar, start: datetime, target: timedelta) -> datetime:
    """Walk over the days, take from the target what each has, and end where it is used up."""
    zone, left = ZoneInfo(calendar.tz), target
    day = start.astimezone(zone).date()
    while True:
        for opens, closes in _windows(calendar, day):
            begins, ends = max(start, _instant(day, opens, zone)), _instant(day, closes, zone)
            if begins < ends:
                if left <= ends - begins:
                    return begins + left
                left -= ends - begins
        day += DAY


def by_minutes(calendar: Calendar, start: datetime, target: timedelta) -> datetime:
    """Look at every minute, and count those in which it is open; start and target are whole."""
    zone, now, left = ZoneInfo(calendar.tz), start, target
    while left:
        shown = now.astimezone(zone)
        clock = f"{shown:%H:%M}"
        if any(opens <= clock < closes for opens, closes in _windows(calendar, shown.date())):
            left -= MINUTE
        now += MINUTE
    return now


def _windows(calendar: Calendar, day: date) -> Sequence[tuple[str, str]]:
    if day in calendar.exceptions:
        return calendar.exceptions[day]
    if day in calendar.holidays or day in _public(calendar.country, calendar.subdivision):
        return ()
    return calendar.hours.get(WEEKDAYS[day.weekday()], ())


@cache
def _public(country: str | None, subdivision: str | None) -> Container[date]:
    return country_holidays(country, subdiv=subdivision) if country else ()


def _instant(day: date, clock_time: str, zone: ZoneInfo) -> datetime:
    hours, minutes = clock_time.split(":")
    shown = datetime.combine(day, time(), zone)
    return (shown + timedelta(hours=int(hours), minutes=int(minutes))).astimezone(UTC)
