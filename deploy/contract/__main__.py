"""`python -m deploy.contract` compares the events as the models say them with the last release.

`--release` keeps them as the release of the project's version. Exit status 1 on a break.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from deploy.contract import stream
from deploy.contract.changes import Changes, between
from deploy.contract.stream import Stream


def main(arguments: Sequence[str] | None = None, folder: Path = stream.RELEASED) -> int:
    """Compare, or release; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m deploy.contract", description=__doc__)
    parser.add_argument("--release", action="store_true", help="keep the events as they are now")
    asked = parser.parse_args(arguments)
    now = stream.present()
    released = stream.last_released(stream.numbers(now.version)[0], folder)
    changes = between(released, now) if released else Changes((), ())
    _tell(released, now, changes)
    if changes.breaks:
        return 1
    return _release(now, folder) if asked.release else 0


def _tell(released: Stream | None, now: Stream, changes: Changes) -> None:
    if released is None:
        major = stream.numbers(now.version)[0]
        print(f"No events of version {major}.x have been released yet: there is nothing to break.")
        print("`make release-contract` keeps them as they are now.")
        return
    print(f"{len(now.places)} event types, compared with release {released.version}.")
    for sentence in changes.harmless:
        print(f"  harmless  {sentence}")
    for sentence in changes.breaks:
        print(f"  BREAK     {sentence}")
    if changes.breaks:
        print("Say it in a new type beside the old one, such as careline.ticket.created.v2.")


def _release(now: Stream, folder: Path) -> int:
    try:
        release = stream.write(now, folder)
    except FileExistsError:
        print(f"{now.version} was released already and stays as it is: raise the version first.")
        return 1
    print(f"Released {len(now.places)} event types as {now.version}: {release}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
