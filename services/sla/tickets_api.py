"""A ticket's promises over HTTP: every clock, and why its due time is what it is."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.sla.catalogues import Book
from services.sla.explaining import explain
from services.sla.settling import read_promises
from shared import problems
from shared.database import Database
from shared.identity import Verifier


@dataclass(frozen=True, slots=True)
class Promises:
    """What the route needs, and the route."""

    database: Database
    verifier: Verifier
    book: Book
    clock: Callable[[], datetime]

    async def get_promises(self, request: Request) -> Response:
        """Every clock of a ticket with its history, for our people and the ticket's account."""
        caller = self.verifier.require(request)
        ticket_id = _ticket(request)
        async with self.database.snapshot() as connection:
            found = await read_promises(connection, ticket_id, self.book, now=self.clock())
        if found is None or not (caller.is_staff or caller.account == found.ticket.account):
            raise problems.Problem(
                404,
                "Not found",
                "There is no such ticket. One that was accepted a moment ago is here in a moment.",
                headers={"Retry-After": "1"},
            )
        return JSONResponse(explain(found.ticket, found.facts, found.saved, found.catalogues))


def routes(promises: Promises) -> list[Route]:
    """The routes of tickets."""
    return [Route("/v1/tickets/{ticket}/sla", promises.get_promises, methods=["GET"])]


def _ticket(request: Request) -> UUID:
    try:
        return UUID(request.path_params["ticket"])
    except ValueError:
        raise problems.Problem(404, "Not found", "A ticket's id is a UUID.") from None
