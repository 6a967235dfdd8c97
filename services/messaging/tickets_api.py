"""Tickets over HTTP: the list of them, and what was said in them."""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.messaging import shown, store
from services.messaging.guarded import Guarded
from services.messaging.store import After, Sieve
from services.messaging.visitors import Visitor
from shared import web
from shared.events import TicketStatus
from shared.identity import Verifier

LONGEST_SEARCH = 200
"""Characters."""


def _place(value: object) -> object:
    return After.read(value) if isinstance(value, str) else value


def _words(value: str) -> str:
    if "\x00" in value or not value.strip():
        raise ValueError("holds no words")
    return value.strip()


_Name = Annotated[str, Field(max_length=255), AfterValidator(_words)]
_After = Annotated[After | None, BeforeValidator(_place)]
_Limit = Annotated[int, Field(ge=1, le=100)]


class Listing(BaseModel):
    """The query of `GET /v1/tickets`."""

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    status: TicketStatus | None = None
    queue: _Name | None = None
    assignee: _Name | None = None
    tag: _Name | None = None
    account: _Name | None = None
    after: _After = None
    limit: _Limit = 50


class Search(BaseModel):
    """The query of `GET /v1/search`."""

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    q: Annotated[str, Field(max_length=LONGEST_SEARCH), AfterValidator(_words)]
    after: _After = None
    limit: _Limit = 20


@dataclass(frozen=True, slots=True)
class Tickets:
    """What the routes need, and the routes."""

    guarded: Guarded
    verifier: Verifier

    async def get_tickets(self, request: Request) -> Response:
        """Tickets that the caller may see, the newest first: `next` goes into `after`."""
        visitor = Visitor(self.verifier.require(request))
        asked = web.read_query(request, Listing)
        # Tags and whose a ticket is are the desk's own: customers can't sift by them.
        sieve = Sieve(
            asked.status,
            asked.queue,
            asked.assignee if visitor.is_staff else None,
            asked.tag if visitor.is_staff else None,
            asked.account,
        )
        async with self.guarded.reading(visitor) as connection:
            rows = await store.list_tickets(
                connection, sieve, limit=asked.limit, after=asked.after, own=not visitor.is_staff
            )
            unread = await store.count_unread(
                connection, [row.ticket for row in rows], reader=visitor.reader, own=visitor.names
            )
        listed = [
            shown.row(row, unread=unread.get(row.ticket, 0), is_staff=visitor.is_staff)
            for row in rows
        ]
        return JSONResponse({"tickets": listed, "next": _next(rows, asked.limit)})

    async def search(self, request: Request) -> Response:
        """Tickets with these words in them, as far as the caller may read them."""
        visitor = Visitor(self.verifier.require(request))
        asked = web.read_query(request, Search)
        async with self.guarded.reading(visitor) as connection:
            found = await store.search(
                connection, visitor, asked.q, limit=asked.limit, after=asked.after
            )
        listed: list[dict[str, Any]] = [shown.found(each) for each in found]
        return JSONResponse({"found": listed, "next": _next(found, asked.limit)})


def routes(tickets: Tickets) -> list[Route]:
    """The routes of lists."""
    return [
        Route("/v1/tickets", tickets.get_tickets, methods=["GET"]),
        Route("/v1/search", tickets.search, methods=["GET"]),
    ]


def _next(listed: "list[store.TicketRow] | list[store.Found]", limit: int) -> str | None:
    """Where the next page begins, if there may be one."""
    return listed[-1].place.written if len(listed) == limit else None
