"""Deliveries as pages, for our people: plain HTML that needs no script."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from services.notifier import api
from services.notifier.deliveries import MAIL_LANE
from services.notifier.register import answers, listing
from services.notifier.register.register import Register
from services.notifier.register.rendering import Links, Sheet
from services.notifier.register.sessions import Session, Sessions, refuse_unproved
from shared import forms, problems
from shared.database import Database
from shared.faults import is_passing
from shared.forms import Form
from shared.identity import Verifier
from shared.problems import Problem

Handler = Callable[[Request], Awaitable[Response]]
SignedIn = Callable[[Request, Session], Awaitable[Response]]

_STYLE = (Path(__file__).parent / "static" / "deliveries.css").read_bytes()
STYLE_VERSION = sha256(_STYLE).hexdigest()[:16]

SHOWN = ("html", "text", "source")
"""The ways in which a page shows what was sent."""


@dataclass(frozen=True, slots=True)
class Pages:
    """What the routes need, and the routes."""

    database: Database
    verifier: Verifier
    clock: Callable[[], datetime]
    links: Links = field(default_factory=Links)
    lanes: Sequence[str] = (MAIL_LANE,)
    """Those that there are by the settings."""

    @property
    def register(self) -> Register:
        """What they show and change."""
        return Register(self.database, self.clock, self.lanes)

    @property
    def sessions(self) -> Sessions:
        """Who has signed in."""
        return Sessions(self.verifier, self.clock)

    async def show_sign_in(self, request: Request) -> Response:
        """The form that takes a token."""
        return self.sheet().sign_in(next_=_local(request.query_params.get("next", "")))

    async def sign_in(self, request: Request) -> Response:
        """Keep a token that holds, and go on to where somebody wanted to go."""
        form = await forms.read_form(request)
        token, next_ = form.first("token").strip(), _local(form.first("next"))
        try:
            caller = self.sessions.begin(request, token)
        except Problem as problem:
            return self.sheet().sign_in(next_=next_, problem=problem)
        if not caller.is_staff:
            raise _not_for_customers()
        answer = see_other(next_)
        self.sessions.keep(request, token, answer)
        return answer

    async def sign_out(self, request: Request, session: Session) -> Response:
        """Forget the token."""
        await self.proved(request, session)
        answer = see_other("/sign-in")
        self.sessions.end(request, answer)
        return answer

    async def show_list(self, request: Request, session: Session) -> Response:
        """The newest deliveries, and a form that asks for others."""
        asked = listing.read_search(request.query_params)
        found, counts = await self.register.page(asked)
        return self.sheet(session).deliveries(asked, found, counts, self.lanes)

    async def show_delivery(self, request: Request, session: Session) -> Response:
        """A delivery, its tries, and what was sent as it looked."""
        id_ = api.delivery_id(request)
        entry = api.found_entry(await self.register.entry(id_))
        content = await self.register.content(id_)
        shown = request.query_params.get("show", "")
        return self.sheet(session).delivery(
            entry, content, show=shown if shown in SHOWN else None, told=_told(request)
        )

    async def show_content(self, request: Request, session: Session) -> Response:  # noqa: ARG002 - who is signed in may see it
        """What was sent, for the frame of the page, or to be kept."""
        asked, id_ = listing.read(request.query_params, api.ContentQuery), api.delivery_id(request)
        return answers.answer_content(id_, await self.register.content(id_), asked.part)

    async def ask_again(self, request: Request, session: Session) -> Response:
        """What sending again will do, and a button that does it."""
        _refuse_readers(session)
        entry = api.found_entry(await self.register.entry(api.delivery_id(request)))
        return self.sheet(session).again(entry)

    async def send_again(self, request: Request, session: Session) -> Response:
        """Have a delivery sent anew, as it was shown."""
        form = await self.proved(request, session)
        _refuse_readers(session)
        id_ = api.delivery_id(request)
        outcome = await self.register.send_again(
            id_,
            session.caller,
            even_if_sent=form.first("even_if_sent") == "yes",
            seen=_round(form.first("round")),
        )
        api.accepted(outcome)
        return see_other(f"/deliveries/{id_}?told=again")

    async def ask_many_again(self, request: Request, session: Session) -> Response:
        """What sending all of them again will do, and a button that does it."""
        _refuse_readers(session)
        asked = listing.read_search(request.query_params)
        batch = _batch(asked.model_dump(mode="json", exclude_defaults=True))
        waiting = await self.register.waits_for_again(batch)
        return self.sheet(session).many_again(asked, batch, waiting)

    async def send_many_again(self, request: Request, session: Session) -> Response:
        """Have all of them sent anew, up to a limit."""
        form = await self.proved(request, session)
        _refuse_readers(session)
        batch = _batch({name: list(form.all(name)) for name, _ in form.fields})
        begun = await self.register.send_many_again(batch, session.caller)
        return self.sheet(session).many_begun(batch, begun)

    async def show_lanes(self, request: Request, session: Session) -> Response:  # noqa: ARG002 - it asks for nothing
        """How each way out stands."""
        return self.sheet(session).lanes(await self.register.ways_out())

    async def show_bounces(self, request: Request, session: Session) -> Response:
        """Addresses that get no mail for now."""
        asked = listing.read(request.query_params, listing.Bounces, forgiving=True)
        found = await self.register.bounces(asked)
        return self.sheet(session).bounces(
            found[: asked.limit], asked, api.next_bounce(found, asked.limit), told=_told(request)
        )

    async def mail_again(self, request: Request, session: Session) -> Response:
        """Let an address have mail again."""
        form = await self.proved(request, session)
        _refuse_readers(session)
        await api.mail_again(self.register, form.first("address"), session.caller)
        return see_other("/bounces?told=cleared")

    async def show_style(self, _: Request) -> Response:
        """The style sheet; its address changes with it."""
        headers = {"Cache-Control": "public, max-age=86400", "X-Content-Type-Options": "nosniff"}
        return Response(_STYLE, media_type="text/css", headers=headers)

    def signed_in(self, handler: SignedIn) -> Handler:
        """A page for our people: others are asked to sign in, customers are sent away."""

        async def handle(request: Request) -> Response:
            session = self.sessions.of(request)
            if session is None:
                return _sign_in_first(request)
            if not session.caller.is_staff:
                raise _not_for_customers()
            return await handler(request, session)

        return self.open(handle)

    def open(self, handler: Handler) -> Handler:
        """A page for everybody; refusals are pages too."""

        async def handle(request: Request) -> Response:
            try:
                return await handler(request)
            except Problem as problem:
                return self.sheet(self._session(request)).problem(problem)
            except Exception as error:
                if not is_passing(error):
                    raise
                away = problems.unavailable("Something this needs is away; please try again.")
                return self.sheet().problem(away)

        return handle

    def _session(self, request: Request) -> Session | None:
        session = self.sessions.of(request)
        return session if session and session.caller.is_staff else None

    def sheet(self, session: Session | None = None) -> Sheet:
        """What makes pages for somebody."""
        return Sheet(self.links, STYLE_VERSION, self.clock(), session)

    async def proved(self, request: Request, session: Session) -> Form:
        """A form that came from a page of this session.

        Raises:
            Problem: 403 when it did not.
        """
        form = await forms.read_form(request)
        refuse_unproved(session, form.all("proof"))
        return form


def routes(pages: Pages) -> list[Route]:
    """The pages of the operators."""
    page, form = ["GET"], ["POST"]
    signed_in = pages.signed_in
    return [
        Route("/", _go_to_list, methods=page),
        Route("/sign-in", pages.open(pages.show_sign_in), methods=page),
        Route("/sign-in", pages.open(pages.sign_in), methods=form),
        Route("/sign-out", signed_in(pages.sign_out), methods=form),
        Route("/deliveries", signed_in(pages.show_list), methods=page),
        Route("/deliveries/again", signed_in(pages.ask_many_again), methods=page),
        Route("/deliveries/again", signed_in(pages.send_many_again), methods=form),
        Route("/deliveries/{delivery}", signed_in(pages.show_delivery), methods=page),
        Route("/deliveries/{delivery}/content", signed_in(pages.show_content), methods=page),
        Route("/deliveries/{delivery}/again", signed_in(pages.ask_again), methods=page),
        Route("/deliveries/{delivery}/again", signed_in(pages.send_again), methods=form),
        Route("/lanes", signed_in(pages.show_lanes), methods=page),
        Route("/bounces", signed_in(pages.show_bounces), methods=page),
        Route("/bounces", signed_in(pages.mail_again), methods=form),
        Route("/static/deliveries.css", pages.show_style, methods=page),
    ]


async def _go_to_list(_: Request) -> Response:
    return see_other("/deliveries")


def _sign_in_first(request: Request) -> Response:
    if request.method not in {"GET", "HEAD"}:
        raise Problem(401, "Signed out", "You are signed out. Please sign in; nothing was done.")
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return see_other(f"/sign-in?next={quote(path, safe='')}")


def see_other(path: str) -> Response:
    """Go on by looking at another page."""
    return RedirectResponse(path, status_code=303, headers=answers.PRIVATE)


def _local(path: str) -> str:
    """Where to go on: a path of these pages, whatever a link to them says."""
    pages = ("/deliveries", "/lanes", "/bounces", "/dead-letters")
    is_ours = path.startswith(pages) and path.isascii() and path.isprintable()
    return path if is_ours and "\\" not in path and len(path) < 2000 else pages[0]  # noqa: PLR2004 - as long as addresses get


def _round(given: str) -> int:
    """The round that a form was made in; one that there never is, where it doesn't say."""
    return int(given) if re.fullmatch("[0-9]{1,9}", given) else -1


def _batch(form: Mapping[str, Any]) -> listing.Batch:
    given = {
        name: values if isinstance(field.default, tuple) or isinstance(values, str) else values[0]
        for name, field in listing.Batch.model_fields.items()
        if (values := form.get(name))
    }
    try:
        return listing.Batch.model_validate(given)
    except ValidationError as error:
        raise problems.invalid(error) from None


def _told(request: Request) -> str | None:
    return request.query_params.get("told")


def _refuse_readers(session: Session) -> None:
    if not session.may(api.SENDERS):
        raise Problem(403, "Forbidden", "Sending again is for leads and admins: please ask one.")


def _not_for_customers() -> Problem:
    return Problem(403, "Not for customers", "These pages are for the people of the desk.")
