"""What is left of a clock: in working time, as the server says it and as pages count it further."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.messaging.clocks import ClockState, ClockView
from services.messaging.countdowns import MOST_WINDOWS, Course, count, next_due, spell, worked
from services.messaging.plans import Plans
from shared.calendars import Calendar, working_time_between
from shared.plans import Clock

BUSINESS = Calendar.model_validate(
    {
        "tz": "Europe/Berlin",
        "hours": {day: [["09:00", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")},
    }
)
BEGINNING = datetime(2026, 10, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
INSTANTS = st.integers(0, 200 * 86400).map(lambda passed: BEGINNING + passed * SECOND)


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    """Some windows on some days, in a zone with daylight saving and in one without."""
    edges = st.lists(st.integers(0, 1440), min_size=2, max_size=6, unique=True).map(sorted)
    texts = edges.map(lambda found: [f"{m // 60:02}:{m % 60:02}" for m in found])
    windows = texts.map(lambda found: list(zip(found[::2], found[1::2], strict=False)))
    days = st.sampled_from(["mon", "tue", "wed", "thu", "fri", "sat", "sun"])
    return Calendar.model_validate(
        {
            "tz": draw(st.sampled_from(["Europe/Berlin", "America/New_York", "UTC"])),
            "hours": draw(st.dictionaries(days, windows, min_size=1)),
        }
    )


def _clock(state: ClockState = ClockState.RUNNING, due: datetime | None = None) -> ClockView:
    return ClockView(
        clock=Clock.FIRST_RESPONSE,
        cycle=1,
        revision=1,
        state=state,
        due_at=due,
        changed_at=BEGINNING,
        plan="advanced",
        catalogue_version="1",
        calendar="business",
        started_at=BEGINNING,
        target_seconds=14400,
        left_seconds=5400.0,
    )


@given(calendars(), INSTANTS, INSTANTS, st.integers(0, 20 * 86400))
def test_pages_count_what_the_calendar_counts(
    calendar: Calendar, now: datetime, due: datetime, passed: int
) -> None:
    """At any later moment that the windows reach, what is left is the working time until due."""
    found = count(_clock(due=due), lambda *_: calendar, now)
    later = now + passed * SECOND
    assert found.left == (
        working_time_between(calendar, now, due)
        if due >= now
        else -working_time_between(calendar, due, now)
    )
    assert len(found.windows) == MOST_WINDOWS
    if later.timestamp() <= found.windows[-1][1]:
        gone = worked(found.windows, now, later)
        assert gone == working_time_between(calendar, now, later)


@given(calendars(), INSTANTS)
def test_windows_come_in_order_and_none_is_over(calendar: Calendar, now: datetime) -> None:
    """Each ends before the next begins, and the first of them has something left."""
    windows = count(_clock(due=now), lambda *_: calendar, now).windows
    edges = [edge for window in windows for edge in window]
    assert edges == sorted(set(edges))
    assert windows[0][1] > now.timestamp()


def test_outside_hours_it_stands_still_and_says_until_when() -> None:
    """On a Saturday, two hours before the end of Monday's first two."""
    saturday = datetime(2026, 11, 28, 12, tzinfo=UTC)
    monday = datetime(2026, 11, 30, 8, tzinfo=UTC)
    found = count(_clock(due=monday + 2 * timedelta(hours=1)), lambda *_: BUSINESS, saturday)
    assert (found.course, found.left, found.is_open) == (Course.RUNNING, timedelta(hours=2), False)
    assert found.opens_at == monday


@pytest.mark.parametrize(
    ("state", "due", "course", "left"),
    [
        (ClockState.RUNNING, 3600, Course.RUNNING, 3600),
        (ClockState.AT_RISK, 3600, Course.AT_RISK, 3600),
        (ClockState.BREACHED, -3600, Course.OVERDUE, -3600),
        (ClockState.RUNNING, -1, Course.OVERDUE, -1),
        (ClockState.PAUSED, None, Course.PAUSED, 5400),
        (ClockState.MET, 3600, Course.OVER, 0),
        (ClockState.CANCELLED, None, Course.OVER, 0),
    ],
)
def test_each_state_has_its_course(
    state: ClockState, due: int | None, course: Course, left: int
) -> None:
    """In a calendar that nobody knows real time counts."""
    at = None if due is None else BEGINNING + due * SECOND
    found = count(_clock(state, at), lambda *_: None, BEGINNING)
    assert (found.course, found.seconds) == (course, left)


def test_what_is_due_next_comes_before_what_stands_still() -> None:
    """And what is over is not due at all."""
    soon, late = (_clock(due=BEGINNING + hours * timedelta(hours=1)) for hours in (1, 2))
    paused, met = _clock(ClockState.PAUSED), _clock(ClockState.MET, BEGINNING)
    assert next_due([met, paused, late, soon]) is soon
    assert next_due([met, paused]) is paused
    assert next_due([met]) is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (45, "45 s"),
        (-45, "45 s"),
        (60, "1 min"),
        (3600, "1 h"),
        (12_000, "3 h 20 min"),
        (3_600_000, "1,000 h"),
    ],
)
def test_time_is_spelled_without_days(seconds: int, words: str) -> None:
    """A day of working time may be eight hours, or 24."""
    assert spell(timedelta(seconds=seconds)) == words


async def test_clocks_are_counted_by_the_catalogue_they_were_promised_by(tmp_path: Path) -> None:
    """While this process knows it; else by the calendar of that name that is in force."""
    path = tmp_path / "plans.toml"
    text = (Path(__file__).parents[3] / "deploy" / "plans.toml").read_text()
    path.write_text(text)
    plans = Plans(path)
    plans.load()
    path.write_text(
        text.replace('version = "2026-11"', 'version = "2026-12"')
        .replace("[calendars.business]\n", "[calendars.business]\n# moved\n")
        .replace("17:00", "18:00")
    )
    await plans.look()
    await plans.look()
    earlier, later = (plans.calendar(version, "business") for version in ("2026-11", "2026-12"))
    assert plans.catalogue.version == "2026-12"
    assert earlier is not None
    assert later is not None
    assert (earlier.hours["mon"], later.hours["mon"]) == (
        (("09:00", "17:00"),),
        (("09:00", "18:00"),),
    )
    assert plans.calendar("long gone", "business") == later
    assert plans.calendar("2026-12", "elsewhere") is None
    assert (plans.name("advanced"), plans.name("gone")) == ("Platform Care Advanced", "gone")
