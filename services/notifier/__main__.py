"""notifier, put together: the only place with its real clock."""

import os
import secrets
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from starlette.routing import BaseRoute

from services.notifier import (
    api,
    customers,
    dead_pages,
    handlers,
    horizon,
    pages,
    planning,
    rebuilding,
    storms,
    ways,
)
from services.notifier.articles_file import ArticlesFile
from services.notifier.channels import Way
from services.notifier.channels.smtp import SmtpServer
from services.notifier.composing import compose_with
from services.notifier.destinations import Destination, load_destinations
from services.notifier.forgetting import forgetter
from services.notifier.letters import samples
from services.notifier.letters.brand import Brand
from services.notifier.letters.desk import Desk
from services.notifier.letters.words import Templates
from services.notifier.lookout import LOOK_EVERY as LOOK_OUT_EVERY
from services.notifier.lookout import Lookout
from services.notifier.named_destinations import check_names, warn_of_names
from services.notifier.register.rendering import Links
from services.notifier.sender import Limits, Sender
from services.notifier.settings import NotifierSettings
from shared import dead_api
from shared.catalogue_file import CatalogueFile
from shared.database import Connection
from shared.envelope import Topic
from shared.followed_file import LOOK_EVERY
from shared.mail_tokens import MailTokens
from shared.notifications import NotificationFailed, NotificationSent, NotificationSuppressed
from shared.plans import Catalogue
from shared.privacy import KeyMade, PersonErased
from shared.rebuilding import Finish
from shared.runtime import Part, run, verifier
from shared.sealing import KEY_BYTES
from shared.settings import load_settings
from shared.wiring import Wired, minting, wire
from shared.worker import Worker

MIGRATIONS = Path(__file__).parent / "migrations"
SAYS = (
    NotificationSent,
    NotificationFailed,
    NotificationSuppressed,
    KeyMade,
    PersonErased,
)
LET_GO_EVERY = 1.0
"""Seconds between looks for alerts whose time has come."""

FoundT = TypeVar("FoundT")


def clock() -> datetime:
    """The present, in UTC."""
    return datetime.now(UTC)


def new_key() -> bytes:
    """A key for personal data on the stream: 64 random bytes."""
    return secrets.token_bytes(KEY_BYTES)


@dataclass(frozen=True, slots=True)
class _Setup:
    """What was read from files, once all of it is right."""

    settings: NotifierSettings
    file: CatalogueFile
    articles: ArticlesFile | None
    destinations: tuple[Destination, ...]
    desk: Desk

    def catalogue(self) -> Catalogue:
        """The one in force."""
        return self.file.catalogue

    async def look_at_catalogue(self) -> bool:
        """Follow its file."""
        return await self.file.look(warn_of_names(self.file.name, self.destinations))

    @property
    def ways(self) -> list[Way]:
        """Mail, and each destination."""
        settings, password = self.settings, self.settings.smtp_password
        server = SmtpServer(
            settings.smtp_host,
            settings.smtp_port,
            settings.smtp_security,
            settings.smtp_user,
            password.get_secret_value() if password else None,
            settings.smtp_authorities,
        )
        within = self.limits.within
        mail = ways.mail_way(
            server, self.desk, connections=settings.smtp_connections, within=within
        )
        return [mail, *ways.other_ways(self.destinations, clock, within=within)]

    @property
    def limits(self) -> Limits:
        """How long deliveries are tried."""
        settings = self.settings
        return Limits(timedelta(seconds=settings.hold), timedelta(seconds=settings.give_up_after))

    @property
    def rules(self) -> handlers.Rules:
        """What is sent when, and how much of it."""
        settings = self.settings
        kinds = {each.name: each.kind for each in self.destinations}
        return handlers.Rules(
            patience=timedelta(seconds=settings.patience),
            acknowledgements=customers.Caps(
                settings.acknowledgements_per_address_hour,
                settings.acknowledgements_per_address_day,
                settings.acknowledgements_per_domain_hour,
            ),
            replies=customers.Pace(
                timedelta(seconds=settings.reply_delay), settings.replies_per_thread_hour
            ),
            alerts=planning.AlertRules(
                channel_of=lambda name: kinds.get(name.casefold()),
                grace=timedelta(seconds=settings.alert_grace),
                limits=storms.Limits(
                    burst=settings.alerts_per_minute,
                    hourly=settings.alerts_per_hour,
                    first_pause=timedelta(seconds=settings.digest_pause),
                    longest_pause=timedelta(seconds=settings.longest_digest_pause),
                ),
            ),
        )


def main() -> None:
    """Run notifier until it is told to end."""
    setup = _set_up(load_settings(NotifierSettings))
    settings, outward, rules = setup.settings, setup.ways, setup.rules
    wired = wire(
        "notifier",
        settings,
        migrations=MIGRATIONS,
        hears=(Topic.TICKETS, Topic.SLA, Topic.MESSAGES, Topic.NOTIFICATIONS, Topic.PRIVACY),
        handle=handlers.handle_with(setup.catalogue, clock, rules=rules),
        finish=_finish(rules, setup.limits.give_up_after),
        restore=rebuilding.restore,
        keys=minting("notifier", settings, clock, new_key),
    )
    parts = [
        *wired.parts,
        Worker("catalogue", setup.look_at_catalogue, idle=LOOK_EVERY),
        *([setup.articles.worker(wired.database)] if setup.articles else []),
        _letting_go(wired, rules.alerts),
        forgetter(
            wired.database,
            clock,
            keep=timedelta(days=settings.keep_days),
            when=wired.rebuilding.unless_active,
        ),
        *_sending(setup, wired, outward),
    ]
    run("notifier", settings, parts, _routes(setup, wired, outward), SAYS)


def _set_up(settings: NotifierSettings) -> _Setup:
    """Read all files; exit status 2 with the problems of the first that is wrong."""
    file = CatalogueFile(settings.catalogue)
    _or_exit(file.load)
    articles = None
    if settings.articles is not None:
        articles = ArticlesFile(settings.articles, documentation=settings.documentation)
        _or_exit(articles.load)
    found: tuple[Destination, ...] = ()
    if (path := settings.destinations) is not None:
        found = _or_exit(lambda: load_destinations(path, os.environ))
    _or_exit(lambda: check_names(file.catalogue, file.text, file.name, found))
    brand = _or_exit(settings.look, "CARELINE_BRAND_*: ")
    templates = _or_exit(lambda: Templates(settings.templates), "CARELINE_TEMPLATES: ")
    desk = _desk(settings, brand, templates)
    _or_exit(lambda: samples.check(desk, file.catalogue), "CARELINE_TEMPLATES: ")
    return _Setup(settings, file, articles, found, desk)


def _or_exit(read: Callable[[], FoundT], what: str = "") -> FoundT:
    try:
        return read()
    except ValueError as error:
        print(f"{what}{error}", file=sys.stderr)
        raise SystemExit(2) from None


def _desk(settings: NotifierSettings, brand: Brand, templates: Templates) -> Desk:
    return Desk(
        brand=brand,
        sender=settings.sender,
        messaging_center=settings.messaging_center,
        operators=settings.operators,
        portal=settings.portal,
        documentation=settings.documentation,
        troubleshooting=settings.troubleshooting,
        terms=settings.terms,
        tokens=MailTokens(settings.mail_secret.get_secret_value(), settings.reply_mailbox),
        link_secret=settings.mail_secret.get_secret_value(),
        templates=templates,
        staff_locale=settings.staff_locale,
    )


def _finish(rules: handlers.Rules, give_up_after: timedelta) -> Finish:
    terms = horizon.Terms(rules.patience, rules.acknowledgements, rules.replies, give_up_after)

    async def finish(connection: Connection) -> bool:
        return await horizon.finish(connection, terms, now=clock())

    return finish


def _letting_go(wired: Wired, rules: planning.AlertRules) -> Part:
    async def step() -> bool:
        async with wired.database.transaction() as connection:
            return await planning.thicken(connection, now=clock(), rules=rules)

    return Worker("alerts", wired.rebuilding.unless_active(step), idle=LET_GO_EVERY)


def _sending(setup: _Setup, wired: Wired, outward: list[Way]) -> list[Part]:
    lanes, when = [way.lane for way in outward], wired.rebuilding.unless_active
    lookout = Lookout(wired.database, lanes, patience=setup.limits.hold, clock=clock)
    sender = Sender(
        wired.database,
        outward,
        compose=compose_with(setup.catalogue, setup.desk, clock),
        clock=clock,
        limits=setup.limits,
        when=when,
    )
    return [Worker("lanes", when(lookout.step), idle=LOOK_OUT_EVERY), sender]


def _routes(setup: _Setup, wired: Wired, outward: list[Way]) -> list[BaseRoute]:
    database = wired.database
    checks, lanes = verifier(setup.settings, clock), [way.lane for way in outward]
    links = Links(setup.settings.brand, setup.settings.messaging_center)
    operators = pages.Pages(database, checks, clock, links, lanes)
    return [
        *api.routes(api.Deliveries(database, checks, clock, lanes)),
        *pages.routes(operators),
        *dead_pages.routes(dead_pages.DeadPages(operators, wired.dead)),
        *dead_api.routes(dead_api.DeadLettersApi(wired.dead, checks)),
    ]


if __name__ == "__main__":
    main()
