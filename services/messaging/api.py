"""A ticket's thread over HTTP: read it, write into it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import structlog
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.messaging import access, conversations, domain, store
from services.messaging.clocks import ClockView
from services.messaging.files import File, FileState
from shared import problems, web
from shared.database import Connection, Database
from shared.envelope import format_instant
from shared.events import TicketStatus
from shared.identity import Caller, Verifier
from shared.messages import Visibility
from shared.plans import Priority
from shared.tickets import ticket_number

log = structlog.get_logger(__name__)


class MessageRequest(BaseModel):
    """The body of `POST /v1/tickets/{ticket}/messages`."""

    model_config = ConfigDict(extra="forbid")

    text: web.StorableText
    visibility: Visibility = Visibility.PUBLIC


class StatusRequest(BaseModel):
    """The body of `PUT /v1/tickets/{ticket}/status`."""

    model_config = ConfigDict(extra="forbid")

    status: TicketStatus


class PriorityRequest(BaseModel):
    """The body of `PUT /v1/tickets/{ticket}/priority`."""

    model_config = ConfigDict(extra="forbid")

    priority: Priority


class Page(BaseModel):
    """Which messages of a thread to show."""

    model_config = ConfigDict(extra="forbid")

    after: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    limit: Annotated[int, Field(ge=1, le=500)] = 100


@dataclass(frozen=True, slots=True)
class MessagingCenter:
    """What the routes need, and the routes."""

    database: Database
    verifier: Verifier
    clock: Callable[[], datetime]
    new_key: Callable[[], str]
    """A fresh idempotency key for a message that brings none."""

    async def get_thread(self, request: Request) -> Response:
        """A thread with its clocks and a page of messages: `next` goes into `after`."""
        caller = self.verifier.require(request)
        ticket, page = access.ticket_of(request), web.read_query(request, Page)
        async with self.database.connection() as connection:
            thread = access.allowed(caller, await store.read_thread(connection, ticket))
            standing = await store.read_standing(connection, ticket)
            messages = await store.list_messages(
                connection, ticket, after=page.after, limit=page.limit, notes=caller.is_staff
            )
            files = await store.list_attachments(connection, [each.id for each in messages])
        shown = [_shown_message(each, files.get(each.id, ())) for each in messages]
        return JSONResponse(_shown_thread(thread, standing) | _shown_page(shown, page))

    async def post_message(self, request: Request) -> Response:
        """Write into a thread; again under one `Idempotency-Key` is the same message."""
        caller = self.verifier.require(request)
        ticket = access.ticket_of(request)
        key = web.idempotency_key(request) or self.new_key()
        asked = await web.read_json(request, MessageRequest)
        if asked.visibility is Visibility.NOTE and not caller.is_staff:
            raise problems.Problem(403, "Forbidden", "Notes are written by agents.")
        async with self.database.transaction() as connection:
            thread = access.allowed(caller, await store.lock_thread(connection, ticket))
            message = await _post(self, connection, caller, thread, asked, key=key)
        log.info("message_kept", ticket=str(ticket), correlation=str(thread.correlation))
        return JSONResponse(_shown_message(message), 201)

    async def put_status(self, request: Request) -> Response:
        """Set a ticket's status; what it has already is no change, and nothing is said of it."""
        caller = self.verifier.require(request)
        ticket = access.ticket_of(request)
        status = (await web.read_json(request, StatusRequest)).status
        async with self.database.transaction() as connection:
            thread = access.allowed(caller, await store.lock_thread(connection, ticket))
            if not domain.may_set_status(caller, status):
                detail = "Customers set their ticket to `resolved`, or to `open` again."
                raise problems.Problem(403, "Forbidden", detail)
            _refuse_if_over(thread, caller)
            if not domain.may_change(caller, thread):
                detail = "This ticket has changed too often. Please write to us in it."
                raise problems.Problem(409, "Too many changes", detail)
            change = domain.set_status(thread, status, caller, now=self.clock())
            thread = await conversations.keep(connection, thread, change)
        return JSONResponse(_shown_change(thread))

    async def put_priority(self, request: Request) -> Response:
        """Set a ticket's priority; what it has already is no change, and nothing is said of it."""
        caller = self.verifier.require(request)
        ticket = access.ticket_of(request)
        priority = (await web.read_json(request, PriorityRequest)).priority
        async with self.database.transaction() as connection:
            thread = access.allowed(caller, await store.lock_thread(connection, ticket))
            if not caller.is_staff:
                detail = "How urgent a ticket is, is for agents to set: write to them in it."
                raise problems.Problem(403, "Forbidden", detail)
            change = domain.set_priority(thread, priority, caller, now=self.clock())
            thread = await conversations.keep(connection, thread, change)
        return JSONResponse(_shown_change(thread))


def routes(center: MessagingCenter) -> list[Route]:
    """The routes of messaging."""
    return [
        Route("/v1/tickets/{ticket}", center.get_thread, methods=["GET"]),
        Route("/v1/tickets/{ticket}/messages", center.post_message, methods=["POST"]),
        Route("/v1/tickets/{ticket}/status", center.put_status, methods=["PUT"]),
        Route("/v1/tickets/{ticket}/priority", center.put_priority, methods=["PUT"]),
    ]


async def _post(
    center: MessagingCenter,
    connection: Connection,
    caller: Caller,
    thread: domain.Thread,
    asked: MessageRequest,
    *,
    key: str,
) -> domain.Message:
    id_ = domain.message_id(ticket=thread.ticket, author=caller.subject, key=key)
    if known := await store.read_message(connection, id_):
        if (known.text, known.visibility) != (asked.text, asked.visibility):
            detail = "This Idempotency-Key belongs to another message."
            raise problems.Problem(422, "Invalid request", detail)
        return known
    _refuse_if_over(thread, caller)
    message, posted = domain.write(
        thread, caller, asked.text, asked.visibility, id_=id_, now=center.clock()
    )
    await conversations.add(connection, thread, message, posted)
    return message


def _refuse_if_over(thread: domain.Thread, caller: Caller) -> None:
    if domain.is_over(thread, caller):
        detail = "This ticket is closed for good. Please write a new request."
        raise problems.Problem(409, "Ticket closed", detail)


def _shown_thread(thread: domain.Thread, standing: store.Standing) -> dict[str, Any]:
    acknowledged = standing.acknowledged_at
    return {
        "ticket": str(thread.ticket),
        "number": ticket_number(thread.ticket),
        "account": thread.account,
        "subject": thread.subject,
        "channel": thread.channel,
        "queue": thread.queue,
        "continues": thread.continues and str(thread.continues),
        "automatic": thread.automatic,
        "priority": thread.priority,
        "status": thread.status,
        "opened_at": format_instant(thread.opened_at),
        "acknowledged_at": acknowledged and format_instant(acknowledged),
        "plan": standing.plan,
        "service_level": standing.service_level,
        "clocks": [_shown_clock(clock) for clock in standing.clocks],
    }


def _shown_page(messages: list[dict[str, Any]], page: Page) -> dict[str, Any]:
    full = len(messages) == page.limit
    return {"messages": messages, "next": messages[-1]["sequence"] if full else None}


def _shown_change(thread: domain.Thread) -> dict[str, Any]:
    return {
        "ticket": str(thread.ticket),
        "number": ticket_number(thread.ticket),
        "status": thread.status,
        "priority": thread.priority,
    }


def _shown_clock(clock: ClockView) -> dict[str, Any]:
    return {
        "clock": clock.clock,
        "cycle": clock.cycle,
        "revision": clock.revision,
        "state": clock.state,
        "due": clock.due_at and format_instant(clock.due_at),
        "changed_at": format_instant(clock.changed_at),
    }


def _shown_message(message: domain.Message, files: Sequence[File] = ()) -> dict[str, Any]:
    return {
        "id": str(message.id),
        "sequence": message.sequence,
        "author_kind": message.author_kind,
        "author_name": message.author_name,
        "visibility": message.visibility,
        "channel": message.channel,
        "text": message.text,
        "quoted": message.quoted,
        "attachments": [_shown_file(file) for file in files],
        "posted_at": format_instant(message.posted_at),
    }


def _shown_file(file: File) -> dict[str, Any]:
    return {
        "id": str(file.id),
        "name": file.name,
        "content_type": file.content_type,
        "size_bytes": file.size_bytes,
        "complete": file.state is FileState.COMPLETE,
        "broken": file.state is FileState.BROKEN,
    }
