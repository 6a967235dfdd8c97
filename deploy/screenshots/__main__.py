"""Take pictures of every page: `make screenshots`.

A desk with its own data is started on free ports, some tickets are written and answered, and a
browser takes each page on a wide screen and on a phone, light and dark.
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
from pathlib import Path

import httpx

from deploy.local import keys, people, ports
from deploy.local.commands import CATALOGUE
from deploy.local.desk import Desk, start
from deploy.local.errors import DeskError
from deploy.local.screen import Screen
from deploy.local.supervisor import Supervisor
from deploy.mail_preview.pictures import BROWSERS, find_browser
from deploy.screenshots import pictures, scene
from shared.identity import Role
from shared.plans import load_catalogue

ADMIN = people.Person("pictures", "Pictures", "pictures@careline.example", Role.ADMIN)
OUT = Path(__file__).parents[2] / "build" / "screenshots"


def main() -> None:
    """Take them, and say where they are."""
    arguments = _arguments()
    browser = find_browser()
    if browser is None:
        sys.exit(f"Pictures need a browser on the path ({', '.join(BROWSERS)}).")
    if not arguments.only:
        shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True, exist_ok=True)
    screen = Screen()
    with tempfile.TemporaryDirectory(prefix="careline-pictures-") as folder:
        desk = Desk(Path(folder), ports.free_ports(), CATALOGUE, load_catalogue(CATALOGUE))
        try:
            with Supervisor(desk.home, screen.say) as entered:
                taken = asyncio.run(
                    entered.guard(_show(entered, desk, screen, browser, arguments.only))
                )
        except DeskError as error:
            sys.exit(str(error))
    print(f"{taken} pictures: {OUT}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="deploy.screenshots", description=__doc__)
    parser.add_argument("--only", default="", help="pages with this in their name, such as inbox")
    return parser.parse_args()


async def _show(entered: Supervisor, desk: Desk, screen: Screen, browser: str, only: str) -> int:
    await start(entered, desk, screen)
    # Proxies of the environment are for the world outside.
    async with (
        httpx.AsyncClient(trust_env=False, timeout=10) as client,
        pictures.running_browser(browser) as running,
    ):
        told = scene.Scene(desk, keys.load(desk.home), client)
        await people.place(desk.url("sla"), told.token(ADMIN))
        await scene.fill(told)
        return await pictures.take(running, told, OUT, only)


if __name__ == "__main__":
    main()
