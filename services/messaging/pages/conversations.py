"""A customer's ticket: its conversation as a page and as a small chat, and what they do there."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from services.messaging import access, doing, store
from services.messaging.doing import Words
from services.messaging.live import Live, News
from services.messaging.pages import chats, conversation_news, tickets
from services.messaging.pages.chats import Attendance
from services.messaging.pages.conversation_news import Sight
from services.messaging.pages.doors import Doors, is_script, see_other
from services.messaging.pages.threads import LIMITS
from services.messaging.plans import Plans
from services.messaging.store import center
from services.messaging.visitors import Visitor
from shared.database import Connection
from shared.events import TicketStatus
from shared.forms import Form
from shared.messages import Channel
from shared.pages import Policy, in_words
from shared.problems import Problem

LONGEST_KEY = 200
SAID = frozenset({"resolved", "open", "asked", "sent"})
"""What a page says was done, after a form."""
CUSTOMERS = {TicketStatus.OPEN.value, TicketStatus.RESOLVED.value}


@dataclass(frozen=True, slots=True)
class Conversations:
    """The pages of single tickets, for customers."""

    doors: Doors
    plans: Plans
    live: Live
    new_id: Callable[[], UUID]

    async def show(self, request: Request, visitor: Visitor) -> Response:
        """The conversation as a page."""
        if visitor.is_staff:
            return see_other(f"/inbox/{access.ticket_of(request)}")
        return await self._answer(request, visitor, access.ticket_of(request))

    async def chat(self, request: Request, visitor: Visitor) -> Response:
        """The same as a small chat, for the page of thanks to frame."""
        if visitor.is_staff:
            return see_other(f"/inbox/{access.ticket_of(request)}")
        return await self._answer(request, visitor, access.ticket_of(request), is_chat=True)

    async def upgrade(self, request: Request, visitor: Visitor) -> Response:
        """The plans above theirs side by side, and the form that asks for one."""
        ticket, is_chat = access.ticket_of(request), _is_chat(request.query_params.get("from"))
        async with self.doors.guarded.reading(visitor) as connection:
            sight = await self._sight(request, connection, visitor, ticket, None)
        return self._sheet(
            request, visitor, "upgrade.html.jinja", sight, is_chat=is_chat, **self._fresh()
        )

    async def follow(self, request: Request, visitor: Visitor) -> Response:
        """What is new in the conversation, while its page is open."""
        ticket = access.ticket_of(request)
        is_chat = _is_chat(request.query_params.get("from"))
        async with self.doors.guarded.reading(visitor) as connection:
            access.allowed(visitor, await store.read_thread(connection, ticket))
        return await self.live.answer(
            request,
            visitor,
            ticket=ticket,
            produce=partial(self._produce, request, visitor, ticket, is_chat),
            still=partial(self.doors.still, request),
        )

    async def post_message(self, request: Request, visitor: Visitor) -> Response:
        """Write into the conversation; the same key is the same message."""
        ticket = access.ticket_of(request)
        form = await self.doors.form(request, visitor)
        is_chat, text = _is_chat(form.first("from")), form.first("text").replace("\r\n", "\n")
        try:
            id_ = await self._post(request, visitor, ticket, form, text)
        except Problem as problem:
            if is_script(request) or problem.status == 404:  # noqa: PLR2004 - nothing to show then
                raise
            return await self._answer(
                request, visitor, ticket, is_chat=is_chat, problem=problem, text=text
            )
        told = "asked" if form.first("asks_for_plan") else ""
        answer = self.doors.done(request, _path(ticket, is_chat=is_chat, told=told))
        answer.headers["X-Careline-Message"] = str(id_)
        return answer

    async def set_status(self, request: Request, visitor: Visitor) -> Response:
        """Say that the problem is solved, or that it is not."""
        ticket = access.ticket_of(request)
        form = await self.doors.form(request, visitor)
        status = form.first("status")
        if status not in CUSTOMERS:
            raise Problem(422, "Invalid request", "It can be solved, or open again.")
        async with self.doors.guarded.transaction(visitor) as connection:
            now = self.doors.clock()
            await doing.set_status(connection, visitor, ticket, TicketStatus(status), now=now)
        is_chat = _is_chat(form.first("from"))
        return self.doors.done(request, _path(ticket, is_chat=is_chat, told=status))

    async def note_read(self, request: Request, visitor: Visitor) -> Response:
        """Note how far they have read; their page says so while somebody looks at it."""
        ticket = access.ticket_of(request)
        form = await self.doors.form(request, visitor)
        await self._read_to(visitor, ticket, _number(form.first("sequence")) or 0)
        return self.doors.done(request, _path(ticket))

    async def _answer(
        self,
        request: Request,
        visitor: Visitor,
        ticket: UUID,
        *,
        is_chat: bool = False,
        problem: Problem | None = None,
        text: str = "",
    ) -> Response:
        now, language = self.doors.clock(), self.doors.language_of(request, visitor)
        before = None if is_chat else _number(request.query_params.get("before", ""))
        here = await self._here(ticket, is_chat=is_chat)
        async with self.doors.guarded.reading(visitor) as connection:
            sight = await self._sight(request, connection, visitor, ticket, here)
            thread = sight.shown.thread
            reader = tickets.reader_of(visitor, thread, self.plans, language, now)
            read_to = await center.read_position(connection, ticket, visitor.reader)
            page = await tickets.read_page(
                connection, ticket, reader, before=before, read_to=read_to
            )
        if before is None and page.last > read_to:
            await self._read_to(visitor, ticket, page.last)
        return self._sheet(
            request,
            visitor,
            "chat.html.jinja" if is_chat else "conversation.html.jinja",
            sight,
            is_chat=is_chat,
            status=problem.status if problem else 200,
            page=page,
            is_newest=before is None,
            read_to=max(read_to, page.last),
            seen=sight.stamp(page.last),
            told=_told(request),
            problem=problem and in_words(problem, language),
            text=text,
            **self._fresh(),
        )

    async def _here(self, ticket: UUID, *, is_chat: bool) -> Attendance | None:
        """Asked before anything else: nobody holds one connection while waiting for another."""
        if not is_chat:
            return None
        async with self.doors.guarded.database.connection() as desk:
            return await chats.read_here(desk, ticket, self.doors.clock())

    async def _sight(
        self,
        request: Request,
        connection: Connection,
        visitor: Visitor,
        ticket: UUID,
        here: Attendance | None,
    ) -> Sight:
        now, language = self.doors.clock(), self.doors.language_of(request, visitor)
        position = await tickets.read_position(connection, visitor, ticket, self.plans, now)
        shown = tickets.show(position, self.plans, language)
        foresight = chats.foresee(shown, here, self.plans, now) if here else None
        return Sight(shown, foresight, await tickets.read_recent(connection, ticket))

    async def _produce(
        self,
        request: Request,
        visitor: Visitor,
        ticket: UUID,
        is_chat: bool,  # noqa: FBT001 - bound beforehand
        seen: str | None,
    ) -> News | None:
        now, language = self.doors.clock(), self.doors.language_of(request, visitor)
        here = await self._here(ticket, is_chat=is_chat)
        async with self.doors.guarded.reading(visitor) as connection:
            sight = await self._sight(request, connection, visitor, ticket, here)
            reader = tickets.reader_of(visitor, sight.shown.thread, self.plans, language, now)
            render = partial(self._part, request, visitor, sight, is_chat)
            return await conversation_news.tell(connection, sight, reader, render, seen)

    async def _post(
        self, request: Request, visitor: Visitor, ticket: UUID, form: Form, text: str
    ) -> UUID:
        asked = form.first("asks_for_plan") or None
        if asked is not None and asked not in self.plans.catalogue.ranks:
            raise Problem(422, "Invalid request", "There is no such plan.")
        channel = Channel.CHAT if _is_chat(form.first("from")) else Channel.WEB
        async with self.doors.guarded.transaction(visitor) as connection:
            message = await doing.post(
                connection,
                visitor,
                ticket,
                Words(text, channel=channel, asks_for_plan=asked),
                key=_key(request, form, text) or self.new_id().hex,
                now=self.doors.clock(),
                files=form.files,
            )
        return message.id

    async def _read_to(self, visitor: Visitor, ticket: UUID, sequence: int) -> None:
        async with self.doors.guarded.transaction(visitor) as connection:
            now: datetime = self.doors.clock()
            await doing.mark_read(connection, visitor, ticket, sequence, now=now)

    def _sheet(
        self,
        request: Request,
        visitor: Visitor,
        template: str,
        sight: Sight,
        *,
        is_chat: bool,
        status: int = 200,
        **values: Any,  # noqa: ANN401 - whatever the template shows
    ) -> Response:
        policy = Policy(framed_by=[self.doors.links.intake]) if is_chat else None
        more = self._values(visitor, sight, is_chat=is_chat)
        return self.doors.sheet(request, visitor, template, policy, status, **more, **values)

    def _part(
        self,
        request: Request,
        visitor: Visitor,
        sight: Sight,
        is_chat: bool,  # noqa: FBT001 - bound beforehand
        template: str,
        **values: Any,  # noqa: ANN401 - whatever the template shows
    ) -> str:
        more = self._values(visitor, sight, is_chat=is_chat) | self._fresh() | {"text": ""}
        return self.doors.part(request, visitor, template, **more, **values)

    def _values(self, visitor: Visitor, sight: Sight, *, is_chat: bool) -> dict[str, Any]:
        return {
            "shown": sight.shown,
            "thread": sight.shown.thread,
            "position": sight.shown.position,
            "foresight": sight.foresight,
            "is_chat": is_chat,
            "framed": is_chat,
            "limits": LIMITS,
            "person": hashlib.sha256(visitor.reader.encode()).hexdigest()[:12],
        }

    def _fresh(self) -> dict[str, Any]:
        return {"key": self.new_id().hex}


def _path(ticket: UUID, *, is_chat: bool = False, told: str = "") -> str:
    path = f"/center/{ticket}/chat" if is_chat else f"/center/{ticket}"
    return f"{path}?{urlencode({'told': told})}" if told else path


def _told(request: Request) -> str:
    told = request.query_params.get("told", "")
    return told if told in SAID else ""


def _is_chat(given: str | None) -> bool:
    return given == "chat"


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None  # noqa: PLR2004 - an integer of Postgres


def _key(request: Request, form: Form, text: str) -> str:
    """The message's key. Without script a form may come again with other words, or other files."""
    key = form.first("key")[:LONGEST_KEY]
    if not key or is_script(request):
        return key
    said = hashlib.sha256(text.encode())
    for file in form.files:
        said.update(file.content)
    return f"{key}-{said.hexdigest()[:16]}"
