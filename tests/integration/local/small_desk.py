"""A desk of two small parts, run by test_supervisor.py as a process of its own.

`python small_desk.py FOLDER`: "below" starts first and "above" in a later stage. Each adds a line
to FOLDER/events when it starts and when it is asked to stop; with FOLDER/stubborn there, "below"
doesn't stop when asked.
"""

import asyncio
import os
import sys
from pathlib import Path

from deploy.local.errors import DeskError, StopRequestedError
from deploy.local.supervisor import Part, Supervisor

PART = """
import pathlib, signal, sys, time
folder, name = pathlib.Path(sys.argv[1]), sys.argv[2]
def note(what):
    with (folder / "events").open("a") as events:
        events.write(f"{name} {what}\\n")
def asked(*_):
    note("asked")
    if not (folder / "stubborn").exists() or name == "above":
        sys.exit()
signal.signal(signal.SIGTERM, asked)
note("started")
while True:
    time.sleep(0.05)
"""


def part(folder: Path, name: str, stage: int) -> Part:
    """Describe a small part."""
    command = [sys.executable, "-c", PART, str(folder), name]
    return Part(name=name, command=command, environ=dict(os.environ), stage=stage)


async def work(supervisor: Supervisor) -> None:
    """Start both, and then wait for the end."""
    for stage, name in enumerate(("below", "above")):
        supervisor.start(part(supervisor.folder, name, stage))
    await asyncio.Event().wait()


def main() -> None:
    """Run until somebody asks to stop."""
    try:
        with Supervisor(Path(sys.argv[1]), grace_seconds=1.0) as supervisor:
            asyncio.run(supervisor.guard(work(supervisor)))
    except StopRequestedError:
        sys.stdout.write("stopped\n")
    except DeskError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
