"""From a record on the stream to a row, without its personal part, or to why it is no event."""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NoReturn

from deploy.analytics.layout import Partition, Row

COLUMNS = ("id", "type", "time", "subject", "source", "correlationid", "causationid")
REQUIRED = COLUMNS[:5]


class RejectedError(ValueError):
    """A record is no event; the message says why and repeats nothing of its content."""


@dataclass(frozen=True)
class Record:
    """A record as the broker has it."""

    topic: str
    partition: int
    offset: int
    appended_at: datetime | None
    value: bytes | None


def place(record: Record) -> Row:
    """Where a record stands."""
    return {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "appended_at": record.appended_at,
    }


def event_row(record: Record) -> Row:
    """The row of a record that is an event, of whatever type.

    Raises:
        RejectedError: It is none.
    """
    envelope = _parsed(record.value)
    if envelope.get("specversion") != "1.0":
        raise RejectedError("no CloudEvent 1.0")
    data = envelope.pop("data", None)
    if not isinstance(data, dict):
        raise RejectedError("`data` is no object")
    data.pop("private", None)
    columns = {name: _text(envelope.pop(name, None), name) for name in COLUMNS}
    return {
        **columns,
        "time": _instant(str(columns["time"])),
        **place(record),
        "attributes": _written(envelope),
        "data": _written(data),
    }


def reject_row(record: Record, reason: str) -> Row:
    """The row that says why a record is no event."""
    value = record.value or b""
    digest = hashlib.sha256(value).hexdigest()
    return {**place(record), "reason": reason, "size_bytes": len(value), "sha256": digest}


def lost_row(partition: Partition, first: int, end: int) -> Row:
    """The row that says which records were deleted before they were read."""
    record = Record(partition.topic, partition.number, end - 1, None, None)
    return reject_row(record, f"deleted before it was read: offsets {first} to {end - 1}")


def _parsed(value: bytes | None) -> dict[str, Any]:
    if value is None:
        raise RejectedError("no value: a tombstone")
    try:
        read = json.loads(value.decode("utf-8"), parse_constant=_no_number)
    except RejectedError:
        raise
    except RecursionError:
        raise RejectedError("nested too deeply") from None
    except UnicodeDecodeError:
        raise RejectedError("not UTF-8") from None
    except ValueError:  # also of a number with thousands of digits
        raise RejectedError("not JSON") from None
    if not isinstance(read, dict):
        raise RejectedError("no JSON object")
    return read


def _no_number(name: str) -> NoReturn:
    raise RejectedError(f"not JSON: {name} is no number")


def _text(value: object, name: str) -> str | None:
    if value is None and name not in REQUIRED:
        return None
    if not isinstance(value, str) or not value:
        raise RejectedError(f"`{name}` is no text")
    return _unicode(value)


def _instant(text: str) -> datetime:
    try:
        read = datetime.fromisoformat(text)
        if read.tzinfo is None:
            raise RejectedError("`time` has no zone")
        return read.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        if isinstance(error, RejectedError):
            raise
        raise RejectedError("`time` is no instant") from None


def _written(value: dict[str, Any]) -> str:
    """As JSON text: fields in the order in which they came."""
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except ValueError:  # 1e999 is read as infinity
        raise RejectedError("a number is out of range") from None
    except RecursionError:
        raise RejectedError("nested too deeply") from None
    return _unicode(text)


def _unicode(text: str) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise RejectedError("half of a surrogate pair is no text") from None
    return text
