"""How figures are written for people, in the terminal and on the page."""

import re
from typing import Any

from markupsafe import Markup, escape

DURATIONS = {"p50", "p75", "p90", "p99"}
NOTHING = "–"  # noqa: RUF001 - the dash of tables
MINUTE, HOUR = 60, 3600
UNITS = {"met_percent": "met, %", "oldest_hours": "oldest, h"}
TOPIC_OF_NOTHING = "Nothing yet."


def heading(column: str) -> str:
    """A column's name above its figures."""
    return UNITS.get(column, column.replace("_", " "))


def figure(column: str, value: Any) -> str:  # noqa: ANN401 - whatever a query answers
    """One value of a column."""
    if value is None or value == "":
        return NOTHING
    if column in DURATIONS:
        return duration(float(value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.1f}"
    return str(value)


def duration(seconds: float) -> str:
    """As people say it: `0.7 s`, `12 min`, `3 h 20 min`. Hours of work are not made into days."""
    if seconds < MINUTE:
        return f"{seconds:.1f} s" if seconds < 10 and seconds % 1 else f"{seconds:.0f} s"  # noqa: PLR2004 - a digit less from two on
    if seconds < HOUR:
        minutes, rest = divmod(round(seconds), MINUTE)
        return f"{minutes} min" + (f" {rest} s" if rest and minutes < 10 else "")  # noqa: PLR2004 - the same
    hours, rest = divmod(round(seconds / MINUTE), MINUTE)
    return f"{hours} h" + (f" {rest} min" if rest else "")


def age(hours: float) -> str:
    """As people say it of what has lain for long: `5 h`, `12 days`."""
    days = int(hours // 24)
    return f"{hours:.1f} h" if days < 2 else f"{days} days"  # noqa: PLR2004 - from two on


def marked(text: str) -> Markup:
    """A comment as HTML: what stands between backticks is code."""
    return Markup(re.sub(r"`([^`]*)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped


def is_number(value: Any) -> bool:  # noqa: ANN401 - whatever a query answers
    """Whether a value stands at the right of its column."""
    return isinstance(value, int | float) and not isinstance(value, bool)
