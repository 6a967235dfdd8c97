"""Working time: when an organisation is open, and when a promise made in opening hours falls due.

Time is counted on the real time line: a window that spans a daylight-saving change has the length
that really passes. An opening or closing time that the clock skips is the instant of the change;
one that comes twice is its first occurrence. Weekdays and holidays are those of the calendar's own
zone. A target that is used up exactly at closing time is due at closing time (as in Chatwoot and
Frappe; Zendesk's library says the next opening). A pause takes out the working time inside it and
nothing else.

Every function takes aware instants, refuses naive ones with `ValueError`, and answers in UTC.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property, lru_cache
from itertools import pairwise
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

Span = tuple[datetime, datetime]
"""A stretch of the real time line in UTC, the end not included."""
Pauses = Sequence[tuple[datetime, datetime | None]]
"""When a clock stood still; `None` while it still does. In any order; they may overlap."""

SEARCH_LIMIT = timedelta(days=3653)
"""How far ahead an opening is looked for: ten years."""
_DAY = timedelta(days=1)
_FOREVER = datetime.max.replace(tzinfo=UTC)


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
        """Computed once: a calendar is looked up in caches for every day that is counted."""
        return self._digest


def due_at(calendar: Calendar, start: datetime, target: timedelta, pauses: Pauses = ()) -> datetime:
    """When `target` of working time has passed since `start`, pauses taken out.

    A target of zero is due as soon as the clock runs: at `start`, or at the next opening.

    Raises:
        NeverOpensError: the calendar has no opening for ten years and time is left.
        StillPausedError: the last pause has no end and time is left.
        ValueError: an instant is naive, or the target is negative.
    """
    if target < timedelta(0):
        raise ValueError(f"a target can't be negative: {target}")
    left = target
    for opens, closes in _running(calendar, _utc(start), pauses):
        if left <= closes - opens:
            return opens + left
        left -= closes - opens
    raise StillPausedError(f"paused without an end, {left} left")


def working_time_between(
    calendar: Calendar, a: datetime, b: datetime, pauses: Pauses = ()
) -> timedelta:
    """How much working time passes from `a` to `b`, pauses taken out; zero if `b` isn't later."""
    quiet = _in_order(pauses)
    open_spans = _open_between(calendar, _utc(a), _utc(b))
    worked = (ends - begins for span in open_spans for begins, ends in _without(span, quiet))
    return sum(worked, timedelta(0))


def next_opening(calendar: Calendar, at: datetime) -> datetime:
    """The first instant, from `at` on, when the calendar is open: `at` itself if it is open then.

    Raises:
        NeverOpensError: there is none for ten years.
    """
    return next(_open_from(calendar, _utc(at)))[0]


def is_open(calendar: Calendar, at: datetime) -> bool:
    """Whether `at` is in opening hours: opening time is, closing time isn't."""
    return any(_open_between(calendar, _utc(at), _utc(at) + timedelta.resolution))


def _running(calendar: Calendar, start: datetime, pauses: Pauses) -> Iterator[Span]:
    """The stretches in which a clock counts, up to a pause that has no end."""
    quiet = _in_order(pauses)
    stops = min((begins for begins, ends in quiet if ends == _FOREVER), default=_FOREVER)
    for span in _open_from(calendar, start):
        if span[0] >= stops:
            return
        yield from _without(span, quiet)


def _without(span: Span, quiet: Sequence[Span]) -> Iterator[Span]:
    """What the pauses, ordered by their beginning, leave of an open stretch."""
    opens, closes = span
    for begins, ends in quiet:
        if begins >= closes:
            break
        if begins > opens:
            yield opens, begins
        opens = max(opens, ends)
    if opens < closes:
        yield opens, closes


def _in_order(pauses: Pauses) -> Sequence[Span]:
    """Pauses as spans, ordered; one that ends before it begins has nothing inside it."""
    if not pauses:
        return ()
    spans = ((_utc(begins), _utc(ends) if ends else _FOREVER) for begins, ends in pauses)
    return sorted(span for span in spans if span[0] < span[1])


def _open_from(calendar: Calendar, start: datetime) -> Iterator[Span]:
    """The open stretches from `start` on, without end."""
    if is_always_open(calendar):
        yield start, _FOREVER
        return
    day = seen = _local_day(calendar, start)
    while day - seen <= SEARCH_LIMIT:
        for opens, closes in _open_on(calendar, day):
            if closes > start:
                seen = day
                yield max(opens, start), closes
        day += _DAY
    raise NeverOpensError(f"this calendar ({calendar.tz}) has no opening in ten years from {seen}")


def _open_between(calendar: Calendar, a: datetime, b: datetime) -> Iterator[Span]:
    """The open stretches between two instants."""
    if is_always_open(calendar):
        if a < b:
            yield a, b
        return
    # The day after too: where the clock is turned back over midnight, `b` can bear the date of
    # yesterday while the windows of today have begun.
    day, last = _local_day(calendar, a), _local_day(calendar, b) + _DAY
    while day <= last:
        for opens, closes in _open_on(calendar, day):
            if closes > a and opens < b:
                yield max(opens, a), min(closes, b)
        day += _DAY


@lru_cache(maxsize=8192)
def _open_on(calendar: Calendar, day: date) -> tuple[Span, ...]:
    """The windows of a local day on the real time line; those that the clock skips are gone."""
    zone = ZoneInfo(calendar.tz)
    week = {} if _is_holiday(calendar, day) else calendar.hours
    windows = calendar.exceptions.get(day, week.get(_WEEKDAYS[day.weekday()], ()))
    spans = ((_instant(zone, day, opens), _instant(zone, day, closes)) for opens, closes in windows)
    return tuple((opens, closes) for opens, closes in spans if opens < closes)


def _instant(zone: ZoneInfo, day: date, clock_time: str) -> datetime:
    """When the clocks of the zone first show this time, or jump past it."""
    hours, minutes = clock_time.split(":")
    shown = datetime.combine(day, time()) + timedelta(hours=int(hours), minutes=int(minutes))
    first, second = (shown.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if first.utcoffset() >= second.utcoffset():  # type: ignore[operator]  # both have a zone
        return first.astimezone(UTC)
    # Skipped: read with the offset of before and of after, it lies on both sides of the change.
    low, high = int(second.timestamp()), int(first.timestamp())
    old = datetime.fromtimestamp(low, zone).utcoffset()

    def changed(second: int) -> bool:
        return datetime.fromtimestamp(second, zone).utcoffset() != old

    return datetime.fromtimestamp(low + bisect_left(range(low, high), x=True, key=changed), UTC)


def _local_day(calendar: Calendar, at: datetime) -> date:
    return at.astimezone(ZoneInfo(calendar.tz)).date()


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
