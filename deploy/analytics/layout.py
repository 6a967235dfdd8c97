"""Where rows lie and what columns they have; `deploy/analytics/__init__.py` describes it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

TOPICS = ("tickets", "messages", "sla", "notifications", "accounts", "privacy")
"""What is read of the stream. Not `attachments`, whose content is personal, and not `keys`."""
CHUNK_OFFSETS = 50_000
"""A file covers so many offsets; boundaries are multiples of it. Another number, other files."""
GROUP_OFFSETS = 10_000
"""A row group covers so many: as much as is ever held in memory of a partition."""

NEXT_OFFSET = "careline.next_offset"
TOPIC_ID = "careline.topic_id"
LAYOUT = "careline.layout"
LAYOUT_VERSION = "1"

UTC_MICROS = pa.timestamp("us", tz="UTC")
UTC_MILLIS = pa.timestamp("ms", tz="UTC")
PLACE = (
    pa.field("topic", pa.string(), nullable=False),
    pa.field("partition", pa.int32(), nullable=False),
    pa.field("offset", pa.int64(), nullable=False),
    pa.field("appended_at", UTC_MILLIS),
)
EVENTS = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("type", pa.string(), nullable=False),
        pa.field("time", UTC_MICROS, nullable=False),
        pa.field("subject", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("correlationid", pa.string()),
        pa.field("causationid", pa.string()),
        *PLACE,
        pa.field("attributes", pa.string(), nullable=False),
        pa.field("data", pa.string(), nullable=False),
    ]
)
REJECTS = pa.schema(
    [
        *PLACE,
        pa.field("reason", pa.string(), nullable=False),
        pa.field("size_bytes", pa.int64(), nullable=False),
        pa.field("sha256", pa.string(), nullable=False),
    ]
)

Row = dict[str, Any]


@dataclass(frozen=True, order=True)
class Partition:
    """One partition of one topic; the topic's name is without the namespace."""

    topic: str
    number: int

    def __str__(self) -> str:
        """As it is called: `tickets/3`."""
        return f"{self.topic}/{self.number}"

    def stream_folder(self, folder: Path) -> Path:
        """Where its chunks lie."""
        return folder / "stream" / self.topic / f"{self.number:04d}"

    def rejects_folder(self, folder: Path) -> Path:
        """Where it is said which of its records are no events."""
        return folder / "rejects" / self.topic / f"{self.number:04d}"


def chunk_of(offset: int) -> int:
    """The first offset of the chunk that an offset lies in."""
    return offset - offset % CHUNK_OFFSETS


def file_name(first_offset: int) -> str:
    """A chunk's file; names stand in order of offsets."""
    return f"{first_offset:012d}.parquet"
