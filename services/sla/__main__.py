"""sla, put together: the only place with its real clock and its fresh ids."""

import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from uuid import uuid4

from starlette.routing import BaseRoute

from services.sla import api, catalogue_api, due, handlers, plans_api, tickets_api
from services.sla.catalogues import Adoption, Book
from services.sla.gauges import Gauges
from services.sla.recounts import Recounts
from services.sla.settings import SlaSettings
from services.sla.timer import Timer
from shared.catalogue_file import CatalogueFile
from shared.database import Database
from shared.envelope import Topic
from shared.followed_file import LOOK_EVERY
from shared.identity import Verifier
from shared.plans import CatalogueError
from shared.runtime import load_settings, run, verifier
from shared.wiring import wire
from shared.worker import Worker

MIGRATIONS = Path(__file__).parent / "migrations"


def clock() -> datetime:
    """The present, in UTC."""
    return datetime.now(UTC)


def main() -> None:
    """Run sla until it is told to end, or try a calendar: `python -m services.sla due FILE`."""
    if sys.argv[1:2] == ["due"]:
        raise SystemExit(due.main(sys.argv[2:]))
    settings = load_settings(SlaSettings)
    file = CatalogueFile(settings.catalogue)
    _load(file)
    book = Book(file)
    rules = handlers.Rules(book, settings.trust_named_accounts)
    wired = wire(
        "sla",
        settings,
        migrations=MIGRATIONS,
        hears=(Topic.TICKETS, Topic.MESSAGES),
        handle=handlers.handle_with(rules, clock),
    )
    adoption = Adoption(wired.database, file, clock)
    margin = settings.producer_margin
    timer = Timer(wired.database, wired.consumer.position, clock=clock, margin=margin)
    recounts = Recounts(wired.database, book, clock=clock)
    gauges = Gauges(wired.database, wired.consumer.position, clock=clock)
    database, schema, *others = wired.parts
    parts = [
        database,
        schema,
        adoption,
        *others,
        Worker("timer", timer.step, idle=0.1),
        Worker("recounts", recounts.step, idle=0.5),
        Worker("promises", gauges.step, idle=5),
        Worker("catalogue file", partial(file.look, adoption.adopt), idle=LOOK_EVERY),
    ]
    run("sla", settings, parts, _routes(settings, file, book, wired.database))


def _load(file: CatalogueFile) -> None:
    try:
        file.load()
    except CatalogueError as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None


def _routes(
    settings: SlaSettings, file: CatalogueFile, book: Book, database: Database
) -> list[BaseRoute]:
    checks: Verifier = verifier(settings, clock)
    secret = settings.pseudonym_secret.get_secret_value()
    return [
        *api.routes(api.Directory(database, checks, book, clock, secret)),
        *catalogue_api.routes(
            catalogue_api.CatalogueRoutes(database, checks, file, clock, lambda: str(uuid4()))
        ),
        *tickets_api.routes(tickets_api.Promises(database, checks, book, clock)),
        *plans_api.routes(
            plans_api.PlanPages(lambda: file.catalogue, clock, settings.brand, settings.terms)
        ),
    ]


if __name__ == "__main__":
    main()
