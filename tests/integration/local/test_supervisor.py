"""The parts of a desk start in order, stop all or none, and leave nothing behind."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import psutil
import pytest

from deploy.local import processes
from deploy.local import supervisor as supervision
from deploy.local.errors import DeskError, StopRequestedError
from deploy.local.supervisor import Part, Supervisor

SMALL_DESK = Path(__file__).with_name("small_desk.py")
NAMES = ("below", "above")

Desk = subprocess.Popen[str]


def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    """Wait for a condition, and fail when it doesn't come true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def events(folder: Path) -> list[str]:
    """What the parts noted so far."""
    path = folder / "events"
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def parts(folder: Path) -> list[psutil.Process]:
    """The processes on record."""
    records = [processes.recall(folder / "run" / f"{name}.json") for name in NAMES]
    return [known[0] for known in records if known]


@pytest.fixture
def small_desk(tmp_path: Path) -> Iterator[Callable[[], Desk]]:
    """Start small desks in one folder; whatever is left of them ends with the test."""
    desks: list[Desk] = []

    def start() -> Desk:
        count = len(events(tmp_path))
        desk = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, str(SMALL_DESK), str(tmp_path)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(processes.ROOT), *sys.path])},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        desks.append(desk)
        until(lambda: _started(tmp_path, count) or desk.poll() is not None)
        return desk

    yield start
    for desk in desks:
        desk.kill()
        desk.communicate()
    (tmp_path / "stubborn").unlink(missing_ok=True)
    supervision.stop_leftovers(tmp_path, lambda _: None, 1.0)


def _started(folder: Path, already: int) -> bool:
    new = events(folder)[already:]
    return {f"{name} started" for name in NAMES} <= set(new)


def small(name: str, code: str) -> Part:
    """A part that is a line of Python."""
    command = [sys.executable, "-c", code]
    return Part(name=name, command=command, environ=dict(os.environ))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_desk_that_is_asked_to_stop_stops_in_reverse_order(
    small_desk: Callable[[], Desk], tmp_path: Path, number: signal.Signals
) -> None:
    """What was started later stops first, nothing is left, and that is a normal end."""
    desk = small_desk()
    desk.send_signal(number)
    output, _ = desk.communicate(timeout=30)
    assert desk.returncode == 0
    assert output.endswith("stopped\n")
    assert events(tmp_path)[-2:] == ["above asked", "below asked"]
    assert list((tmp_path / "run").iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's end")
def test_no_part_outlives_a_desk_that_is_killed(
    small_desk: Callable[[], Desk], tmp_path: Path
) -> None:
    """SIGKILL leaves the desk no time to stop anything; its parts are asked to stop even so."""
    desk = small_desk()
    running = parts(tmp_path)
    desk.kill()
    until(lambda: not any(processes.alive(process) for process in running))
    assert set(events(tmp_path)) >= {"above asked", "below asked"}


def test_the_next_start_stops_what_a_killed_desk_left(
    small_desk: Callable[[], Desk], tmp_path: Path
) -> None:
    """A part that went on regardless is stopped by the next desk, which says so."""
    (tmp_path / "stubborn").touch()
    first = small_desk()
    below, above = parts(tmp_path)
    first.kill()
    until(lambda: not processes.alive(above))
    second = small_desk()
    assert not processes.alive(below)
    second.terminate()
    output, _ = second.communicate(timeout=30)
    assert f"stopping below (process {below.pid}), left over from a desk that was killed" in output


def test_a_part_that_does_not_stop_is_killed_and_named(
    small_desk: Callable[[], Desk], tmp_path: Path
) -> None:
    """Waiting has an end, also for a part that ignores the question."""
    (tmp_path / "stubborn").touch()
    desk = small_desk()
    below, _ = parts(tmp_path)
    desk.terminate()
    output, _ = desk.communicate(timeout=30)
    assert "below did not stop within 1 s: killed" in output
    assert not processes.alive(below)


def test_one_folder_has_one_desk(small_desk: Callable[[], Desk], tmp_path: Path) -> None:
    """A second desk in the folder is refused, the first one named and left alone."""
    first = small_desk()
    second = small_desk()
    output, _ = second.communicate(timeout=30)
    assert second.returncode == 1
    assert f"A desk already runs in {tmp_path} (process {first.pid})." in output
    assert "Traceback" not in output
    assert supervision.is_held(tmp_path)
    assert len(parts(tmp_path)) == 2


def test_a_folder_is_free_again_however_its_desk_ended(
    small_desk: Callable[[], Desk], tmp_path: Path
) -> None:
    """The lock goes with the process: nobody has to delete a file after a crash."""
    desk = small_desk()
    desk.kill()
    desk.wait()
    assert not supervision.is_held(tmp_path)


def test_a_pid_that_belongs_to_somebody_else_now_is_left_alone(
    tmp_path: Path, told: list[str]
) -> None:
    """A record with our pid but another time of birth is not us."""
    (tmp_path / "run").mkdir()
    born = psutil.Process().create_time() - 100
    record = {"pid": os.getpid(), "created": born, "stop_signal": int(signal.SIGKILL)}
    (tmp_path / "run" / "old.json").write_text(json.dumps(record), encoding="utf-8")
    with Supervisor(tmp_path, announce=told.append):
        assert told == []


def test_a_half_written_record_is_no_obstacle(tmp_path: Path, told: list[str]) -> None:
    """A file that is no record is cleared away."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "old.json").write_text('{"pid": 1', encoding="utf-8")
    with Supervisor(tmp_path, announce=told.append):
        assert list((tmp_path / "run").iterdir()) == []


async def test_a_part_that_dies_ends_the_work(supervisor: Supervisor) -> None:
    """The message names the part, how it ended, its log and the last lines of it."""
    supervisor.start(small("steady", "import time; time.sleep(600)"))
    supervisor.start(small("ill", "print('cannot read plans.toml, line 3'); raise SystemExit(7)"))
    with pytest.raises(DeskError) as raised:
        await supervisor.guard(asyncio.Event().wait())
    message = str(raised.value)
    assert message.startswith("ill stopped (exit code 7).")
    assert str(supervisor.folder / "log" / "ill.log") in message
    assert message.endswith("    cannot read plans.toml, line 3")


async def test_a_part_that_was_killed_says_by_what(supervisor: Supervisor) -> None:
    """A signal is named, so that somebody thinks of the memory."""
    supervisor.start(small("ill", "import os; os.kill(os.getpid(), 9)"))
    with pytest.raises(DeskError, match=r"ill stopped \(killed by SIGKILL\) without a word"):
        await supervisor.guard(asyncio.Event().wait())


async def test_the_death_of_a_part_is_a_better_reason_than_what_follows(
    supervisor: Supervisor,
) -> None:
    """Work that fails because a part is gone reports the part, not its own confusion."""
    supervisor.start(small("ill", "raise SystemExit(7)"))

    async def work() -> None:
        until(lambda: _has_died(supervisor))
        raise ConnectionRefusedError

    with pytest.raises(DeskError, match="ill stopped"):
        await supervisor.guard(work())


def _has_died(supervisor: Supervisor) -> bool:
    try:
        supervisor.check()
    except DeskError:
        return True
    return False


async def test_work_that_ends_gives_its_result(supervisor: Supervisor) -> None:
    """While all goes well the guard isn't noticed."""
    assert await supervisor.guard(asyncio.sleep(0, "done")) == "done"


async def test_a_signal_cancels_the_work(supervisor: Supervisor) -> None:
    """Work in hand is cancelled, and gets to tidy up."""
    tidied = []

    async def work() -> None:
        try:
            signal.raise_signal(signal.SIGTERM)
            await asyncio.Event().wait()
        finally:
            tidied.append(True)

    with pytest.raises(StopRequestedError):
        await supervisor.guard(work())
    assert tidied == [True]


async def test_work_that_swallows_a_cancellation_is_cancelled_again(
    supervisor: Supervisor,
) -> None:
    """Libraries do so while they close a connection; Ctrl-C has to end the desk even then."""
    swallowed = []

    async def work() -> None:
        signal.raise_signal(signal.SIGINT)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            swallowed.append(True)
        await asyncio.Event().wait()

    with pytest.raises(StopRequestedError):
        await supervisor.guard(work())
    assert swallowed == [True]


def test_the_log_of_the_run_before_is_kept(supervisor: Supervisor) -> None:
    """Starting again does not wipe out what the last run said."""
    for text in ("before", "now"):
        supervisor.start(
            small("part", f"print('{text}', flush=True); import time; time.sleep(600)")
        )
        log = supervisor.folder / "log" / "part.log"
        until(partial(_says, log, text))
        supervisor.stop()
    assert log.with_suffix(".log.previous").read_text(encoding="utf-8") == "before\n"


def _says(log: Path, text: str) -> bool:
    return text in log.read_text(encoding="utf-8")


async def test_an_error_far_above_the_end_is_quoted_too(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    """What a part says while it tidies up does not hide why it had to."""
    own_log = tmp_path / "own.log"
    code = "import sys; open(sys.argv[1], 'w').write('ERROR no space left\\n' + 'tidying\\n' * 99)"
    part = Part(
        name="ill",
        command=[sys.executable, "-c", code, str(own_log)],
        environ=dict(os.environ),
        own_log=own_log,
    )
    supervisor.start(part)
    with pytest.raises(DeskError, match="    ERROR no space left\n") as raised:
        await supervisor.guard(asyncio.Event().wait())
    assert str(own_log) in str(raised.value)
