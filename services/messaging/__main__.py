"""messaging, put together: the only place with its real clock and ids."""

import secrets
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from services.messaging import composition, handlers, rebuilding
from services.messaging.articles import ArticlesError
from services.messaging.articles_folder import ArticlesFolder
from services.messaging.composition import Behind, Outside
from services.messaging.erasing import Erasing
from services.messaging.live import Hub, Live, Presences
from services.messaging.plans import Plans
from services.messaging.settings import MessagingSettings
from services.messaging.upkeep import Upkeep
from shared.envelope import Topic
from shared.events import TicketPriorityChanged, TicketStatusChanged
from shared.followed_file import LOOK_EVERY
from shared.handling import (
    LinksRevoked,
    PlanChangeRequested,
    PlanWishDismissed,
    TicketAssigned,
    TicketMerged,
    TicketTagsChanged,
    TicketUnmerged,
)
from shared.messages import AttachmentReceived, MessagePosted
from shared.plans import CatalogueError
from shared.privacy import ErasureRequested, KeyMade, PersonErased
from shared.runtime import run, verifier
from shared.sealing import KEY_BYTES
from shared.settings import load_settings
from shared.wiring import Wired, minting, wire
from shared.worker import Worker

MIGRATIONS = Path(__file__).parent / "migrations"
SAYS = (
    MessagePosted,
    AttachmentReceived,
    TicketStatusChanged,
    TicketPriorityChanged,
    TicketAssigned,
    TicketTagsChanged,
    TicketMerged,
    TicketUnmerged,
    PlanChangeRequested,
    PlanWishDismissed,
    LinksRevoked,
    KeyMade,
    ErasureRequested,
    PersonErased,
)


def clock() -> datetime:
    """The present, in UTC."""
    return datetime.now(UTC)


def new_value() -> str:
    """A value of 256 random bits."""
    return secrets.token_urlsafe(32)


def new_key() -> bytes:
    """A key for personal data on the stream: 64 random bytes."""
    return secrets.token_bytes(KEY_BYTES)


def main() -> None:
    """Run messaging until it is told to end."""
    settings = load_settings(MessagingSettings)
    wired = _wired(settings)
    folder, plans = _articles(settings), _plans(settings)
    hub = Hub(settings.database.get_secret_value())
    presences = Presences(wired.database, clock, uuid4)
    eraser, keys_watch = _erasing(wired)
    behind = Behind(
        database=wired.database,
        callers=verifier(settings, clock),
        plans=plans,
        live=Live(hub, presences, most=settings.most_streams),
        has_articles=folder is not None,
        wake_eraser=eraser.wake,
        dead=wired.dead,
    )
    routes = composition.routes(settings, behind, Outside(clock, uuid4, new_value))
    idle = timedelta(minutes=settings.session_idle_minutes)
    upkeep_ = Upkeep(wired.database, clock, idle)
    # Parts of files whose messages are not back yet would be taken for orphans.
    upkeep = Worker("upkeep", wired.rebuilding.unless_active(upkeep_.step), idle=15)
    articles = [folder.worker(wired.database)] if folder else []
    catalogue = Worker("catalogue", plans.look, idle=LOOK_EVERY)
    workers = [upkeep, catalogue, *articles, eraser, keys_watch]
    run("messaging", settings, [*wired.parts, *workers, presences, hub], routes, SAYS)


def _wired(settings: MessagingSettings) -> Wired:
    return wire(
        "messaging",
        settings,
        migrations=MIGRATIONS,
        hears=(
            Topic.TICKETS,
            Topic.MESSAGES,
            Topic.ATTACHMENTS,
            Topic.SLA,
            Topic.NOTIFICATIONS,
            Topic.ACCOUNTS,
            Topic.PRIVACY,
        ),
        handle=handlers.handle,
        finish=rebuilding.finish,
        restore=rebuilding.restore,
        keys=minting("messaging", settings, clock, new_key),
    )


def _erasing(wired: Wired) -> tuple[Worker, Worker]:
    """What forgets people, and what sees whether their keys have left the log."""
    assert wired.keyring is not None  # noqa: S101 - it was wired with keys
    erasing = Erasing(wired.database, wired.keyring, clock)
    waiting = wired.rebuilding.unless_active
    return (
        Worker("erasing", waiting(erasing.step), idle=2),
        Worker("erased keys", waiting(erasing.look_after), idle=30),
    )


def _plans(settings: MessagingSettings) -> Plans:
    plans = Plans(settings.catalogue)
    try:
        plans.load()
    except CatalogueError as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None
    return plans


def _articles(settings: MessagingSettings) -> ArticlesFolder | None:
    if settings.articles is None:
        return None
    folder = ArticlesFolder(settings.articles, clock)
    try:
        folder.load()
    except ArticlesError as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None
    return folder


if __name__ == "__main__":
    main()
