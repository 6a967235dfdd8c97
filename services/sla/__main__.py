"""sla, put together: the only place with its real clock."""

import sys
from datetime import UTC, datetime
from pathlib import Path

from services.sla import api, handlers
from services.sla.settings import SlaSettings
from services.sla.timer import Timer
from shared.database import Database
from shared.envelope import Topic
from shared.plans import Catalogue, CatalogueError, load_catalogue
from shared.runtime import load_settings, run, verifier
from shared.wiring import wire
from shared.worker import Worker

MIGRATIONS = Path(__file__).parent / "migrations"


def clock() -> datetime:
    """The present, in UTC."""
    return datetime.now(UTC)


def main() -> None:
    """Run sla until it is told to end."""
    settings = load_settings(SlaSettings)
    catalogue = _catalogue(settings)
    wired = wire(
        "sla",
        settings,
        migrations=MIGRATIONS,
        hears=(Topic.TICKETS, Topic.MESSAGES),
        handle=handlers.handle_with(
            handlers.Rules(catalogue, settings.trust_named_accounts), clock
        ),
    )
    timer = Timer(
        wired.database, wired.consumer.position, clock=clock, margin=settings.producer_margin
    )
    parts = [*wired.parts, Worker("timer", timer.step, idle=0.1)]
    run("sla", settings, parts, api.routes(_directory(settings, catalogue, wired.database)))


def _catalogue(settings: SlaSettings) -> Catalogue:
    try:
        return load_catalogue(settings.catalogue)
    except CatalogueError as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None


def _directory(settings: SlaSettings, catalogue: Catalogue, database: Database) -> api.Directory:
    return api.Directory(
        database=database,
        verifier=verifier(settings, clock),
        catalogue=catalogue,
        clock=clock,
        pseudonym_secret=settings.pseudonym_secret.get_secret_value(),
    )


if __name__ == "__main__":
    main()
