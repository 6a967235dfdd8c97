"""What each plan promises, in the words in which mails and pages say it: both must say the same."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from typing import get_args

from babel import Locale

from shared.calendars import Calendar, Weekday, is_always_open
from shared.plan_values import spell_duration
from shared.plans import Catalogue, Clock, Plan, Priority

LANGUAGE = Locale("en")
"""The language of all mails and pages; dates may follow their reader's region within it."""
NOTHING = "at no promised time"
_NAMES = {
    Clock.FIRST_RESPONSE: "First answer",
    Clock.NEXT_RESPONSE: "Later answers",
    Clock.UPDATE: "News of an open ticket",
    Clock.RESOLUTION: "Solution",
}
Windows = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Promised:
    """What one clock of a plan promises."""

    clock: Clock
    name: str
    words: str
    """For a ticket of normal priority: "within 4 hours of working time"."""
    by_priority: tuple[tuple[Priority, str], ...]
    """What other priorities are promised, where that differs; the most urgent first."""

    def __str__(self) -> str:
        """All of it on one line."""
        others = "; ".join(f"{priority}: {words}" for priority, words in self.by_priority)
        return f"{self.words} ({others})" if others else self.words


@dataclass(frozen=True, slots=True)
class PlanRow:
    """A plan as it stands beside the others."""

    id: str
    name: str
    service_level: str
    response: Promised
    others: tuple[Promised, ...]
    """What it promises beside the first answer; mostly nothing."""
    hours: str | None
    """Which hours count; none where no time is promised."""
    holidays: str | None
    """Whose public holidays don't."""
    support: str
    reach: str
    is_own: bool

    @property
    def promises(self) -> tuple[Promised, ...]:
        """The first answer and the others."""
        return (self.response, *self.others)


def rows(catalogue: Catalogue, own: str | None) -> list[PlanRow]:
    """All plans side by side, from the lowest to the highest; `own` is the reader's."""
    return [_row(plan, catalogue, is_own=plan.id == own) for plan in catalogue.plans]


def _row(plan: Plan, catalogue: Catalogue, *, is_own: bool) -> PlanRow:
    calendar = None if plan.calendar is None else catalogue.calendars[plan.calendar]
    clocks = [_promised(plan, clock, calendar) for clock in Clock]
    kept = [each for each in clocks if each.words != NOTHING or each.by_priority]
    counts = calendar if kept else None
    return PlanRow(
        id=plan.id,
        name=plan.name,
        service_level=plan.service_level,
        response=clocks[0],
        others=tuple(each for each in kept if each is not clocks[0]),
        hours=spell_hours(counts) if counts else None,
        holidays=spell_holidays(counts) if counts else None,
        support=plan.support,
        reach=plan.reach,
        is_own=is_own,
    )


def _promised(plan: Plan, clock: Clock, calendar: Calendar | None) -> Promised:
    said = {at: _spell_target(clock, plan.targets[at].of(clock), calendar) for at in Priority}
    normal = said[Priority.NORMAL]
    others = tuple((at, said[at]) for at in reversed(Priority) if said[at] != normal)
    return Promised(clock, _NAMES[clock], normal, others)


def _spell_target(clock: Clock, target: timedelta | None, calendar: Calendar | None) -> str:
    if target is None or calendar is None:
        return NOTHING
    hours = ", round the clock" if is_always_open(calendar) else " of working time"
    spelled = spell_duration(target)
    if clock is not Clock.UPDATE:
        return f"within {spelled}{hours}"
    return f"at least every {re.sub('^1 (?=[a-z]+$)', '', spelled)}{hours}"


def spell_hours(calendar: Calendar) -> str:
    """The ordinary week: "Mon to Fri 09:00 to 17:00 (Europe/Berlin)"."""
    if is_always_open(calendar):
        return "round the clock, weekends and holidays included"
    return f"{', '.join(_spell_week(calendar))} ({calendar.tz})"


def _spell_week(calendar: Calendar) -> Iterator[str]:
    """Days in a row with the same hours, together; closed days are left out."""
    for windows, group in groupby(get_args(Weekday), lambda day: calendar.hours.get(day, ())):
        if windows:
            yield f"{_spell_days([day.capitalize() for day in group])} {spell_windows(windows)}"


def _spell_days(days: list[str]) -> str:
    match days:
        case [_, _, _, _, _, _, _]:
            return "every day"
        case [first, _, *_, last]:
            return f"{first} to {last}"
        case _:
            return " and ".join(days)


def spell_windows(windows: Windows) -> str:
    """The hours of one day: "09:00 to 12:30 and 13:30 to 17:00", "all day" or "closed"."""
    if windows == (("00:00", "24:00"),):
        return "all day"
    return " and ".join(f"{opens} to {closes}" for opens, closes in windows) or "closed"


def spell_holidays(calendar: Calendar) -> str | None:
    """Whose public holidays are closed: "closed on public holidays (Germany, BY)"."""
    if calendar.country is None:
        return None
    country = LANGUAGE.territories.get(calendar.country, calendar.country)
    region = f", {calendar.subdivision}" if calendar.subdivision else ""
    return f"closed on public holidays ({country}{region})"
