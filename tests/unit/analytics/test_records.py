"""From a record to a row, or to the reason why it is no event."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from deploy.analytics import records
from deploy.analytics.records import Record, RejectedError

ENVELOPE: dict[str, Any] = {
    "specversion": "1.0",
    "id": "one",
    "source": "/services/sla",
    "type": "careline.deadline.met.v1",
    "time": "2026-11-23T09:30:00.000001Z",
    "subject": "ticket",
    "correlationid": "first",
    "data": {"clock": "update", "private": {"sealed": "…"}},
}
APPENDED = datetime(2026, 11, 23, 9, 31, tzinfo=UTC)


def record(value: bytes | None) -> Record:
    """A record with this value."""
    return Record("sla", 3, 7, APPENDED, value)


def row(**changed: object) -> dict[str, Any]:
    """The row of an event with other fields."""
    return records.event_row(record(json.dumps(ENVELOPE | changed).encode()))


def test_a_row_has_the_envelope_the_place_and_what_was_said() -> None:
    """What has no column stands in `attributes`; the personal part stands nowhere."""
    assert row(mood="sunny") == {
        "id": "one",
        "type": "careline.deadline.met.v1",
        "time": datetime(2026, 11, 23, 9, 30, 0, 1, tzinfo=UTC),
        "subject": "ticket",
        "source": "/services/sla",
        "correlationid": "first",
        "causationid": None,
        "topic": "sla",
        "partition": 3,
        "offset": 7,
        "appended_at": APPENDED,
        "attributes": '{"specversion":"1.0","mood":"sunny"}',
        "data": '{"clock":"update"}',
    }


def test_fields_keep_their_order_and_letters() -> None:
    """As they came: neither sorted nor escaped."""
    assert row(data={"ü": 1, "a": 1.5})["data"] == '{"ü":1,"a":1.5}'


def test_instants_with_another_offset_become_utc() -> None:
    """They are the same instants."""
    assert row(time="2026-11-23T10:30:00.000001+01:00")["time"] == row()["time"]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "no value: a tombstone"),
        (b"", "not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b"{nonsense", "not JSON"),
        (b"[1]", "no JSON object"),
        (b'{"a": NaN}', "not JSON: NaN is no number"),
        (b"[" * 200_000, "nested too deeply"),
        (b"1" * 5_000, "not JSON"),
        (b"{}", "no CloudEvent 1.0"),
    ],
)
def test_what_is_no_event_says_why(value: bytes | None, reason: str) -> None:
    """Any bytes at all end in a row or in a reason."""
    with pytest.raises(RejectedError) as raised:
        records.event_row(record(value))
    assert str(raised.value) == reason


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"data": None}, "`data` is no object"),
        ({"id": 5}, "`id` is no text"),
        ({"type": ""}, "`type` is no text"),
        ({"subject": None}, "`subject` is no text"),
        ({"causationid": []}, "`causationid` is no text"),
        ({"time": "yesterday"}, "`time` is no instant"),
        ({"time": "2026-11-23T09:30:00"}, "`time` has no zone"),
        ({"time": "0001-01-01T00:00:00+02:00"}, "`time` is no instant"),
        ({"id": "\ud800"}, "half of a surrogate pair is no text"),
        ({"data": {"text": "\ud800"}}, "half of a surrogate pair is no text"),
    ],
)
def test_an_envelope_that_is_not_whole_says_what_is_wrong(
    changed: dict[str, Any], reason: str
) -> None:
    """And nothing of its content."""
    with pytest.raises(RejectedError) as raised:
        row(**changed)
    assert str(raised.value) == reason


def test_a_number_beyond_all_is_refused() -> None:
    """It would be written as Infinity, which is no JSON."""
    value = json.dumps(ENVELOPE | {"data": {"n": "N"}}).replace('"N"', "1e999").encode()
    with pytest.raises(RejectedError, match="a number is out of range"):
        records.event_row(record(value))


def test_a_reject_says_where_and_how_long_but_not_what() -> None:
    """The digest tells whether it is the same one again."""
    said = records.reject_row(record(b"secret words"), "not JSON")
    assert (said["offset"], said["size_bytes"], said["reason"]) == (7, 12, "not JSON")
    assert "secret" not in str(said)
