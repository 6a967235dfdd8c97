"""Keeps the parts of a desk together: they start in order, and stop all or none."""

import asyncio
import contextlib
import fcntl
import os
import re
import signal
import subprocess
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Self, TypeVar

import psutil

from deploy.local import processes
from deploy.local.errors import DeskError, StopRequestedError
from deploy.local.processes import Account

Result = TypeVar("Result")

WATCH_SECONDS = 0.2
CANCEL_AGAIN_SECONDS = 0.5
LAST_LINES = 10
LAST_ERRORS = 5
READ_BYTES = 256_000
ERROR = re.compile(r"\b(ERROR|FATAL|PANIC|Caused by)\b")
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True)
class Part:
    """One process of a desk.

    Attributes:
        name: Also names its log and its record.
        command: The program, by absolute path, and its arguments.
        environ: Its whole environment.
        cwd: Where it runs.
        stage: Parts of a higher stage stop first, those of one stage stop together.
        stop_signal: How it likes to be asked; it gets the same when the desk is killed (Linux).
        account: The system user to run as, None for our own.
        own_log: Where it writes its log when that isn't standard output.
    """

    name: str
    command: Sequence[str]
    environ: Mapping[str, str]
    cwd: Path = processes.ROOT
    stage: int = 0
    stop_signal: signal.Signals = signal.SIGTERM
    account: Account | None = None
    own_log: Path | None = None


@dataclass
class Running:
    """A part with its process."""

    part: Part
    process: subprocess.Popen[bytes]
    log: Path


@dataclass
class Supervisor:
    """Use as a context manager: entering takes the folder, leaving stops every part.

    Raises:
        DeskError: On entering, when another desk holds the folder.
    """

    folder: Path
    announce: Callable[[str], None] = print
    grace_seconds: float = processes.GRACE_SECONDS
    _running: list[Running] = field(default_factory=list, init=False)
    _lock: IO[str] | None = field(default=None, init=False)

    def __enter__(self) -> Self:
        """Take the folder and clear away what a killed desk left running in it."""
        try:
            for name in ("log", "run"):
                (self.folder / name).mkdir(parents=True, exist_ok=True)
            self._lock = take_lock(self.folder)
        except OSError as error:
            raise DeskError(
                f"Cannot write to {error.filename}: {error.strerror}. If a desk ran there as "
                "another user, run it as that user again, or delete the folder."
            ) from error
        stop_leftovers(self.folder, self.announce, self.grace_seconds)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop everything, then let the folder go."""
        try:
            self.stop()
        finally:
            if self._lock:
                self._lock.close()

    def start(self, part: Part) -> None:
        """Start a part. Call it from the main thread (see processes.launched)."""
        log = self.folder / "log" / f"{part.name}.log"
        for written in (log, part.own_log):
            if written and written.exists():
                written.replace(written.with_suffix(".log.previous"))
        command = processes.launched(part.command, part.stop_signal, part.account)
        with log.open("ab") as output:
            process = processes.spawn(command, part.environ, part.cwd, output)
        self._running.append(Running(part, process, log))
        with contextlib.suppress(psutil.NoSuchProcess):  # died at once: check() will say so
            found = psutil.Process(process.pid)
            processes.remember(self._record(part), found, part.stop_signal)

    async def guard(self, work: Awaitable[Result]) -> Result:
        """Do the work as long as every part lives and nobody asks to stop.

        Raises:
            DeskError: A part died; the message names it and has the last lines of its log.
            StopRequestedError: SIGINT or SIGTERM came. Either way the work is cancelled.
        """
        with _signals() as asked:
            working = asyncio.ensure_future(work)
            watching = asyncio.create_task(self._watch(asked))
            try:
                await asyncio.wait([working, watching], return_when=asyncio.FIRST_COMPLETED)
                if watching.done():
                    await watching
                if working.exception():
                    self.check()  # a part that died is a better reason than what followed from it
                return await working
            finally:
                await _end(working, watching)

    async def _watch(self, asked: asyncio.Event) -> None:
        while not asked.is_set():
            self.check()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asked.wait(), WATCH_SECONDS)
        raise StopRequestedError

    def check(self) -> None:
        """Raise DeskError when a part has died."""
        for running in self._running:
            code = running.process.poll()
            if code is not None:
                raise DeskError(_obituary(running, code))

    def kill(self, name: str) -> None:
        """End a part at once, as a crash would. It counts as stopped, and can be started again."""
        running = next(running for running in self._running if running.part.name == name)
        processes.kill_tree(running.process.pid)
        running.process.wait()
        self._running.remove(running)

    def stop(self) -> None:
        """Stop the parts, the last stage first. The wait is bounded: a second Ctrl-C is ignored."""
        stages = sorted({running.part.stage for running in self._running}, reverse=True)
        with _ignored(STOP_SIGNALS):
            for stage in stages:
                self._stop_stage([r for r in self._running if r.part.stage == stage])
        self._running.clear()

    def _stop_stage(self, stage: Sequence[Running]) -> None:
        alive = {
            running.process.pid: running for running in stage if running.process.poll() is None
        }
        asked = [(psutil.Process(pid), r.part.stop_signal) for pid, r in alive.items()]
        for pid in processes.stop(asked, self.grace_seconds):
            seconds = self.grace_seconds
            self.announce(f"{alive[pid].part.name} did not stop within {seconds:.0f} s: killed")
        for running in stage:
            running.process.wait()
            self._record(running.part).unlink(missing_ok=True)

    def _record(self, part: Part) -> Path:
        return self.folder / "run" / f"{part.name}.json"


def take_lock(folder: Path) -> IO[str]:
    """Hold the folder until the file is closed or this process ends, however it ends.

    Raises:
        DeskError: Another desk holds it.
    """
    lock = (folder / "desk.lock").open("a+", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.seek(0)
        holder = lock.read().strip()
        lock.close()
        raise DeskError(_held(folder, holder)) from None
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    return lock


def is_held(folder: Path) -> bool:
    """Tell whether a desk runs in the folder, without waiting and without taking it."""
    try:
        with (folder / "desk.lock").open(encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def stop_leftovers(folder: Path, announce: Callable[[str], None], grace: float) -> None:
    """Stop what a killed desk left running, saying so. Only for the holder of the folder's lock."""
    records = sorted((folder / "run").glob("*.json"))
    found = {record: processes.recall(record) for record in records}
    for record, known in found.items():
        if known:
            pid = known[0].pid
            announce(
                f"stopping {record.stem} (process {pid}), left over from a desk that was killed"
            )
    processes.stop([known for known in found.values() if known], grace)
    for record in records:
        record.unlink(missing_ok=True)


def telling_lines(path: Path) -> list[str]:
    """Read the last lines of a log, and the last errors above them, however long it is."""
    if not path.exists():
        return []
    with path.open("rb") as log:
        log.seek(max(0, path.stat().st_size - READ_BYTES))
        lines = log.read().decode(errors="replace").splitlines()
    errors = [line for line in lines[:-LAST_LINES] if ERROR.search(line)]
    return [*errors[-LAST_ERRORS:], *lines[-LAST_LINES:]]


def _obituary(running: Running, code: int) -> str:
    how = f"exit code {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"
    logs = [log for log in (running.part.own_log, running.log) if log and telling_lines(log)]
    if not logs:
        return f"{running.part.name} stopped ({how}) without a word in {running.log}."
    lines = [f"    {line}" for line in telling_lines(logs[0])]
    head = f"{running.part.name} stopped ({how}). The end of {logs[0]}:"
    return "\n".join([head, *lines])


def _held(folder: Path, holder: str) -> str:
    who = f" (process {holder})" if holder else ""
    stop = f"stop it first: Ctrl-C where it runs, or kill {holder}" if holder else "stop it first"
    return f"A desk already runs in {folder}{who}. Use that one, or {stop}."


async def _end(*tasks: asyncio.Future[Any]) -> None:
    """Cancel tasks until they have ended: some libraries swallow a cancellation now and then."""
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=CANCEL_AGAIN_SECONDS)
    await asyncio.gather(*tasks, return_exceptions=True)


@contextlib.contextmanager
def _signals() -> Iterator[asyncio.Event]:
    """Turn SIGINT and SIGTERM into an event of the running loop."""
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, asked.set)
    try:
        yield asked
    finally:
        for number in STOP_SIGNALS:
            loop.remove_signal_handler(number)


@contextlib.contextmanager
def _ignored(numbers: Sequence[signal.Signals]) -> Iterator[None]:
    """Finish a bounded piece of work undisturbed. Python allows it in the main thread only."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
