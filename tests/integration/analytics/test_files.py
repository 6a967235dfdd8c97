"""The files: every record once, and the same bytes however they came about."""

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from deploy.analytics.reading import Outcome
from tests.integration.analytics import history
from tests.integration.analytics.kafka import TOPICS, Written
from tests.integration.analytics.running import ROOT, command, files, read, run
from tests.support.stack import Stack

MANY = 130_000
"""Records of the long partition: two chunks that have ended, and an open one."""
ODD = (7, 49_999, 50_000, 99_998, 120_000)
"""Where it has records that are no events: in the midst of chunks and at their edges."""
LONG = "tickets/0001"


@pytest.fixture
def written(stack: Stack, namespace: str) -> Written:
    """A stream with topics, and nothing on them yet."""
    made = Written(stack.bootstrap_servers, namespace)
    made.make(*TOPICS)
    return made


@pytest.fixture(scope="module")
def long(stack: Stack) -> Written:
    """A stream one partition of which is long."""
    made = Written(stack.bootstrap_servers, "test-long")
    made.make(*TOPICS)
    like = json.dumps(history.event("ticket.created", "TICKET", history.at(9, 10))).encode()
    for number in range(MANY):
        value = b"{odd" if number in ODD else like.replace(b"TICKET", b"%012d" % number)
        made.put("tickets", value, partition=1)
    made.flush()
    made.say(history.everything())
    return made


@pytest.fixture(scope="module")
def in_one_run(long: Written, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of one run over the long stream."""
    folder = tmp_path_factory.mktemp("one-run") / "files"
    read(long, folder)
    return folder


def offsets(folder: Path, what: str) -> list[int]:
    """The offsets of the long partition that files name, in their order."""
    found = duckdb.execute(
        f"SELECT \"offset\" FROM read_parquet('{folder}/{what}/{LONG}/*.parquet', filename=true) "  # noqa: S608 - our own folder
        "ORDER BY filename, file_row_number"
    )
    return [row[0] for row in found.fetchall()]


def test_chunks_end_at_fixed_offsets(in_one_run: Path) -> None:
    """Three chunks of 50,000 offsets, and every record once: as an event or as a reject."""
    names = [path.name for path in sorted((in_one_run / "stream" / LONG).iterdir())]
    assert names == ["000000000000.parquet", "000000050000.parquet", "000000100000.parquet"]
    events, rejects = offsets(in_one_run, "stream"), offsets(in_one_run, "rejects")
    assert rejects == list(ODD)
    assert len(events) >= MANY - len(ODD)
    assert sorted(events + rejects) == list(range(len(events) + len(rejects)))


@pytest.mark.long
def test_read_again_from_the_beginning_it_is_the_same(
    long: Written, in_one_run: Path, tmp_path: Path
) -> None:
    """Into an empty folder, byte for byte."""
    read(long, tmp_path / "again")
    assert files(tmp_path / "again") == files(in_one_run)


def first_bytes(folder: Path) -> bool:
    """The first chunk has been begun."""
    return (folder / "stream" / LONG / "000000000000.parquet.unfinished").exists()


def first_chunk(folder: Path) -> bool:
    """The first chunk is there."""
    return (folder / "stream" / LONG / "000000000000.parquet").exists()


def second_chunk_half(folder: Path) -> bool:
    """Of the second one some row groups are written."""
    unfinished = folder / "stream" / LONG / "000000050000.parquet.unfinished"
    return unfinished.exists() and unfinished.stat().st_size > 0


def last_chunk(folder: Path) -> bool:
    """The open chunk has been begun."""
    return (folder / "stream" / LONG / "000000100000.parquet.unfinished").exists()


@pytest.mark.timeout(300)  # five runs of their own process
@pytest.mark.long
def test_killed_at_any_moment_it_goes_on(long: Written, in_one_run: Path, tmp_path: Path) -> None:
    """Four runs in a row are killed, each later than the one before; the fifth ends it."""
    folder = tmp_path / "killed"
    for moment in (first_bytes, first_chunk, second_chunk_half, last_chunk):
        killed_when(moment, long, folder)
    read(long, folder)
    assert files(folder) == files(in_one_run)


def killed_when(moment: Callable[[Path], bool], written: Written, folder: Path) -> None:
    """Begin a run and kill it at a moment."""
    process = subprocess.Popen(  # noqa: S603 - our own program
        command(written, folder, "--files-only"),
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    patience = time.monotonic() + 60
    while not moment(folder):
        assert process.poll() is None, f"it ended before {moment.__doc__}"
        assert time.monotonic() < patience, moment.__doc__
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


def test_killed_between_rejects_and_events_it_goes_on(
    long: Written, in_one_run: Path, tmp_path: Path
) -> None:
    """Rejects that are ahead of their events, which say how far both go, are written again."""
    folder = tmp_path / "ahead"
    shutil.copytree(in_one_run, folder)
    (folder / "stream" / LONG / "000000100000.parquet").unlink()
    (folder / "stream" / LONG / "000000050000.parquet").unlink()
    read(long, folder)
    assert files(folder) == files(in_one_run)


def test_what_came_bit_by_bit_is_as_if_it_had_come_at_once(
    written: Written, tmp_path: Path
) -> None:
    """A run after every few records leaves the same bytes as one run at the end."""
    everything = history.everything()
    for first in range(0, len(everything), 13):
        written.say(everything[first : first + 13])
        written.put("sla", b"nonsense")
        written.flush()
        read(written, tmp_path / "bit by bit")
    read(written, tmp_path / "at once")
    assert files(tmp_path / "bit by bit") == files(tmp_path / "at once")


def test_a_run_with_nothing_new_changes_nothing(written: Written, tmp_path: Path) -> None:
    """Not a byte, and not the time of a file."""
    written.say(history.everything())
    read(written, tmp_path / "files")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.parquet")}
    assert read(written, tmp_path / "files") == Outcome()
    assert before == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.parquet")}


def test_what_retention_deletes_later_stays(written: Written, tmp_path: Path) -> None:
    """A replay begins where the stream begins by now; what was read before is kept."""
    records = [history.event("ticket.created", f"t{n}", history.at(9, 10)) for n in range(20)]
    for record in records[:10]:
        written.put("tickets", json.dumps(record).encode(), partition=1)
    written.flush()
    read(written, tmp_path / "files")
    written.forget("tickets", 1, before=5)
    for record in records[10:]:
        written.put("tickets", json.dumps(record).encode(), partition=1)
    written.flush()
    read(written, tmp_path / "files")
    read(written, tmp_path / "later")
    assert offsets(tmp_path / "files", "stream") == list(range(20))
    assert offsets(tmp_path / "later", "stream") == list(range(5, 20))


def test_what_retention_deleted_unread_is_told(written: Written, tmp_path: Path) -> None:
    """Which offsets are missing stands among the rejects, and reading goes on behind them."""
    for part in (range(10), range(10, 20)):
        for number in part:
            record = history.event("ticket.created", f"t{number}", history.at(9, 10))
            written.put("tickets", json.dumps(record).encode(), partition=1)
        written.flush()
        if part.stop == 10:
            read(written, tmp_path / "files")
    written.forget("tickets", 1, before=15)
    assert read(written, tmp_path / "files") == Outcome(events=5, lost=5)
    assert offsets(tmp_path / "files", "stream") == [*range(10), *range(15, 20)]
    folder = tmp_path / "files" / "rejects" / LONG
    said = duckdb.execute(f"SELECT \"offset\", reason FROM read_parquet('{folder}/*.parquet')")  # noqa: S608 - our own folder
    assert said.fetchall() == [(14, "deleted before it was read: offsets 10 to 14")]


def test_two_runs_at_once_are_one(written: Written, tmp_path: Path) -> None:
    """The second one says that there is another, and leaves the files alone."""
    written.say(history.everything())
    following = subprocess.Popen(  # noqa: S603 - our own program
        command(written, tmp_path / "files", "--files-only", "--follow"),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert following.stdout is not None
    try:
        assert following.stdout.readline().startswith("Read 63 events")
        second = run(written, tmp_path / "files")
        assert (second.returncode, second.stdout) == (1, "")
        assert "Another run is reading into" in second.stderr
    finally:
        following.send_signal(signal.SIGINT)
        following.communicate()
    assert following.returncode == 130


def test_another_stream_is_not_mixed_in(written: Written, tmp_path: Path) -> None:
    """Topics that were made anew have the same names and other ids: nothing is written."""
    written.say(history.everything())
    read(written, tmp_path / "files")
    before = files(tmp_path / "files")
    written.drop(*TOPICS)
    time.sleep(1)
    written.make(*TOPICS)
    written.say(history.everything())
    outcome = run(written, tmp_path / "files")
    assert outcome.returncode == 1
    assert "was read from another stream than this one" in outcome.stderr
    assert files(tmp_path / "files") == before


def test_without_a_broker_it_says_so(tmp_path: Path) -> None:
    """Where it looked, and a code that a script can see; nothing is left behind."""
    outcome = run(Written("127.0.0.1:1", "careline"), tmp_path / "files")
    assert outcome.returncode == 1
    assert outcome.stderr.startswith("No Kafka answers at 127.0.0.1:1.")
    assert files(tmp_path / "files") == {}


def test_a_namespace_that_is_not_there_is_told(stack: Stack, tmp_path: Path) -> None:
    """It may be the wrong one."""
    outcome = run(Written(stack.bootstrap_servers, "elsewhere"), tmp_path / "files")
    assert outcome.returncode == 1
    assert "has no topics of 'elsewhere'" in outcome.stderr
