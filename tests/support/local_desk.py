"""The desk's own commands as processes, as a newcomer runs them."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path

import psutil

from deploy.local import ports, processes, supervisor

ROOT = Path(__file__).parents[2]
READY_WITHIN = 100
STOPS_WITHIN = 30


@dataclass
class Command:
    """`python -m deploy.local …`, its output kept in a file."""

    process: subprocess.Popen[bytes]
    output: Path

    def said(self) -> str:
        """What it has written so far."""
        return self.output.read_text(encoding="utf-8")

    def says(self, text: str, within: float = READY_WITHIN) -> None:
        """Wait until it has written this."""
        end = time.monotonic() + within
        while text not in self.said():
            ended = self.process.poll() is not None and text not in self.said()
            assert not ended, f"it ended:\n{self.said()}"
            assert time.monotonic() < end, f"waited in vain for {text!r}:\n{self.said()}"
            time.sleep(0.05)

    def family(self) -> list[psutil.Process]:
        """Itself and everything it has started, wherever that put itself."""
        own = psutil.Process(self.process.pid)
        return [own, *own.children(recursive=True)]

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Ask it to end, and return its exit code."""
        self.process.send_signal(number)
        return self.process.wait(STOPS_WITHIN)

    def kill_everything(self) -> None:
        """End it and its parts as a power cut would, the parts first: they get no word."""
        for member in reversed(self.family()):
            with contextlib.suppress(psutil.NoSuchProcess):  # gone with the one before
                member.kill()
        self.process.wait(STOPS_WITHIN)


@contextmanager
def command(home: Path, base: int, *arguments: str) -> Iterator[Command]:
    """Start a command; at the end of the block nothing of it runs any more."""
    home.mkdir(parents=True, exist_ok=True)
    output = home.parent / f"{home.name}-{time.monotonic_ns()}.txt"
    with output.open("wb") as file:
        process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", "deploy.local", *arguments],
            cwd=ROOT,
            env={**os.environ, "CARELINE_HOME": str(home), ports.VARIABLE: str(base)},
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Command(process, output)
    finally:
        if process.poll() is None:
            processes.kill_tree(process.pid)
            process.wait()
        for folder in (home, home / "demo"):
            if not supervisor.is_held(folder):  # it may be another command's desk
                supervisor.stop_leftovers(folder, lambda _: None, 1.0)


def free_base() -> int:
    """A base from which all ports of a desk are free."""
    for base in range(ports.TEST_RANGE.start, ports.TEST_RANGE.stop, 20):
        if all(ports.is_free(port) for port in astuple(ports.from_base(base))):
            return base
    raise AssertionError("no free ports")


def still_running(family: list[psutil.Process]) -> list[psutil.Process]:
    """Those that run even so, after what the kernel needs to clear away has been waited for."""
    processes.wait_gone(family, STOPS_WITHIN)
    return [member for member in family if processes.alive(member)]
