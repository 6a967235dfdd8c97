"""`python -m deploy.compose secrets|token|password|accounts`, run in containers by compose.yaml.

`secrets` makes what nobody should have to think up, once, and gives each container a folder with
what is its own; `token` and `password` tell people what they need; `accounts` puts the customers
who can sign in onto their plans.
"""

import argparse
import asyncio
import sys
from pathlib import Path

from deploy.compose import handing_out
from deploy.local import keys
from deploy.local.errors import DeskError
from deploy.local.people import place
from shared.identity import Role

HOUR = 3600


def main() -> int:
    """Do what was asked; exit status 1 when it can't be done."""
    given = _parser().parse_args()
    try:
        match given.command:
            case "secrets":
                handing_out.hand_out(given.home, given.shares)
            case "token":
                print(_token(given.home, Role(given.role), given.account, given.hours))
            case "password":
                print(handing_out.grafana_password(given.home))
            case _:
                asyncio.run(place(given.sla, _token(given.home, Role.ADMIN, None, 0.1)))
    except DeskError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _token(home: Path, role: Role, account: str | None, hours: float) -> str:
    return keys.load(home).mint(role, account, f"compose-{role}", int(hours * HOUR))


def _parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m deploy.compose", description=__doc__)
    top.add_argument("--home", type=Path, default=Path("/keys"), help="where secrets are kept")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    secrets = commands.add_parser("secrets", help="make what is missing, and hand it out")
    secrets.add_argument("--shares", type=Path, default=Path("/shares"))
    token = commands.add_parser("token", help="print a bearer token")
    token.add_argument("--role", choices=[role.value for role in Role], default=Role.AGENT.value)
    token.add_argument("--account", help="whose tickets a customer may see")
    token.add_argument("--hours", type=float, default=12.0, help="how long it holds")
    commands.add_parser("password", help="print the password of Grafana's user admin")
    accounts = commands.add_parser("accounts", help="put the ready customers onto their plans")
    accounts.add_argument("--sla", default="http://sla:8080", help="where sla answers")
    return top


if __name__ == "__main__":
    sys.exit(main())
