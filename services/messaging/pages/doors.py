"""Doors of the pages: who may come in, what a form must prove, and how a refusal looks.

Each page's handler stands behind one door. Refusals become pages, or problem documents where a
script asked (it says so by the header `X-Careline: script`).
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlsplit

from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response

from services.messaging.guarded import Guarded
from services.messaging.login.visitors import Visitors, known
from services.messaging.visitors import Visitor
from shared import forms, pages, problems
from shared.forms import Form
from shared.identity import Role
from shared.languages import Language
from shared.pages import Pages, Policy
from shared.problems import Problem, unavailable

ForVisitors = Callable[[Request, Visitor], Awaitable[Response]]
"""A page of somebody who is known, or has a link."""
ForAnybody = Callable[[Request, Visitor | None], Awaitable[Response]]
Endpoint = Callable[[Request], Awaitable[Response]]

LEADS = frozenset({Role.LEAD, Role.ADMIN})

MOST_LARGE = 6
"""Large forms at once: each takes up to five times its size in memory until it is kept."""
WAIT_SECONDS = 20.0
"""For a place among them."""
LARGE_SECONDS = 300.0
"""For one of them to come in and be kept."""


@dataclass(frozen=True, slots=True)
class Links:
    """Where pages lead to beside themselves; templates have it as `links`."""

    public_address: str
    """Of these pages, no slash at its end."""
    intake: str
    """Of the request form's service, no slash at its end."""
    portal: str | None = None
    terms: str | None = None


class Doors:
    """What pages share: who comes in, reading forms, and answering.

    Args:
        guarded: The database, for one visitor.
        visitors: Tells who sends a request.
        pages: Makes pages.
        clock: The present, with a zone.
        links: Where pages lead to.
    """

    def __init__(
        self,
        guarded: Guarded,
        visitors: Visitors,
        pages: Pages,
        clock: Callable[[], datetime],
        links: Links,
    ) -> None:
        self.guarded = guarded
        self.pages = pages
        self.clock = clock
        self.links = links
        self._visitors = visitors
        self._places = asyncio.Semaphore(MOST_LARGE)

    def open(self, handler: ForAnybody) -> Endpoint:
        """Anybody comes in; the handler is given None for somebody who is not known."""

        async def show(request: Request) -> Response:
            return await handler(request, await self._visitors.of(request))

        return self._answering(show)

    def visitors(self, handler: ForVisitors) -> Endpoint:
        """Who is signed in or has a link comes in; others are asked to sign in."""

        async def show(request: Request) -> Response:
            visitor = await self._visitors.of(request)
            return await handler(request, visitor) if visitor else _to_sign_in(request)

        return self._answering(show)

    def staff(self, handler: ForVisitors) -> Endpoint:
        """Agents, leads and administrators come in."""
        return self._inside(handler, lambda visitor: visitor.is_staff)

    def leads(self, handler: ForVisitors) -> Endpoint:
        """Leads and administrators come in."""
        return self._inside(handler, lambda visitor: bool(visitor.caller.roles & LEADS))

    async def form(self, request: Request, visitor: Visitor | None) -> Form:
        """What a form of this visitor's page sent: it brings their proof in its field `proof`.

        Scripts may send the proof as the header `X-Careline-Proof`.

        Raises:
            Problem: 403 from another site or without the proof, 413 over a limit, 400 for what
                is no form.
        """
        form = await forms.read_form(request, others=(self.origin,))
        if visitor is not None:
            given = form.all("proof") or tuple(request.headers.getlist("x-careline-proof"))
            forms.refuse_unproved(visitor.proof, given)
        return form

    @property
    def origin(self) -> str:
        """Of these pages, as browsers name it."""
        return "://".join(urlsplit(self.links.public_address)[:2])

    def sheet(
        self,
        request: Request,
        visitor: Visitor | None,
        template: str,
        policy: Policy | None = None,
        status: int = 200,
        **values: Any,  # noqa: ANN401 - whatever the template shows
    ) -> Response:
        """A page; beside `values` its template has `visitor`, `here` (its path), `nav`, `links`."""
        return self.pages.answer(
            template,
            language=self.language_of(request, visitor),
            status=status,
            policy=policy,
            **(self._common(request, visitor) | values),
        )

    def part(
        self,
        request: Request,
        visitor: Visitor | None,
        template: str,
        **values: Any,  # noqa: ANN401 - whatever the template shows
    ) -> str:
        """A part of a page as HTML, with the same values: for what is sent live."""
        language = self.language_of(request, visitor)
        given = self._common(request, visitor) | values
        return self.pages.render(template, language=language, **given)

    def language_of(self, request: Request, visitor: Visitor | None) -> Language:
        """Customers' as their browser says; English for agents, whose pages are in no other."""
        asked = self.pages.language_of(request)
        is_agents = visitor is not None and visitor.is_staff
        return asked if not is_agents or _is_english(asked) else self.pages.languages.of("en")

    def done(self, request: Request, path: str) -> Response:
        """After a form: 303 to a path of ours, or 204 for a script, which stays where it is."""
        if is_script(request):
            return Response(status_code=204, headers={"Cache-Control": "no-store"})
        return see_other(path)

    async def still(self, request: Request) -> bool:
        """Whether the session or the links that a request came with hold even now."""
        return await self._visitors.still(request)

    def forget_links(self, response: Response) -> None:
        """Let the browser forget the links that it has opened."""
        self._visitors.links.cookie.drop(response)

    def _inside(self, handler: ForVisitors, may: Callable[[Visitor], bool]) -> Endpoint:
        async def show(request: Request) -> Response:
            visitor = await self._visitors.of(request)
            # Who has a link alone may well be an agent who has not signed in yet.
            if visitor is None or not visitor.is_signed_in:
                return _to_sign_in(request)
            if not may(visitor):
                raise Problem(403, "Forbidden", "This page is for others at the desk.")
            return await handler(request, visitor)

        return self._answering(show)

    def _answering(self, show: Endpoint) -> Endpoint:
        async def answer(request: Request) -> Response:
            try:
                async with self._place(request):
                    return await show(request)
            except ClientDisconnect:
                raise
            except Exception as error:  # noqa: BLE001 - logged, and said without its text
                return self._refuse(request, problems.of(request, error))

        return answer

    @asynccontextmanager
    async def _place(self, request: Request) -> AsyncIterator[None]:
        """A place for what may be large: memory is held by few at once, whoever sends it.

        Raises:
            Problem: 503 where none gets free, 408 for what comes in too slowly.
        """
        if request.method != "POST" or not forms.may_be_large(request):
            yield
            return
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._places.acquire()
        except TimeoutError:
            raise unavailable("Too many files come in just now. Please send it again.") from None
        try:
            async with asyncio.timeout(LARGE_SECONDS) as limit:
                yield
        except TimeoutError:
            if not limit.expired():
                raise  # of something else
            raise Problem(408, "Request too slow", "The form took too long to arrive.") from None
        finally:
            self._places.release()

    def _refuse(self, request: Request, problem: Problem) -> Response:
        language = self.language_of(request, known(request))
        if is_script(request):
            return problems.respond(pages.in_words(problem, language))
        common = self._common(request, known(request))
        return self.pages.problem(problem, language=language, **common)

    def _common(self, request: Request, visitor: Visitor | None) -> dict[str, Any]:
        language = self.language_of(request, visitor)
        return {
            "visitor": visitor,
            "here": request.url.path,
            "nav": navigation(visitor, language.say),
            "links": self.links,
        }


def navigation(visitor: Visitor | None, say: Callable[[str], str]) -> list[tuple[str, str]]:
    """Pages of the head for this visitor; agents' pages are in English."""
    if visitor is not None and visitor.is_staff:
        lead = [("Overview", "/lead")] if visitor.caller.roles & LEADS else []
        own = [("Inbox", "/inbox"), *lead, ("Search", "/search"), ("Answers", "/answers")]
        return [*own, ("Documentation", "/docs")]
    center = [(say("Your requests"), "/center")] if visitor is not None else []
    return [*center, (say("New request"), "/request"), (say("Documentation"), "/docs")]


def _is_english(language: Language) -> bool:
    return language.locale.language == "en"


def is_script(request: Request) -> bool:
    """Whether a script of ours asks, which stays on its page."""
    return request.headers.get("x-careline") == "script"


def see_other(path: str) -> Response:
    """On to another page, by GET."""
    return RedirectResponse(path, 303, headers={"Cache-Control": "no-store"})


def _to_sign_in(request: Request) -> Response:
    if is_script(request):
        raise Problem(401, "Signed out", "You are signed out. Please sign in and send it again.")
    path = request.url.path
    if request.method not in {"GET", "HEAD"}:
        path = "/"  # what was sent is lost, and an address that only takes forms shows nothing
    elif request.url.query:
        path += f"?{request.url.query}"
    return see_other(f"/sign-in?next={quote(path, safe='/')}")
