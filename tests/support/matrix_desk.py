"""All of messaging's routes behind a real server, and a ticket that has everything to give away."""

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from uuid import UUID, uuid4  # noqa: TID251 - as messaging's own __main__ has it

import httpx
from starlette.applications import Starlette
from starlette.routing import BaseRoute

from services.messaging import composition, doing, store
from services.messaging.composition import Behind, Outside
from services.messaging.doing import Words
from services.messaging.guarded import Guarded
from services.messaging.live import Hub, Live, Presences
from services.messaging.plans import Plans
from services.messaging.settings import MessagingSettings
from services.messaging.store import LinkRow
from services.messaging.store import answers as canned_answers
from services.messaging.store import views as saved_views
from services.messaging.store.answers import Canned
from services.messaging.store.views import View
from services.messaging.visitors import Visitor
from shared import web
from shared.database import Connection, Database
from shared.dead_register import DeadRegister
from shared.forms import SentFile
from shared.identity import Caller, Role, Verifier, requester_id
from shared.links import make_link
from shared.messages import Visibility
from shared.publisher import Publisher
from tests.support import documentation, said
from tests.support.inbox import hear
from tests.support.matrix_people import (
    ACCOUNT,
    ADDRESS,
    AGENT_SUBJECT,
    ASSIGNEE,
    LEAD_SUBJECT,
    OTHER_ACCOUNT,
    Brought,
    Who,
    holder,
    sessions,
    tokens,
)
from tests.support.served import serving
from tests.support.waiting import until

CATALOGUE = Path(__file__).parents[2] / "deploy" / "plans.toml"
SECRET = "a-secret-of-the-tests"
NEEDLE = "needle"
"""Stands in every text, so that whoever searches for it finds what they may find."""
AGENT = Visitor(Caller(AGENT_SUBJECT, None, "Alex Agent", frozenset({Role.AGENT})))
CUSTOMER = Visitor(Caller("c-one", ACCOUNT, "Cleo Customer", frozenset({Role.CUSTOMER})))
STRANGER = Visitor(Caller("c-two", OTHER_ACCOUNT, "Sam Stranger", frozenset({Role.CUSTOMER})))

WORDS = ("quokka", "wombat", "dingo", "galah", "numbat", ACCOUNT)
"""Of the ticket's subject, text, file, the file's content, who asked, their address and account."""
INNER = ("platypus", "echidna", "bandicoot", "taipan", ASSIGNEE.subject, "kowari", AGENT_SUBJECT)
"""Of the note, its file, that file's content, the tag, whose it is, and who wrote the note."""
DESKS = ("cassowary", "kookaburra")
"""Of a canned answer, and of a view that a lead keeps for themselves."""
OTHER_WORDS = ("rosella", "brolga", "corella", "budgie", OTHER_ACCOUNT)
"""Of the ticket of another account: subject, text, file, the file's content."""
SPARE_WORDS = ("emu-subject",)
"""Of further tickets of the account that somebody else asked about."""


@dataclass
class MatrixDesk:
    """The service, and who comes to it."""

    application: Starlette
    url: str
    database: Database
    client: httpx.AsyncClient
    brought: dict[Who, Brought]
    ids: dict[str, str] = field(default_factory=dict)
    """What stands in paths, by its name in the table."""


@asynccontextmanager
async def serving_all(dsn: str, folder: Path) -> AsyncIterator[MatrixDesk]:
    """All routes on this database, with everybody and the tickets, until the end of the block."""
    database, hub = Database(dsn, service="test", size=10), Hub(dsn)
    presences = Presences(database, said.now, uuid4)
    verifier, bearers = tokens(folder)
    application = web.application([], dict)
    await database.start()
    async with serving(application) as url, _client(url) as client:
        application.router.routes += _routes(
            url, database, verifier, Live(hub, presences, most=200)
        )
        await presences.start()
        await hub.start()
        try:
            await until(lambda: hub.ready() is None, what="the hub listens")
            nobody = {Who.NOBODY: Brought({})}
            brought = nobody | bearers | await sessions(database)
            desk = MatrixDesk(application, url, database, client, brought)
            await _furnish(desk)
            yield desk
        finally:
            await hub.stop()
            await presences.stop()
    await database.stop()


def _routes(url: str, database: Database, verifier: Verifier, live: Live) -> list[BaseRoute]:
    plans = Plans(CATALOGUE)
    plans.load()
    settings = MessagingSettings.model_validate(
        {
            "database": "postgresql://unused",
            "public_address": url,
            "intake": "http://127.0.0.1:9",
            "oidc_issuer": "http://127.0.0.1:9/nobody-is-here",
            "pass_secret": SECRET,
            "pseudonym_secret": SECRET,
            "stream_secret": SECRET * 2,
        }
    )
    nobody = "127.0.0.1:9"
    away = Publisher(nobody, deadline=1, client_id="test")
    dead = DeadRegister(nobody, "test", "messaging", away)
    behind = Behind(database, verifier, plans, live, has_articles=True, dead=dead)
    outside = Outside(said.now, uuid4, lambda: secrets.token_urlsafe(32))
    return composition.routes(settings, behind, outside)


@asynccontextmanager
async def _client(url: str) -> AsyncIterator[httpx.AsyncClient]:
    """It keeps no cookies: each request brings those of whoever sends it."""
    # Servers hang up on lines that were idle for 5 s.
    limits = httpx.Limits(keepalive_expiry=1)
    async with httpx.AsyncClient(
        base_url=url, trust_env=False, timeout=60, limits=limits
    ) as client:
        client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        yield client


async def _furnish(desk: MatrixDesk) -> None:
    one = await _open(desk, "one", "quokka", "wombat")
    other = await _open(desk, "other", "rosella", "brolga", account=OTHER_ACCOUNT)
    spares = [await _open(desk, f"spare {n}", SPARE_WORDS[0], "more") for n in range(3)]
    desk.ids |= {"ticket": str(one), "other": str(other)}
    desk.ids |= dict(zip(("spare", "into", "linked"), map(str, spares), strict=True))
    async with Guarded(desk.database).transaction(AGENT) as connection:
        await doing.assign(connection, AGENT, one, assignee=ASSIGNEE.subject, now=said.now())
        await doing.set_tags(connection, AGENT, one, ["taipan"], now=said.now())
    await _write(desk, CUSTOMER, one, "public", "wombat", _file("dingo", "galah"))
    await _write(desk, AGENT, one, "note", "platypus", _file("echidna", "bandicoot"))
    await _write(desk, STRANGER, other, "foreign", "brolga", _file("corella", "budgie"))
    async with desk.database.transaction() as connection:
        await _keep(connection, desk.ids)
        await _link(connection, desk)
    await documentation.keep(desk.database, [documentation.ARTICLE])
    desk.ids |= {"slug": documentation.ARTICLE.slug, "name": "look.css"}


async def _open(
    desk: MatrixDesk, key: str, subject: str, text: str, *, account: str = ACCOUNT
) -> UUID:
    created = said.ticket_created(key, account=account, text=f"{text} {NEEDLE}")
    assert created.data.private is not None
    is_theirs = key == "one"
    private = created.data.private.model_copy(
        update={"subject": f"{subject} {NEEDLE}"}
        | ({"name": "Nora Numbat", "address": ADDRESS} if is_theirs else {})
    )
    requester = requester_id(ADDRESS, secret=SECRET) if is_theirs else said.REQUESTER
    data = created.data.model_copy(
        update={"private": private, "account_verified": True, "requester": requester}
    )
    created = created.model_copy(update={"data": data})
    await hear(desk.database, created, *said.slot(created, "professional").events)
    return said.ticket_of(created)


async def _write(
    desk: MatrixDesk, visitor: Visitor, ticket: UUID, name: str, text: str, file: SentFile
) -> None:
    visibility = Visibility.NOTE if name == "note" else Visibility.PUBLIC
    assert not {name, f"{name} file"} & desk.ids.keys()
    async with Guarded(desk.database).transaction(visitor) as connection:
        words = Words(f"{text} {NEEDLE}", visibility)
        message = await doing.post(
            connection, visitor, ticket, words, key=name, now=said.now(), files=(file,)
        )
        files = await store.list_attachments(connection, [message.id])
    desk.ids |= {name: str(message.id), f"{name} file": str(files[message.id][0].id)}


def _file(name: str, content: str) -> SentFile:
    return SentFile(f"{name}.txt", "text/plain", content.encode())


async def _keep(connection: Connection, ids: dict[str, str]) -> None:
    for name, title in (("answer", "cassowary"), ("spare answer", "an answer to delete")):
        canned = Canned(uuid4(), title, f"{title} {NEEDLE}", LEAD_SUBJECT, said.now())
        assert await canned_answers.save_canned(connection, canned)
        ids[name] = str(canned.id)
    for name, title in (("view", "kookaburra"), ("spare view", "a view to delete")):
        view = View(uuid4(), LEAD_SUBJECT, shared=False, name=title, query="status=open")
        assert await saved_views.save_view(connection, view, now=said.now())
        ids[name] = str(view.id)


async def _link(connection: Connection, desk: MatrixDesk) -> None:
    now = said.now()
    ends: Mapping[str, tuple[str, datetime]] = {
        "revoked": ("ticket", now + timedelta(days=1)),
        "token": ("ticket", now + timedelta(days=1)),
        "late": ("ticket", now - timedelta(seconds=1)),
        "theirs": ("other", now + timedelta(days=1)),
    }
    for name, (ticket, end) in ends.items():
        made = make_link(SECRET, name, expires=end)
        began = now - timedelta(days=1)
        row = LinkRow(made.link.sha256, UUID(desk.ids[ticket]), "form", began, made.link.expires)
        await store.keep_links(connection, [row])
        desk.ids[name] = made.token
        if name == "revoked":
            await store.revoke_links(connection, row.ticket, now=now)
    desk.ids["letter"] = "0"
    desk.ids["unknown"] = secrets.token_urlsafe(32)
    desk.brought |= {
        Who.HOLDER: holder(desk.ids["token"]),
        Who.OTHER_HOLDER: holder(desk.ids["theirs"]),
        Who.LATE_HOLDER: holder(desk.ids["late"]),
        Who.REVOKED_HOLDER: holder(desk.ids["revoked"]),
    }
