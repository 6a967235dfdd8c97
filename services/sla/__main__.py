"""sla, put together: the only place with its real clock and its fresh ids."""

import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from uuid import uuid4

from starlette.routing import BaseRoute

from services.sla import (
    api,
    catalogue_api,
    due,
    handlers,
    plans_api,
    rebuilding,
    tickets_api,
)
from services.sla.catalogues import Adoption, Book
from services.sla.gauges import Gauges
from services.sla.partitions import Partitions
from services.sla.recounts import Recounts
from services.sla.settings import SlaSettings
from services.sla.timer import HeardOfTickets, Timer
from shared import dead_api
from shared.adopted import CatalogueAdopted, CatalogueMoved
from shared.catalogue_file import CatalogueFile
from shared.deadlines import DeadlineEvent
from shared.envelope import Topic
from shared.events import PlanChanged, TicketSlotted
from shared.followed_file import LOOK_EVERY
from shared.handling import PlanChangeDeclined
from shared.identity import Verifier
from shared.plans import CatalogueError
from shared.runtime import Part, run, verifier
from shared.settings import load_settings
from shared.topics import topic_name
from shared.wiring import Wired, wire
from shared.worker import Worker

MIGRATIONS = Path(__file__).parent / "migrations"
SAYS = (
    TicketSlotted,
    *DeadlineEvent.__args__,
    PlanChanged,
    PlanChangeDeclined,
    CatalogueAdopted,
    CatalogueMoved,
)


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
        hears=(Topic.TICKETS, Topic.MESSAGES, Topic.SLA, Topic.ACCOUNTS),
        handle=handlers.handle_with(rules, clock),
        finish=rebuilding.finish_with(book, file, clock),
        restore=rebuilding.restore,
    )
    parts = _parts(wired, settings, file, book)
    run("sla", settings, parts, _routes(settings, file, book, wired), SAYS)


def _parts(wired: Wired, settings: SlaSettings, file: CatalogueFile, book: Book) -> list[Part]:
    """The parts in the order in which they start."""
    database, horizon = wired.database, wired.rebuilding
    hung_on = [topic_name(settings.namespace, each) for each in (Topic.TICKETS, Topic.MESSAGES)]
    position = HeardOfTickets(wired.consumer.position, hung_on)
    adoption = Adoption(database, file, clock, lambda: horizon.active)
    partitions = Partitions(database, partial(_partitions, wired, settings), clock=clock)
    timer = Timer(
        database,
        position,
        book,
        clock=clock,
        margin=settings.producer_margin,
        may_fire=partitions.may_fire,
    )
    recounts = Recounts(database, book, clock=clock)
    gauges = Gauges(database, position, clock=clock)
    drawn = wired.parts.index(horizon) + 1
    return [
        *wired.parts[:drawn],
        adoption,
        *wired.parts[drawn:],
        partitions,
        Worker("partition numbers", horizon.unless_active(partitions.step), idle=0.5),
        Worker("timer", horizon.unless_active(timer.step), idle=0.1),
        Worker("recounts", horizon.unless_active(recounts.step), idle=0.5),
        Worker("promises", horizon.unless_active(gauges.step), idle=5),
        Worker("catalogue file", partial(file.look, adoption.adopt), idle=LOOK_EVERY),
    ]


def _partitions(wired: Wired, settings: SlaSettings) -> int | None:
    """How many partitions the topic of tickets has, as far as this process knows."""
    consumer = wired.consumer.position.consumer
    topic = topic_name(settings.namespace, Topic.TICKETS)
    found = consumer.partitions_for_topic(topic) if consumer else None
    return len(found) if found else None


def _load(file: CatalogueFile) -> None:
    try:
        file.load()
    except CatalogueError as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None


def _routes(
    settings: SlaSettings, file: CatalogueFile, book: Book, wired: Wired
) -> list[BaseRoute]:
    checks: Verifier = verifier(settings, clock)
    database, rebuilds = wired.database, wired.rebuilding.ready
    secret = settings.pseudonym_secret.get_secret_value()
    return [
        *api.routes(api.Directory(database, checks, book, clock, secret, rebuilds)),
        *catalogue_api.routes(
            catalogue_api.CatalogueRoutes(
                database, checks, file, clock, lambda: str(uuid4()), rebuilds
            )
        ),
        *tickets_api.routes(tickets_api.Promises(database, checks, book, clock)),
        *plans_api.routes(
            plans_api.PlanPages(lambda: file.catalogue, clock, settings.brand, settings.terms)
        ),
        *dead_api.routes(dead_api.DeadLettersApi(wired.dead, checks)),
    ]


if __name__ == "__main__":
    main()
