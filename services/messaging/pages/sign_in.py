"""Signing in and out."""

from dataclasses import dataclass
from urllib.parse import quote, urlsplit

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.messaging.login.cookies import is_loopback
from services.messaging.login.provider import ProviderAwayError, SignInRefusedError
from services.messaging.login.sessions import Sessions
from services.messaging.login.sign_ins import Back, SignIns, own_path
from services.messaging.pages.doors import Doors, see_other
from services.messaging.visitors import Visitor
from shared.problems import RETRY_AFTER, Problem

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SignInPages:
    """What the pages need, and the pages."""

    doors: Doors
    sessions: Sessions
    sign_ins: SignIns | None
    """None where no provider is set up: then only links open tickets."""

    async def show(self, request: Request, visitor: Visitor | None) -> Response:
        """What signing in is for, and a button."""
        next_path = own_path(request.query_params.get("next"))
        if visitor is not None and visitor.is_signed_in:
            return see_other(next_path)
        return self._page(request, visitor, next_path)

    async def start(self, request: Request, visitor: Visitor | None) -> Response:
        """Off to the provider."""
        next_path = own_path(request.query_params.get("next"))
        if not self._is_here(request):
            # The way back leads to the public address, and cookies must be there as well.
            base = self.doors.links.public_address
            return see_other(f"{base}/sign-in/start?next={quote(next_path, safe='/')}")
        sign_ins = self._needed()
        try:
            left = await sign_ins.begin(request, next_path)
        except ProviderAwayError:
            return self._away(request, visitor, next_path)
        response = see_other(left.address)
        sign_ins.remember(response, left)
        return response

    async def back(self, request: Request, visitor: Visitor | None) -> Response:
        """Back from the provider: a session begins, always under a new value."""
        sign_ins = self._needed()
        try:
            back = await sign_ins.finish(request)
        except ProviderAwayError:
            return self._away(request, visitor, "/")
        except SignInRefusedError as error:
            log.warning("sign_in_refused", reason=str(error))
            return self._page(request, visitor, "/", status=400, trouble="refused")
        value = await self._begin(request, back)
        response = see_other(back.next_path)
        self.sessions.give(response, value)
        return response

    async def out(self, request: Request, visitor: Visitor) -> Response:
        """End the session here, and lead on to where it ends at the provider."""
        await self.doors.form(request, visitor)
        way_out = await self._end(request)
        response = self.doors.sheet(request, None, "signed_out.html.jinja", way_out=way_out)
        if way_out:
            # Not by a redirect: that would let forms of ours lead to another site.
            response.headers["Refresh"] = f"0; url={way_out}"
        self.sessions.cookie.drop(response)
        self.doors.forget_links(response)
        # What somebody had begun to write stays on no machine that others use.
        response.headers["Clear-Site-Data"] = '"storage"'
        return response

    async def _begin(self, request: Request, back: Back) -> str:
        person = back.signed_in.person
        async with self.doors.guarded.database.transaction() as connection:
            await self.sessions.end(connection, request)
            value = await self.sessions.begin(
                connection, person, id_token=back.signed_in.id_token, now=self.doors.clock()
            )
        log.info("signed_in", subject=person.subject, roles=person.roles)
        return value

    async def _end(self, request: Request) -> str | None:
        async with self.doors.guarded.database.transaction() as connection:
            session = await self.sessions.find(connection, request, now=self.doors.clock())
            await self.sessions.end(connection, request)
        if self.sign_ins is None or session is None:
            return None
        try:
            back = f"{self.doors.links.public_address}/sign-in"
            return await self.sign_ins.provider.way_out(session.id_token, back)
        except (ProviderAwayError, SignInRefusedError):
            return None  # here they are signed out all the same

    def _page(
        self,
        request: Request,
        visitor: Visitor | None,
        next_path: str,
        *,
        status: int = 200,
        trouble: str | None = None,
    ) -> Response:
        guest = visitor if visitor is not None and not visitor.is_signed_in else None
        return self.doors.sheet(
            request,
            guest,
            "sign_in.html.jinja",
            status=status,
            here="/sign-in",
            trouble=trouble,
            possible=self.sign_ins is not None,
            safe=self.sessions.cookie.is_allowed,
            start=f"/sign-in/start?next={quote(next_path, safe='/')}",
        )

    def _away(self, request: Request, visitor: Visitor | None, next_path: str) -> Response:
        response = self._page(request, visitor, next_path, status=503, trouble="away")
        response.headers["Retry-After"] = RETRY_AFTER
        return response

    def _needed(self) -> SignIns:
        if not self.sessions.cookie.is_allowed:
            detail = "These pages are reached by plain http: whoever is in between could read along, so nobody can sign in. They need https."  # noqa: E501 - one sentence of gettext
            raise Problem(400, "Not safe here", detail)
        if self.sign_ins is None:
            raise Problem(404, "Not found", "Nobody signs in at this desk: links open tickets.")
        return self.sign_ins

    def _is_here(self, request: Request) -> bool:
        """Whether this came under our public address, as far as it matters for cookies."""
        host = urlsplit(self.doors.links.public_address).hostname
        return request.url.hostname == host or not (
            is_loopback(host) and is_loopback(request.url.hostname)
        )


def routes(pages: SignInPages) -> list[Route]:
    """The routes of signing in and out."""
    doors = pages.doors
    return [
        Route("/sign-in", doors.open(pages.show), methods=["GET"]),
        Route("/sign-in/start", doors.open(pages.start), methods=["GET"]),
        Route("/sign-in/back", doors.open(pages.back), methods=["GET"]),
        Route("/sign-out", doors.visitors(pages.out), methods=["POST"]),
    ]
