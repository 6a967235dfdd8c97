"""Working time: when an organisation is open, and when a promise made in opening hours falls due.

Time is counted on the real time line: a window that spans a daylight-saving change has the length
that really passes. An opening or closing time that the clock skips is the instant of the change;
one that comes twice is its first occurrence. Weekdays and holidays are those of the calendar's own
zone. A target that is used up exactly at closing time is due at closing time (as in Chatwoot and
Frappe; Zendesk's library says the next opening). A pause takes out the working time inside it and
nothing else.

Every function takes aware instants, refuses naive ones with `ValueError`, and answers in UTC.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, lru_cache, partial
from itertools import islice, pairwise
from re import fullmatch
from typing import Annotated, Literal, get_args
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    ValidationInfo,
    field_validator,
)

from shared.openings import Openings, Span, instant, joined

Pauses = Sequence[tuple[datetime, datetime | None]]
"""When a clock stood still; `None` while it still does. In any order; they may overlap."""

SEARCH_LIMIT = timedelta(days=3653)
"""How far ahead an opening is looked for: ten years."""
_DAY = timedelta(days=1)
_NOTHING = timedelta(0)
_FOREVER = datetime.max.replace(tzinfo=UTC)
_Years = Callable[[int], Openings]


class NeverOpensError(ValueError):
    """The calendar has no opening within ten years, so nothing can fall due in it."""


class StillPausedError(ValueError):
    """The clock is in a pause without an end and has time left: it has no due time for now."""


def _clock_time(value: str) -> str:
    if not fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]|24:00", value):
        raise ValueError(f"{value!r} is no time of day; write it like 09:00, up to 24:00")
    return value


def _ordered(windows: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """Sort the windows of a day; "HH:MM" sorts as text just as it does as time."""
    windows = tuple(sorted(windows))
    for opens, closes in windows:
        if opens >= closes:
            raise ValueError(f"{opens} to {closes} ends before it begins; split hours at 24:00")
    for (opens, closes), (later, end) in pairwise(windows):
        if later < closes:
            raise ValueError(f"{opens} to {closes} and {later} to {end} overlap")
    return windows


ClockTime = Annotated[str, AfterValidator(_clock_time)]
Windows = Annotated[
    tuple[tuple[ClockTime, ClockTime], ...],
    BeforeValidator(lambda value: () if value == "closed" else value),
    AfterValidator(_ordered),
]
"""Opening and closing times of one day, local, "HH:MM"; none (or "closed") is a closed day."""
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)  # in the order of `date.weekday`


class Calendar(BaseModel):
    """When an organisation works; an exception goes before a holiday, a holiday before the week."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tz: str
    """IANA name, for example `Europe/Berlin`."""
    hours: Mapping[Weekday, Windows]
    """The ordinary week; a day that is left out is closed."""
    holidays: frozenset[date] = frozenset()
    """Days that are closed, whatever the weekday."""
    country: str | None = None
    """ISO 3166 code: its public holidays, as the `holidays` library knows them, are closed too."""
    subdivision: str | None = None
    """ISO 3166-2 code without the country, for example `BY` or `NY`."""
    exceptions: Mapping[date, Windows] = {}
    """Days with other hours, or closed."""

    @field_validator("tz")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (OSError, LookupError, ValueError) as error:
            raise ValueError(f"{value!r} is no time zone that is known here") from error
        return value

    @field_validator("country")
    @classmethod
    def _known_country(cls, value: str | None) -> str | None:
        if value is not None:
            _public_holidays(value, None, year=2000)  # any year: only the name is looked at
        return value

    @field_validator("subdivision")
    @classmethod
    def _known_subdivision(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and "country" in info.data:
            if info.data["country"] is None:
                raise ValueError("a subdivision needs its country")
            _public_holidays(info.data["country"], value, year=2000)
        return value

    @cached_property
    def _digest(self) -> int:
        days = frozenset(self.hours.items()), frozenset(self.exceptions.items())
        return hash((self.tz, days, self.holidays, self.country, self.subdivision))

    def __hash__(self) -> int:
        """Computed once: a calendar is looked up in a cache whenever anything is counted."""
        return self._digest


def due_at(calendar: Calendar, start: datetime, target: timedelta, pauses: Pauses = ()) -> datetime:
    """When `target` of working time has passed since `start`, pauses taken out.

    A target of zero is due as soon as the clock runs: at `start`, or at the next opening.

    Raises:
        NeverOpensError: the calendar has no opening for ten years and time is left.
        StillPausedError: the last pause has no end and time is left.
        ValueError: an instant is naive, or the target is negative.
    """
    if target < _NOTHING:
        raise ValueError(f"a target can't be negative: {target}")
    start, years = _utc(start), _years(calendar)
    since = start.year  # what is worked is counted from the beginning of this year
    # The least there is, in place of nothing, finds when the clock first runs.
    more = _NOTHING if target else timedelta.resolution
    goal = years(since).worked(start) + target + more
    for begins, ends in _in_order(pauses):
        stops = _worked(years, since, max(start, begins))
        if goal <= stops:
            break
        if ends == _FOREVER:
            # Raises if it never opens again: that goes first.
            _when(calendar, years, start, stops + timedelta.resolution)
            raise StillPausedError(f"paused without an end, {goal - stops - more} left")
        goal += _worked(years, since, max(start, ends)) - stops
    return _when(calendar, years, start, goal) - more


def working_time_between(
    calendar: Calendar, a: datetime, b: datetime, pauses: Pauses = ()
) -> timedelta:
    """How much working time passes from `a` to `b`, pauses taken out; zero if `b` isn't later."""
    a, b, years = _utc(a), _utc(b), _years(calendar)
    worked = _between(years, a, b)
    for begins, ends in _in_order(pauses):
        worked -= _between(years, max(a, begins), min(b, ends))
    return worked


def openings_after(calendar: Calendar, at: datetime, most: int) -> list[Span]:
    """The next openings, at most so many, in order; one that is going on begins with `at`."""
    at, years = _utc(at), _years(calendar)
    found: list[Span] = []
    limit = min(at.year + SEARCH_LIMIT.days // 365, _FOREVER.year - 1)
    for year in range(at.year, limit + 1):
        # One more than wanted, since what goes on over the turn of a year comes in two.
        found = joined([*found, *islice(years(year).after(max(at, _begin(year))), most + 1)])
        if len(found) > most:
            break
    return found[:most]


def next_opening(calendar: Calendar, at: datetime) -> datetime:
    """The first instant, from `at` on, when the calendar is open: `at` itself if it is open then.

    Raises:
        NeverOpensError: there is none for ten years.
    """
    return due_at(calendar, at, _NOTHING)


def is_open(calendar: Calendar, at: datetime) -> bool:
    """Whether `at` is in opening hours: opening time is, closing time isn't."""
    return working_time_between(calendar, at, at + timedelta.resolution) > _NOTHING


def _worked(years: _Years, since: int, at: datetime) -> timedelta:
    """The working time from the beginning of a year to an instant in it or later."""
    worked = years(at.year).worked(at)
    if since < at.year:
        worked += sum((years(year).total for year in range(since, at.year)), _NOTHING)
    return worked


def _when(calendar: Calendar, years: _Years, start: datetime, worked: timedelta) -> datetime:
    """The first instant after `start` by which so much was worked since its year's beginning."""
    seen, year = start, start.year
    openings = years(year)
    while worked > openings.total:
        if openings.total:
            seen = max(seen, openings.last)
        worked -= openings.total
        year += 1
        openings = years(year)
        if openings.first - seen > SEARCH_LIMIT:
            day = seen.astimezone(ZoneInfo(calendar.tz)).date()
            raise NeverOpensError(
                f"this calendar ({calendar.tz}) has no opening in ten years from {day}"
            )
    return openings.when(worked)


def _between(years: _Years, a: datetime, b: datetime) -> timedelta:
    """The working time from `a` to `b`; none if `b` isn't later."""
    if b <= a:
        return _NOTHING
    return _worked(years, a.year, b) - _worked(years, a.year, a)


def _in_order(pauses: Pauses) -> Sequence[Span]:
    """Pauses as spans, ordered and apart; one that ends before it begins has nothing inside it."""
    if not pauses:
        return ()
    return joined(
        sorted((_utc(begins), _utc(ends) if ends else _FOREVER) for begins, ends in pauses)
    )


@lru_cache(maxsize=64)
def _years(calendar: Calendar) -> _Years:
    """Openings by year of UTC: laid out once, since due times cluster around the present.

    Kept for as many calendars as there may be in the versions of a catalogue that are in use, and
    for more years than the search for an opening looks at.
    """
    return lru_cache(maxsize=16)(partial(_openings, calendar))


def _begin(year: int) -> datetime:
    return datetime(year, 1, 1, tzinfo=UTC)


def _openings(calendar: Calendar, year: int) -> Openings:
    begins, ends = _begin(year), _begin(year + 1)
    # No zone's clock is further from UTC than a day.
    days = (begins.date() + number * _DAY for number in range(-1, 367))
    return Openings((span for day in days for span in _open_on(calendar, day)), begins, ends)


def _open_on(calendar: Calendar, day: date) -> Iterator[Span]:
    """The windows of a local day on the real time line; those that the clock skips are empty."""
    zone = ZoneInfo(calendar.tz)
    week = {} if _is_holiday(calendar, day) else calendar.hours
    for opens, closes in calendar.exceptions.get(day, week.get(_WEEKDAYS[day.weekday()], ())):
        yield instant(zone, day, opens), instant(zone, day, closes)


@lru_cache(maxsize=256)
def is_always_open(calendar: Calendar) -> bool:
    """Open round the clock, every day: no need to look at days at all."""
    all_day = all(calendar.hours.get(day) == (("00:00", "24:00"),) for day in _WEEKDAYS)
    return all_day and not (calendar.holidays or calendar.country or calendar.exceptions)


def _is_holiday(calendar: Calendar, day: date) -> bool:
    if calendar.country is None or day in calendar.holidays:
        return day in calendar.holidays
    return day in _public_holidays(calendar.country, calendar.subdivision, day.year)


@lru_cache(maxsize=1024)
def _public_holidays(country: str, subdivision: str | None, year: int) -> frozenset[date]:
    """A year's public holidays, with the days off that stand in for those on a weekend."""
    # Services without a catalogue import this module for `Priority` only and lack the library.
    from holidays import country_holidays  # noqa: PLC0415  see above

    try:
        return frozenset(country_holidays(country, subdiv=subdivision, years=year))
    except NotImplementedError as error:
        where = country if subdivision is None else f"{country}-{subdivision}"
        raise ValueError(f"no public holidays are known for {where!r}") from error


def _utc(at: datetime) -> datetime:
    if at.tzinfo is UTC:
        return at
    if at.utcoffset() is None:
        raise ValueError(f"{at} has no time zone; instants are aware, in UTC")
    return at.astimezone(UTC)
