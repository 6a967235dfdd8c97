"""What each plan promises, in the words in which mails and pages say it: both must say the same."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import time, timedelta
from functools import reduce
from itertools import groupby
from pathlib import Path
from typing import get_args

from babel.dates import format_time
from babel.units import format_unit

from shared.calendars import Calendar, Weekday, is_always_open
from shared.languages import Language, Languages
from shared.plans import Catalogue, Clock, Plan, Priority

WORDS = Path(__file__).with_name("words")
"""The words of this module in other languages."""
ENGLISH = Languages().of(None)
LANGUAGE = ENGLISH.locale
"""The language of all pages."""
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
    language: Language = field(default=ENGLISH, compare=False, repr=False)

    def __str__(self) -> str:
        """All of it on one line."""
        named = ((spell_priority(each, self.language), words) for each, words in self.by_priority)
        others = "; ".join(f"{priority}: {words}" for priority, words in named)
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


def rows(catalogue: Catalogue, own: str | None, language: Language = ENGLISH) -> list[PlanRow]:
    """All plans side by side, from the lowest to the highest; `own` is the reader's."""
    return [_row(plan, catalogue, language, is_own=plan.id == own) for plan in catalogue.plans]


def _row(plan: Plan, catalogue: Catalogue, language: Language, *, is_own: bool) -> PlanRow:
    calendar = None if plan.calendar is None else catalogue.calendars[plan.calendar]
    clocks = [_promised(plan, clock, calendar, language) for clock in Clock]
    kept = [each for each in clocks if each.words != _nothing(language) or each.by_priority]
    counts = calendar if kept else None
    shown = plan.in_language(language.tag)
    return PlanRow(
        id=plan.id,
        name=shown.name,
        service_level=shown.service_level,
        response=clocks[0],
        others=tuple(each for each in kept if each is not clocks[0]),
        hours=spell_hours(counts, language) if counts else None,
        holidays=spell_holidays(counts, language) if counts else None,
        support=shown.support,
        reach=shown.reach,
        is_own=is_own,
    )


def _promised(plan: Plan, clock: Clock, calendar: Calendar | None, language: Language) -> Promised:
    said = {
        at: _spell_target(clock, plan.targets[at].of(clock), calendar, language) for at in Priority
    }
    normal = said[Priority.NORMAL]
    others = tuple((at, said[at]) for at in reversed(Priority) if said[at] != normal)
    return Promised(clock, _name(clock, language), normal, others, language)


def _name(clock: Clock, language: Language) -> str:
    names = {
        Clock.FIRST_RESPONSE: language.say("First answer"),
        Clock.NEXT_RESPONSE: language.say("Later answers"),
        Clock.UPDATE: language.say("News of an open ticket"),
        Clock.RESOLUTION: language.say("Solution"),
    }
    return names[clock]


def spell_priority(priority: Priority, language: Language = ENGLISH) -> str:
    """How urgent something is: "urgent"."""
    names = {
        Priority.LOW: language.say_in("priority", "low"),
        Priority.NORMAL: language.say_in("priority", "normal"),
        Priority.HIGH: language.say_in("priority", "high"),
        Priority.URGENT: language.say_in("priority", "urgent"),
    }
    return names[priority]


def _nothing(language: Language) -> str:
    return language.say("at no promised time")


def _spell_target(
    clock: Clock, target: timedelta | None, calendar: Calendar | None, language: Language
) -> str:
    if target is None or calendar is None:
        return _nothing(language)
    always, say = is_always_open(calendar), language.say
    if clock is Clock.UPDATE:
        every = _spell_every(target, language)
        if always:
            return say("at least %(every)s, round the clock", every=every)
        return say("at least %(every)s of working time", every=every)
    spelled = spell_duration(target, language)
    if always:
        return say("within %(time)s, round the clock", time=spelled)
    return say("within %(time)s of working time", time=spelled)


def _spell_every(interval: timedelta, language: Language) -> str:
    units = {
        timedelta(hours=1): language.say("every hour"),
        timedelta(minutes=1): language.say("every minute"),
        timedelta(seconds=1): language.say("every second"),
    }
    spelled = spell_duration(interval, language)
    return units.get(interval) or language.say("every %(time)s", time=spelled)


def spell_duration(duration: timedelta, language: Language = ENGLISH) -> str:
    """Working time in words: "16 hours", "1 hour 30 minutes"; never days, which are ambiguous."""
    seconds = int(duration.total_seconds())
    parts = ((seconds // 3600, "hour"), (seconds % 3600 // 60, "minute"), (seconds % 60, "second"))
    spelled = [
        format_unit(amount, f"duration-{unit}", length="long", locale=language.locale)
        for amount, unit in parts
        if amount
    ]
    if not spelled:
        return format_unit(0, "duration-second", length="long", locale=language.locale)
    return reduce(lambda a, b: language.say("%(hours)s %(minutes)s", hours=a, minutes=b), spelled)


def spell_hours(calendar: Calendar, language: Language = ENGLISH) -> str:
    """The ordinary week: "Mon to Fri 09:00 to 17:00 (Europe/Berlin)"."""
    if is_always_open(calendar):
        return language.say("round the clock, weekends and holidays included")
    return f"{', '.join(_spell_week(calendar, language))} ({calendar.tz})"


def _spell_week(calendar: Calendar, language: Language) -> Iterator[str]:
    """Days in a row with the same hours, together; closed days are left out."""
    names = language.locale.days["stand-alone"]["abbreviated"]
    week = list(enumerate(get_args(Weekday)))
    for windows, group in groupby(week, lambda day: calendar.hours.get(day[1], ())):
        if windows:
            days = _spell_days([names[number] for number, _ in group], language)
            yield f"{days} {spell_windows(windows, language)}"


def _spell_days(days: list[str], language: Language) -> str:
    match days:
        case [_, _, _, _, _, _, _]:
            return language.say("every day")
        case [first, _, *_, last]:
            return language.say("%(monday)s to %(friday)s", monday=first, friday=last)
        case [first, second]:
            return language.say("%(one)s and %(other)s", one=first, other=second)
        case _:
            return days[0]


def spell_windows(windows: Windows, language: Language = ENGLISH) -> str:
    """The hours of one day: "09:00 to 12:30 and 13:30 to 17:00", "all day" or "closed"."""
    if windows == (("00:00", "24:00"),):
        return language.say("all day")
    spelled = [
        language.say(
            "%(opens)s to %(closes)s",
            opens=_spell_clock(opens, language),
            closes=_spell_clock(closes, language),
        )
        for opens, closes in windows
    ]
    if not spelled:
        return language.say("closed")
    return reduce(lambda a, b: language.say("%(one)s and %(other)s", one=a, other=b), spelled)


def _spell_clock(written: str, language: Language) -> str:
    """A time of day as the region writes it; "24:00" has no such form."""
    if written == "24:00":
        return language.say("midnight")
    return format_time(time.fromisoformat(written), "short", locale=language.locale)


def spell_holidays(calendar: Calendar, language: Language = ENGLISH) -> str | None:
    """Whose public holidays are closed: "closed on public holidays (Germany, BY)"."""
    if calendar.country is None:
        return None
    country = language.locale.territories.get(calendar.country, calendar.country)
    where = f"{country}, {calendar.subdivision}" if calendar.subdivision else country
    return language.say("closed on public holidays (%(where)s)", where=where)
