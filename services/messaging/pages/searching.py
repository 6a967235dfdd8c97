"""Searching all tickets, as agents do."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.messaging import store
from services.messaging.pages.desk import Desk, address
from services.messaging.store.tickets import After
from services.messaging.visitors import Visitor
from shared.tickets import ticket_number

PAGE = 20
LONGEST = 200
"""Characters of what is looked for."""


class Searching:
    """The page of the search.

    Args:
        desk: What agents' pages share.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def show(self, request: Request, visitor: Visitor) -> Response:
        """What was found, the newest first."""
        words = request.query_params.get("q", "").replace("\x00", "").strip()[:LONGEST]
        after = _after(request.query_params.get("after", ""))
        found = []
        if words:
            async with self._desk.doors.guarded.reading(visitor) as connection:
                found = await store.search(connection, visitor, words, limit=PAGE + 1, after=after)
        more = len(found) > PAGE
        found = found[:PAGE]
        following = address("/search", q=words, after=found[-1].place.written) if more else None
        return self._desk.sheet(
            request,
            visitor,
            "search.html.jinja",
            words=words,
            found=found,
            following=following,
            is_first=after is None,
            number_of=ticket_number,
        )


def routes(desk: Desk) -> list[Route]:
    """Where one searches."""
    return [Route("/search", desk.doors.staff(Searching(desk).show), methods=["GET"])]


def _after(text: str) -> After | None:
    try:
        return After.read(text) if text else None
    except ValueError:
        return None
