"""What agents do on a ticket's page: each a small form, which works without any script."""

from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.messaging import access, doing, store, writing
from services.messaging.domain import Message, Thread
from services.messaging.filters import MINE, clean_tags
from services.messaging.pages.desk import PRIORITIES, STATUSES, Desk, address, one_of
from services.messaging.pages.doors import is_script
from services.messaging.pages.ticket import Tickets
from services.messaging.store import beside
from services.messaging.visitors import Visitor
from shared.database import Connection
from shared.events import TicketStatus
from shared.messages import Channel, Visibility
from shared.plans import Priority
from shared.problems import Problem
from shared.tickets import ticket_number


class TicketForms:
    """Takes the forms of a ticket's page.

    Args:
        tickets: Shows the page again, where something has to be looked at first.
    """

    def __init__(self, tickets: Tickets) -> None:
        self._tickets = tickets
        self._desk: Desk = tickets.desk

    async def status(self, request: Request, visitor: Visitor) -> Response:
        """Set the status."""
        form = await self._desk.doors.form(request, visitor)
        ticket = access.ticket_of(request)
        status = TicketStatus(one_of(form.first("status"), tuple(STATUSES), "a status"))
        async with self._desk.doors.guarded.transaction(visitor) as connection:
            before = await _before(connection, visitor, ticket)
            await doing.set_status(connection, visitor, ticket, status, now=self._desk.clock())
        return self._done(
            request, ticket, "status", before.status, is_undo=bool(form.first("undo"))
        )

    async def priority(self, request: Request, visitor: Visitor) -> Response:
        """Set the priority."""
        form = await self._desk.doors.form(request, visitor)
        ticket = access.ticket_of(request)
        priority = Priority(one_of(form.first("priority"), tuple(PRIORITIES), "a priority"))
        async with self._desk.doors.guarded.transaction(visitor) as connection:
            before = await _before(connection, visitor, ticket)
            await doing.set_priority(connection, visitor, ticket, priority, now=self._desk.clock())
        return self._done(
            request, ticket, "priority", before.priority, is_undo=bool(form.first("undo"))
        )

    async def assignment(self, request: Request, visitor: Visitor) -> Response:
        """Give it to somebody, or to another queue; what the form doesn't have stays as it is."""
        form = await self._desk.doors.form(request, visitor)
        ticket = access.ticket_of(request)
        given = {name for name, _ in form.fields}
        queue = form.first("queue").strip() if "queue" in given else doing.UNSET
        assignee: str | doing.Unset | None = doing.UNSET
        if "assignee" in given:
            chosen = form.first("assignee")
            assignee = visitor.caller.subject if chosen == MINE else chosen or None
        async with self._desk.doors.guarded.transaction(visitor) as connection:
            before = await _before(connection, visitor, ticket)
            await doing.assign(
                connection,
                visitor,
                ticket,
                assignee=assignee,
                queue=queue,
                now=self._desk.clock(),
            )
        told, was = "assignee", before.assignee or ""
        if isinstance(assignee, doing.Unset):
            told, was = "queue", before.queue
        return self._done(request, ticket, told, was, is_undo=bool(form.first("undo")))

    async def tags(self, request: Request, visitor: Visitor) -> Response:
        """Give it other tags."""
        form = await self._desk.doors.form(request, visitor)
        ticket = access.ticket_of(request)
        async with self._desk.doors.guarded.transaction(visitor) as connection:
            before = await _before(connection, visitor, ticket)
            tags = clean_tags(form.first("tags"))
            await doing.set_tags(connection, visitor, ticket, tags, now=self._desk.clock())
        was = " ".join(before.tags)
        return self._done(request, ticket, "tags", was, is_undo=bool(form.first("undo")))

    async def plan(self, request: Request, visitor: Visitor) -> Response:
        """Ask for another plan for the account, or say of what the customer wants: not now."""
        form = await self._desk.doors.form(request, visitor)
        ticket = access.ticket_of(request)
        async with self._desk.doors.guarded.transaction(visitor) as connection:
            if form.first("answer") == "not-now":
                await doing.dismiss_plan(connection, visitor, ticket, now=self._desk.clock())
                told = "plan-not-now"
            else:
                known = [each.id for each in self._desk.plans.catalogue.plans]
                plan = one_of(form.first("plan"), known, "a plan")
                await doing.request_plan(connection, visitor, ticket, plan, now=self._desk.clock())
                told = "plan"
        return self._done(request, ticket, told, "", is_undo=False)

    async def look_before_merging(self, request: Request, visitor: Visitor) -> Response:
        """What merging will do, before it is done."""
        ticket = access.ticket_of(request)
        asked = request.query_params.get("number") or request.query_params.get("into") or ""
        async with self._desk.doors.guarded.reading(visitor) as connection:
            thread = access.allowed(visitor, await store.read_thread(connection, ticket))
            found = await beside.find_by_number(connection, asked, account=thread.account)
            into = await store.read_thread(connection, found) if found else None
        if into is None or into.ticket == ticket:
            detail = (
                f"There is no other ticket {asked!r} of this account. Tickets can be merged only"
                " within one account."
            )
            raise Problem(404, "Not found", detail)
        return self._desk.sheet(
            request,
            visitor,
            "ticket_merge.html.jinja",
            thread=thread,
            into=into,
            number=ticket_number(ticket),
            into_number=ticket_number(into.ticket),
        )

    async def merge(self, request: Request, visitor: Visitor) -> Response:
        """Let it go into another one."""
        form = await self._desk.doors.form(request, visitor)
        ticket = access.ticket_of(request)
        try:
            into = UUID(form.first("into"))
        except ValueError:
            raise Problem(422, "Invalid request", "Please choose a ticket.") from None
        async with self._desk.doors.guarded.transaction(visitor) as connection:
            await doing.merge(connection, visitor, ticket, into, now=self._desk.clock())
        return self._desk.done(request, address(f"/inbox/{into}", told="merged", was=str(ticket)))

    async def unmerge(self, request: Request, visitor: Visitor) -> Response:
        """Give it a conversation of its own again."""
        await self._desk.doors.form(request, visitor)
        ticket = access.ticket_of(request)
        async with self._desk.doors.guarded.transaction(visitor) as connection:
            await doing.unmerge(connection, visitor, ticket, now=self._desk.clock())
        return self._done(request, ticket, "unmerged", "", is_undo=False)

    async def read(self, request: Request, visitor: Visitor) -> Response:
        """Keep how far the thread was read, as scripts say it."""
        form = await self._desk.doors.form(request, visitor)
        ticket = access.ticket_of(request)
        sequence = form.first("sequence")
        if not sequence.isdecimal() or len(sequence) > 9:  # noqa: PLR2004 - an integer of Postgres
            raise Problem(422, "Invalid request", "A place in a thread is a number.")
        async with self._desk.doors.guarded.transaction(visitor) as connection:
            await doing.mark_read(
                connection, visitor, ticket, int(sequence), now=self._desk.clock()
            )
        return self._desk.done(request, f"/inbox/{ticket}")

    async def messages(self, request: Request, visitor: Visitor) -> Response:
        """Answer, or write a note; an answer is held back if a colleague was faster."""
        form = await self._desk.doors.form(request, visitor)
        ticket = access.ticket_of(request)
        is_note = form.first("visibility") == Visibility.NOTE
        words = doing.Words(
            form.first("text").replace("\r\n", "\n"),
            Visibility.NOTE if is_note else Visibility.PUBLIC,
            Channel.WEB,
        )
        key = form.first("key") or self._desk.new_id().hex
        held = None
        async with self._desk.doors.guarded.transaction(visitor) as connection:
            if not is_note and not form.first("anyway"):
                seen = _sequence(form.first("seen"))
                # Nobody else writes between this look and the message. What the ticket has gone
                # into is locked with it, in the one order: nobody waits in a circle.
                await store.lock_threads(connection, [ticket])
                held = await beside.answered_since(
                    connection, ticket, seen, but=visitor.caller.subject
                )
            if held is None or await self._is_known(connection, visitor, ticket, key):
                message = await doing.post(
                    connection,
                    visitor,
                    ticket,
                    words,
                    key=key,
                    now=self._desk.clock(),
                    files=form.files,
                )
                held = None
        if held is not None:
            return await self._hold(request, visitor, ticket, held, words.text, key)
        answer = self._desk.done(request, f"/inbox/{ticket}#message-{message.id}")
        answer.headers["X-Careline-Message"] = str(message.id)
        return answer

    async def _is_known(
        self, connection: Connection, visitor: Visitor, ticket: UUID, key: str
    ) -> bool:
        """Whether this message was taken before: what comes twice is not held back."""
        id_ = writing.message_id(ticket=ticket, author=visitor.caller.subject, key=key)
        return await store.read_message(connection, id_) is not None

    async def _hold(
        self,
        request: Request,
        visitor: Visitor,
        ticket: UUID,
        held: Message,
        text: str,
        key: str,
    ) -> Response:
        """Show what a colleague wrote in the meantime, beside what was written here."""
        who = held.author_name or "A colleague"
        if is_script(request):
            detail = f"{who} has answered in the meantime: “{_short(held.text)}”"
            more = {"anyway": {"words": "Send anyway", "field": "anyway"}}
            raise Problem(409, "Answered already", detail, more=more)
        return await self._tickets.answer(
            request, visitor, ticket, held=held, text=text, key=key, held_by=who
        )

    def _done(
        self, request: Request, ticket: UUID, told: str, was: str, *, is_undo: bool
    ) -> Response:
        """Back to the ticket, which says what was done, and offers to undo it."""
        told = "undone" if is_undo else told
        return self._desk.done(request, address(f"/inbox/{ticket}", told=told, was=was or "-"))


def routes(desk: Desk) -> list[Route]:
    """Where the forms go."""
    forms, staff = TicketForms(Tickets(desk)), desk.doors.staff
    actions = {
        "status": forms.status,
        "priority": forms.priority,
        "assignment": forms.assignment,
        "tags": forms.tags,
        "plan": forms.plan,
        "merge": forms.merge,
        "unmerge": forms.unmerge,
        "read": forms.read,
        "messages": forms.messages,
    }
    posts = [
        Route(f"/inbox/{{ticket}}/{name}", staff(handler), methods=["POST"])
        for name, handler in actions.items()
    ]
    looks = Route("/inbox/{ticket}/merge", staff(forms.look_before_merging), methods=["GET"])
    return [looks, *posts]


async def _before(connection: Connection, visitor: Visitor, ticket: UUID) -> Thread:
    """How the ticket stood, locked, so that it can be said what was undone."""
    return access.allowed(visitor, await store.lock_thread(connection, ticket))


def _sequence(text: str) -> int | None:
    """How much of a thread somebody had seen; None if that isn't known."""
    return int(text) if text.isdecimal() and len(text) < 10 else None  # noqa: PLR2004 - an integer of Postgres


def _short(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:199]}…"  # noqa: PLR2004 - a line or two
