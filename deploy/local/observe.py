"""A Prometheus beside the running desk, with our rules: `make observe`.

It looks at every service each few seconds, keeps what it sees in the desk's folder, and ends when
the desk does, or with Ctrl-C.
"""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

from deploy.local import ports, presence, prometheus
from deploy.local.errors import DeskError, StopRequestedError
from deploy.local.presence import Presence
from deploy.local.prometheus import Scraping, Server
from deploy.local.screen import Screen
from deploy.local.supervisor import Supervisor

JOBS = ("intake", "sla", "notifier", "messaging", "auditor")
"""Parts of a desk that export metrics, as far as they run."""
ABOVE_BASE = 20
"""Its port, counted from the desk's first one: 8120, where nothing else is chosen."""
EVERY_SECONDS = 5.0
LOOK_SECONDS = 1.0
OK = 0


def observe(home: Path, port: int | None, screen: Screen) -> int:
    """Observe the desk that runs in this folder, until it ends or somebody asks to stop.

    Raises:
        DeskError: No desk runs, there is no Prometheus on this machine, or its port is taken.
    """
    found = prometheus.program()
    desk = presence.find(home)
    if desk is None:
        raise DeskError(f"No desk runs in {home}. Start one first: make run")
    server = Server(home / "prometheus", port or _port(desk))
    if not ports.is_free(server.port):
        raise DeskError(
            f"Port {server.port} is in use already. Choose another: make observe PORT=9090"
        )
    prometheus.prepare(server, Scraping(_targets(desk), prometheus.our_rules(), EVERY_SECONDS))
    try:
        with Supervisor(server.folder, screen.say) as entered:
            entered.start(prometheus.part(server, found))
            asyncio.run(entered.guard(_watch(home, desk, server, screen)))
    except (StopRequestedError, KeyboardInterrupt):
        screen.say("Stopped. What it has seen stays with the desk's data.")
    return OK


def _port(desk: Presence) -> int:
    first = urlsplit(desk.addresses["intake"]).port
    return (first or ports.DEFAULT_BASE + 1) - 1 + ABOVE_BASE


def _targets(desk: Presence) -> dict[str, list[str]]:
    """By job where the desk's parts answer: those that run."""
    return {job: [urlsplit(desk.addresses[job]).netloc] for job in JOBS if job in desk.addresses}


async def _watch(home: Path, desk: Presence, server: Server, screen: Screen) -> None:
    await prometheus.wait_until_ready(server)
    _introduce(desk, server, screen)
    while presence.find(home) == desk:  # noqa: ASYNC110 - another process's desk sets no event
        await asyncio.sleep(LOOK_SECONDS)
    screen.say("The desk has ended, and so does this.")


def _introduce(desk: Presence, server: Server, screen: Screen) -> None:
    rules = prometheus.our_rules()
    screen.say_styled(("Prometheus  ", ""), (server.url, "bold"))
    screen.say()
    pages = {
        "/graph?g0.expr=careline_ready&g0.tab=0": "ask it anything",
        "/alerts": "what is pending or firing",
        "/rules": f"{len(rules)} files of rules" if rules else "there are no rules yet",
        "/targets": "what it looks at: " + ", ".join(_targets(desk)),
    }
    for page, what in pages.items():
        screen.say_styled((f"  {server.url}{page}", "bold"), (f"  {what}", "dim"))
    screen.say()
    screen.say(f"It looks every {EVERY_SECONDS:.0f} s. Ctrl-C stops it; so does the desk's end.")
