"""Customers' pages behind a real server: with a database, people who are signed in, and links."""

import asyncio
import itertools
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4  # noqa: TID251 - ids of forms and pages that nobody looks at

import httpx

from services.messaging import doing
from services.messaging.attachments_api import Attachments
from services.messaging.doing import Words
from services.messaging.domain import Message
from services.messaging.guarded import Guarded
from services.messaging.live import Hub, Live, Presences, Typists
from services.messaging.login.cookies import Cookie
from services.messaging.login.sessions import Sessions
from services.messaging.pages import customers, files, front, typing
from services.messaging.plans import Plans
from services.messaging.settings import MessagingSettings
from services.messaging.store import Person
from services.messaging.visitors import Visitor
from shared import web
from shared.database import Connection, Database
from shared.envelope import Cause, derive_id
from shared.events import PlanChanged, PlanChangedData, TicketCreated, TicketStatus
from shared.forms import SentFile
from shared.identity import Caller, Role, Verifier, requester_id
from shared.links import MadeLink, make_link
from shared.messages import Visibility
from tests.support import said
from tests.support.inbox import hear
from tests.support.live import Reader
from tests.support.served import serving
from tests.support.waiting import until

CATALOGUE = Path(__file__).parents[2] / "deploy" / "plans.toml"
NAMESPACE = UUID(int=1)
SECRET = "a-secret-of-the-tests"
INTAKE = "http://127.0.0.1:9"
ACCOUNT = "an-account"
AGENT = Visitor(Caller("an-agent", None, "Agent Smith", frozenset({Role.AGENT})))
OWNER = Person("a-customer", "Ann Customer", "ann@customer.example", True, ACCOUNT, ("customer",))
STRANGER = Person("a-stranger", "Some Stranger", "he@other.example", True, "other", ("customer",))


@dataclass(frozen=True)
class Acting:
    """What an agent does things with."""

    connection: Connection
    now: datetime


@dataclass
class CenterDesk:
    """The pages, and what tests do beside them."""

    url: str
    database: Database
    hub: Hub
    sessions: Sessions
    ahead: timedelta = timedelta()
    """How far the pages' clock is ahead of the real one."""
    _keys: "itertools.count[int]" = field(default_factory=itertools.count)

    def clock(self) -> datetime:
        """The present, or later."""
        return said.now() + self.ahead

    async def sign_in(self, person: Person = OWNER) -> dict[str, str]:
        """The cookies of somebody who has signed in."""
        async with self.database.transaction() as connection:
            value = await self.sessions.begin(connection, person, id_token="-", now=self.clock())
        return {"careline": value}

    @asynccontextmanager
    async def client(self, person: Person | None = OWNER) -> AsyncIterator[httpx.AsyncClient]:
        """A browser without a window."""
        cookies = await self.sign_in(person) if person else {}
        headers = {"Origin": self.url, "Sec-Fetch-Site": "same-origin"}
        async with httpx.AsyncClient(
            base_url=self.url, cookies=cookies, headers=headers, trust_env=False, timeout=20
        ) as client:
            yield client

    async def open_ticket(
        self,
        key: str = "one",
        *,
        subject: str = "It does not work",
        text: str = "Help!",
        account: str | None = ACCOUNT,
        at: datetime | None = None,
        link: str | None = None,
    ) -> TicketCreated:
        """A customer asks something; with `link` there is one that opens it, made for this."""
        created = said.ticket_created(key, account=account, at=at, text=text)
        private = created.data.private
        assert private is not None
        data = created.data.model_copy(
            update={
                "private": private.model_copy(update={"subject": subject}),
                "account_verified": account is not None,
                "requester": requester_id(OWNER.address or "", secret=SECRET)
                if account == ACCOUNT
                else said.REQUESTER,
                "link": self.link(link).link if link else None,
            }
        )
        created = created.model_copy(update={"data": data})
        await hear(self.database, created)
        return created

    def link(self, purpose: str) -> MadeLink:
        """A link for a purpose."""
        return make_link(SECRET, purpose, expires=said.now() + timedelta(days=3))

    async def slot(
        self, created: TicketCreated, plan: str = "professional", due: datetime | None = None
    ) -> said.Slot:
        """Sla gives a ticket its slot, with an answer due then."""
        slotted = said.slot(created, plan)
        await hear(self.database, *slotted.events)
        if due is not None:
            await hear(self.database, said.moved(slotted.scheduled, due))
        return slotted

    async def upgrade(self, plan: str) -> None:
        """Sla says that the account is on another plan now."""
        now = self.clock()
        data = PlanChangedData(account=ACCOUNT, plan=plan, since=now, changed_by="a-lead")
        cause = Cause(derive_id(NAMESPACE, plan, now.isoformat()), ACCOUNT)
        await hear(self.database, PlanChanged.say(data, cause=cause, source=said.SLA, time=now))

    async def answer(
        self,
        created: TicketCreated,
        text: str = "Have you tried again?",
        *,
        visibility: Visibility = Visibility.PUBLIC,
        sent: tuple[SentFile, ...] = (),
    ) -> Message:
        """An agent writes."""
        return await self.write(AGENT, created, text, visibility=visibility, sent=sent)

    async def write(
        self,
        visitor: Visitor,
        created: TicketCreated,
        text: str,
        *,
        visibility: Visibility = Visibility.PUBLIC,
        sent: tuple[SentFile, ...] = (),
    ) -> Message:
        """Somebody writes, not by these pages."""
        async with Guarded(self.database).transaction(visitor) as connection:
            return await doing.post(
                connection,
                visitor,
                said.ticket_of(created),
                Words(text, visibility),
                key=f"key-{next(self._keys)}",
                now=self.clock(),
                files=sent,
            )

    @asynccontextmanager
    async def as_agent(self) -> AsyncIterator[Acting]:
        """A connection on which an agent does something."""
        async with Guarded(self.database).transaction(AGENT) as connection:
            yield Acting(connection, self.clock())


@asynccontextmanager
async def serving_center(dsn: str, *, intake: str = INTAKE) -> AsyncIterator[CenterDesk]:
    """Customers' pages on this database, until the end of the block."""
    database, hub = Database(dsn, service="test", size=10), Hub(dsn)
    application = web.application([], dict)
    await database.start()
    async with serving(application) as url:
        sessions = Sessions(
            Cookie("careline", url, timedelta(hours=8)),
            idle=timedelta(hours=2),
            new_value=lambda: secrets.token_urlsafe(32),
        )
        desk = CenterDesk(url, database, hub, sessions)
        presences = Presences(database, desk.clock, uuid4)
        live = Live(hub, presences, most=200)
        plans = Plans(CATALOGUE)
        plans.load()
        made = front.build(
            _settings(url, dsn, intake), database, desk.clock, lambda: secrets.token_urlsafe(32)
        )
        verifier = Verifier(None, issuer="-", audience="-", clock=desk.clock)
        attachments = Attachments(Guarded(database), verifier)
        application.router.routes += [
            *customers.routes(made.doors, plans, live, uuid4),
            *files.routes(made.doors, attachments),
            *typing.routes(typing.Typing(made.doors, Typists(database))),
            *made.routes,
        ]
        await presences.start()
        await hub.start()
        try:
            await until(lambda: hub.ready() is None, what="the hub listens")
            yield desk
        finally:
            await hub.stop()
            await presences.stop()
    await database.stop()


@asynccontextmanager
async def following(
    client: httpx.AsyncClient, path: str, *, seen: str | None = None
) -> AsyncIterator[Reader]:
    """Open a page and follow what it is told, until the end of the block.

    Args:
        client: Whose browser it is.
        path: Of the page.
        seen: What the page has shown; by default what it says itself.
    """
    page = await client.get(path)
    found = re.search(r'data-live="([^"]+)" data-seen="([^"]*)"', page.text)
    assert found, page.text
    stream = httpx.URL(found[1]).copy_add_param("seen", found[2] if seen is None else seen)
    async with client.stream("GET", stream, timeout=None) as response:
        reader = Reader(response)
        task = asyncio.create_task(reader.read())
        try:
            yield reader
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def _settings(url: str, dsn: str, intake: str) -> MessagingSettings:
    return MessagingSettings.model_validate(
        {
            "database": dsn,
            "public_address": url,
            "intake": intake,
            "pass_secret": SECRET,
            "stream_secret": "a-stream-secret-of-the-tests-that-is-long",
            "pseudonym_secret": SECRET,
            "terms": "https://careline.example/terms",
        }
    )


def ticket_path(created: TicketCreated, rest: str = "") -> str:
    """Where a customer finds a ticket."""
    return f"/center/{said.ticket_of(created)}{rest}"


def proof_in(page: httpx.Response) -> str:
    """The proof of a page's forms."""
    found = re.search(r'name="proof" value="([0-9a-f]{64})"', page.text)
    assert found, page.text
    return found[1]


async def post(
    client: httpx.AsyncClient,
    created: TicketCreated,
    what: str = "messages",
    *,
    headers: dict[str, str] | None = None,
    **fields: str,
) -> httpx.Response:
    """Send a form of the ticket's page."""
    page = await client.get(ticket_path(created))
    data = {"proof": proof_in(page), **{name.rstrip("_"): fields[name] for name in fields}}
    return await client.post(ticket_path(created, f"/{what}"), data=data, headers=headers)


def shows(page: httpx.Response) -> str:
    """What a page says that it has shown."""
    found = re.search(r'data-seen="([^"]*)"', page.text)
    assert found, page.text
    return found[1]


def patched(reader: Reader) -> str:
    """All the HTML that a page was sent."""
    return " ".join(each["html"] for each in reader.named("patch"))


async def set_status(desk: CenterDesk, created: TicketCreated, status: TicketStatus) -> None:
    """An agent sets a ticket to a status."""
    async with desk.as_agent() as on:
        ticket = said.ticket_of(created)
        await doing.set_status(on.connection, AGENT, ticket, status, now=on.now)
