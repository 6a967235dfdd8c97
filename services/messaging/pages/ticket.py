"""One ticket as an agent works on it: the thread, and beside it whatever else there is to know."""

from collections.abc import Mapping, Sequence
from datetime import UTC
from functools import partial
from typing import Any
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.messaging import access, doing, store
from services.messaging.domain import Message
from services.messaging.files import File
from services.messaging.live.patches import News, Patch
from services.messaging.pages import chapters, threads, ticket_facts
from services.messaging.pages.desk import Desk
from services.messaging.pages.threads import LIMITS, Reader
from services.messaging.pages.ticket_facts import Facts
from services.messaging.store import answers, beside, listing
from services.messaging.visitors import Visitor
from shared.tickets import ticket_number

MOST_NEW = 200
"""Messages that a page is sent at once; who missed more of them opens it anew."""
PARTS = ("head", "asks", "here", "clocks", "facts", "forms")
"""Pieces of the page that are sent anew when something about the ticket changes."""


class Tickets:
    """The pages of single tickets.

    Args:
        desk: What agents' pages share.
    """

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    async def show(self, request: Request, visitor: Visitor) -> Response:
        """The page of a ticket."""
        return await self.answer(request, visitor, access.ticket_of(request))

    async def answer(
        self, request: Request, visitor: Visitor, ticket: UUID, **more: object
    ) -> Response:
        """The page, perhaps with what was written and held back."""
        async with self.desk.doors.guarded.reading(visitor) as connection:
            facts = await ticket_facts.read(connection, visitor, ticket, self.desk.clock())
            chapter = await chapters.read_chapter(connection, visitor, facts.thread, request)
            colleagues = await beside.list_colleagues(connection)
            tags = await beside.list_tags(connection)
            canned = await answers.list_canned(connection)
            queues = await listing.count_queues(connection)
            chosen = await chapters.read_chosen(connection, facts.thread, visitor, request)
        if chapter.later is None and chapter.messages:
            await self._note_read(visitor, ticket, chapter.messages[-1].sequence)
        values: dict[str, Any] = {
            **self.values(facts, visitor, colleagues, tags, queues),
            "chapter": chapter,
            "days": threads.by_day(chapter.messages, chapter.files, self.reader(visitor)),
            "seen": f"{facts.thread.last_sequence}.{facts.stamp}",
            "canned": canned,
            "limits": LIMITS,
            "key": self.desk.new_id().hex,
            "text": chosen,
            "held": None,
            "told": request.query_params.get("told", ""),
            "was": request.query_params.get("was", "")[:100],
        }
        status = 409 if more.get("held") else 200
        return self.desk.sheet(
            request, visitor, "ticket.html.jinja", status=status, **values | more
        )

    async def live(self, request: Request, visitor: Visitor) -> Response:
        """What is new in a ticket, while its page is open."""
        ticket = access.ticket_of(request)
        async with self.desk.doors.guarded.reading(visitor) as connection:
            access.allowed(visitor, await store.read_thread(connection, ticket))
        return await self.desk.live.answer(
            request,
            visitor,
            ticket=ticket,
            produce=partial(self._produce, request, visitor, ticket),
            still=partial(self.desk.doors.still, request),
        )

    def values(
        self,
        facts: Facts,
        visitor: Visitor,
        colleagues: Sequence[tuple[str, str]],
        tags: Sequence[str],
        queues: Mapping[str, int],
    ) -> dict[str, Any]:
        """What the pieces of the page are given."""
        now = self.desk.clock()
        me = visitor.caller.subject
        if me not in dict(colleagues):
            colleagues = [(me, visitor.caller.name or me), *colleagues]
        return {
            "facts": facts,
            "thread": facts.thread,
            "clocks": ticket_facts.clocked(facts, self.desk, now),
            "runs": facts.runs,
            "others": [(each, ticket_number(each.ticket)) for each in facts.others],
            "merged": [(each, ticket_number(each)) for each in facts.merged],
            "here_else": [each for each in facts.here if each.person != visitor.reader],
            "colleagues": colleagues,
            "known_tags": tags,
            "queues": sorted({*queues, facts.thread.queue}),
            "me": me,
            "number_of": ticket_number,
        }

    def reader(self, visitor: Visitor) -> Reader:
        """For whom messages are shown: agents' times are written by their browser."""
        return Reader(
            names=(visitor.caller.subject,),
            zone=UTC,
            now=self.desk.clock(),
            language=self.desk.doors.pages.languages.of(None),
            plans={each.id: each.name for each in self.desk.plans.catalogue.plans},
        )

    async def _produce(
        self, request: Request, visitor: Visitor, ticket: UUID, seen: str | None
    ) -> News | None:
        sequence, stamp = _split(seen)
        async with self.desk.doors.guarded.reading(visitor) as connection:
            facts = await ticket_facts.read(connection, visitor, ticket, self.desk.clock())
            shows = f"{facts.thread.last_sequence}.{facts.stamp}"
            if shows == seen:
                return News(shows)
            messages = await store.list_messages(
                connection, ticket, after=sequence, limit=MOST_NEW, notes=True
            )
            files = await store.list_attachments(connection, [each.id for each in messages])
            colleagues = await beside.list_colleagues(connection)
            queues = await listing.count_queues(connection)
        render = partial(self.desk.part, request, visitor)
        patches = _new_messages(messages, files, self.reader(visitor), render)
        if facts.stamp != stamp:
            values = self.values(facts, visitor, colleagues, (), queues)
            patches += [
                Patch(
                    "replace",
                    f"ticket-{part}",
                    f"ticket-{part}",
                    render("ticket_part.html.jinja", part=part, **values),
                )
                for part in PARTS
            ]
        return News(shows, patches)

    async def _note_read(self, visitor: Visitor, ticket: UUID, sequence: int) -> None:
        async with self.desk.doors.guarded.transaction(visitor) as connection:
            now = self.desk.clock()
            await doing.mark_read(connection, visitor, ticket, sequence, now=now)


def routes(desk: Desk) -> list[Route]:
    """Where a ticket is shown."""
    tickets, staff = Tickets(desk), desk.doors.staff
    return [
        Route("/inbox/{ticket}", staff(tickets.show), methods=["GET"]),
        Route("/inbox/{ticket}/live", staff(tickets.live), methods=["GET"]),
    ]


def _new_messages(
    messages: Sequence[Message],
    files: Mapping[UUID, Sequence[File]],
    reader: Reader,
    render: Any,  # noqa: ANN401 - a template in, HTML out
) -> list[Patch]:
    """Each as it is appended to the list; the heading of a day comes before its first message."""
    patches = []
    for day in threads.by_day(messages, files, reader):
        html = render("thread_heading.html.jinja", day=day)
        patches.append(Patch("append", "messages", day.element, html))
        for shown in day.messages:
            html = render("ticket_message.html.jinja", shown=shown)
            patches.append(Patch("append", "messages", shown.element, html))
    return patches


def _split(seen: str | None) -> tuple[int, str]:
    """How far a page has shown a thread, and what it knows of the ticket."""
    sequence, _, stamp = (seen or "").partition(".")
    return (int(sequence), stamp) if sequence.isdecimal() and len(sequence) < 10 else (0, "")  # noqa: PLR2004 - the same
