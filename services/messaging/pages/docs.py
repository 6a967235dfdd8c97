"""The documentation, open to everybody: its articles, finding them, and whether they helped.

Nothing here is anybody's but a voice, and that is kept under a name that says nothing of its
reader: so these pages ask the database as the desk itself, signed in or not.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from urllib.parse import urlencode, urlsplit

from babel.dates import format_date
from markupsafe import Markup
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.messaging import questions
from services.messaging.articles import TROUBLESHOOTING
from services.messaging.login.cookies import Cookie
from services.messaging.markdown import Rendered, render
from services.messaging.pages import docs_shown
from services.messaging.pages.doors import LEADS, Doors
from services.messaging.store import article_search, votes
from services.messaging.store import articles as store
from services.messaging.visitors import Visitor
from shared import web
from shared.database import Connection, Database
from shared.problems import Problem

ON_A_PAGE = 10
"""Articles of one page of results."""
ENOUGH = 5
"""Voices from which on a share of them says anything."""
MOST_VOICES = 300
"""Of people who are not signed in, for one article, within an hour: a machine soon has more."""
REMEMBERED = timedelta(days=365)

_HOUR = timedelta(hours=1)
_rendered: Callable[[str], Rendered] = lru_cache(maxsize=256)(render)


class _Asked(BaseModel):
    q: str = ""
    limit: int = Field(5, ge=1, le=20)


@dataclass(frozen=True, slots=True)
class Documentation:
    """What the routes need, and the routes.

    Args:
        doors: Of all pages here.
        database: Where articles and voices are.
        clock: The present, with a zone.
        new_reader: A random name for a reader who says something without signing in.
        is_here: Whether there is a folder of articles at all.
    """

    doors: Doors
    database: Database
    clock: Callable[[], datetime]
    new_reader: Callable[[], str]
    is_here: bool

    async def show_all(self, request: Request, visitor: Visitor | None) -> Response:
        """All articles by their sections, and a field to search them."""
        async with self.database.snapshot() as connection:
            articles = await self._list(connection)
            voices = await self._spoken(connection, articles) if _leads(visitor) else None
        page = self.doors.sheet(
            request,
            visitor,
            "docs.html.jinja",
            is_here=self.is_here,
            sections=docs_shown.sections(articles),
            voices=voices,
            enough=ENOUGH,
        )
        return docs_shown.keepable(request, page)

    async def show_troubleshooting(self, request: Request, visitor: Visitor | None) -> Response:
        """What to do when something does not work."""
        async with self.database.snapshot() as connection:
            found = await self._list(connection)
        articles = [article for article in found if article.section == TROUBLESHOOTING]
        page = self.doors.sheet(
            request,
            visitor,
            "docs_troubleshooting.html.jinja",
            is_here=self.is_here,
            articles=articles,
        )
        return docs_shown.keepable(request, page)

    async def search(self, request: Request, visitor: Visitor | None) -> Response:
        """What a question finds."""
        question = questions.ask(request.query_params.get("q", ""))
        number = docs_shown.page_number(request)
        found = article_search.Found()
        if self.is_here and question.text:
            async with self.database.snapshot() as connection:
                found = await article_search.search_articles(
                    connection, question, limit=ON_A_PAGE, offset=(number - 1) * ON_A_PAGE
                )
        page = self.doors.sheet(
            request,
            visitor,
            "docs_search.html.jinja",
            is_here=self.is_here,
            question=question.text,
            found=found,
            number=number,
            pages=min(-(-found.total // ON_A_PAGE), docs_shown.LAST_PAGE),
            mark=docs_shown.mark,
            path=docs_shown.search_path,
        )
        return docs_shown.keepable(request, page)

    async def show_article(self, request: Request, visitor: Visitor | None) -> Response:
        """An article, what is near it, and the question whether it helped."""
        slug = request.path_params["slug"]
        voter = self._voter(request, visitor)
        async with self.database.snapshot() as connection:
            article = await self._article(connection, slug)
            related = await store.list_related(connection, slug)
            said = await votes.read_vote(connection, slug, voter) if voter else None
            voices = await votes.count_votes(connection, [slug]) if _staff(visitor) else {}
        rendered, locale = (
            _rendered(article.source),
            self.doors.language_of(request, visitor).locale,
        )
        page = self.doors.sheet(
            request,
            visitor,
            "docs_article.html.jinja",
            article=article,
            body=Markup(rendered.html),  # noqa: S704 - made from Markdown without HTML of its own
            headings=rendered.headings,
            changed=format_date(article.changed_at.date(), "long", locale=locale),
            related=related,
            said=said,
            voices=voices.get(slug),
            enough=ENOUGH,
        )
        return docs_shown.keepable(request, page)

    async def say_helped(self, request: Request, visitor: Visitor | None) -> Response:
        """Keep whether an article helped; one voice a reader, who may change their mind."""
        form = await self.doors.form(request, visitor)
        helped, slug = form.first("helped"), request.path_params["slug"]
        if helped not in {"yes", "no"}:
            raise Problem(422, "Invalid request", "Say yes or no.")
        path = f"/docs/{slug}?{urlencode({'said': helped})}#helped"
        answer = self.doors.done(request, path)
        voter = self._voter(request, visitor) or self._begin(answer)
        now = self.clock()
        async with self.database.transaction() as connection:
            await self._article(connection, slug)
            if voter.startswith(_UNNAMED):
                lately = await votes.count_votes_lately(connection, slug, now - _HOUR)
                _refuse_many(lately)
            await votes.keep_vote(connection, slug, voter, now, helped=helped == "yes")
        return answer

    async def search_json(self, request: Request) -> Response:
        """What a question finds, for scripts; the request form asks from its own address."""
        asked = web.read_query(request, _Asked)
        question = questions.ask(asked.q)
        found = article_search.Found()
        if self.is_here and question.text:
            async with self.database.snapshot() as connection:
                found = await article_search.search_articles(
                    connection, question, limit=asked.limit
                )
        document = {
            "articles": [self._in_json(hit) for hit in found.hits],
            "did_you_mean": found.corrected,
        }
        answer = JSONResponse(document, headers={"X-Content-Type-Options": "nosniff"})
        answer.headers["Cache-Control"] = f"public, max-age={docs_shown.KEEPS_FOR}"
        answer.headers["Vary"] = "Origin"
        origin = "://".join(urlsplit(self.doors.links.intake)[:2])
        if request.headers.get("origin") == origin:
            answer.headers["Access-Control-Allow-Origin"] = origin
        return answer

    def routes(self) -> list[Route]:
        """Where it is found; what has a name of its own goes before the articles."""
        return [
            Route("/docs", self.doors.open(self.show_all), methods=["GET"]),
            Route("/docs/search", self.doors.open(self.search), methods=["GET"]),
            Route(
                "/docs/troubleshooting",
                self.doors.open(self.show_troubleshooting),
                methods=["GET"],
            ),
            Route("/docs/{slug}", self.doors.open(self.show_article), methods=["GET"]),
            Route("/docs/{slug}/helped", self.doors.open(self.say_helped), methods=["POST"]),
            Route("/v1/docs/search", self.search_json, methods=["GET"]),
        ]

    async def _list(self, connection: Connection) -> list[store.Shown]:
        return await store.list_articles(connection) if self.is_here else []

    async def _spoken(
        self, connection: Connection, articles: Sequence[store.Shown]
    ) -> list[tuple[store.Shown, votes.Voices]]:
        """Articles of which readers spoke, those of which most did first."""
        counted = await votes.count_votes(connection, [article.slug for article in articles])
        spoken = [(each, counted[each.slug]) for each in articles if counted[each.slug].all]
        return sorted(spoken, key=lambda found: -found[1].all)

    async def _article(self, connection: Connection, slug: str) -> store.Kept:
        found = None
        if self.is_here and "\x00" not in slug:
            found = await store.read_article(connection, slug)
        if found is None:
            raise Problem(404, "Not found", "There is no such article. Perhaps it was renamed.")
        return found

    def _in_json(self, hit: article_search.Hit) -> dict[str, str]:
        return {
            "slug": hit.slug,
            "title": hit.title,
            "summary": hit.summary,
            "url": f"{self.doors.links.public_address}/docs/{hit.slug}",
            "headline": docs_shown.mark(hit.headline),
        }

    @property
    def _cookie(self) -> Cookie:
        return Cookie("careline_reader", self.doors.links.public_address, REMEMBERED)

    def _voter(self, request: Request, visitor: Visitor | None) -> str | None:
        """Under which name a reader's voice is kept, if they have one already."""
        if visitor is not None and visitor.is_signed_in:
            return f"subject:{visitor.caller.subject}"
        value = self._cookie.read(request)
        return _unnamed(value) if value else None

    def _begin(self, answer: Response) -> str:
        """A name for somebody who says something for the first time, kept by their browser."""
        if not self._cookie.is_allowed:
            detail = "Voices are counted once a reader, which takes a cookie; please come by https."
            raise Problem(400, "Not safe here", detail)
        value = self.new_reader()
        self._cookie.put(answer, value)
        return _unnamed(value)


_UNNAMED = "reader:"


def _unnamed(value: str) -> str:
    return _UNNAMED + hashlib.sha256(value.encode()).hexdigest()


def _staff(visitor: Visitor | None) -> bool:
    return visitor is not None and visitor.is_staff


def _leads(visitor: Visitor | None) -> bool:
    return visitor is not None and bool(visitor.caller.roles & LEADS)


def _refuse_many(lately: int) -> None:
    if lately >= MOST_VOICES:
        detail = "Too many readers spoke of this article within an hour. Please try again later."
        raise Problem(429, "Too many requests", detail, headers={"Retry-After": "3600"})
