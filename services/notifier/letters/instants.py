"""Instants as their readers write them: in their zone, language and region."""

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime, format_time, get_timezone_name

from shared.languages import Language


def zone(name: str | None) -> tzinfo:
    """A time zone by its IANA name; UTC where there is none of that name."""
    try:
        return ZoneInfo(name) if name else UTC
    except (LookupError, ValueError, OSError):
        return UTC


def spell_instant(instant: datetime, within: tzinfo, language: Language) -> str:
    """To the second: "Tuesday, 24 November 2026, 10:30:00 (Central European Standard Time)"."""
    local, locale = instant.astimezone(within), language.locale
    day = format_date(local, "full", locale=locale)
    clock = format_time(local, "medium", tzinfo=within, locale=locale)
    return f"{day}, {clock} ({get_timezone_name(local, locale=locale)})"


def spell_briefly(instant: datetime, within: tzinfo, language: Language) -> str:
    """For lists: "24 Nov 2026, 10:30:00 CET"."""
    local, locale = instant.astimezone(within), language.locale
    short = get_timezone_name(local, width="short", locale=locale)
    return f"{format_datetime(local, 'medium', tzinfo=within, locale=locale)} {short}"
