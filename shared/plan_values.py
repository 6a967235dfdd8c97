"""The values that a plan catalogue is written in: durations, warning points, addresses, names."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, StringConstraints

_ID = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
_CONTROL = r"[\x00-\x1f\x7f-\x9f\u2028\u2029]"


def parse_duration(value: object) -> timedelta:
    """Read working time such as "16h", "1h30m" or "45s": up to 9999 of each, more than nothing.

    Raises:
        ValueError: it is something else. Days and weeks are refused on purpose.
    """
    if isinstance(value, timedelta) and value > timedelta(0):
        return value
    units = r"((?P<hours>\d{1,4})h)?((?P<minutes>\d{1,4})m)?((?P<seconds>\d{1,4})s)?"
    found = re.fullmatch(units, str(value), re.ASCII)
    amounts = found.groupdict(default="0") if found else {}
    if duration := timedelta(**{unit: int(amount) for unit, amount in amounts.items()}):
        return duration
    if re.search(r"\d[dw]", str(value)):
        raise ValueError(f"'{value}' is ambiguous in working time (24 hours, or a shift?): use h")
    raise ValueError(f'\'{value}\' is no duration; write it like "16h", "1h30m" or "45s"')


def spell_duration(duration: timedelta) -> str:
    """Working time in English: "16 hours", "1 hour 30 minutes"; never days, which are ambiguous.

    What customers read is spelled by `plan_words`, in their language.
    """
    seconds = int(duration.total_seconds())
    parts = ((seconds // 3600, "hour"), (seconds % 3600 // 60, "minute"), (seconds % 60, "second"))
    return " ".join(f"{n} {unit}{'' if n == 1 else 's'}" for n, unit in parts if n)


def _warning_point(value: object) -> float | timedelta:
    if isinstance(value, float | int):
        if not 0 < value < 1:
            raise ValueError(f"{value} is no fraction of a target: it must lie between 0 and 1")
        return float(value)
    return parse_duration(value)


def _one_line(value: str) -> str:
    if re.search(_CONTROL, value):
        raise ValueError("must be one line without tabs; a \\ at its end joins it with the next")
    return value


def _id(value: str) -> str:
    if not re.fullmatch(_ID, value):
        raise ValueError("an id has 1 to 100 letters, digits, dots, dashes or underscores")
    return value


def _language_tag(value: str) -> str:
    if not re.fullmatch(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*", value):
        raise ValueError(f"{value!r} is no language; write it like de or pt-BR")
    return value


def _address(value: str) -> str:
    part = r"[^@\s<>()\[\],;:\"\\]+"
    if not re.fullmatch(f"{part}@{part}", value) or re.search(_CONTROL, value):
        raise ValueError(f"{value!r} is no mail address; write it like name@company.example")
    return value


def _recipient(value: str) -> str:
    if "@" in value:
        return _address(value)
    if not re.fullmatch(_ID, value):
        raise ValueError(
            f"{value!r} is no mail address (name@company.example), and no name of a destination"
            " (letters, digits, dots, dashes or underscores)"
        )
    return value


Text = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1), AfterValidator(_one_line)
]
"""Some words on one line."""
Version = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100),
    AfterValidator(_one_line),
]
Id = Annotated[str, AfterValidator(_id)]
"""What plans and calendars are called in events, in the directory and in addresses of pages."""
LanguageTag = Annotated[str, AfterValidator(_language_tag)]
Address = Annotated[str, AfterValidator(_address)]
Recipient = Annotated[str, AfterValidator(_recipient)]
"""A mail address, or the name of a destination; only addresses have an "@"."""
Duration = Annotated[timedelta, BeforeValidator(parse_duration)]
WarningPoint = Annotated[float | timedelta, BeforeValidator(_warning_point)]
"""A fraction of the target that has passed, or the working time that is left until it is due."""
