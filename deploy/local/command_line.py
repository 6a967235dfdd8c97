"""The command line of the desk: reads what was asked, does it, says what went wrong."""

import argparse
import logging
import os
import sys

from deploy.local import commands, observe
from deploy.local.desk import HOME_VARIABLE, home_folder
from deploy.local.errors import DeskError, StopRequestedError
from deploy.local.screen import Screen
from shared.identity import Role
from shared.plans import CatalogueError

FAILED, MISUSED, INTERRUPTED = 1, 2, 130
TOKEN_HOURS = 12.0


def main() -> int:
    """Do what was asked.

    Returns the exit code: 0 done, 1 failed, 2 wrong use or a wrong catalogue, 130 interrupted.
    """
    # The screen of the desk is for people: reconnects and the like stand in the parts' own logs.
    for name in ("aiokafka", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    given = parsed()
    try:
        return _do(given, Screen())
    except CatalogueError as error:
        return _fail(f"{error}\nThe plan catalogue is refused; nothing was started.", MISUSED)
    except DeskError as error:
        return _fail(str(error), FAILED)
    except (StopRequestedError, KeyboardInterrupt):
        return _fail("Interrupted.", INTERRUPTED)


def _do(given: argparse.Namespace, screen: Screen) -> int:
    home = home_folder(os.environ)
    match given.command:
        case "run":
            return commands.run(home, given.catalogue, screen)
        case "demo":
            return commands.play(home, screen)
        case "clean":
            return commands.clean(home, screen)
        case "observe":
            return observe.observe(home, given.port, screen)
        case "address":
            return commands.address(home, given.part, screen)
        case _:
            return commands.token(home, Role(given.role), given.account, given.hours, screen)


def _fail(message: str, code: int) -> int:
    print(message, file=sys.stderr, flush=True)
    return code


def parsed() -> argparse.Namespace:
    """Read the command line; what can't be is said as argparse does."""
    top = parser()
    given = top.parse_args()
    if given.command == "token" and given.role == Role.CUSTOMER and not given.account:
        top.error("a customer sees the tickets of one account: name it with --account")
    return given


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    top = argparse.ArgumentParser(
        prog="python -m deploy.local",
        description="The whole desk on this machine, from Python packages alone.",
        epilog=f"Data is kept in .careline at the project's root, or where {HOME_VARIABLE} says.",
    )
    commands_ = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    run = commands_.add_parser("run", help="start the desk and follow it live; Ctrl-C stops it")
    run.add_argument(
        "--catalogue",
        metavar="FILE",
        help="plan catalogue: a TOML file, or `demo` for targets of seconds",
    )
    commands_.add_parser("demo", help="send a ticket for each plan and check every promise")
    commands_.add_parser("clean", help="remove the desk's data; refuses while it runs")
    seen = commands_.add_parser("observe", help="run a Prometheus beside the running desk")
    seen.add_argument("--port", type=int, help="where it listens; 20 above the desk's base")
    address = commands_.add_parser("address", help="print where a part of the running desk is")
    address.add_argument("part", choices=["kafka"])
    token = commands_.add_parser("token", help="print a bearer token for the running desk")
    token.add_argument("--role", choices=[role.value for role in Role], default=Role.AGENT.value)
    token.add_argument("--account", help="whose tickets a customer may see")
    token.add_argument("--hours", type=float, default=TOKEN_HOURS, help="how long it holds")
    return top
