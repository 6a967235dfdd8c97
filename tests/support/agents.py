"""Agents' pages behind a real server, with people who are signed in, and tickets to look at."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4  # noqa: TID251 - what runs has ids of its own

import httpx

from services.messaging import store
from services.messaging.live import Hub, Live, Presences, Typists
from services.messaging.login.sessions import hash_value, proof_of
from services.messaging.pages import agents, front, typing
from services.messaging.pages.desk import Desk
from services.messaging.plans import Plans
from services.messaging.settings import MessagingSettings
from services.messaging.store import Person
from services.messaging.visitors import Visitor
from shared import web
from shared.database import Database
from shared.events import TicketCreated
from shared.identity import Caller, Role
from shared.plans import Clock
from tests.support import said
from tests.support.inbox import hear
from tests.support.sealing import STREAM_SECRET
from tests.support.served import serving
from tests.support.waiting import until

CATALOGUE = Path(__file__).parents[2] / "deploy" / "plans.toml"
COOKIE = "careline"

AGENT, COLLEAGUE, LEAD = "an-agent", "a-colleague", "a-lead"
NAMES = {AGENT: "Alex Agent", COLLEAGUE: "Kim Colleague", LEAD: "Lee Lead"}
ROLES = {AGENT: Role.AGENT, COLLEAGUE: Role.AGENT, LEAD: Role.LEAD, "a-customer": Role.CUSTOMER}


def visitor(subject: str = AGENT) -> Visitor:
    """One of them, as the doors know them."""
    return Visitor(Caller(subject, None, NAMES.get(subject), frozenset({ROLES[subject]})))


@dataclass
class Agents:
    """The pages, and what is behind them."""

    database: Database
    hub: Hub
    plans: Plans
    url: str = ""
    values: dict[str, str] = field(default_factory=dict)
    """Of the cookies of people's sessions."""

    async def sign_in(self, subject: str) -> str:
        """Begin a session: the value of its cookie."""
        if subject not in self.values:
            value = secrets.token_urlsafe(32)
            now = said.now()
            async with self.database.transaction() as connection:
                person = Person(
                    subject=subject,
                    name=NAMES.get(subject),
                    address=f"{subject}@desk.example",
                    address_verified=True,
                    account="an-account" if subject == "a-customer" else None,
                    roles=(ROLES[subject].value,),
                )
                await store.keep_person(connection, person, now=now)
                await store.add_session(
                    connection,
                    hash_value(value),
                    subject=subject,
                    began_at=now,
                    expires_at=now + timedelta(hours=1),
                    id_token=None,
                )
            self.values[subject] = value
        return self.values[subject]

    @asynccontextmanager
    async def client(self, subject: str = AGENT) -> AsyncIterator[httpx.AsyncClient]:
        """A client of somebody who is signed in; it follows nothing by itself."""
        value = await self.sign_in(subject)
        async with httpx.AsyncClient(
            base_url=self.url,
            trust_env=False,
            timeout=20,
            cookies={COOKIE: value},
            headers={"Origin": self.url, "Sec-Fetch-Site": "same-origin"},
        ) as client:
            yield client

    def proof(self, subject: str = AGENT) -> str:
        """What stands in this person's forms."""
        return proof_of(self.values[subject])


@asynccontextmanager
async def served_agents(dsn: str) -> AsyncIterator[Agents]:
    """The pages on this database, until the end of the block."""
    database, hub = Database(dsn, service="test", size=10), Hub(dsn)
    presences, plans = Presences(database, said.now, uuid4), Plans(CATALOGUE)
    plans.load()
    made = Agents(database, hub, plans)
    application = web.application([], dict)
    await database.start()
    await presences.start()
    await hub.start()
    try:
        async with serving(application) as made.url:
            settings = MessagingSettings(
                stream_secret=STREAM_SECRET,
                database="postgresql://unused",
                public_address=made.url,
                intake="http://127.0.0.1:9",
            )
            built = front.build(settings, database, said.now, lambda: secrets.token_urlsafe(32))
            desk = Desk(built.doors, plans, Live(hub, presences, most=100), uuid4)
            application.router.routes += [
                *typing.routes(typing.Typing(built.doors, Typists(database))),
                *agents.routes(desk),
                *built.routes,
            ]
            await until(lambda: hub.ready() is None, what="the hub listens")
            yield made
            await hub.stop()
    finally:
        await hub.stop()
        await presences.stop()
        await database.stop()


def new_id() -> UUID:
    """An id that nothing has."""
    return uuid4()


async def open_ticket(
    database: Database,
    key: str,
    *,
    account: str = "an-account",
    plan: str | None = "advanced",
    subject: str | None = None,
    at: datetime | None = None,
    text: str = "Since this morning the weekly report has no rows.",
) -> UUID:
    """A ticket as it is once everything of it was heard, without a clock."""
    created = said.ticket_created(key, account=account, at=at, text=text)
    if subject is not None and created.data.private is not None:
        private = created.data.private.model_copy(update={"subject": subject})
        created = created.model_copy(
            update={"data": created.data.model_copy(update={"private": private})}
        )
    await hear(database, created)
    if plan is not None:
        async with database.transaction() as connection:
            await connection.execute(
                "INSERT INTO slots VALUES ($1, $2, 'A level', '2026-11')", _id(created), plan
            )
    return _id(created)


async def run_clock(  # noqa: PLR0913 - what a clock is
    database: Database,
    ticket: UUID,
    due: datetime | None,
    *,
    state: str = "running",
    clock: Clock = Clock.FIRST_RESPONSE,
    calendar: str = "always",
    plan: str = "advanced",
    left: float | None = None,
    revision: int = 1,
) -> None:
    """Let a clock be as sla would say it is, and tell who follows the ticket."""
    now = said.now()
    async with database.transaction() as connection:
        await connection.execute(
            """
            INSERT INTO clocks (ticket, clock, cycle, revision, state, due_at, changed_at, plan,
                catalogue_version, calendar, started_at, target_seconds, left_seconds)
            VALUES ($1, $2, 1, $3, $4, $5, $6, $7, '2026-11', $8, $9, 14400, $10)
            ON CONFLICT (ticket, clock, cycle) DO UPDATE
            SET state = excluded.state, due_at = excluded.due_at, revision = excluded.revision
            """,
            ticket,
            clock.value,
            revision,
            state,
            due,
            now,
            plan,
            calendar,
            (due or now) - timedelta(hours=4),
            left,
        )
        await store.refresh(connection, [ticket])


def _id(created: TicketCreated) -> UUID:
    return said.ticket_of(created)
