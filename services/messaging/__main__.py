"""messaging, put together: the only place with its real clock and ids."""

import secrets
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from services.messaging import composition, handlers
from services.messaging.articles import ArticlesError
from services.messaging.articles_folder import ArticlesFolder
from services.messaging.composition import Behind, Outside
from services.messaging.live import Hub, Live, Presences
from services.messaging.plans import Plans
from services.messaging.settings import MessagingSettings
from services.messaging.upkeep import Upkeep
from shared.envelope import Topic
from shared.followed_file import LOOK_EVERY
from shared.plans import CatalogueError
from shared.runtime import load_settings, run, verifier
from shared.wiring import wire
from shared.worker import Worker

MIGRATIONS = Path(__file__).parent / "migrations"


def clock() -> datetime:
    """The present, in UTC."""
    return datetime.now(UTC)


def new_value() -> str:
    """A value of 256 random bits."""
    return secrets.token_urlsafe(32)


def main() -> None:
    """Run messaging until it is told to end."""
    settings = load_settings(MessagingSettings)
    wired = wire(
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
        ),
        handle=handlers.handle,
    )
    folder, plans = _articles(settings), _plans(settings)
    hub = Hub(settings.database.get_secret_value())
    presences = Presences(wired.database, clock, uuid4)
    behind = Behind(
        database=wired.database,
        callers=verifier(settings, clock),
        plans=plans,
        live=Live(hub, presences, most=settings.most_streams),
        has_articles=folder is not None,
    )
    routes = composition.routes(settings, behind, Outside(clock, uuid4, new_value))
    idle = timedelta(minutes=settings.session_idle_minutes)
    upkeep = Worker("upkeep", Upkeep(wired.database, clock, idle).step, idle=15)
    articles = [folder.worker(wired.database)] if folder else []
    catalogue = Worker("catalogue", plans.look, idle=LOOK_EVERY)
    run("messaging", settings, [*wired.parts, upkeep, catalogue, *articles, presences, hub], routes)


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
