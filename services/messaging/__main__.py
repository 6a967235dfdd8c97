"""messaging, put together: the only place with its real clock and ids."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from services.messaging import api, attachments_api, handlers
from services.messaging.settings import MessagingSettings
from services.messaging.upkeep import Upkeep
from shared.envelope import Topic
from shared.runtime import load_settings, run, verifier
from shared.wiring import wire
from shared.worker import Worker

MIGRATIONS = Path(__file__).parent / "migrations"


def clock() -> datetime:
    """The present, in UTC."""
    return datetime.now(UTC)


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
        ),
        handle=handlers.handle,
    )
    callers = verifier(settings, clock)
    center = api.MessagingCenter(
        database=wired.database,
        verifier=callers,
        clock=clock,
        new_key=lambda: uuid4().hex,
    )
    attachments = attachments_api.Attachments(database=wired.database, verifier=callers)
    routes = [*api.routes(center), *attachments_api.routes(attachments)]
    upkeep = Worker("upkeep", Upkeep(wired.database, clock).step, idle=15)
    run("messaging", settings, [*wired.parts, upkeep], routes)


if __name__ == "__main__":
    main()
