"""Letters and marks are told apart whatever a record brought, and shown so that they do no harm."""

from datetime import UTC, datetime

import pytest
from aiokafka import ConsumerRecord
from hypothesis import given
from hypothesis import strategies as st

from shared.dead_record import (
    DEAD_HEADERS,
    FOR,
    Headers,
    Origin,
    is_for_another,
    is_put_back,
    mark_headers,
    read_letter,
    read_mark,
    read_origin,
    replay_headers,
    tries_before,
)
from shared.dead_shown import as_json, plain, shown_key, shown_lines

NAMES = st.sampled_from(
    [*DEAD_HEADERS, "dead-value", "dead-replayed", FOR, "careline-tries", "kept"]
)
OWN = st.lists(st.tuples(NAMES, st.binary(max_size=12)), max_size=6).map(tuple)
TOLD: Headers = (
    ("dead-reason", b"handler failed: ValueError"),
    ("dead-stack", b"in a\nin b"),
    ("dead-origin", b"careline.tickets/3/17"),
    ("dead-tries", b"2"),
)


def record(
    headers: Headers, *, key: bytes | None = b"key", value: bytes | None = b"value"
) -> ConsumerRecord:
    """A record as a consumer gets it."""
    return ConsumerRecord("careline.sla.dead", 0, 5, 1000, 1, key, value, None, 3, 5, headers)


@given(own=OWN)
def test_a_letter_is_told_by_its_last_headers(own: Headers) -> None:
    """What the record brought of the same names neither hides the reason nor is lost."""
    letter = read_letter("sla", record((*own, *TOLD)))
    assert letter is not None
    assert (letter.reason, letter.stack, letter.tries) == (
        "handler failed: ValueError",
        "in a\nin b",
        2,
    )
    assert letter.origin == Origin("careline.tickets", 3, 17)
    assert letter.headers == own
    assert not letter.left_out
    assert letter.buried_at == datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)
    assert read_mark(record((*own, *TOLD))) is None


def test_a_mark_is_no_letter() -> None:
    """It names the letter and who put it back."""
    mark = record(mark_headers(17, "somebody"), key=b"0/17", value=b"")
    assert read_letter("sla", mark) is None
    read = read_mark(mark)
    assert read is not None
    assert (read[0], read[1].by) == (17, "somebody")


@pytest.mark.parametrize("told", [b"0/x", b"", b"0/-1", b"0/" + b"9" * 400, b"\xff"])
def test_a_mark_that_names_no_letter_is_none(told: bytes) -> None:
    """Whatever somebody else wrote there."""
    assert read_mark(record((("dead-replayed", told),))) is None


@given(own=OWN)
def test_what_is_put_back_has_its_own_headers_and_ours_once(own: Headers) -> None:
    """However often it goes round: nothing piles up, and one service alone is named."""
    letter = read_letter("sla", record((*own, *TOLD)))
    assert letter is not None
    headers = replay_headers("careline.sla.dead", letter, letter.headers)
    names = [name for name, _ in headers]
    for name in ("careline-for", "careline-letter", "careline-tries"):
        assert names.count(name) == 1
    ours = {FOR, "careline-letter", "careline-tries"}
    assert [each for each in headers if each[0] not in ours] == [
        each for each in own if each[0] not in ours
    ]
    back = record(headers)
    assert is_put_back(back)
    assert not is_for_another(back, "sla")
    assert is_for_another(back, "messaging")
    assert tries_before(headers) == 2


def test_a_record_for_nobody_in_particular_is_for_everybody() -> None:
    """As all are that were not put back."""
    assert not is_for_another(record(()), "sla")
    assert not is_put_back(record(()))
    assert tries_before(()) == 0


@pytest.mark.parametrize("told", [b"", b"a/b/c", b"topic", b"t/1/-1", b"/1/2", b"t/1/2/x", b"\xff"])
def test_a_place_that_is_none(told: bytes) -> None:
    """Then a letter can't be put back."""
    assert read_origin(told) is None


@given(st.text())
def test_plain_text_can_be_printed(text: str) -> None:
    """No control, no escape, no end of line and no turn of the direction gets through."""
    assert plain(text).isprintable()


@given(key=st.none() | st.binary(), value=st.none() | st.binary(max_size=200))
def test_whatever_a_letter_holds_can_be_shown(key: bytes | None, value: bytes | None) -> None:
    """As lines and as JSON."""
    letter = read_letter("sla", record(TOLD, key=key, value=value))
    assert letter is not None
    assert as_json(letter, whole=True)["size"] == len(value or b"")
    assert all(line.isprintable() for line in shown_lines(value, most=100))
    assert shown_key(key).isprintable()


@pytest.mark.parametrize(
    ("value", "lines"),
    [
        (None, ["(no value: a tombstone)"]),
        (b"", ["(empty)"]),
        (b'{"a":1}', ["{", '  "a": 1', "}"]),
        (b"[" * 100_000, None),
        (b"\xff\x00", ["ff 00"]),
        ("é\n\x1b".encode(), ["é", "\\x1b"]),
    ],
)
def test_a_value_as_people_read_it(value: bytes | None, lines: list[str] | None) -> None:
    """JSON with indents, text as text, bytes as hexadecimal; nested too deeply it is text."""
    shown = shown_lines(value, most=50)
    assert shown == lines if lines is not None else "characters more" in shown[-1]
