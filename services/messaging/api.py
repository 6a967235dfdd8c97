"""A ticket's thread over HTTP: read it, write into it, set how it stands."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.messaging import access, doing, domain, shown, store
from services.messaging.changes import UNSET
from services.messaging.doing import Words
from services.messaging.domain import Thread
from services.messaging.guarded import Guarded
from services.messaging.visitors import Visitor
from shared import forms, web
from shared.database import Connection
from shared.events import TicketStatus
from shared.forms import SentFile
from shared.identity import Verifier
from shared.messages import Visibility
from shared.plans import Priority

Place = Annotated[int, Field(ge=0, le=store.LATEST)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class MessageRequest(_Body):
    """The body of `POST /v1/tickets/{ticket}/messages`, or the fields of a form with files."""

    text: str = ""
    visibility: Visibility = Visibility.PUBLIC
    asks_for_plan: str | None = None


class StatusRequest(_Body):
    """The body of `PUT /v1/tickets/{ticket}/status`."""

    status: TicketStatus


class PriorityRequest(_Body):
    """The body of `PUT /v1/tickets/{ticket}/priority`."""

    priority: Priority


class AssignmentRequest(_Body):
    """The body of `PUT /v1/tickets/{ticket}/assignment`; what is left out stays as it is."""

    assignee: str | None = None
    queue: str | None = None


class TagsRequest(_Body):
    """The body of `PUT /v1/tickets/{ticket}/tags`."""

    tags: Annotated[list[str], Field(max_length=200)]


class MergeRequest(_Body):
    """The body of `PUT /v1/tickets/{ticket}/merge`."""

    into: UUID


class PlanRequest(_Body):
    """The body of `POST /v1/tickets/{ticket}/plan-change`."""

    plan: str


class ReadRequest(_Body):
    """The body of `PUT /v1/tickets/{ticket}/read`."""

    sequence: Place


class Page(_Body):
    """Which messages of a thread to show."""

    after: Place = 0
    before: Place | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 100


Change = Callable[[Connection, Visitor, UUID], Awaitable[Thread]]


@dataclass(frozen=True, slots=True)
class MessagingCenter:
    """What the routes need, and the routes."""

    guarded: Guarded
    verifier: Verifier
    clock: Callable[[], datetime]
    new_key: Callable[[], str]
    """A fresh idempotency key for a message that brings none."""

    async def get_thread(self, request: Request) -> Response:
        """A thread with its clocks and a page of messages.

        `next` goes into `after`; `previous` into `before`, which pages from the end on backwards.
        """
        visitor = Visitor(self.verifier.require(request))
        ticket, page = access.ticket_of(request), web.read_query(request, Page)
        async with self.guarded.reading(visitor) as connection:
            thread = access.allowed(visitor, await store.read_thread(connection, ticket))
            head = await self._head(connection, visitor, thread)
            messages = await store.list_messages(
                connection,
                ticket,
                after=page.after,
                before=page.before,
                limit=page.limit,
                notes=visitor.is_staff,
            )
            files = await store.list_attachments(connection, [each.id for each in messages])
        listed = [shown.message(each, files.get(each.id, ())) for each in messages]
        return JSONResponse(head | _shown_page(listed, page))

    async def post_message(self, request: Request) -> Response:
        """Write into a thread; again under one `Idempotency-Key` is the same message."""
        visitor, ticket = Visitor(self.verifier.require(request)), access.ticket_of(request)
        key = web.idempotency_key(request) or self.new_key()
        asked, sent = await _read_message(request)
        words = Words(asked.text, asked.visibility, asks_for_plan=asked.asks_for_plan)
        async with self.guarded.transaction(visitor) as connection:
            message = await doing.post(
                connection, visitor, ticket, words, key=key, now=self.clock(), files=sent
            )
            files = await store.list_attachments(connection, [message.id])
        return JSONResponse(shown.message(message, files.get(message.id, ())), 201)

    async def put_status(self, request: Request) -> Response:
        """Set a ticket's status; what it has already is no change, and nothing is said of it."""
        visitor, status = await self._asked(request, StatusRequest)

        async def change(connection: Connection, visitor: Visitor, ticket: UUID) -> Thread:
            return await doing.set_status(
                connection, visitor, ticket, status.status, now=self.clock()
            )

        return await self._changed(request, visitor, change)

    async def put_priority(self, request: Request) -> Response:
        """Set a ticket's priority; what it has already is no change, and nothing is said of it."""
        visitor, asked = await self._asked(request, PriorityRequest)

        async def change(connection: Connection, visitor: Visitor, ticket: UUID) -> Thread:
            return await doing.set_priority(
                connection, visitor, ticket, asked.priority, now=self.clock()
            )

        return await self._changed(request, visitor, change)

    async def put_assignment(self, request: Request) -> Response:
        """Give a ticket to somebody, to another queue, or (`null`) back to whoever takes it."""
        visitor, asked = await self._asked(request, AssignmentRequest)
        assignee = asked.assignee if "assignee" in asked.model_fields_set else UNSET
        queue = UNSET if asked.queue is None else asked.queue

        async def change(connection: Connection, visitor: Visitor, ticket: UUID) -> Thread:
            return await doing.assign(
                connection, visitor, ticket, assignee=assignee, queue=queue, now=self.clock()
            )

        return await self._changed(request, visitor, change)

    async def put_tags(self, request: Request) -> Response:
        """Give a ticket these tags and no others."""
        visitor, asked = await self._asked(request, TagsRequest)

        async def change(connection: Connection, visitor: Visitor, ticket: UUID) -> Thread:
            return await doing.set_tags(connection, visitor, ticket, asked.tags, now=self.clock())

        return await self._changed(request, visitor, change)

    async def put_merge(self, request: Request) -> Response:
        """Let a ticket go into another one."""
        visitor, asked = await self._asked(request, MergeRequest)

        async def change(connection: Connection, visitor: Visitor, ticket: UUID) -> Thread:
            return await doing.merge(connection, visitor, ticket, asked.into, now=self.clock())

        return await self._changed(request, visitor, change)

    async def delete_merge(self, request: Request) -> Response:
        """Undo that."""
        visitor = Visitor(self.verifier.require(request))

        async def change(connection: Connection, visitor: Visitor, ticket: UUID) -> Thread:
            return await doing.unmerge(connection, visitor, ticket, now=self.clock())

        return await self._changed(request, visitor, change)

    async def post_plan_change(self, request: Request) -> Response:
        """Ask for another plan for the ticket's account: 202, since sla decides."""
        visitor, asked = await self._asked(request, PlanRequest)
        ticket = access.ticket_of(request)
        async with self.guarded.transaction(visitor) as connection:
            await doing.request_plan(connection, visitor, ticket, asked.plan, now=self.clock())
        return Response(status_code=202)

    async def delete_plan_change(self, request: Request) -> Response:
        """Be done with the plan that the customer asked for, without a change."""
        visitor, ticket = Visitor(self.verifier.require(request)), access.ticket_of(request)
        async with self.guarded.transaction(visitor) as connection:
            await doing.dismiss_plan(connection, visitor, ticket, now=self.clock())
        return Response(status_code=204)

    async def put_read(self, request: Request) -> Response:
        """Keep how far the caller has read."""
        visitor, asked = await self._asked(request, ReadRequest)
        ticket = access.ticket_of(request)
        async with self.guarded.transaction(visitor) as connection:
            await doing.mark_read(connection, visitor, ticket, asked.sequence, now=self.clock())
        return Response(status_code=204)

    async def _asked(self, request: Request, model: type[web.ModelT]) -> tuple[Visitor, web.ModelT]:
        visitor = Visitor(self.verifier.require(request))
        return visitor, await web.read_json(request, model)

    async def _changed(self, request: Request, visitor: Visitor, change: Change) -> Response:
        ticket = access.ticket_of(request)
        async with self.guarded.transaction(visitor) as connection:
            thread = await change(connection, visitor, ticket)
        return JSONResponse(shown.change(thread, is_staff=visitor.is_staff))

    async def _head(
        self, connection: Connection, visitor: Visitor, thread: Thread
    ) -> dict[str, Any]:
        standing = await store.read_standing(connection, thread.ticket)
        plan = None
        if domain.may_know_account(visitor, thread):
            plan = await store.read_plan(connection, thread.account, now=self.clock())
        unread = await store.count_unread(
            connection, [thread.ticket], reader=visitor.reader, own=visitor.names
        )
        return shown.thread(
            thread,
            standing,
            is_staff=visitor.is_staff,
            account_plan=plan,
            unread=unread.get(thread.ticket, 0),
        )


def routes(center: MessagingCenter) -> list[Route]:
    """The routes of threads."""
    thread = "/v1/tickets/{ticket}"
    return [
        Route(thread, center.get_thread, methods=["GET"]),
        Route(f"{thread}/messages", center.post_message, methods=["POST"]),
        Route(f"{thread}/status", center.put_status, methods=["PUT"]),
        Route(f"{thread}/priority", center.put_priority, methods=["PUT"]),
        Route(f"{thread}/assignment", center.put_assignment, methods=["PUT"]),
        Route(f"{thread}/tags", center.put_tags, methods=["PUT"]),
        Route(f"{thread}/merge", center.put_merge, methods=["PUT"]),
        Route(f"{thread}/merge", center.delete_merge, methods=["DELETE"]),
        Route(f"{thread}/plan-change", center.post_plan_change, methods=["POST"]),
        Route(f"{thread}/plan-change", center.delete_plan_change, methods=["DELETE"]),
        Route(f"{thread}/read", center.put_read, methods=["PUT"]),
    ]


async def _read_message(request: Request) -> tuple[MessageRequest, tuple[SentFile, ...]]:
    """What somebody writes: as JSON, or as a form with files."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "multipart/form-data":
        return await web.read_json(request, MessageRequest), ()
    form = await forms.read_fields(request)
    return web.read_values(dict(form.fields), MessageRequest), form.files


def _shown_page(messages: list[dict[str, Any]], page: Page) -> dict[str, Any]:
    full = len(messages) == page.limit
    edge = messages[-1 if page.before is None else 0]["sequence"] if full else None
    return {"messages": messages, "next" if page.before is None else "previous": edge}
