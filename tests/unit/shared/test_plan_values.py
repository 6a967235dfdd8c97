"""The values that a catalogue is written in, read and spelled."""

from datetime import timedelta

import pytest
from pydantic import TypeAdapter, ValidationError

from shared.plan_values import Address, Id, Recipient, Text, parse_duration, spell_duration

HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("16h", 16 * HOUR),
        ("30m", 30 * MINUTE),
        ("5s", 5 * SECOND),
        ("1h30m", 90 * MINUTE),
        ("1h5s", HOUR + 5 * SECOND),
        ("90m", 90 * MINUTE),
    ],
)
def test_durations(text: str, duration: timedelta) -> None:
    """Durations are hours, minutes and seconds, in this order."""
    assert parse_duration(text) == duration


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "h",
        "0s",
        "16",
        16,
        None,
        True,
        "1.5h",
        "30m1h",
        "1h 30m",
        "-1h",
        "99999h",
        "PT1H",
        "\u0661h",
    ],
)
def test_wrong_durations(wrong: object) -> None:
    """Anything else is refused, and the message shows how to write it."""
    with pytest.raises(ValueError, match='write it like "16h"'):
        parse_duration(wrong)


@pytest.mark.parametrize("wrong", ["2d", "1w", "1d12h"])
def test_days_are_no_duration(wrong: str) -> None:
    """A day of working time may mean 24 hours or a shift, so it is refused."""
    with pytest.raises(ValueError, match="ambiguous in working time"):
        parse_duration(wrong)


@pytest.mark.parametrize(
    ("duration", "words"),
    [
        (16 * HOUR, "16 hours"),
        (HOUR, "1 hour"),
        (90 * MINUTE, "1 hour 30 minutes"),
        (4 * SECOND, "4 seconds"),
        (100 * HOUR + SECOND, "100 hours 1 second"),
    ],
)
def test_working_time_is_spelled_without_days(duration: timedelta, words: str) -> None:
    """A day is ambiguous in working time."""
    assert spell_duration(duration) == words


@pytest.mark.parametrize("good", ["desk@careline.example", "root@localhost", "jörg+x@büro.example"])
def test_addresses(good: str) -> None:
    """Whoever can get mail can be told, inside a company's own network too."""
    assert TypeAdapter(Address).validate_python(good) == good


@pytest.mark.parametrize(
    "wrong",
    [
        "desk",
        "@desk",
        "desk@",
        "a b@c",
        "a@b@c",
        "Desk <desk@careline.example>",
        "<desk@careline.example>",
        "a@b.example,c@d.example",
        "a@b.example\r\nBcc: c@d.example",
        "a@b.example\x00",
        "",
    ],
)
def test_wrong_addresses(wrong: str) -> None:
    """One bare address each: no names, no lists, nothing that could become another header."""
    with pytest.raises(ValidationError, match="no mail address"):
        TypeAdapter(Address).validate_python(wrong)


@pytest.mark.parametrize("good", ["desk@careline.example", "on-call", "Pager.2", "x"])
def test_recipients(good: str) -> None:
    """A mail address, or the name of a destination: only addresses have an at sign."""
    assert TypeAdapter(Recipient).validate_python(good) == good


@pytest.mark.parametrize("wrong", ["", "on call", "-x", "chat\n", "desk@", "a@b@c", "x" * 101])
def test_wrong_recipients(wrong: str) -> None:
    """The message shows how either is written."""
    with pytest.raises(ValidationError, match="no mail address"):
        TypeAdapter(Recipient).validate_python(wrong)


@pytest.mark.parametrize("wrong", ["", " ", "my plan", "plan/1", ".plan", "p" * 101, "plan\n", "ü"])
def test_wrong_ids(wrong: str) -> None:
    """An id stands in addresses of pages and in events, so it has no odd characters."""
    with pytest.raises(ValidationError, match="an id has 1 to 100 letters"):
        TypeAdapter(Id).validate_python(wrong)


@pytest.mark.parametrize("wrong", ["two\nlines", "a\ttab", "a\x00b", "a\u2028b"])
def test_words_stand_on_one_line(wrong: str) -> None:
    """They are printed in tables, mails and logs."""
    with pytest.raises(ValidationError, match="must be one line"):
        TypeAdapter(Text).validate_python(wrong)
