"""How many due times one core computes a second, and how that stands beside plain loops."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from statistics import median

from benchmarks.figures import Figure, progress, rates, side_by_side
from benchmarks.plain_loops import by_days, by_minutes
from shared.calendars import Calendar, due_at, working_time_between
from shared.plans import load_catalogue

CATALOGUE = Path(__file__).parents[1] / "deploy" / "plans.toml"
MARK = 200_000
"""Due times a second, on one core, in the business hours of the default catalogue."""
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
TARGETS = (1 * HOUR, 4 * HOUR, 8 * HOUR, 16 * HOUR)
FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC)
NEW_YORK = Calendar.model_validate(
    {
        "tz": "America/New_York",
        "country": "US",
        "hours": {
            day: [("08:00", "12:00"), ("13:00", "17:30"), ("18:00", "20:00")]
            for day in ("mon", "tue", "wed", "thu", "fri")
        },
    }
)

DueTime = Callable[[Calendar, datetime, timedelta], datetime]


@dataclass(frozen=True, slots=True)
class Case:
    """A clock whose due time is asked for."""

    start: datetime
    target: timedelta
    pauses: tuple[tuple[datetime, datetime], ...] = ()


def measure(*, quick: bool) -> Iterator[Figure]:
    """Rates in different hours, with and without pauses; then the same cases in other ways."""
    count, rounds = (200, 2) if quick else (20_000, 9)
    calendars = load_catalogue(CATALOGUE).calendars
    business, always = calendars["business"], calendars["always"]
    draw = Random(2026)  # the same cases in every run
    cases = [_case(draw) for _ in range(count)]
    paused = [replace(case, pauses=_pauses(draw, case.start)) for case in cases]
    long = [replace(case, target=2000 * HOUR) for case in cases]
    long_paused = [replace(case, target=2000 * HOUR) for case in paused]
    yield _rate("business hours", business, cases, rounds, mark=MARK)
    yield _rate("business hours, 1 to 3 pauses", business, paused, rounds)
    yield _rate("3 windows a day, holidays, New York", NEW_YORK, cases, rounds)
    yield _rate("3 windows a day, holidays, 1 to 3 pauses", NEW_YORK, paused, rounds)
    yield _rate("round the clock", always, cases, rounds)
    yield _rate("2,000 business hours", business, long, rounds)
    yield _rate("2,000 business hours, 1 to 3 pauses", business, long_paused, rounds)
    yield _time_between(business, cases, rounds)
    yield _first_of_a_calendar(business, 2 if quick else 100)
    progress("the same cases in plain loops")
    some, few = cases[: count // 4], cases[: count // 100]
    yield _beside("business hours", business, some, "a walk by days", by_days, rounds)
    yield _beside("3 windows a day, holidays", NEW_YORK, some, "a walk by days", by_days, rounds)
    yield _beside(
        "2,000 business hours", business, long[: len(few)], "a walk by days", by_days, rounds
    )
    minutes = [replace(case, start=case.start.replace(second=0)) for case in few]
    yield _beside("business hours", business, minutes, "a loop by minutes", by_minutes, rounds)


def _case(draw: Random) -> Case:
    return Case(FIRST_DAY + draw.randrange(365 * 86_400) * SECOND, draw.choice(TARGETS))


def _pauses(draw: Random, start: datetime) -> tuple[tuple[datetime, datetime], ...]:
    """One to three pauses of up to three days, each begun within a day of the last."""
    pauses = []
    for _ in range(draw.randint(1, 3)):
        begins = start + draw.randrange(1, 86_400) * SECOND
        start = begins + draw.randrange(1, 3 * 86_400) * SECOND
        pauses.append((begins, start))
    return tuple(pauses)


def _rate(
    name: str, calendar: Calendar, cases: Sequence[Case], rounds: int, mark: float | None = None
) -> Figure:
    def compute() -> int:
        for case in cases:
            due_at(calendar, case.start, case.target, case.pauses)
        return len(cases)

    (found,) = rates([compute], rounds=rounds)
    return Figure(name, median(found), "/s", at_least=mark)


def _time_between(calendar: Calendar, cases: Sequence[Case], rounds: int) -> Figure:
    def compute() -> int:
        for case in cases:
            working_time_between(calendar, case.start, case.start + 60 * DAY)
        return len(cases)

    (found,) = rates([compute], rounds=rounds)
    return Figure("working time in 60 days", median(found), "/s")


def _first_of_a_calendar(calendar: Calendar, calendars: int) -> Figure:
    """What the first due time of a calendar that was never used takes: its year is laid out."""

    def compute() -> int:
        for number in range(calendars):
            closed = frozenset({(FIRST_DAY - number * DAY).date()})
            new = calendar.model_validate({**calendar.model_dump(), "holidays": closed})
            due_at(new, FIRST_DAY, HOUR)
        return calendars

    (found,) = rates([compute], rounds=1)
    return Figure("the first due time of a calendar", 1000 / found[0], "ms")


def _beside(
    name: str,
    calendar: Calendar,
    cases: Sequence[Case],
    beside: str,
    other: DueTime,
    rounds: int,
) -> Figure:
    def compute(way: DueTime) -> Callable[[], int]:
        def all_cases() -> int:
            for case in cases:
                way(calendar, case.start, case.target)
            return len(cases)

        return all_cases

    for case in cases:
        ours, theirs = (way(calendar, case.start, case.target) for way in (due_at, other))
        if ours != theirs:
            raise RuntimeError(f"{name}: {case} is due {ours}, by {beside} {theirs}")
    return side_by_side(name, "/s", compute(due_at), beside, compute(other), rounds)
