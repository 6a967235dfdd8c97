"""The documentation's pages over a real database, with articles and people signed in."""

import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from starlette.routing import Route

from services import messaging
from services.messaging import questions
from services.messaging.articles import Article, parse_folder, read_folder
from services.messaging.guarded import Guarded
from services.messaging.login.cookies import Cookie
from services.messaging.login.links import TicketLinks
from services.messaging.login.sessions import Sessions
from services.messaging.login.visitors import Visitors
from services.messaging.pages.docs import Documentation
from services.messaging.pages.doors import Doors, Links
from services.messaging.store import Person, article_search
from services.messaging.store import articles as store
from shared import web
from shared.database import Database
from shared.pages import Pages, languages_of

HERE = Path(next(iter(messaging.__path__)))
SHIPPED = Path(__file__).parents[2] / "deploy" / "articles"
NOW = datetime(2026, 11, 14, 9, 30, tzinfo=UTC)
PUBLIC = "http://127.0.0.1:8104"
INTAKE = "http://127.0.0.1:8101"
SAME_SITE = {"Sec-Fetch-Site": "same-origin"}
"""What browsers say of a form on one of our pages."""

ARTICLE = Article(
    slug="exports",
    section="guide",
    title="Exports",
    summary="Which formats there are.",
    keywords=("CSV",),
    position=10,
    source="You may export everything.",
)


def article(slug: str, **other: object) -> Article:
    """A short article under this name."""
    return replace(ARTICLE, slug=slug, **other)  # type: ignore[arg-type]  # a test names its fields


def shipped() -> tuple[Article, ...]:
    """The articles about Careline itself."""
    return parse_folder(read_folder(SHIPPED), str(SHIPPED))


async def keep(database: Database, articles: Sequence[Article], now: datetime = NOW) -> int:
    """Keep these articles; says how many are new, different or gone."""
    async with database.transaction() as connection:
        return await store.replace_articles(connection, articles, now)


async def find(
    database: Database, text: str, *, limit: int = 20, offset: int = 0
) -> article_search.Found:
    """What a question finds."""
    async with database.snapshot() as connection:
        question = questions.ask(text)
        return await article_search.search_articles(
            connection, question, limit=limit, offset=offset
        )


async def say_helped(
    client: httpx.AsyncClient, helped: str, *, slug: str = "chat", **fields: str
) -> httpx.Response:
    """Say whether an article helped, as its form does."""
    data = {"helped": helped, **fields}
    return await client.post(f"/docs/{slug}/helped", data=data, headers=SAME_SITE)


class Documented:
    """The pages, at a time that a test may change."""

    def __init__(self, database: Database, *, is_here: bool = True) -> None:
        self.database = database
        self.now = NOW
        self._values = (f"{number:043d}" for number in itertools.count(1))
        self.sessions = Sessions(
            Cookie("careline", PUBLIC, timedelta(hours=8)),
            idle=timedelta(hours=2),
            new_value=self.new_value,
        )
        self.application = web.application(self._routes(is_here=is_here), dict)

    def clock(self) -> datetime:
        """The present."""
        return self.now

    def new_value(self) -> str:
        """A name that nobody had before."""
        return next(self._values)

    async def sign_in(self, role: str) -> str:
        """The cookie of somebody with this role."""
        person = Person(f"a-{role}", role.capitalize(), None, False, None, (role,))
        async with self.database.transaction() as connection:
            return await self.sessions.begin(connection, person, id_token="-", now=self.now)

    @asynccontextmanager
    async def client(self, role: str | None = None) -> AsyncIterator[httpx.AsyncClient]:
        """A browser without a window; with a role it is signed in."""
        cookies = {"careline": await self.sign_in(role)} if role else {}
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(self.application), base_url=PUBLIC, cookies=cookies
        ) as client:
            yield client

    def _routes(self, *, is_here: bool) -> list[Route]:
        links = TicketLinks(Cookie("careline_links", PUBLIC, timedelta(days=30)), self.new_value)
        doors = Doors(
            Guarded(self.database),
            Visitors(self.database, self.sessions, links, self.clock),
            Pages(HERE, languages_of(HERE)),
            self.clock,
            Links(PUBLIC, INTAKE),
        )
        pages = Documentation(doors, self.database, self.clock, self.new_value, is_here=is_here)
        return [*pages.routes(), *doors.pages.routes()]
