"""The front of the pages, put together from settings: doors, sign-in, links, and the entrance."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from starlette.routing import Route

from services.messaging.guarded import Guarded
from services.messaging.login.claims import ClaimNames
from services.messaging.login.cookies import Cookie
from services.messaging.login.links import TicketLinks
from services.messaging.login.provider import Client, Provider
from services.messaging.login.sessions import Sessions
from services.messaging.login.sign_ins import UNDER_WAY, SignIns
from services.messaging.login.visitors import Visitors
from services.messaging.pages import docs, entrance, opening, sign_in
from services.messaging.pages.doors import Doors, Links
from services.messaging.pages.kept import Kept
from services.messaging.settings import MessagingSettings
from shared.database import Database
from shared.pages import Pages, languages_of
from shared.passes import PassKind

FOLDER = Path(__file__).parents[1]
LINKS_LAST = timedelta(days=30)
"""In a browser; each link ends on its own day, however long the browser keeps it."""


@dataclass(frozen=True, slots=True)
class Front:
    """What all pages stand behind, and the pages at the front."""

    doors: Doors
    routes: list[Route]


def build(
    settings: MessagingSettings,
    database: Database,
    clock: Callable[[], datetime],
    new_value: Callable[[], str],
) -> Front:
    """Put it together.

    Args:
        settings: Of messaging.
        database: Its own.
        clock: The present, with a zone.
        new_value: A value of 256 random bits, as 43 characters of URL-safe base64.
    """
    pages = Pages(FOLDER, languages_of(FOLDER), settings.brand)
    links = Links(settings.public_address, settings.intake, settings.portal, settings.terms)
    visitors = _visitors(settings, database, clock, new_value)
    doors = Doors(Guarded(database), visitors, pages, clock, links)
    sign_ins = _sign_ins(settings, database, clock, new_value)
    secret = settings.pass_secret.get_secret_value()
    kept = _kept(settings, visitors, sign_ins)
    routes = [
        *entrance.routes(entrance.EntrancePages(doors, kept, secret)),
        *sign_in.routes(sign_in.SignInPages(doors, visitors.sessions, sign_ins)),
        *opening.routes(opening.OpeningPages(doors, visitors.links)),
        *pages.routes(),
    ]
    return Front(doors, routes)


def _kept(settings: MessagingSettings, visitors: Visitors, sign_ins: SignIns | None) -> Kept:
    known = bool(settings.pass_secret.get_secret_value() and sign_ins)
    return Kept(
        session=visitors.sessions.cookie,
        idle=visitors.sessions.idle,
        links=visitors.links.cookie,
        reader=Cookie("careline_reader", settings.public_address, docs.REMEMBERED),
        sign_in=sign_ins.cookie if sign_ins else None,
        form=Cookie("careline_request", settings.intake, PassKind.KEPT.lasts) if known else None,
    )


def _visitors(
    settings: MessagingSettings,
    database: Database,
    clock: Callable[[], datetime],
    new_value: Callable[[], str],
) -> Visitors:
    sessions = Sessions(
        Cookie("careline", settings.public_address, timedelta(hours=settings.session_hours)),
        idle=timedelta(minutes=settings.session_idle_minutes),
        new_value=new_value,
    )
    links = TicketLinks(Cookie("careline_links", settings.public_address, LINKS_LAST), new_value)
    return Visitors(database, sessions, links, clock, settings.pseudonym_secret.get_secret_value())


def _sign_ins(
    settings: MessagingSettings,
    database: Database,
    clock: Callable[[], datetime],
    new_value: Callable[[], str],
) -> SignIns | None:
    if settings.oidc_issuer is None:
        return None
    secret = settings.oidc_client_secret
    client = Client(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        client_secret=secret.get_secret_value() if secret else None,
        scopes=settings.oidc_scopes,
        back=f"{settings.public_address}/sign-in/back",
        claims=ClaimNames(settings.oidc_roles_claim, settings.oidc_account_claim),
    )
    cookie = Cookie("careline_sign_in", settings.public_address, UNDER_WAY)
    return SignIns(database, Provider(client, clock), cookie, clock, new_value)
