"""What the plans promise to whoever asks now: as data for programs, and in words for a page."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, get_args
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime

from shared.calendars import Calendar, NeverOpensError, Weekday, due_at, is_always_open
from shared.envelope import format_instant
from shared.plan_words import LANGUAGE, PlanRow, Windows, rows, spell_windows
from shared.plans import Catalogue, Clock, Plan, Priority

MOST_DAYS = 12
"""How many special days of a calendar a page shows."""


@dataclass(frozen=True, slots=True)
class Due:
    """By when we would answer."""

    priority: Priority
    at: str
    """RFC 3339, to the second."""
    words: str
    """As a clock on the wall shows it, with its zone."""


@dataclass(frozen=True, slots=True)
class Entry:
    """All of one plan on the page."""

    row: PlanRow
    calendar: str | None
    """The id of the calendar in which it counts; none where no time is promised."""
    round_the_clock: bool
    due: Due | None
    """For a request of normal priority, if one came in now."""
    other_dues: tuple[Due, ...]
    """For other priorities, where that differs; the most urgent first."""


@dataclass(frozen=True, slots=True)
class SpecialDays:
    """The days on which a calendar differs from its ordinary week."""

    plans: tuple[str, ...]
    """The names of the plans that count in it."""
    days: tuple[tuple[str, str, str], ...]
    """Each as a date in ISO 8601, the date in words, and its hours."""


def as_data(catalogue: Catalogue, now: datetime) -> dict[str, Any]:
    """All that customers are promised, and nothing of who is told when a promise slips."""
    return {
        "catalogue_version": catalogue.version,
        "default_plan": catalogue.default_plan,
        "as_of": format_instant(now),
        "calendars": {id_: _calendar(each) for id_, each in catalogue.calendars.items()},
        "plans": [_plan(each, catalogue, now) for each in catalogue.plans],
    }


def _calendar(calendar: Calendar) -> dict[str, Any]:
    return {
        "tz": calendar.tz,
        "round_the_clock": is_always_open(calendar),
        "hours": {day: calendar.hours.get(day, ()) for day in get_args(Weekday)},
        "country": calendar.country,
        "subdivision": calendar.subdivision,
        "closed": [day.isoformat() for day in sorted(calendar.holidays)],
        "exceptions": {
            day.isoformat(): windows for day, windows in sorted(calendar.exceptions.items())
        },
    }


def _plan(plan: Plan, catalogue: Catalogue, now: datetime) -> dict[str, Any]:
    calendar = _calendar_of(plan, catalogue)
    return {
        "id": plan.id,
        "name": plan.name,
        "service_level": plan.service_level,
        "support": plan.support,
        "reach": plan.reach,
        "calendar": plan.calendar,
        "round_the_clock": calendar is not None and is_always_open(calendar),
        "target_seconds": {
            priority: {
                clock: int(target.total_seconds())
                for clock in Clock
                if (target := targets.of(clock)) is not None
            }
            for priority, targets in plan.targets.items()
        },
        "warnings": {
            clock: [_warning(point) for point in points]
            for clock, points in plan.warnings.items()
            if any(targets.of(clock) for targets in plan.targets.values())
        },
        "if_asked_now": {
            priority: format_instant(due) for priority, due in _dues(plan, calendar, now).items()
        },
    }


def _calendar_of(plan: Plan, catalogue: Catalogue) -> Calendar | None:
    return None if plan.calendar is None else catalogue.calendars[plan.calendar]


def _warning(point: float | timedelta) -> dict[str, float]:
    if isinstance(point, timedelta):
        return {"seconds_before_due": int(point.total_seconds())}
    return {"fraction_of_target": point}


def _dues(plan: Plan, calendar: Calendar | None, now: datetime) -> dict[Priority, datetime]:
    """When a first answer would be due, by priority, for those that are promised one."""
    if calendar is None:
        return {}
    targets = {at: plan.targets[at].of(Clock.FIRST_RESPONSE) for at in Priority}
    try:
        return {at: due_at(calendar, now, target) for at, target in targets.items() if target}
    except NeverOpensError:
        return {}  # nobody will be there in ten years


def as_entries(
    catalogue: Catalogue, now: datetime, *, own: str | None, zone: ZoneInfo | None
) -> list[Entry]:
    """The plans as a page shows them, times in this zone or in that of the plan's calendar."""
    return [
        _entry(row, plan, _calendar_of(plan, catalogue), now, zone)
        for row, plan in zip(rows(catalogue, own), catalogue.plans, strict=True)
    ]


def _entry(
    row: PlanRow, plan: Plan, calendar: Calendar | None, now: datetime, zone: ZoneInfo | None
) -> Entry:
    shown_in = zone or ZoneInfo(calendar.tz if calendar else "UTC")
    dues = {
        priority: Due(priority, due.isoformat(timespec="seconds"), spell_instant(due, shown_in))
        for priority, due in _dues(plan, calendar, now).items()
    }
    normal = dues.get(Priority.NORMAL)
    others = (dues[at] for at in reversed(Priority) if at in dues)
    return Entry(
        row=row,
        calendar=plan.calendar if row.hours else None,
        round_the_clock=row.hours is not None and calendar is not None and is_always_open(calendar),
        due=normal,
        other_dues=tuple(due for due in others if normal is None or due.at != normal.at),
    )


def special_days(
    catalogue: Catalogue, entries: Sequence[Entry], now: datetime
) -> Iterator[SpecialDays]:
    """By calendar in which a time is promised: what is special from today on."""
    for calendar_id, calendar in catalogue.calendars.items():
        using = tuple(entry.row.name for entry in entries if entry.calendar == calendar_id)
        today = now.astimezone(ZoneInfo(calendar.tz)).date()
        hours = {**dict.fromkeys(calendar.holidays, ()), **calendar.exceptions}
        days = sorted(day for day in hours if day >= today)[:MOST_DAYS]
        if using and days:
            yield SpecialDays(using, tuple(_special_day(day, hours[day]) for day in days))


def _special_day(day: date, windows: Windows) -> tuple[str, str, str]:
    spelled = format_date(day, "EEE d MMM y", locale=LANGUAGE)
    return day.isoformat(), spelled, spell_windows(windows)


def spell_instant(instant: datetime, zone: ZoneInfo) -> str:
    """An instant as a clock on the wall shows it: "Mon 9 Nov 2026, 13:00 CET (Europe/Berlin)"."""
    local = instant.astimezone(zone)
    clock = "HH:mm:ss" if local.second else "HH:mm"
    shown = format_datetime(local, f"EEE d MMM y, {clock}", tzinfo=zone, locale=LANGUAGE)
    short = local.tzname() or ""
    if not short.isalpha():
        short = f"UTC{local.isoformat()[-6:]}"  # zones without letters of their own
    return f"{shown} {short}" if short == zone.key else f"{shown} {short} ({zone.key})"
