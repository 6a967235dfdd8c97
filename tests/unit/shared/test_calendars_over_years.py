"""Working time over long stretches: from year to year, and for calendars by the hundred."""

import gc
import weakref
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.calendars import (
    Calendar,
    NeverOpensError,
    Weekday,
    due_at,
    is_open,
    next_opening,
    working_time_between,
)

WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)
HOUR, DAY, INSTANT = timedelta(hours=1), timedelta(days=1), timedelta.resolution
ZONES = ["UTC", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia"]
Pause = tuple[datetime, datetime]


def at(text: str) -> datetime:
    """An instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def calendar(tz: str, opens: str, closes: str, **more: object) -> Calendar:
    """The same window from Monday to Friday."""
    hours = {day: [(opens, closes)] for day in WEEKDAYS[:5]}
    return Calendar.model_validate({"tz": tz, "hours": hours, **more})


OFFICE = calendar("UTC", "09:00", "17:00")
EVENING = calendar("America/New_York", "18:00", "20:00")


@pytest.mark.parametrize(
    ("start", "hours", "due"),
    [
        # 250 working days are 50 weeks, from Thursday to Wednesday.
        ("2026-01-01T00:00", 2000, "2026-12-16T17:00"),
        ("2026-10-01T12:00", 2000, "2027-09-16T12:00"),
        # 1,305 working days are 261 weeks: five years, the last of 366 days.
        ("2024-01-01T00:00", 8 * 1305, "2028-12-29T17:00"),
        # The last working hour of a year, and the first of the next.
        ("2026-12-31T16:00", 1, "2026-12-31T17:00"),
        ("2026-12-31T16:00", 1.5, "2027-01-01T09:30"),
        ("2026-12-31T17:00", 0, "2027-01-01T09:00"),
    ],
)
def test_a_target_may_last_for_years(start: str, hours: float, due: str) -> None:
    """However long a target is, it is counted to the second."""
    assert due_at(OFFICE, at(start), hours * HOUR) == at(due)
    assert working_time_between(OFFICE, at(start), at(due)) == hours * HOUR


def test_the_year_of_utc_may_change_in_opening_hours() -> None:
    """A window from 23:00 to 01:00 in UTC is one window, on New Year's Eve too."""
    opens, midnight, closes = (
        at(f"{day}:00") for day in ("2025-12-31T23", "2026-01-01T00", "2026-01-01T01")
    )
    assert due_at(EVENING, opens, 2 * HOUR) == closes
    assert due_at(EVENING, opens, HOUR) == midnight
    assert next_opening(EVENING, midnight) == midnight
    assert is_open(EVENING, midnight)
    assert is_open(EVENING, midnight - INSTANT)
    assert working_time_between(EVENING, opens - DAY, closes + DAY) == 6 * HOUR
    pause = [(midnight - HOUR / 2, midnight + HOUR / 2)]
    assert due_at(EVENING, opens, HOUR, pause) == closes
    assert working_time_between(EVENING, opens, closes, pause) == HOUR


def test_an_opening_is_looked_for_in_years_without_any() -> None:
    """Years in which nothing opens are passed over, up to ten."""
    once = {"2036-02-28": [["09:00", "10:00"]]}
    rare = Calendar.model_validate({"tz": "UTC", "hours": {}, "exceptions": once})
    assert next_opening(rare, at("2026-03-01T00:00")) == at("2036-02-28T09:00")
    assert due_at(rare, at("2036-02-28T09:30"), HOUR / 2) == at("2036-02-28T10:00")
    with pytest.raises(NeverOpensError, match="no opening in ten years from 2026-02-01"):
        next_opening(rare, at("2026-02-01T00:00"))
    with pytest.raises(NeverOpensError, match="no opening in ten years from 2036-02-28"):
        due_at(rare, at("2030-01-01T00:00"), 2 * HOUR)


def test_a_calendar_that_is_no_longer_used_is_let_go() -> None:
    """What is remembered of calendars is bounded: a catalogue may be read anew for ever."""
    old = calendar("UTC", "09:00", "16:00")
    assert is_open(old, at("2026-11-23T12:00"))
    left = weakref.ref(old)
    del old
    for minute in range(100):
        other = calendar("UTC", f"{10 + minute // 60}:{minute % 60:02}", "16:00")
        assert not is_open(other, at("2026-11-23T16:00"))
    gc.collect()
    assert left() is None


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    """Hours that differ from day to day, some days without any, some dates with others."""
    edges = st.lists(st.integers(0, 1440), min_size=2, max_size=6, unique=True).map(sorted)
    texts = edges.map(lambda found: [f"{m // 60:02}:{m % 60:02}" for m in found])
    windows = texts.map(lambda found: list(zip(found[::2], found[1::2], strict=False)))
    dates = st.dates(date(2025, 12, 20), date(2028, 1, 10))
    return Calendar.model_validate(
        {
            "tz": draw(st.sampled_from(ZONES)),
            "hours": draw(st.dictionaries(st.sampled_from(WEEKDAYS), windows, min_size=1)),
            "country": draw(st.sampled_from([None, "US", "NZ"])),
            "exceptions": draw(st.dictionaries(dates, windows | st.just([]), max_size=3)),
        }
    )


INSTANTS = st.timedeltas(0 * DAY, 740 * DAY).map(lambda passed: at("2025-12-25T00:00") + passed)
PAUSES = st.lists(
    st.builds(lambda a, lasts: (a, a + lasts), INSTANTS, st.timedeltas(-DAY, 400 * DAY)), max_size=3
)


@given(calendars(), INSTANTS, st.integers(1, 1_000_000), PAUSES)
def test_the_due_time_is_the_first_by_which_the_target_has_passed(
    hours: Calendar, start: datetime, share: int, pauses: list[Pause]
) -> None:
    """Over years and pauses, all of the target lies before the due time, and not before earlier."""
    two_years = working_time_between(hours, start, start + 730 * DAY)
    target = max(two_years * share // 1_000_000, INSTANT)
    due = due_at(hours, start, target, pauses)
    assert working_time_between(hours, start, due, pauses) == target
    assert working_time_between(hours, start, due - INSTANT, pauses) == target - INSTANT


@given(calendars(), INSTANTS, INSTANTS, st.timedeltas(10 * DAY, 100 * DAY), PAUSES)
def test_a_long_time_is_the_sum_of_its_parts(
    hours: Calendar, a: datetime, b: datetime, part: timedelta, pauses: list[Pause]
) -> None:
    """Wherever time is cut, what is worked before and after the cut is what is worked in all."""
    cuts = [a, *(a + k * part for k in range(1, 1 + (b - a) // part)), max(a, b)]
    parts = (working_time_between(hours, *ends, pauses) for ends in pairwise(cuts))
    assert sum(parts, timedelta(0)) == working_time_between(hours, a, b, pauses)
