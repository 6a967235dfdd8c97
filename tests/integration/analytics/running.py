"""Runs analytics as somebody would, and looks at what it left."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from deploy.analytics import reading
from deploy.analytics.reading import Outcome
from deploy.analytics.stream import Stream
from tests.integration.analytics.kafka import Written

ROOT = Path(__file__).parents[3]


def command(written: Written, folder: Path, *more: str) -> list[str]:
    """The command line of a run into a folder."""
    options = {
        "--kafka": written.bootstrap_servers,
        "--namespace": written.namespace,
        "--folder": str(folder),
        "--out": str(folder.with_name(folder.name + "-report")),
        "--as-of": "2026-11-25T12:00:00Z",
    }
    given = [part for option in options.items() for part in option]
    return [sys.executable, "-m", "deploy.analytics", *given, *more]


def run(written: Written, folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """Run it to its end."""
    return subprocess.run(  # noqa: S603 - our own program
        command(written, folder, *more),
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


def read(written: Written, folder: Path) -> Outcome:
    """Read what is new into a folder, in this process."""
    with reading.locked(folder):
        stream = Stream(written.bootstrap_servers, written.namespace)
        try:
            return reading.read(stream, folder, lambda *_: None)
        finally:
            stream.close()


def files(folder: Path) -> dict[str, str]:
    """Every file below a folder with a digest of its bytes, but for the lock."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "lock"
    }
