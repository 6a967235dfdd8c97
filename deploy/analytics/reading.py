"""Copies what is new on the stream into the files, one partition after the other."""

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.analytics import chunks, records
from deploy.analytics.chunks import Reached, Writer
from deploy.analytics.errors import AnalyticsError
from deploy.analytics.layout import Partition
from deploy.analytics.records import RejectedError
from deploy.analytics.stream import Extent, Stream

LOCK = "lock"
SAID_EVERY = 1_000

Progress = Callable[[Partition, int, int], None]
"""Told how many offsets of a partition are done, and of how many."""


@dataclass
class Outcome:
    """What a run has read."""

    events: int = 0
    rejects: int = 0
    lost: int = 0
    """Offsets that were deleted on the stream before they were read."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Let nobody else write into a folder meanwhile; the lock ends with the process.

    Raises:
        AnalyticsError: Another run does.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AnalyticsError(f"Another run is reading into {folder}. Wait for it.") from None
        chunks.remove_unfinished(folder)
        yield


def read(stream: Stream, folder: Path, progress: Progress) -> Outcome:
    """Read up to where the stream ends at this moment. The folder is locked.

    Raises:
        AnalyticsError: The broker is away, or the files are of another stream.
    """
    extents = stream.extents()
    found = [(extent, _gone_on(extent, folder)) for extent in extents]
    outcome = Outcome()
    for extent, before in found:
        _read_partition(stream, folder, extent, before, outcome, progress)
    return outcome


def _gone_on(extent: Extent, folder: Path) -> Reached | None:
    """How far a partition was read, once it is sure that the files are of this stream."""
    before = chunks.reached(extent.partition, folder)
    if before is None:
        return None
    if before.topic_id != extent.topic_id or before.next_offset > extent.end:
        raise AnalyticsError(
            f"{extent.partition} in {folder} was read from another stream than this one: its topic "
            "was made anew, or lost what it had. Move that folder away, or name another "
            "with --folder."
        )
    return before


def _read_partition(
    stream: Stream,
    folder: Path,
    extent: Extent,
    before: Reached | None,
    outcome: Outcome,
    progress: Progress,
) -> None:
    start = extent.low if before is None else before.next_offset
    if start >= extent.end and start >= extent.low:
        return
    writer = Writer(extent.partition, folder, extent.topic_id, start)
    try:
        if start < extent.low:
            writer.reject(records.lost_row(extent.partition, start, extent.low))
            outcome.lost += extent.low - start
        _copy(stream, extent, writer, outcome, progress)
        writer.finish(extent.end)
    finally:
        writer.abandon()


def _copy(
    stream: Stream, extent: Extent, writer: Writer, outcome: Outcome, progress: Progress
) -> None:
    first = writer.next_offset
    if first >= extent.end:
        return
    for record in stream.records(extent.partition, first, extent.end):
        try:
            writer.event(records.event_row(record))
            outcome.events += 1
        except RejectedError as rejected:
            writer.reject(records.reject_row(record, str(rejected)))
            outcome.rejects += 1
        if record.offset % SAID_EVERY == 0:
            progress(extent.partition, record.offset - first, extent.end - first)
    progress(extent.partition, extent.end - first, extent.end - first)
