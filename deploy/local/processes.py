"""Child processes: how they are started, remembered across a crash of ours, and stopped."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

import psutil

ROOT = Path(__file__).resolve().parents[2]
LAUNCHER = Path(__file__).with_name("launcher.py")
GRACE_SECONDS = 10.0
# A clock that is set right a little between two starts moves psutil's idea of when a process began.
CREATED_TOLERANCE_SECONDS = 1.0


@dataclass(frozen=True)
class Account:
    """A system user to run as, for programs that refuse to run as root."""

    uid: int
    gid: int


@dataclass(frozen=True)
class Record:
    """A process that outlives our memory: pids are used again, so its time of birth goes along."""

    pid: int
    created: float
    stop_signal: int


@dataclass(frozen=True)
class Finished:
    """How a short command ended."""

    code: int
    output: str
    errors: str


def launched(
    command: Sequence[str], death_signal: signal.Signals, account: Account | None = None
) -> list[str]:
    """Wrap a command so that it ends with this process. Start it from the main thread.

    Linux watches the parent *thread*: a child of a worker thread would be told to stop when
    that thread ends.
    """
    user = "-" if account is None else f"{account.uid}:{account.gid}"
    head = [sys.executable, "-I", "-S", str(LAUNCHER)]
    return [*head, str(int(death_signal)), str(os.getpid()), user, *command]


def spawn(
    command: Sequence[str], environ: Mapping[str, str], cwd: Path, log: IO[bytes]
) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own: a Ctrl-C in the terminal reaches only the desk."""
    return subprocess.Popen(  # noqa: S603 - the parts of the desk, no input from outside
        command,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        cwd=cwd,
        env=dict(environ),
        start_new_session=True,
    )


async def run_to_end(
    command: Sequence[str],
    environ: Mapping[str, str],
    *,
    cwd: Path = ROOT,
    account: Account | None = None,
    on_line: Callable[[str], None] = lambda _: None,
) -> Finished:
    """Run a short command, handing on each line it prints. When cancelled it is killed."""
    process = await asyncio.create_subprocess_exec(
        *launched(command, signal.SIGKILL, account),
        stdin=subprocess.DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
        cwd=cwd,
        env=dict(environ),
        start_new_session=True,
    )
    try:
        output, errors = await asyncio.gather(
            _read(process.stdout, on_line), _read(process.stderr, lambda _: None)
        )
        return Finished(await process.wait(), output, errors)
    finally:
        if process.returncode is None:
            kill_tree(process.pid)
            await process.wait()


async def _read(stream: asyncio.StreamReader | None, on_line: Callable[[str], None]) -> str:
    assert stream is not None  # noqa: S101 - both pipes were asked for; this tells mypy
    lines = []
    async for raw in stream:
        lines.append(raw.decode(errors="replace").rstrip())
        on_line(lines[-1])
    return "\n".join(lines)


def remember(path: Path, process: psutil.Process, stop_signal: signal.Signals) -> None:
    """Write down who a process is, in one step: a crash leaves the whole record or none."""
    record = Record(process.pid, process.create_time(), int(stop_signal))
    unfinished = path.with_suffix(".new")
    unfinished.write_text(json.dumps(asdict(record)), encoding="utf-8")
    unfinished.replace(path)


def recall(path: Path) -> tuple[psutil.Process, signal.Signals] | None:
    """Find the process of a record: None when it is gone, or its pid belongs to another now."""
    try:
        record = Record(**json.loads(path.read_text(encoding="utf-8")))
        process = psutil.Process(record.pid)
        same = abs(process.create_time() - record.created) <= CREATED_TOLERANCE_SECONDS
    except (OSError, ValueError, TypeError, psutil.Error):
        return None
    return (process, signal.Signals(record.stop_signal)) if same and alive(process) else None


def alive(process: psutil.Process) -> bool:
    """Tell whether a process runs. One that only waits for its parent to take notice does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def stop(asked: Iterable[tuple[psutil.Process, signal.Signals]], grace: float) -> list[int]:
    """Ask processes to stop, all at once; kill what is left after `grace` seconds.

    Returns the pids that had to be killed.
    """
    waiting = list(asked)
    for process, stop_signal in waiting:
        with contextlib.suppress(psutil.Error):
            process.send_signal(stop_signal)
    wait_gone((process for process, _ in waiting), grace)
    stubborn = [process.pid for process, _ in waiting if alive(process)]
    for pid in stubborn:
        kill_tree(pid)
    wait_gone((process for process, _ in waiting), GRACE_SECONDS)
    return stubborn


def wait_gone(processes: Iterable[psutil.Process], seconds: float) -> None:
    """Wait until none of them runs, or the time is over."""
    until = time.monotonic() + seconds
    waiting = list(processes)
    while any(alive(process) for process in waiting) and time.monotonic() < until:
        time.sleep(0.05)


def kill_tree(pid: int) -> None:
    """Kill a process and everything it started, wherever that put itself."""
    try:
        process = psutil.Process(pid)
        family = [*process.children(recursive=True), process]
    except psutil.Error:
        return
    for member in family:
        with contextlib.suppress(psutil.Error):
            member.kill()
