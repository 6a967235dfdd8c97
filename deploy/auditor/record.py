"""A record of the stream as the auditor reads it: what its JSON says, and where it stands.

Nothing here uses the services' models: what they get wrong would be got wrong here too. Personal
parts are left out as soon as they are read; they are sealed anyway.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

PREFIX, VERSION = "careline.", ".v1"
LEFT_OUT = ("private", "link")
_FAR_AWAY = 9999
"""The last year that there is."""


class Place(NamedTuple):
    """Where a record stands."""

    topic: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class Record:
    """An event as it stands on the stream.

    Attributes:
        type: Such as `ticket.created`.
        appended: When the broker took it.
        digest: Of all that it says, but for personal data.
    """

    id: str
    type: str
    subject: str
    time: datetime
    appended: datetime
    cause: str | None
    place: Place
    data: Mapping[str, Any]
    digest: int


def read(place: Place, appended_ms: int, value: bytes | None) -> Record | None:
    """The event in a record's value; None for what is none: the services put such things aside."""
    try:
        record = _record(place, appended_ms, json.loads(value or b""))
        _try_what_is_judged(record)
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError):
        return None
    return record


def _record(place: Place, appended_ms: int, body: dict[str, Any]) -> Record:
    data = {name: value for name, value in body["data"].items() if name not in LEFT_OUT}
    return Record(
        id=str(body["id"]),
        type=str(body["type"]).removeprefix(PREFIX).removesuffix(VERSION),
        subject=str(body["subject"]),
        time=instant(body["time"]),
        appended=datetime.fromtimestamp(appended_ms / 1000, UTC),
        cause=None if body.get("causationid") is None else str(body["causationid"]),
        place=place,
        data=data,
        digest=_digest(body, data),
    )


_TEXTS = {
    "message.posted": ("message", "author_kind", "visibility"),
    "notification": ("kind", "delivery"),
    "deadline": ("clock", "state"),
    "deadline.breached": ("due",),
    "deadline.breach_retracted": ("breach",),
}
"""By type, or by its beginning, what has to be there."""
_NUMBERS = {"message.posted": ("sequence",), "deadline": ("cycle", "revision")}


def _try_what_is_judged(record: Record) -> None:
    """Find out by now whether the checks can use it: a bad record must not stop them later."""
    UUID(record.subject)
    kinds = (record.type, record.type.partition(".")[0])
    for name in (name for kind in kinds for name in _TEXTS.get(kind, ())):
        if not isinstance(record.data[name], str):
            raise TypeError(name)
    for name in (name for kind in kinds for name in _NUMBERS.get(kind, ())):
        int(record.data[name])
    int(record.data.get("round", 0))
    if kinds[1] == "deadline":
        for name in ("due", "started"):
            # Terms are added to it, and nothing comes after that year.
            if (text := record.data.get(name)) and instant(text).year >= _FAR_AWAY:
                raise ValueError(name)


def instant(text: str) -> datetime:
    """A time as the stream writes it.

    Raises:
        ValueError: it is none, or has no zone.
    """
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("a time without a zone")
    return found


def _digest(body: Mapping[str, Any], data: Mapping[str, Any]) -> int:
    whole = [body["type"], body["subject"], body["time"], body.get("causationid"), data]
    text = json.dumps(whole, sort_keys=True, separators=(",", ":"))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
