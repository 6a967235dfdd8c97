"""messaging, put together: the only place with its real clock and ids."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from services.messaging import api, handlers
from services.messaging.settings import MessagingSettings
from shared.envelope import Topic
from shared.runtime import load_settings, run, verifier
from shared.wiring import wire

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
        hears=(Topic.TICKETS, Topic.SLA, Topic.NOTIFICATIONS),
        handle=handlers.handle,
    )
    center = api.MessagingCenter(
        database=wired.database,
        verifier=verifier(settings, clock),
        clock=clock,
        new_key=lambda: uuid4().hex,
    )
    run("messaging", settings, wired.parts, api.routes(center))


if __name__ == "__main__":
    main()
