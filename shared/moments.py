"""Instants and days as customers read them: in their own zone, which is always named. Pure."""

from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_skeleton, format_time, get_timezone_name

from shared.languages import Language


def zone_of(name: str | None) -> tzinfo:
    """A time zone by its IANA name; UTC where there is none of that name."""
    try:
        return ZoneInfo(name) if name else UTC
    except (LookupError, ValueError, OSError):
        return UTC


def spell(instant: datetime, zone: tzinfo, language: Language) -> str:
    """Day, time and zone: "Wed 25 Nov, 10:00 CET"."""
    local, locale = instant.astimezone(zone), language.locale
    day = format_skeleton("MMMEd", local, tzinfo=zone, locale=locale).replace(",", "")
    return f"{day}, {spell_time(instant, zone, language)} {_name(local, language)}"


def spell_time(instant: datetime, zone: tzinfo, language: Language) -> str:
    """The time of day alone: "10:00"."""
    local = instant.astimezone(zone)
    return format_time(local, "short", tzinfo=zone, locale=language.locale)


def spell_day(day: date, today: date, language: Language) -> str:
    """A day as a heading: "Today", "Yesterday", "Wednesday, 25 November 2026"."""
    if day == today:
        return language.say("Today")
    if day == today - timedelta(days=1):
        return language.say("Yesterday")
    return format_date(day, "full", locale=language.locale)


def _name(local: datetime, language: Language) -> str:
    """The zone as the reader's region calls it in short, or else as everybody does."""
    named = str(get_timezone_name(local, width="short", locale=language.locale))
    if named.isalpha():
        return named
    known, offset = local.tzname() or "", local.strftime("%z")
    return known if known.isalpha() else f"UTC{offset[:3]}:{offset[3:5]}"
