"""`python -m deploy.dead`: what services could not handle, and putting it back.

Exit status 0 when it was done, 1 when something was refused, is not there or failed, 2 for wrong
use.
"""

import argparse
import asyncio
import logging
import sys
from collections.abc import Sequence

import structlog
from aiokafka.errors import KafkaError

from deploy.broker import meant
from deploy.dead import work
from deploy.local.errors import DeskError
from deploy.local.screen import Screen
from shared.faults import AwayError, BrokerAwayError

FAILED, INTERRUPTED = 1, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what was asked and return the exit status."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    asked = _asked(_parser(), arguments)
    try:
        return asyncio.run(work.do(asked, meant(), Screen()))
    except DeskError as error:
        return _fail(str(error))
    except AwayError as error:
        return _fail(f"Nothing was done: {error}.")
    except (KafkaError, BrokerAwayError) as error:
        return _fail(f"The broker did not answer as it should: {type(error).__name__}.")
    except KeyboardInterrupt:
        return INTERRUPTED


def _fail(message: str) -> int:
    print(message, file=sys.stderr)
    return FAILED


def _asked(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> work.Asked:
    given = parser.parse_args(arguments)
    named = given.show or given.replay or []
    if given.replay is not None and not (given.all or len(given.replay) == 2):  # noqa: PLR2004 - see its help
        parser.error("--replay takes a service and an offset, or --all")
    if given.all and (given.replay is None or given.replay):
        parser.error("--all goes with --replay alone; --service says whose")
    if named and not (named[1].isascii() and named[1].isdecimal()):
        parser.error(f"{named[1]!r} is no offset: the list shows them")
    if named and (given.service or given.reason or given.topic or given.waiting):
        parser.error("one letter is named already: filters go with the list and with --all")
    return work.Asked(
        what=_what(given),
        service=named[0] if named else given.service,
        offset=int(named[1]) if named else None,
        reason=given.reason,
        topic=given.topic,
        waiting=given.waiting,
        again=given.again,
        dry_run=given.dry_run,
        json=given.json,
    )


def _what(given: argparse.Namespace) -> work.What:
    if given.show is not None:
        return work.What.SHOW
    return work.What.LIST if given.replay is None else work.What.REPLAY


def _parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="python -m deploy.dead",
        description="Records that a service could not handle. Without options: all of them.",
        epilog="Which broker: CARELINE_KAFKA and CARELINE_NAMESPACE, or else the desk that runs "
        "here. What to do with them: docs/runbooks/dead-letters.md",
        allow_abbrev=False,
    )
    what = top.add_mutually_exclusive_group()
    what.add_argument(
        "--show", nargs=2, metavar=("SERVICE", "OFFSET"), help="everything that is known of one"
    )
    what.add_argument(
        "--replay",
        nargs="*",
        metavar="SERVICE OFFSET",
        help="put one back where it came from, for that service alone; or --all that wait",
    )
    top.add_argument("--all", action="store_true", help="with --replay: all that the filters leave")
    top.add_argument("--service", help="only those of this service")
    top.add_argument("--reason", metavar="TEXT", help="only those with this text in the reason")
    top.add_argument("--topic", help="only those that came from this topic, such as tickets")
    top.add_argument("--waiting", action="store_true", help="only those not put back yet")
    top.add_argument("--again", action="store_true", help="put back what was put back already")
    top.add_argument("--dry-run", action="store_true", help="say what would be put back")
    top.add_argument("--json", action="store_true", help="a JSON document per line")
    return top


if __name__ == "__main__":
    sys.exit(main())
