"""Links that open a ticket, and taking them back."""

from dataclasses import dataclass
from typing import Literal

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.messaging import access, doing, store
from services.messaging.login.links import TicketLinks, is_token
from services.messaging.pages.doors import Doors, see_other
from services.messaging.visitors import Visitor
from shared.links import hash_link
from shared.pages import Policy

PATIENCE = 30
"""Looks, one a second, for a link that this service may not have heard of yet."""


@dataclass(frozen=True, slots=True)
class OpeningPages:
    """What the pages need, and the pages."""

    doors: Doors
    ticket_links: TicketLinks

    async def open(self, request: Request, visitor: Visitor | None) -> Response:
        """Keep a link in the browser and lead on to its ticket; the link stays as good as it was.

        Its token is in no address after this one.
        """
        token, to_chat = request.path_params["token"], request.query_params.get("to") == "chat"
        if not is_token(token):
            return self._ended(request, visitor, to_chat=to_chat)
        async with self.doors.guarded.database.connection() as connection:
            sha256, now = hash_link(token), self.doors.clock()
            link = await store.read_link(connection, sha256)
        if link is None:
            return self._not_yet(request, visitor, to_chat=to_chat)
        if not link.holds(now):
            return self._ended(request, visitor, to_chat=to_chat)
        response = see_other(f"/center/{link.ticket}{'/chat' if to_chat else ''}")
        self.ticket_links.add(request, response, token)
        return response

    async def revoke(self, request: Request, visitor: Visitor) -> Response:
        """Let no link open this ticket any longer; who is signed in still sees what is theirs."""
        await self.doors.form(request, visitor)
        ticket = access.ticket_of(request)
        async with self.doors.guarded.transaction(visitor) as connection:
            await doing.revoke_links(connection, visitor, ticket, now=self.doors.clock())
        return self.doors.done(request, f"/inbox/{ticket}")

    def _not_yet(self, request: Request, visitor: Visitor | None, *, to_chat: bool) -> Response:
        """The ticket was accepted, and is on its way here: the page asks again by itself."""
        asked = _number(request.query_params.get("asked"))
        if asked >= PATIENCE:
            return self._ended(request, visitor, to_chat=to_chat)
        again = f"{request.url.path}?asked={asked + 1}{'&to=chat' if to_chat else ''}"
        sheet = self._sheet(
            request, visitor, "one_moment", status=202, to_chat=to_chat, again=again
        )
        sheet.headers["Refresh"] = f"1; url={again}"
        return sheet

    def _ended(self, request: Request, visitor: Visitor | None, *, to_chat: bool) -> Response:
        return self._sheet(request, visitor, "link_ended", status=404, to_chat=to_chat)

    def _sheet(
        self,
        request: Request,
        visitor: Visitor | None,
        name: Literal["one_moment", "link_ended"],
        *,
        status: int,
        to_chat: bool,
        again: str = "",
    ) -> Response:
        # The chat is shown in a frame by intake's page of thanks.
        policy = Policy(framed_by=[self.doors.links.intake]) if to_chat else None
        template = f"{name}.html.jinja"
        return self.doors.sheet(
            request, visitor, template, policy, status, again=again, framed=to_chat
        )


def routes(pages: OpeningPages) -> list[Route]:
    """The routes of links."""
    doors = pages.doors
    revoke = "/inbox/{ticket}/links/revoke"
    return [
        Route("/open/{token}", doors.open(pages.open), methods=["GET"]),
        Route(revoke, doors.staff(pages.revoke), methods=["POST"]),
    ]


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 4 else 0  # noqa: PLR2004 - digits
