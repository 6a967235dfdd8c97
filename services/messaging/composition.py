"""Everything that messaging answers over HTTP, put together: the one list of its routes.

The process serves this list, and tests/integration/messaging/test_who_may_what.py goes through it:
a route that stands elsewhere would be served to nobody.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from starlette.routing import BaseRoute

from services.messaging import api, attachments_api, privacy_api, tickets_api
from services.messaging.guarded import Guarded
from services.messaging.live import Live, Typists
from services.messaging.pages import agents, customers, docs, files, front, typing
from services.messaging.pages.desk import Desk
from services.messaging.pages.doors import Doors
from services.messaging.plans import Plans
from services.messaging.settings import MessagingSettings
from shared import dead_api
from shared.database import Database
from shared.dead_register import DeadRegister
from shared.identity import Verifier


@dataclass(frozen=True, slots=True)
class Outside:
    """What a program can't work out: the present, and what nobody can guess."""

    clock: Callable[[], datetime]
    """The present, with a zone."""
    new_id: Callable[[], UUID]
    new_value: Callable[[], str]
    """A value of 256 random bits, as 43 characters of URL-safe base64."""


@dataclass(frozen=True, slots=True)
class Behind:
    """What answers are made with."""

    database: Database
    callers: Verifier
    plans: Plans
    live: Live
    has_articles: bool
    """Whether there is a folder of articles at all."""
    dead: DeadRegister
    """What could not be handled."""
    wake_eraser: Callable[[], None] = lambda: None
    """Somebody is to be forgotten."""


def routes(settings: MessagingSettings, behind: Behind, outside: Outside) -> list[BaseRoute]:
    """All routes, but those that every service has.

    Args:
        settings: Of messaging.
        behind: What answers are made with.
        outside: The present, and what is random.
    """
    found = front.build(settings, behind.database, outside.clock, outside.new_value)
    return [
        *_api(behind, outside),
        *_privacy(settings, behind, outside),
        *_pages(found.doors, behind, outside),
        *found.routes,
    ]


def _api(behind: Behind, outside: Outside) -> list[BaseRoute]:
    guarded, callers = Guarded(behind.database), behind.callers
    center = api.MessagingCenter(
        guarded, callers, outside.clock, new_key=lambda: outside.new_id().hex
    )
    return [
        *tickets_api.routes(tickets_api.Tickets(guarded, callers)),
        *api.routes(center),
        *attachments_api.routes(attachments_api.Attachments(guarded, callers)),
        *dead_api.routes(dead_api.DeadLettersApi(behind.dead, callers)),
    ]


def _privacy(settings: MessagingSettings, behind: Behind, outside: Outside) -> list[BaseRoute]:
    privacy = privacy_api.Privacy(
        behind.database,
        behind.callers,
        outside.clock,
        outside.new_id,
        settings.pseudonym_secret.get_secret_value(),
        behind.wake_eraser,
    )
    return [*privacy_api.routes(privacy)]


def _pages(doors: Doors, behind: Behind, outside: Outside) -> list[BaseRoute]:
    attachments = attachments_api.Attachments(doors.guarded, behind.callers)
    documentation = docs.Documentation(
        doors, behind.database, outside.clock, outside.new_value, is_here=behind.has_articles
    )
    return [
        *files.routes(doors, attachments),
        *typing.routes(typing.Typing(doors, Typists(behind.database))),
        *documentation.routes(),
        *agents.routes(Desk(doors, behind.plans, behind.live, outside.new_id)),
        *customers.routes(doors, behind.plans, behind.live, outside.new_id),
    ]
