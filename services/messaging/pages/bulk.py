"""Doing one thing to several tickets: as many as stand on a page, each by itself."""

from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.messaging import doing, store
from services.messaging.filters import MINE, NOBODY, Filter, clean_tags
from services.messaging.pages.desk import STATUSES, Desk, id_of, one_of
from services.messaging.pages.inbox import Failure, Inbox, Outcome
from services.messaging.visitors import Visitor
from shared.database import Connection
from shared.events import TicketStatus
from shared.forms import Form
from shared.problems import Problem

MOST = 50
"""Tickets at once."""
KINDS = ("assign", "status", "tag")


class Bulk:
    """Takes the form around the list.

    Args:
        desk: What agents' pages share.
        inbox: Shows the list again, with what failed.
    """

    def __init__(self, desk: Desk, inbox: Inbox) -> None:
        self._desk = desk
        self._inbox = inbox

    async def do(self, request: Request, visitor: Visitor) -> Response:
        """Do what the form says to each ticket that was selected."""
        form = await self._desk.doors.form(request, visitor)
        kind = one_of(form.first("do"), KINDS, "what to do")
        wanted = Filter.read(dict(form.fields))
        tickets = [id_of(each) for each in dict.fromkeys(form.all("ticket"))]
        if not tickets:
            raise Problem(422, "Invalid request", "Please select a ticket first.")
        if len(tickets) > MOST:
            raise Problem(422, "Invalid request", f"At most {MOST} tickets are changed at once.")
        failed = [
            failure
            for ticket in tickets
            if (failure := await self._try(visitor, ticket, kind, form))
        ]
        done = len(tickets) - len(failed)
        if failed:
            return await self._inbox.answer(request, visitor, wanted, Outcome(done, failed))
        query = "&".join(filter(None, (wanted.query, f"done={done}")))
        return self._desk.done(request, f"/inbox?{query}")

    async def _try(self, visitor: Visitor, ticket: UUID, kind: str, form: Form) -> Failure | None:
        """Each has a transaction of its own: what is wrong with one holds up no other."""
        try:
            async with self._desk.doors.guarded.transaction(visitor) as connection:
                await self._do(connection, visitor, ticket, kind, form)
        except Problem as problem:
            return Failure(ticket, str(problem))
        return None

    async def _do(
        self, connection: Connection, visitor: Visitor, ticket: UUID, kind: str, form: Form
    ) -> None:
        now = self._desk.clock()
        if kind == "status":
            status = TicketStatus(one_of(form.first("to_status"), tuple(STATUSES), "a status"))
            await doing.set_status(connection, visitor, ticket, status, now=now)
        elif kind == "assign":
            given = form.first("to_assignee")
            assignee = {MINE: visitor.caller.subject, NOBODY: None, "": None}.get(given, given)
            await doing.assign(connection, visitor, ticket, assignee=assignee, now=now)
        else:
            thread = await store.lock_thread(connection, ticket)
            tags = (*(thread.tags if thread else ()), *clean_tags(form.first("to_tag")))
            await doing.set_tags(connection, visitor, ticket, tags, now=now)


def routes(desk: Desk) -> list[Route]:
    """Where the form goes."""
    bulk = Bulk(desk, Inbox(desk))
    return [Route("/inbox/bulk", desk.doors.staff(bulk.do), methods=["POST"])]
