"""Working time, to the second: worked cases, clock changes, pauses, holidays."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from shared.calendars import (
    Calendar,
    NeverOpensError,
    StillPausedError,
    due_at,
    is_open,
    next_opening,
    working_time_between,
)

CASES = json.loads((Path(__file__).parent / "data" / "due_cases.json").read_text())
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def calendar(
    tz: str, *windows: tuple[str, str], days: Sequence[str] = WEEKDAYS, **more: object
) -> Calendar:
    """The same windows on each of the days."""
    return Calendar.model_validate({"tz": tz, "hours": dict.fromkeys(days, windows), **more})


def at(text: str) -> datetime:
    """An instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


OFFICE = calendar("UTC", ("09:00", "17:00"), days=WEEKDAYS[:5])
ALWAYS = calendar("UTC", ("00:00", "24:00"))


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_worked_case(case: dict[str, Any]) -> None:
    """What five products assert about their due times holds here too."""
    pauses = [(datetime.fromisoformat(a), datetime.fromisoformat(b)) for a, b in case["pauses"]]
    due = due_at(
        Calendar.model_validate(case["calendar"]),
        datetime.fromisoformat(case["start"]),
        timedelta(seconds=case["target_seconds"]),
        pauses,
    )
    assert due == datetime.fromisoformat(case["due"])


def test_no_case_is_left_out() -> None:
    """The worked cases are all there: a file that lost some would pass unnoticed."""
    assert len({case["id"] for case in CASES}) == 40


@pytest.mark.parametrize(
    ("tz", "window", "start", "hours", "due"),
    [
        # Berlin loses 02:00 to 03:00 on 29 March 2026 (01:00 UTC), and has it twice on 25 October.
        ("Europe/Berlin", ("00:00", "08:00"), "2026-03-28T23:00", 4, "2026-03-29T03:00"),
        ("Europe/Berlin", ("00:00", "08:00"), "2026-03-28T23:00", 7, "2026-03-29T06:00"),
        ("Europe/Berlin", ("00:00", "08:00"), "2026-10-24T22:00", 9, "2026-10-25T07:00"),
        # Opening at 02:30, which is skipped: open from the change on.
        ("Europe/Berlin", ("02:30", "04:00"), "2026-03-29T00:00", 0, "2026-03-29T01:00"),
        # Closing at 02:30, which is skipped: closed from the change on.
        ("Europe/Berlin", ("01:00", "02:30"), "2026-03-29T00:00", 1, "2026-03-29T01:00"),
        ("Europe/Berlin", ("01:00", "02:30"), "2026-03-29T01:00", 0, "2026-03-29T23:00"),
        # Opening and closing in the hour that comes twice: its first time.
        ("Europe/Berlin", ("02:15", "02:45"), "2026-10-24T22:00", 0, "2026-10-25T00:15"),
        ("Europe/Berlin", ("02:15", "02:45"), "2026-10-25T00:45", 0, "2026-10-26T01:15"),
        ("Europe/Berlin", ("02:30", "03:00"), "2026-10-25T00:30", 1.5, "2026-10-25T02:00"),
        # Midnight itself is skipped in Beirut on 29 March 2026, and comes twice in Havana on 1
        # November 2026.
        ("Asia/Beirut", ("00:00", "02:00"), "2026-03-28T21:00", 1, "2026-03-28T23:00"),
        ("America/Havana", ("00:00", "02:00"), "2026-11-01T03:00", 3, "2026-11-01T07:00"),
        # Lord Howe moves by half an hour; Samoa left out the whole of 30 December 2011.
        ("Australia/Lord_Howe", ("00:00", "03:00"), "2026-04-04T13:00", 3.5, "2026-04-04T16:30"),
        ("Pacific/Apia", ("09:00", "17:00"), "2011-12-29T19:00", 16, "2011-12-31T03:00"),
        # St. John's turned the clock back over midnight in 2006: the 29th had begun already.
        ("America/St_Johns", ("00:00", "01:00"), "2006-10-29T02:30", 2, "2006-10-29T04:30"),
    ],
)
def test_clock_changes(
    tz: str, window: tuple[str, str], start: str, hours: float, due: str
) -> None:
    """A window has the length that really passes; times that are skipped or doubled are settled."""
    assert due_at(calendar(tz, window), at(start), timedelta(hours=hours)) == at(due)


def test_open_while_the_clock_shows_yesterday_again() -> None:
    """Once the day has begun it has begun, even if the clock is turned back over midnight."""
    night = calendar("America/St_Johns", ("00:00", "01:00"), days=["sun"])
    in_the_second_saturday_night = at("2006-10-29T03:00")
    assert is_open(night, in_the_second_saturday_night)
    assert next_opening(night, in_the_second_saturday_night) == in_the_second_saturday_night
    assert working_time_between(night, at("2006-10-29T02:00"), at("2006-10-29T03:00")) == HOUR / 2


@pytest.mark.parametrize(
    ("pauses", "due"),
    [
        ([(20, 32)], 34),  # outside hours: nothing
        ([(8, 10.5)], 35.5),  # from before the start
        ([(12, 13), (10, 11)], 36),  # in any order
        ([(12, 14), (12.5, 13)], 36),  # one inside another
        ([(12, 14), (13, 15)], 37),  # overlapping
        ([(14, 12)], 34),  # ends before it begins
        ([(16, 64)], 82),  # over two days
        ([(34, None)], 34),  # begins as the target is used up
        ([(11, 11 + 1 / 3600)], 34 + 1 / 3600),  # a second
    ],
)
def test_pauses(pauses: list[tuple[float, float | None]], due: float) -> None:
    """A pause takes out the working time inside it, to the second, and nothing else."""

    def clock(hours: float) -> datetime:
        return at("2026-03-02T00:00") + round(hours * 3600) * timedelta(seconds=1)

    spans = [(clock(begins), clock(ends) if ends else None) for begins, ends in pauses]
    assert due_at(OFFICE, clock(9), 9 * HOUR, spans) == clock(due)


def test_round_the_clock_moves_by_the_pause_alone() -> None:
    """Without openings, due is the start plus the target plus the pauses before it."""
    start = at("2026-03-28T22:00:01")
    pauses = [(start + HOUR, start + 3 * HOUR), (start + 40 * DAY, None)]
    assert due_at(ALWAYS, start, timedelta(0)) == start
    assert due_at(ALWAYS, start, 30 * DAY) == start + 30 * DAY
    assert due_at(ALWAYS, start, 30 * DAY, pauses) == start + 30 * DAY + 2 * HOUR
    assert working_time_between(ALWAYS, start, start + 50 * DAY, pauses) == 40 * DAY - 2 * HOUR
    assert is_open(ALWAYS, start)


@pytest.mark.parametrize("hours", [OFFICE, ALWAYS], ids=["office", "always"])
def test_a_pause_without_end_has_no_due_time(hours: Calendar) -> None:
    """While a clock is paused with time left, nobody can say when it is due."""
    start = at("2026-03-02T09:00")
    with pytest.raises(StillPausedError, match="1:00:00 left"):
        due_at(hours, start, 2 * HOUR, [(start + HOUR, None)])
    assert working_time_between(hours, start, start + DAY, [(start + HOUR, None)]) == HOUR


@pytest.mark.parametrize("last_hours", [{}, {"2026-03-02": [["09:00", "10:00"]]}])
def test_a_calendar_that_never_opens_again_is_an_error(last_hours: dict[str, Any]) -> None:
    """The search for an opening ends, and says so, instead of going on for ever."""
    closed = Calendar.model_validate({"tz": "UTC", "hours": {}, "exceptions": last_hours})
    start = at("2026-03-02T09:00")
    with pytest.raises(NeverOpensError, match="no opening in ten years from 2026-03-02"):
        due_at(closed, start, 2 * HOUR)
    with pytest.raises(NeverOpensError):
        next_opening(closed, start + DAY)
    assert not is_open(closed, start + DAY)
    assert working_time_between(closed, start, start + 30 * DAY) == HOUR * len(last_hours)


def test_a_target_may_take_longer_than_the_search() -> None:
    """Ten years is how far an opening is looked for, not how long a target may last."""
    weekly = calendar("UTC", ("09:00", "10:00"), days=["mon"])
    due = due_at(weekly, at("2026-03-02T09:00"), 600 * HOUR)
    assert due == at("2026-03-02T10:00") + 599 * 7 * DAY


def test_opening_is_open_and_closing_is_closed() -> None:
    """Opening time belongs to the hours, closing time doesn't."""
    opens, closes = at("2026-03-06T09:00"), at("2026-03-06T17:00")
    assert is_open(OFFICE, opens)
    assert not is_open(OFFICE, opens - timedelta.resolution)
    assert is_open(OFFICE, closes - timedelta.resolution)
    assert not is_open(OFFICE, closes)
    assert next_opening(OFFICE, opens) == opens
    assert next_opening(OFFICE, opens + HOUR) == opens + HOUR
    assert next_opening(OFFICE, closes) == at("2026-03-09T09:00")
    assert working_time_between(OFFICE, closes, opens) == timedelta(0)


def test_exceptions_go_before_holidays_and_holidays_before_the_week() -> None:
    """A dated exception opens a holiday or closes a working day; a holiday closes a weekday."""
    office = calendar(
        "America/New_York",
        ("09:00", "17:00"),
        country="US",
        subdivision="NY",
        holidays=["2026-11-27"],
        exceptions={"2026-11-26": [["10:00", "12:00"]], "2026-11-25": "closed"},
    )
    assert not is_open(office, at("2026-11-25T15:00"))
    assert is_open(office, at("2026-11-26T15:00"))  # Thanksgiving, but open for two hours
    assert not is_open(office, at("2026-11-26T17:00"))
    assert not is_open(office, at("2026-11-27T15:00"))
    assert not is_open(office, at("2026-12-25T15:00"))
    assert not is_open(office, at("2027-12-24T15:00"))  # in place of Saturday the 25th
    assert is_open(office, at("2026-12-26T15:00"))


def test_a_subdivision_has_holidays_of_its_own() -> None:
    """Epiphany is a working day in Berlin and a holiday in Munich."""
    epiphany = at("2026-01-06T10:00")
    berlin = calendar("Europe/Berlin", ("09:00", "17:00"), country="DE", subdivision="BE")
    munich = calendar("Europe/Berlin", ("09:00", "17:00"), country="DE", subdivision="BY")
    assert is_open(berlin, epiphany)
    assert not is_open(munich, epiphany)


def test_the_day_is_that_of_the_calendar() -> None:
    """In Auckland it is Monday while it is still Sunday in UTC, and a holiday ends earlier too."""
    office = calendar(
        "Pacific/Auckland", ("09:00", "17:00"), days=["mon", "tue"], holidays=["2026-06-02"]
    )
    assert is_open(office, at("2026-05-31T21:00"))
    assert next_opening(office, at("2026-06-01T05:00")) == at("2026-06-07T21:00")


def test_round_the_clock_with_holidays_is_closed_on_them() -> None:
    """24 hours a day is not every day: a holiday is taken out from midnight to midnight."""
    office = calendar("UTC", ("00:00", "24:00"), holidays=["2026-12-25"])
    assert due_at(office, at("2026-12-24T23:00"), 2 * HOUR) == at("2026-12-26T01:00")
    assert due_at(office, at("2026-12-23T23:00"), 25 * HOUR) == at("2026-12-25T00:00")


def test_other_zones_are_understood_and_answers_are_utc() -> None:
    """Any aware instant is accepted; what comes back is in UTC."""
    start = datetime(2026, 3, 2, 10, tzinfo=ZoneInfo("Asia/Kathmandu"))
    due = due_at(OFFICE, start, HOUR)
    assert (due, due.tzinfo) == (at("2026-03-02T10:00"), UTC)


def test_naive_instants_and_negative_targets_are_refused() -> None:
    """A time without a zone could mean any instant, so nothing is computed from it."""
    aware, naive = at("2026-03-02T09:00"), datetime(2026, 3, 2, 9)  # noqa: DTZ001  it is the point
    calls: list[Callable[[], object]] = [
        lambda: due_at(OFFICE, naive, HOUR),
        lambda: due_at(OFFICE, aware, HOUR, [(naive, None)]),
        lambda: working_time_between(OFFICE, aware, naive),
        lambda: next_opening(OFFICE, naive),
        lambda: is_open(ALWAYS, naive),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="has no time zone"):
            call()
    with pytest.raises(ValueError, match="negative"):
        due_at(OFFICE, aware, -HOUR)


def test_windows_are_put_in_order() -> None:
    """The order in which a day's windows are written makes no difference."""
    tidy = calendar("UTC", ("09:00", "12:00"), ("12:00", "17:00"), ("20:00", "24:00"))
    mixed = calendar("UTC", ("20:00", "24:00"), ("12:00", "17:00"), ("09:00", "12:00"))
    assert (mixed, hash(mixed)) == (tidy, hash(tidy))


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"tz": "Mars/Olympus"}, "no time zone"),
        ({"tz": "America"}, "no time zone"),
        ({"tz": "../UTC"}, "no time zone"),
        ({"hours": {"mon": [["09:00", "13:00"], ["12:59", "17:00"]]}}, "overlap"),
        ({"hours": {"mon": [["22:00", "06:00"]]}}, "ends before it begins; split hours at 24:00"),
        ({"hours": {"mon": [["09:00", "09:00"]]}}, "ends before it begins"),
        ({"hours": {"mon": [["9:00", "17:00"]]}}, "no time of day"),
        ({"hours": {"mon": [["09:00", "24:01"]]}}, "no time of day"),
        ({"hours": {"mon": [["09:00", "12:60"]]}}, "no time of day"),
        ({"hours": {"mon": "always"}}, "valid tuple"),
        ({"hours": {"monday": []}}, "'mon', 'tue'"),
        ({"exceptions": {"2026-02-30": "closed"}}, "valid date"),
        ({"country": "XX"}, "no public holidays are known for 'XX'"),
        ({"country": "DE", "subdivision": "ZZ"}, "no public holidays are known for 'DE-ZZ'"),
        ({"subdivision": "NY"}, "needs its country"),
        ({"closed_on": []}, "Extra inputs"),
    ],
)
def test_a_wrong_calendar_is_refused(wrong: dict[str, Any], reason: str) -> None:
    """What can't be a calendar is refused with the reason."""
    with pytest.raises(ValidationError, match=reason):
        Calendar.model_validate({"tz": "UTC", "hours": {}} | wrong)
