"""The command line: reads what was asked, does it, says what went wrong."""

import argparse
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from deploy.analytics import reading
from deploy.analytics.errors import AnalyticsError
from deploy.analytics.screen import Screen
from deploy.analytics.security import security_from
from deploy.analytics.stream import Stream

DONE, FAILED, MISUSED, INTERRUPTED = 0, 1, 2, 130
FOLLOW_SECONDS = 5
ROOT = Path(__file__).parents[2]


def main() -> int:
    """Do what was asked.

    Returns the exit code: 0 done, 1 failed, 2 wrong use, 130 interrupted.
    """
    given = parser().parse_args()
    screen = Screen()
    try:
        if given.as_they_are:
            _report(given, screen)
        else:
            _read_and_report(given, screen)
    except AnalyticsError as error:
        print(error, file=sys.stderr, flush=True)
        return FAILED
    except KeyboardInterrupt:
        print("Interrupted. What was read stays; the next run goes on there.", file=sys.stderr)
        return INTERRUPTED
    return DONE


def _read_and_report(given: argparse.Namespace, screen: Screen) -> None:
    with reading.locked(given.folder):
        stream = Stream(given.kafka, given.namespace, security_from(os.environ))
        try:
            _read_once(stream, given, screen)
            while given.follow:
                time.sleep(FOLLOW_SECONDS)
                _read_once(stream, given, screen)
        finally:
            stream.close()


def _read_once(stream: Stream, given: argparse.Namespace, screen: Screen) -> None:
    with screen.progress() as progress:
        outcome = reading.read(stream, given.folder, progress)
    screen.tell(outcome, given.folder)
    if not given.files_only:
        _report(given, screen)


def _report(given: argparse.Namespace, screen: Screen) -> None:
    # Slow to import, and not needed for files alone.
    from deploy.analytics import answers, report, views  # noqa: PLC0415 - see above

    as_of = given.as_of or datetime.now(UTC)
    found = answers.ask(given.folder, given.zone, as_of)
    screen.show(found)
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "views.sql").write_text(views.script(given.folder), encoding="utf-8")
    page = report.write(found, given.out, zone=given.zone, as_of=as_of)
    screen.say(f"The same with charts: {page}")


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    environ = os.environ
    home = Path(environ.get("CARELINE_HOME") or ROOT / ".careline").expanduser()
    top = argparse.ArgumentParser(
        prog="python -m deploy.analytics",
        description="Read the event stream into Parquet files, and report what they say.",
    )
    top.add_argument(
        "--kafka",
        metavar="HOST:PORT",
        default=environ.get("CARELINE_KAFKA", "127.0.0.1:8108"),
        help="where the stream is (default: CARELINE_KAFKA, or %(default)s)",
    )
    top.add_argument(
        "--namespace",
        default=environ.get("CARELINE_NAMESPACE", "careline"),
        help="what stands before the topics' names (default: %(default)s)",
    )
    top.add_argument(
        "--folder",
        type=_folder,
        default=_folder(str(home / "analytics")),
        help="where the files are (default: %(default)s)",
    )
    top.add_argument(
        "--out",
        type=_folder,
        default=_folder(str(ROOT / "build" / "analytics")),
        help="where the report goes (default: %(default)s)",
    )
    top.add_argument(
        "--zone",
        type=_zone,
        default="UTC",
        help="in which days and weeks begin, such as Europe/Berlin (default: UTC)",
    )
    _add_ways(top)
    return top


def _add_ways(top: argparse.ArgumentParser) -> None:
    """What is read and reported, and as of when."""
    top.add_argument(
        "--as-of",
        type=_instant,
        metavar="INSTANT",
        help="report as of then, such as 2026-11-23T12:00:00Z (default: now)",
    )
    top.add_argument(
        "--as-they-are",
        action="store_true",
        help="report on the files as they are, and read nothing",
    )
    top.add_argument("--files-only", action="store_true", help="read, and report nothing")
    top.add_argument(
        "--follow",
        action="store_true",
        help=f"go on reading and reporting every {FOLLOW_SECONDS} s until Ctrl-C",
    )


def _folder(text: str) -> Path:
    return Path(text).expanduser().absolute()


def _zone(text: str) -> str:
    try:
        return ZoneInfo(text).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise argparse.ArgumentTypeError(f"there is no zone {text!r}") from None


def _instant(text: str) -> datetime:
    read = datetime.fromisoformat(text)
    if read.tzinfo is None:
        raise argparse.ArgumentTypeError("an instant needs its zone, such as Z at its end")
    return read
