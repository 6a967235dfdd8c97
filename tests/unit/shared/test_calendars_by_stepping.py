"""Working time beside a slow, obvious second implementation that steps through time.

`make nightly` draws far more scenes of each kind than an ordinary run does.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import get_args
from zoneinfo import ZoneInfo

from holidays import country_holidays
from hypothesis import given
from hypothesis import strategies as st

from shared.calendars import (
    Calendar,
    Weekday,
    due_at,
    is_open,
    next_opening,
    working_time_between,
)

WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
CHANGES = [
    ("America/New_York", "2026-03-08T07:00"),
    ("America/New_York", "2026-11-01T06:00"),
    ("Australia/Lord_Howe", "2026-04-04T15:00"),  # half an hour back
    ("Australia/Lord_Howe", "2026-10-03T15:30"),  # and forth
    ("America/St_Johns", "2026-11-01T04:30"),
    ("Asia/Kathmandu", "1985-12-31T18:30"),  # since then, 5:45 ahead of UTC
    ("Asia/Beirut", "2026-03-28T22:00"),  # midnight is skipped
    ("America/Havana", "2026-11-01T05:00"),  # midnight comes twice
    ("Pacific/Apia", "2011-12-30T10:00"),  # a day is skipped
]
AT_ODD_MINUTES = [
    ("America/St_Johns", "2006-04-02T03:31"),
    ("America/St_Johns", "2006-10-29T02:31"),  # back over midnight
]
NEW_YEARS = [
    ("America/New_York", "2026-01-01T05:00"),
    ("America/New_York", "2026-01-01T00:00"),  # the year of UTC changes in the evening
    ("Europe/Berlin", "2027-12-31T23:00"),  # a Saturday
    ("Pacific/Chatham", "2025-12-31T10:15"),  # 13:45 ahead of UTC
    ("Pacific/Chatham", "2026-01-01T00:00"),
    ("Etc/GMT+12", "2026-01-01T12:00"),
]
COUNTRIES = {"America/New_York": "US", "Europe/Berlin": "DE", "Pacific/Chatham": "NZ"}
Pause = tuple[datetime, datetime | None]
Scene = tuple[Calendar, datetime, datetime, list[Pause]]
"""Opening hours, start, end, pauses."""


def running_ticks(
    hours: Calendar, start: datetime, end: datetime, step: timedelta, pauses: Sequence[Pause]
) -> Iterator[datetime]:
    """The steps in which a clock runs, by a wall clock that nobody believes when it is turned back.

    That is all there is to the rule of clock changes: a time that comes twice counts when it comes
    first, and a time that is skipped counts when the clock has jumped past it.
    """
    zone, shown = ZoneInfo(hours.tz), datetime(1, 1, 1)  # noqa: DTZ001  what a wall shows
    week = [hours.hours.get(day, ()) for day in WEEKDAYS]
    public = country_holidays(hours.country) if hours.country else hours.holidays
    now = start - 240 * MINUTE  # a change before the start may still be felt
    while now < end:
        shown = max(shown, now.astimezone(zone).replace(tzinfo=None))
        day, time = shown.date(), f"{shown:%H:%M}"
        ordinary = () if day in hours.holidays or day in public else week[day.weekday()]
        windows = hours.exceptions.get(day, ordinary)
        paused = any(begins <= now and (not ends or now < ends) for begins, ends in pauses)
        if now >= start and not paused and any(a <= time < b for a, b in windows):
            yield now
        now += step if now >= start else max(step, MINUTE)


@st.composite
def scenes(
    draw: st.DrawFn, changes: list[tuple[str, str]], step: timedelta, span: int, reach: int
) -> Scene:
    """Hours, start, end and pauses near a clock change; all of them fall on steps."""
    tz, instant = draw(st.sampled_from(changes))
    change, unit = datetime.fromisoformat(instant).replace(tzinfo=UTC), max(step, MINUTE)
    walls = [moment.astimezone(ZoneInfo(tz)) for moment in (change - unit, change)]
    near = st.builds(
        lambda wall, k: min(max((wall.hour * 60 + wall.minute) + k * (unit // MINUTE), 0), 1440),
        st.sampled_from(walls),
        st.integers(-reach, reach),
    )
    edges = st.lists(near, min_size=2, max_size=6, unique=True).map(sorted)
    texts = edges.map(lambda found: [f"{m // 60:02}:{m % 60:02}" for m in found])
    windows = texts.map(lambda found: list(zip(found[::2], found[1::2], strict=False)))
    day = st.builds(
        lambda wall, k: wall.date() + k * timedelta(days=1),
        st.sampled_from(walls),
        st.integers(-1, 3),
    )
    hours = Calendar.model_validate(
        {
            "tz": tz,
            "hours": dict.fromkeys(WEEKDAYS, draw(windows)) | {draw(st.sampled_from(WEEKDAYS)): []},
            "holidays": draw(st.lists(day, max_size=1)),
            "country": draw(st.sampled_from([None, COUNTRIES.get(tz)])),
            "exceptions": draw(st.dictionaries(day, windows, max_size=1)),
        }
    )
    start = change + draw(st.integers(-span, span // 4)) * step
    begins = st.integers(-span, span).map(lambda k: start + k * step)
    lasts = st.none() | st.integers(0, span // 2)
    pairs = draw(st.lists(st.tuples(begins, lasts), max_size=3))
    pauses = [(a, None if k is None else a + k * step) for a, k in pairs]
    return hours, start, start + draw(st.integers(0, span)) * step, pauses


def compare(
    hours: Calendar, start: datetime, end: datetime, pauses: list[Pause], step: timedelta
) -> None:
    """Every step's due time, and the time between, are what stepping through them finds."""
    ticks = list(running_ticks(hours, start, end, step, pauses))
    assert working_time_between(hours, start, end, pauses) == len(ticks) * step
    for used, tick in enumerate(ticks, start=1):
        assert due_at(hours, start, used * step, pauses) == tick + step
    for tick in ticks[:1]:
        assert due_at(hours, start, timedelta(0), pauses) == tick
    open_ticks = set(running_ticks(hours, start, end, step, ()))
    for tick in (start + k * step for k in range((end - start) // step)):
        assert is_open(hours, tick) == (tick in open_ticks)
    for tick in sorted(open_ticks)[:1]:
        assert next_opening(hours, start) == tick


@given(scenes(CHANGES, 15 * MINUTE, span=400, reach=60))
def test_days_around_a_clock_change(scene: Scene) -> None:
    """Over days, every quarter of an hour agrees with stepping through time."""
    compare(*scene, step=15 * MINUTE)


@given(scenes(CHANGES + AT_ODD_MINUTES, MINUTE, span=240, reach=90))
def test_hours_around_a_clock_change(scene: Scene) -> None:
    """Over hours, every minute agrees with stepping through time."""
    compare(*scene, step=MINUTE)


@given(scenes(CHANGES + AT_ODD_MINUTES, SECOND, span=300, reach=4))
def test_minutes_around_a_clock_change(scene: Scene) -> None:
    """Over minutes, every second agrees with stepping through time."""
    compare(*scene, step=SECOND)


@given(scenes(NEW_YEARS, 15 * MINUTE, span=400, reach=60))
def test_days_around_new_year(scene: Scene) -> None:
    """From one year into the next, in the calendar's zone and in UTC, nothing is lost."""
    compare(*scene, step=15 * MINUTE)
