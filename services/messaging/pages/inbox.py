"""The inbox: what has to be looked after next stands first, and stays so while time passes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.messaging.countdowns import Countdown
from services.messaging.filters import MINE, NAMES, NOBODY, SOMEBODY, Filter, Place
from services.messaging.live.patches import News, Patch
from services.messaging.pages.desk import PRIORITIES, STATUSES, URGENCIES, Desk, fingerprint
from services.messaging.pages.doors import see_other
from services.messaging.store import beside, listing, views
from services.messaging.store.listing import Listed
from services.messaging.store.views import View
from services.messaging.visitors import Visitor
from shared.database import Connection
from shared.tickets import ticket_number

PAGE = 50
"""Tickets on a page of the list."""
BEGINNINGS = (
    ("To do", Filter()),
    ("Mine", Filter(assignee=MINE)),
    ("Nobody's", Filter(assignee=NOBODY)),
    ("Breached", Filter(urgency="breached")),
    ("At risk", Filter(urgency="at-risk")),
    ("Resolved", Filter(status="resolved")),
    ("Closed", Filter(status="closed")),
)
"""Views that everybody has."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A ticket with which it did not work, and why."""

    ticket: UUID
    why: str

    @property
    def number(self) -> str:
        """What the ticket is called."""
        return ticket_number(self.ticket)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of all of them."""

    done: int
    failed: Sequence[Failure] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """A ticket in the list."""

    listed: Listed
    counted: Countdown | None

    @property
    def number(self) -> str:
        """What the ticket is called."""
        return ticket_number(self.listed.ticket)


@dataclass(frozen=True, slots=True)
class Chip:
    """A part of a filter, and where the page without it is."""

    words: str
    path: str


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of the list."""

    wanted: Filter
    rows: Sequence[Row]
    counted: int
    following: str | None
    """Where the next page is."""
    after: Place | None
    """Behind which place it begins; None on the first page."""

    @property
    def is_first(self) -> bool:
        """Whether it is the first page."""
        return self.after is None

    @property
    def query(self) -> str:
        """Its own address, without the path."""
        after = [("after", self.after.written)] if self.after else []
        return urlencode([*self.wanted.parts(), *after])

    @property
    def seen(self) -> str:
        """What it shows, in a few characters; that time has passed doesn't count."""
        return fingerprint([row.listed for row in self.rows], self.counted, self.following)

    @property
    def breached(self) -> int:
        """How many of its rows are."""
        return sum(row.listed.urgency == 0 for row in self.rows)

    @property
    def at_risk(self) -> int:
        """How many of its rows are."""
        return sum(row.listed.urgency == 1 for row in self.rows)


@dataclass(frozen=True, slots=True)
class Side:
    """What stands beside the list."""

    queues: dict[str, int]
    views: Sequence[View]
    colleagues: Sequence[tuple[str, str]]
    tags: Sequence[str]


class Inbox:
    """The pages of the list.

    Args:
        desk: What agents' pages share.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def show(self, request: Request, visitor: Visitor) -> Response:
        """The list, by what its address asks for."""
        if not request.query_params:
            async with self._desk.doors.guarded.reading(visitor) as connection:
                default = await views.read_default(connection, visitor.caller.subject)
            if default is not None and default.query:
                return see_other(f"/inbox?{default.query}")
        return await self.answer(request, visitor, Filter.read(request.query_params))

    async def answer(
        self,
        request: Request,
        visitor: Visitor,
        wanted: Filter,
        outcome: Outcome | None = None,
    ) -> Response:
        """The page, perhaps with what became of something that was done to several tickets."""
        after = Place.read(request.query_params.get("after", ""))
        now = self._desk.clock()
        async with self._desk.doors.guarded.reading(visitor) as connection:
            page = await self._list(connection, visitor, wanted, after, now)
            side = Side(
                await listing.count_queues(connection),
                await views.list_views(connection, visitor.caller.subject),
                await beside.list_colleagues(connection),
                await beside.list_tags(connection),
            )
        told = outcome or _told(request)
        return self._desk.sheet(
            request, visitor, "inbox.html.jinja", **_shown(page, side, visitor), outcome=told
        )

    async def live(self, request: Request, visitor: Visitor) -> Response:
        """The list, sent anew whenever it shows something else."""
        return await self._desk.live.answer(
            request,
            visitor,
            ticket=None,
            produce=partial(self._produce, request, visitor),
            still=partial(self._desk.doors.still, request),
        )

    async def _produce(self, request: Request, visitor: Visitor, seen: str | None) -> News | None:
        wanted = Filter.read(request.query_params)
        after = Place.read(request.query_params.get("after", ""))
        now = self._desk.clock()
        async with self._desk.doors.guarded.reading(visitor) as connection:
            page = await self._list(connection, visitor, wanted, after, now)
            queues = await listing.count_queues(connection)
        shows = fingerprint(page.seen, queues)
        if shows == seen:
            return News(shows, ())
        render = partial(self._desk.part, request, visitor)
        rows = render("inbox_list.html.jinja", page=page, wanted=wanted)
        beside = render("inbox_queues.html.jinja", queues=queues, wanted=wanted)
        return News(
            shows,
            (
                Patch("replace", "inbox-list", "inbox-list", rows),
                Patch("replace", "inbox-queues", "inbox-queues", beside),
            ),
        )

    async def _list(
        self,
        connection: Connection,
        visitor: Visitor,
        wanted: Filter,
        after: Place | None,
        now: datetime,
    ) -> Listing:
        me = visitor.caller.subject
        found = await listing.list_inbox(connection, wanted, reader=me, limit=PAGE + 1, after=after)
        counted = await listing.count_inbox(connection, wanted, reader=me)
        rows, more = found[:PAGE], len(found) > PAGE
        here = await beside.list_here(connection, [row.ticket for row in rows], but=me, now=now)
        rows = [replace(row, here=here.get(row.ticket, ())) for row in rows]
        last = [("after", rows[-1].place.written)] if more else []
        following = f"/inbox?{urlencode([*wanted.parts(), *last])}" if more else None
        return Listing(
            wanted,
            [Row(row, self._desk.count(row.clock, now) if row.clock else None) for row in rows],
            counted,
            following,
            after,
        )


def routes(desk: Desk) -> list[Route]:
    """Where the list is."""
    inbox, staff = Inbox(desk), desk.doors.staff
    return [
        Route("/inbox", staff(inbox.show), methods=["GET"]),
        Route("/inbox/live", staff(inbox.live), methods=["GET"]),
    ]


def _shown(page: Listing, side: Side, visitor: Visitor) -> dict[str, Any]:
    names = dict(side.colleagues)
    wanted = page.wanted
    return {
        "page": page,
        "wanted": wanted,
        "side": side,
        "queues": side.queues,
        "me": visitor.caller.subject,
        "seen": fingerprint(page.seen, side.queues),
        "most": listing.MOST_COUNTED,
        "beginnings": [(words, each) for words, each in BEGINNINGS],
        "chips": [
            Chip(_words(name, value, names), _path(wanted.without(name)))
            for name, value in wanted.parts()
        ],
        "current": next((view for view in side.views if view.query == wanted.query), None),
    }


def _path(wanted: Filter) -> str:
    """Where a filter is shown; without any, the address says so, since there may be a default."""
    return f"/inbox?{wanted.query or 'all=1'}"


def _words(name: str, value: str, colleagues: dict[str, str]) -> str:
    known = {"status": STATUSES, "priority": PRIORITIES, "urgency": URGENCIES}.get(name, {})
    if name == "assignee":
        known = {MINE: "me", NOBODY: "nobody", SOMEBODY: "somebody"} | colleagues
    return f"{NAMES[name]}: {known.get(value, value)}"


def _told(request: Request) -> Outcome | None:
    """What was done just now to several tickets, without any failing."""
    done = request.query_params.get("done", "")
    if not done.isdecimal() or len(done) > 3:  # noqa: PLR2004 - a page has no thousand tickets
        return None
    return Outcome(int(done))
