"""Chunks of one partition: found, gone on with, written whole or not at all.

The bytes of a file follow from its rows alone: settings are fixed here, row groups end at fixed
offsets, and nothing of the run (no time, no name of a machine) goes in. The writer puts its own
version into each file, so another pyarrow may write other bytes.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from deploy.analytics.errors import AnalyticsError
from deploy.analytics.layout import (
    CHUNK_OFFSETS,
    EVENTS,
    GROUP_OFFSETS,
    LAYOUT,
    LAYOUT_VERSION,
    NEXT_OFFSET,
    REJECTS,
    TOPIC_ID,
    Partition,
    Row,
    chunk_of,
    file_name,
)

UNFINISHED = ".unfinished"


@dataclass(frozen=True)
class Reached:
    """How far a partition has been read, as its last file says."""

    next_offset: int
    topic_id: str


def reached(partition: Partition, folder: Path) -> Reached | None:
    """How far a partition has been read; None if nothing of it was.

    Raises:
        AnalyticsError: The last file is none of ours.
    """
    files = sorted(partition.stream_folder(folder).glob("*.parquet"))
    if not files:
        return None
    try:
        metadata = pq.read_metadata(files[-1]).metadata or {}
        found = {name: metadata[name.encode()].decode() for name in (NEXT_OFFSET, TOPIC_ID, LAYOUT)}
    except (KeyError, OSError, pa.ArrowInvalid) as error:
        raise AnalyticsError(f"{files[-1]} is no file of this reader ({error}).") from None
    if found[LAYOUT] != LAYOUT_VERSION:
        raise AnalyticsError(f"{files[-1]} has layout {found[LAYOUT]}, this is {LAYOUT_VERSION}.")
    return Reached(int(found[NEXT_OFFSET]), found[TOPIC_ID])


def remove_unfinished(folder: Path) -> None:
    """Remove what a run that was killed had begun to write."""
    for path in folder.glob(f"*/*/*/*{UNFINISHED}"):
        path.unlink()


class _File:
    """One file that is being written: rows in, row groups out."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._path, self._schema = path, schema
        self._unfinished = path.with_name(path.name + UNFINISHED)
        self._rows: list[Row] = []
        path.parent.mkdir(parents=True, exist_ok=True)
        self._sink = self._unfinished.open("wb")
        self._writer = pq.ParquetWriter(
            self._sink, schema, compression="zstd", compression_level=3, version="2.6"
        )

    def add(self, row: Row) -> None:
        """Add the next row; a row group ends where the next one begins by its offset."""
        if self._rows and _group(row) != _group(self._rows[-1]):
            self._flush()
        self._rows.append(row)

    def go_on_from(self, path: Path, before: int) -> None:
        """Take over what a file holds of the offsets before one, a row group at a time."""
        if not path.exists():
            return
        with pq.ParquetFile(path) as file:
            for number in range(file.num_row_groups):
                self._take_over(file.read_row_group(number).combine_chunks(), before)

    def _take_over(self, group: pa.Table, before: int) -> None:
        last = group["offset"][-1].as_py()
        if last < before - before % GROUP_OFFSETS:  # it has ended: it goes over as it is
            self._writer.write_table(group, row_group_size=GROUP_OFFSETS)
            return
        for row in group.to_pylist():
            if row["offset"] < before:
                self.add(row)

    def finish(self, metadata: dict[str, str]) -> None:
        """Put the file into its place, on the disk and in one step."""
        if self._rows:
            self._flush()
        self._writer.add_key_value_metadata(metadata)
        self._writer.close()
        self._sink.flush()
        os.fsync(self._sink.fileno())
        self._sink.close()
        self._unfinished.replace(self._path)
        _sync_folder(self._path.parent)

    def abandon(self) -> None:
        """Leave what stood in its place before."""
        self._writer.close()
        self._sink.close()
        self._unfinished.unlink(missing_ok=True)

    def _flush(self) -> None:
        table = pa.Table.from_pylist(self._rows, schema=self._schema)
        self._writer.write_table(table, row_group_size=GROUP_OFFSETS)
        self._rows = []


def _group(row: Row) -> int:
    return int(row["offset"]) // GROUP_OFFSETS


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Writer:
    """Writes a partition's chunks from where its files end.

    Of a chunk the rejects come first and the events last, whose file says how far both go: killed
    in between, the rejects are ahead and are written again up to there.
    """

    def __init__(self, partition: Partition, folder: Path, topic_id: str, start: int) -> None:
        self._partition, self._folder, self._topic_id = partition, folder, topic_id
        self.next_offset = start
        self._events: _File | None = None
        self._rejects: _File | None = None

    def event(self, row: Row) -> None:
        """Take the row of the next record."""
        self._reach(int(row["offset"]))
        self._open().add(row)
        self._pass(int(row["offset"]))

    def reject(self, row: Row) -> None:
        """Take what is said of the next record, which is no event."""
        self._reach(int(row["offset"]))
        self._open()
        if self._rejects is None:
            self._rejects = self._begin(self._path(rejects=True), REJECTS)
        self._rejects.add(row)
        self._pass(int(row["offset"]))

    def finish(self, end: int) -> None:
        """Put the open chunk into its place: all records before `end` have been taken."""
        self._reach(end)
        if self._events is not None or end > self.next_offset:
            self._open()
            self.next_offset = max(end, self.next_offset)
            self._close()

    def abandon(self) -> None:
        """Leave the files as they were after the last chunk that was finished."""
        for file in (self._rejects, self._events):
            if file is not None:
                file.abandon()
        self._rejects = self._events = None

    def _reach(self, offset: int) -> None:
        """Finish the chunks before this offset; those that have no record are written too."""
        while chunk_of(offset) > chunk_of(self.next_offset):
            self._open()
            self.next_offset = chunk_of(self.next_offset) + CHUNK_OFFSETS
            self._close()

    def _pass(self, offset: int) -> None:
        self.next_offset = offset + 1
        if self.next_offset % CHUNK_OFFSETS == 0:
            self._close()

    def _open(self) -> _File:
        if self._events is None:
            self._events = self._begin(self._path(), EVENTS)
            if self._path(rejects=True).exists():
                self._rejects = self._begin(self._path(rejects=True), REJECTS)
        return self._events

    def _begin(self, path: Path, schema: pa.Schema) -> _File:
        file = _File(path, schema)
        file.go_on_from(path, self.next_offset)
        return file

    def _close(self) -> None:
        metadata = {
            LAYOUT: LAYOUT_VERSION,
            NEXT_OFFSET: str(self.next_offset),
            TOPIC_ID: self._topic_id,
        }
        if self._rejects is not None:
            self._rejects.finish(metadata)
        if self._events is not None:
            self._events.finish(metadata)
        self._rejects = self._events = None

    def _path(self, *, rejects: bool = False) -> Path:
        folder = self._partition.rejects_folder if rejects else self._partition.stream_folder
        return folder(self._folder) / file_name(chunk_of(self.next_offset))
