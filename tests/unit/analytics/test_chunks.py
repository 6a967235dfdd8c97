"""Chunks without a stream: what compaction takes away, gaps, and files of others."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deploy.analytics import answers, chunks, layout, reading, records
from deploy.analytics.chunks import Writer
from deploy.analytics.errors import AnalyticsError
from deploy.analytics.layout import Partition
from deploy.analytics.records import Record
from tests.integration.analytics import history

ACCOUNTS = Partition("accounts", 0)
BEGUN = datetime(2026, 11, 9, 8, tzinfo=UTC)


def write(folder: Path, said: Iterable[tuple[int, dict[str, Any]]], *, end: int) -> None:
    """Write events with these offsets, from where the files end up to an end."""
    before = chunks.reached(ACCOUNTS, folder)
    start = 0 if before is None else before.next_offset
    writer = Writer(ACCOUNTS, folder, "an-id", start)
    for offset, event in said:
        value = json.dumps(event).encode()
        at = BEGUN + timedelta(seconds=offset)
        writer.event(records.event_row(Record("accounts", 0, offset, at, value)))
    writer.finish(end)


def test_compaction_takes_rows_but_no_answer(tmp_path: Path) -> None:
    """A replay that finds only the last record of an account tells the same changes of plan."""
    first, second = history.plan_changes()
    write(tmp_path / "read in time", [(0, first), (1, second)], end=2)
    write(tmp_path / "read later", [(1, second)], end=2)
    said = []
    for folder in ("read in time", "read later"):
        with answers.opened(tmp_path / folder, "UTC", history.AS_OF) as database:
            found = database.execute(
                "SELECT account, plan, previous, changed::VARCHAR FROM account_plans ORDER BY 4"
            )
            said.append(found.fetchall())
    assert said[0] == said[1]
    assert [row[1:3] for row in said[0]] == [("starter", None), ("advanced", "starter")]


def test_chunks_without_records_are_there(tmp_path: Path) -> None:
    """However the records came: where nothing is left of a chunk its file is empty."""
    (event, _) = history.plan_changes()
    far = 2 * layout.CHUNK_OFFSETS + 5
    write(tmp_path / "once", [(3, event), (far, event)], end=far + 1)
    write(tmp_path / "twice", [(3, event)], end=layout.CHUNK_OFFSETS)
    write(tmp_path / "twice", [(far, event)], end=far + 1)
    once, twice = (
        {path.name: path.read_bytes() for path in (tmp_path / name).rglob("*.parquet")}
        for name in ("once", "twice")
    )
    assert sorted(once) == [layout.file_name(n * layout.CHUNK_OFFSETS) for n in range(3)]
    assert once == twice


def test_a_file_of_others_is_not_gone_on_with(tmp_path: Path) -> None:
    """It is named, and nothing is written."""
    folder = ACCOUNTS.stream_folder(tmp_path)
    folder.mkdir(parents=True)
    (folder / "000000000000.parquet").write_bytes(b"no parquet")
    with pytest.raises(AnalyticsError, match="is no file of this reader"):
        chunks.reached(ACCOUNTS, tmp_path)


def test_what_was_not_finished_is_removed(tmp_path: Path) -> None:
    """Under the lock, before anything is read."""
    folder = ACCOUNTS.stream_folder(tmp_path)
    folder.mkdir(parents=True)
    left = folder / "000000000000.parquet.unfinished"
    left.write_bytes(b"half")
    with reading.locked(tmp_path):
        assert not left.exists()
