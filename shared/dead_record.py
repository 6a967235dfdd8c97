"""What stands on a dead-letter topic: letters, and marks that say which were put back.

A letter is the record as it came with what is told of it in further headers, which stand last. A
mark is a record of its own: it names the letter and has no origin, so that no reader takes it for
another letter.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from aiokafka import ConsumerRecord

DEAD_HEADERS = ("dead-reason", "dead-stack", "dead-origin", "dead-tries")
"""What a dead letter has beside the record's own headers; the origin is topic/partition/offset."""
LEFT_OUT = ("dead-value", b"left out")
"""Stands after them where the content was too large to be kept with what is told of it."""
MARK, MARKED_BY = "dead-replayed", "dead-replayed-by"
"""The headers of a mark: partition/offset of the letter, and who put it back."""

FOR, LETTER, TRIES = "careline-for", "careline-letter", "careline-tries"
"""What a record has that was put back: the one service that it is for, the letter
(topic/partition/offset), and how often it was tried before."""
_MOST_DIGITS = 18

Headers = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a record stood when it could not be handled."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        """As headers have it."""
        return f"{self.topic}/{self.partition}/{self.offset}"


@dataclass(frozen=True, slots=True)
class Replayed:
    """That a letter was put back."""

    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class Letter:
    """A record that a service could not handle, with what is told of it."""

    service: str
    offset: int
    """On the service's dead-letter topic: its id there."""
    buried_at: datetime
    reason: str
    stack: str
    origin: Origin | None
    """None where what stands there names no place."""
    tries: int
    key: bytes | None
    value: bytes | None
    """None, too, in lists, which leave it out."""
    size: int
    """Bytes of the value."""
    headers: Headers
    """The record's own, as it came."""
    left_out: bool
    replayed: Replayed | None = None

    @property
    def earlier(self) -> str | None:
        """The letter that was put back and has come to be this one, topic/partition/offset."""
        named = value_of(self.headers, LETTER)
        return None if named is None else _text(named)

    @property
    def state(self) -> str:
        """`waiting` or `replayed`."""
        return "waiting" if self.replayed is None else "replayed"


def read_letter(service: str, record: ConsumerRecord) -> Letter | None:
    """The letter that a record is; None for a mark and for what is neither.

    A record that was buried may have brought headers of these names: ours are the last.
    """
    names = [name for name, _ in record.headers]
    if DEAD_HEADERS[0] not in names or DEAD_HEADERS[2] not in names:
        return None
    first = len(names) - 1 - names[::-1].index(DEAD_HEADERS[0])
    own, told = tuple(record.headers[:first]), dict(record.headers[first:])
    return Letter(
        service=service,
        offset=record.offset,
        buried_at=_instant(record.timestamp),
        reason=_text(told.get(DEAD_HEADERS[0], b"")),
        stack=_text(told.get(DEAD_HEADERS[1], b"")),
        origin=read_origin(told.get(DEAD_HEADERS[2], b"")),
        tries=number(told.get(DEAD_HEADERS[3])) or 1,
        key=record.key,
        value=record.value,
        size=len(record.value or b""),
        headers=own,
        left_out=LEFT_OUT in record.headers[first:],
    )


def read_mark(record: ConsumerRecord) -> tuple[int, Replayed] | None:
    """Which letter a record marks as put back, or None when it is no mark."""
    headers = dict(record.headers)
    if MARK not in headers or DEAD_HEADERS[2] in headers:
        return None
    place = headers[MARK].rpartition(b"/")[2]
    offset = number(place)
    if offset is None:
        return None
    by = _text(headers.get(MARKED_BY, b""))
    return offset, Replayed(_instant(record.timestamp), by)


def mark_headers(offset: int, by: str) -> Headers:
    """The headers of the mark of a letter."""
    return ((MARK, f"0/{offset}".encode()), (MARKED_BY, by.encode()))


def replay_headers(topic: str, letter: Letter, own: Headers) -> Headers:
    """The headers of a record that is put back: its own, whom it is for, and why it comes again."""
    came = tuple(header for header in own if header[0] not in (FOR, LETTER, TRIES))
    return (
        *came,
        (FOR, letter.service.encode()),
        (LETTER, f"{topic}/0/{letter.offset}".encode()),
        (TRIES, str(letter.tries).encode()),
    )


def is_for_another(record: ConsumerRecord, service: str) -> bool:
    """Whether a record was put back for one service, and not for this one."""
    whom = value_of(record.headers, FOR)
    return whom is not None and whom != service.encode()


def is_put_back(record: ConsumerRecord) -> bool:
    """Whether a record was a dead letter, and was put back."""
    return value_of(record.headers, FOR) is not None


def value_of(headers: Iterable[tuple[str, bytes]], name: str) -> bytes | None:
    """The last header of this name."""
    found: Mapping[str, bytes] = dict(headers)
    return found.get(name)


def tries_before(headers: Iterable[tuple[str, bytes]]) -> int:
    """How often a record was tried before it was put back; 0 where it was not."""
    return number(value_of(headers, TRIES)) or 0


def read_origin(told: bytes) -> Origin | None:
    """The place that a header names, or None when it is none."""
    topic, _, rest = _text(told).rpartition("/")
    topic, _, partition = topic.rpartition("/")
    numbers = number(partition.encode()), number(rest.encode())
    if not topic or numbers[0] is None or numbers[1] is None:
        return None
    return Origin(topic, numbers[0], numbers[1])


def number(told: bytes | None) -> int | None:
    """A number of a header, or None when it is none."""
    if told is None or not told.isdigit() or len(told) > _MOST_DIGITS:
        return None
    return int(told)


def _instant(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _text(told: bytes) -> str:
    return told.decode("utf-8", "backslashreplace")
