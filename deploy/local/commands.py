"""What `python -m deploy.local` can do: one function per command, each returns an exit code."""

import asyncio
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx

from deploy.local import (
    demo,
    keys,
    people,
    ports,
    presence,
    promises,
    supervisor,
    timeline,
)
from deploy.local.desk import NAMESPACE, SERVICES, Desk, start
from deploy.local.errors import DeskError, StopRequestedError
from deploy.local.follow import Follower
from deploy.local.history import History
from deploy.local.narrator import Narrator
from deploy.local.presence import Presence
from deploy.local.processes import ROOT
from deploy.local.screen import Screen
from deploy.local.supervisor import Supervisor
from deploy.local.tail import tail
from shared.identity import Role
from shared.plans import Catalogue, load_catalogue

CATALOGUE = ROOT / "deploy" / "plans.toml"
DEMO_CATALOGUE = ROOT / "deploy" / "plans-demo.toml"
DEMO_FOLDER = "demo"
# Everything that a desk makes in its folder: `clean` touches nothing else, since CARELINE_HOME may
# name a folder that has other things in it.
LEFT_BEHIND = (
    "kafka",
    "postgres",
    ".postgres.new",
    "mail",
    "keys",
    "log",
    "run",
    "analytics",
    "prometheus",
    presence.FILE,
    "desk.lock",
)
OK, BROKEN = 0, 1
ANSWER_SECONDS = 3
ADMIN_SECONDS = 60

TICKET = {
    "requester": {"address": "you@customer.example"},
    "subject": "The weekly report is empty",
    "text": "Since this morning it has no rows.",
}


def run(home: Path, given: str | None, screen: Screen) -> int:
    """Run the desk in the foreground and follow it, until somebody asks to stop."""
    path = catalogue_path(given)
    desk = Desk(home, ports.from_environment(os.environ), path, load_catalogue(path))
    try:
        with Supervisor(home, screen.say) as entered:
            presence.remove(home)
            asyncio.run(entered.guard(_serve(entered, desk, screen)))
    except (StopRequestedError, KeyboardInterrupt):
        screen.say(f"Stopped. What it has stored stays in {shown(home)}.")
    return OK


async def _serve(entered: Supervisor, desk: Desk, screen: Screen) -> None:
    begun = asyncio.get_running_loop().time()
    screen.say(f"Starting Careline in {shown(desk.home)}", "bold")
    try:
        await start(entered, desk, screen)
        await people.place(desk.url("sla"), _admin(desk.home))
        async with tail(desk.broker.bootstrap_servers, NAMESPACE) as consumer:
            presence.write(desk.home, desk.presence())
            _introduce(desk, screen, asyncio.get_running_loop().time() - begun)
            await Follower(consumer, Narrator(desk.catalogue)).tell(screen)
    except asyncio.CancelledError:
        screen.say("Stopping", "bold")
        raise
    finally:
        presence.remove(desk.home)


def _admin(home: Path) -> str:
    return keys.load(home).mint(Role.ADMIN, None, "local-desk", ADMIN_SECONDS)


def _introduce(desk: Desk, screen: Screen, seconds: float) -> None:
    """Say where everything is and what to do with it."""
    catalogue = f"{shown(desk.catalogue_path)}, version {desk.catalogue.version}"
    what = {
        "intake": "takes tickets, by the form at /request and over HTTP",
        "sla": "knows who is on which plan, and what is due when",
        "notifier": "sends the mails, and shows what became of each at /deliveries",
        "messaging": "has the conversation of each ticket: open it in a browser and sign in",
        "auditor": "checks what the desk promises: see invariant_violations at /metrics",
        "sign_in": "signs people in, by a click and without a password",
        "mail": "shows every mail: open it in a browser",
        "mail_in": "takes mail (SMTP) to support@careline.example",
    }
    addresses = desk.presence().addresses
    screen.say()
    screen.say_styled((f"Ready after {seconds:.1f} s.", "bold green"), (f" Plans: {catalogue}", ""))
    screen.say()
    for name, does in what.items():
        screen.say_styled((f"  {name:<10} ", ""), (addresses[name], "bold"), (f"  {does}", "dim"))
    screen.say()
    screen.say("Ready to sign in:")
    screen.say()
    for subjects, which in people.listed():
        screen.say_styled((f"  {subjects}", "cyan"), (f"  {which}", "dim"))
    screen.say()
    screen.say("Send a ticket from another terminal:")
    screen.say()
    for line in curl(addresses["intake"]):
        screen.say(f"  {line}", "cyan")
    screen.say()
    screen.say(f"Logs are in {shown(desk.home / 'log')}. Ctrl-C stops the desk.")
    screen.say("What happens from now on:")
    screen.say()


def curl(intake: str) -> Iterator[str]:
    """A command that sends a ticket, ready to paste into any shell."""
    yield f"curl -sS {intake}/v1/tickets -H 'Content-Type: application/json' -d '{{"
    *others, last = (f"{json.dumps(key)}: {json.dumps(value)}" for key, value in TICKET.items())
    yield from (f"  {each}," for each in others)
    yield f"  {last}"
    yield "}'"


def play(home: Path, screen: Screen) -> int:
    """Show the promises kept, on the running desk if it has the demo's catalogue, or on one's own.

    Returns 1 when a promise was broken.
    """
    catalogue = load_catalogue(DEMO_CATALOGUE)
    desk = _suitable(home, catalogue, screen)
    if desk is not None:
        history = asyncio.run(demo.play(desk, home, catalogue, screen))
    else:
        history = _play_alone(home / DEMO_FOLDER, catalogue, screen)
    return _judge(history, catalogue, screen)


def _suitable(home: Path, catalogue: Catalogue, screen: Screen) -> Presence | None:
    """Find a running desk to play on; one with other promises is left alone."""
    found = presence.find(home)
    if found is None or not _answers(found):
        if supervisor.is_held(home):
            screen.say(f"The desk in {shown(home)} is not ready: it is left alone.")
        return None
    if (Path(found.catalogue), found.catalogue_version) != (DEMO_CATALOGUE, catalogue.version):
        plans = f"{shown(Path(found.catalogue))}, version {found.catalogue_version}"
        screen.say(f"The desk in {shown(home)} runs with {plans}: it is left alone.")
        return None
    screen.say(f"Using the desk that runs in {shown(home)}.")
    return found


def _answers(desk: Presence) -> bool:
    """Whether its services and its mail sink are ready at this moment."""
    with httpx.Client(trust_env=False, timeout=ANSWER_SECONDS) as client:
        try:
            answers = [
                client.get(f"{desk.addresses[name]}/health/ready") for name in (*SERVICES, "mail")
            ]
        except httpx.TransportError:
            return False
    return all(answer.status_code == httpx.codes.OK for answer in answers)


def _play_alone(home: Path, catalogue: Catalogue, screen: Screen) -> History:
    """Start a desk for the demo alone, on free ports, and stop it at the end."""
    if supervisor.is_held(home):
        raise DeskError("Another demo is running already. Wait until it has ended.")
    desk = Desk(home, ports.free_ports(), DEMO_CATALOGUE, catalogue)
    screen.say(f"Starting a desk for the demo in {shown(home)}", "bold")
    with Supervisor(home, screen.say) as entered:
        return asyncio.run(entered.guard(_start_and_play(entered, desk, screen)))


async def _start_and_play(entered: Supervisor, desk: Desk, screen: Screen) -> History:
    try:
        await start(entered, desk, screen)
        return await demo.play(desk.presence(), desk.home, desk.catalogue, screen)
    except asyncio.CancelledError:
        screen.say("Stopping", "bold")
        raise


def _judge(history: History, catalogue: Catalogue, screen: Screen) -> int:
    verdicts = promises.check(history, catalogue)
    timeline.show(screen, history, verdicts, catalogue)
    broken = [verdict for verdict in verdicts if not verdict.kept]
    screen.say()
    for verdict in broken:
        whose = f"{verdict.plan}: " if verdict.plan else ""
        screen.say(f"BROKEN  {whose}{verdict.promise}: {verdict.seen}", "bold red")
    if broken:
        screen.say(f"{len(broken)} of {len(verdicts)} promises were not kept.", "bold red")
        return BROKEN
    screen.say(f"All {len(verdicts)} promises were kept.", "bold green")
    return OK


def clean(home: Path, screen: Screen) -> int:
    """Remove what desks have stored in a folder, and nothing else.

    Raises:
        DeskError: A desk runs there.
    """
    folders = [folder for folder in (home / DEMO_FOLDER, home) if _left_in(folder)]
    for folder in folders:
        if supervisor.is_held(folder):
            raise DeskError(f"A desk runs in {shown(folder)}: stop it first. Nothing was removed.")
    for folder in folders:
        _clean_one(folder, screen)
    if not folders:
        screen.say(f"There is nothing to remove in {shown(home)}.")
    return OK


def _left_in(folder: Path) -> list[Path]:
    return [folder / name for name in LEFT_BEHIND if (folder / name).exists()]


def _clean_one(folder: Path, screen: Screen) -> None:
    with Supervisor(folder, screen.say):  # stops what a killed desk left running in there
        names = ", ".join(path.name for path in _left_in(folder))
        try:
            for path in _left_in(folder):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        except OSError as error:
            raise DeskError(f"Could not remove {error.filename}: {error.strerror}.") from error
    if any(folder.iterdir()):
        screen.say(f"Removed from {shown(folder)}: {names}. Other things in there were left.")
    else:
        folder.rmdir()
        screen.say(f"Removed {shown(folder)}: {names}.")


def token(home: Path, role: Role, account: str | None, hours: float, screen: Screen) -> int:
    """Print a bearer token that the running desk takes.

    Raises:
        DeskError: No desk runs.
    """
    if presence.find(home) is None:
        raise DeskError(f"No desk runs in {shown(home)}. Start one first: make run")
    signed = keys.load(home).mint(role, account, f"local-{role}", int(hours * 3600))
    screen.say(signed)
    return OK


def address(home: Path, part: str, screen: Screen) -> int:
    """Print where a part of the running desk listens.

    Raises:
        DeskError: No desk runs.
    """
    found = presence.find(home)
    if found is None:
        raise DeskError(f"No desk runs in {shown(home)}. Start one first: make run")
    screen.say(found.addresses[part])
    return OK


def catalogue_path(given: str | None) -> Path:
    """The catalogue that is meant: the default, `demo`, or a file.

    Raises:
        DeskError: There is no such file.
    """
    if given is None:
        return CATALOGUE
    if given == "demo":
        return DEMO_CATALOGUE
    path = Path(given).expanduser().absolute()
    if not path.is_file():
        raise DeskError(f"There is no catalogue {path}. Name a TOML file, or: demo")
    return path


def shown(path: Path) -> str:
    """A path as somebody would type it."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
