"""That somebody types, said by their page while they do."""

from dataclasses import dataclass
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.messaging import access, store
from services.messaging.live import Typists
from services.messaging.pages.doors import Doors
from services.messaging.visitors import Visitor
from shared import forms, web
from shared.problems import Problem

BODY_LIMIT = 4096


@dataclass(frozen=True, slots=True)
class Typing:
    """What the route needs, and the route."""

    doors: Doors
    typists: Typists

    async def post(self, request: Request, visitor: Visitor) -> Response:
        """Tell the others who have this ticket open; more often than every 2 s it is swallowed.

        `note=1`, in the address or the body, keeps it among agents.
        """
        forms.refuse_other_sites(request, others=(self.doors.origin,))
        ticket = access.ticket_of(request)
        is_note = await _is_note(request)
        if self.typists.may_tell(visitor, ticket):
            async with self.doors.guarded.reading(visitor) as connection:
                if await store.read_thread(connection, ticket) is None:
                    self.typists.forget(visitor, ticket)
                    raise Problem(404, "Not found", "There is no such ticket.")
            await self.typists.tell(visitor, ticket, is_note=is_note)
        return Response(status_code=204, headers={"Cache-Control": "no-store"})


def routes(typing: Typing) -> list[Route]:
    """Where pages say it."""
    typed = typing.doors.visitors(typing.post)
    return [Route("/live/{ticket}/typing", typed, methods=["POST"])]


async def _is_note(request: Request) -> bool:
    body = await web.read_body(request, limit=BODY_LIMIT)
    sent = parse_qs(body.decode("utf-8", "replace"))
    return "1" in (request.query_params.get("note"), *sent.get("note", ()))
