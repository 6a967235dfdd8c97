"""A customer's tickets: those in which somebody wrote last first, and looking for words in them."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlencode

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.messaging.live import Live, News, Patch
from services.messaging.pages import outlooks, tickets
from services.messaging.pages.doors import Doors, see_other
from services.messaging.pages.outlooks import Facts
from services.messaging.plans import Plans
from services.messaging.store import center
from services.messaging.store.center import OwnTicket
from services.messaging.store.search import Found, search
from services.messaging.store.tickets import After
from services.messaging.visitors import Visitor
from shared import moments
from shared.database import Connection
from shared.languages import Language
from shared.tickets import ticket_number

PAGE = 20
"""Tickets on a page of the list."""
LONGEST_SEARCH = 200


@dataclass(frozen=True, slots=True)
class Row:
    """A ticket in the list."""

    own: OwnTicket
    number: str
    plan_name: str | None
    expected: str
    """What comes next, as a word for style sheets."""
    headline: str
    active: str
    """When somebody wrote last, in words."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A ticket in which something was found."""

    found: Found
    number: str
    at: str


@dataclass(slots=True)
class Memory:
    """Of one stream: anybody's ticket wakes it, and mostly it is not one of theirs."""

    state: str = ""
    """How all their tickets stood when they were listed last."""


class Center:
    """The page of the list.

    Args:
        doors: The doors of all pages.
        plans: The plans as pages name them.
        live: What open pages follow.
    """

    def __init__(self, doors: Doors, plans: Plans, live: Live) -> None:
        self._doors = doors
        self._plans = plans
        self._live = live

    async def show(self, request: Request, visitor: Visitor) -> Response:
        """The list, or what was found."""
        if visitor.is_staff:
            return see_other("/inbox")
        asked = request.query_params.get("q", "").replace("\x00", "")
        if words := asked.strip()[:LONGEST_SEARCH]:
            return await self._search(request, visitor, words)
        async with self._doors.guarded.reading(visitor) as connection:
            values = await self._list(connection, request, visitor)
        html = self._doors.part(request, visitor, "center_list.html.jinja", **values)
        return self._doors.sheet(
            request,
            visitor,
            "center.html.jinja",
            words="",
            listed=Markup(html),  # noqa: S704 - of our own template
            seen=_digest(html),
            **values,
        )

    async def follow(self, request: Request, visitor: Visitor) -> Response:
        """The list, sent anew whenever it shows something else."""
        return await self._live.answer(
            request,
            visitor,
            ticket=None,
            produce=partial(self._produce, request, visitor, Memory()),
            still=partial(self._doors.still, request),
        )

    async def _produce(
        self, request: Request, visitor: Visitor, memory: Memory, seen: str | None
    ) -> News | None:
        async with self._doors.guarded.reading(visitor) as connection:
            state = await center.read_state(connection, visitor.reader)
            if seen is not None and state == memory.state:
                return News(seen)
            values = await self._list(connection, request, visitor)
        html = self._doors.part(request, visitor, "center_list.html.jinja", **values)
        memory.state, shows = state, _digest(html)
        if shows == seen:
            return News(shows)
        return News(shows, [Patch("replace", "ticket-list", "ticket-list", html)])

    async def _search(self, request: Request, visitor: Visitor, words: str) -> Response:
        language = self._doors.language_of(request, visitor)
        after = _after(request.query_params.get("after", ""))
        async with self._doors.guarded.reading(visitor) as connection:
            found = await search(connection, visitor, words, limit=PAGE + 1, after=after)
            zones = await center.list_zones(connection, [each.ticket for each in found])
        hits = [
            Hit(
                each,
                ticket_number(each.ticket),
                moments.spell(each.at, moments.zone_of(zones.get(each.ticket)), language),
            )
            for each in found[:PAGE]
        ]
        more = {"q": words, "after": hits[-1].found.place.written} if len(found) > PAGE else None
        return self._doors.sheet(
            request,
            visitor,
            "center_search.html.jinja",
            words=words,
            hits=hits,
            older=more and f"/center?{urlencode(more)}",
        )

    async def _list(
        self, connection: Connection, request: Request, visitor: Visitor
    ) -> dict[str, Any]:
        is_open = request.query_params.get("show") != "all"
        place = _after(request.query_params.get("after", ""))
        now, language = self._doors.clock(), self._doors.language_of(request, visitor)
        found = await center.list_own(
            connection,
            center.Owner(visitor.reader, _names(visitor), is_guest=not visitor.is_signed_in),
            is_open=is_open,
            limit=PAGE + 1,
            before=center.Place(place.at, place.ticket) if place else None,
        )
        plans = await center.list_plans(connection, {each.account for each in found}, now)
        last = found[PAGE - 1] if len(found) > PAGE else None
        return {
            "rows": [self._row(each, plans, language) for each in found[:PAGE]],
            "counts": await center.count_own(connection),
            "is_open": is_open,
            "is_first": place is None,
            "older": last and _address(last, is_open=is_open),
        }

    def _row(self, own: OwnTicket, account_plans: Mapping[str, str], language: Language) -> Row:
        plan = tickets.plan_of(
            own.plan,
            account_plans.get(own.account),
            own.clocks,
            is_verified=own.account_verified,
        )
        zone = moments.zone_of(own.time_zone)
        outlook = outlooks.look_ahead(
            Facts(
                status=own.status,
                plan=plan,
                promises=tickets.promised(self._plans.catalogue, plan, own.priority),
                clocks=own.clocks,
                answered_at=own.answered_at,
                is_waiting=own.is_waiting,
                is_merged=own.merged_into is not None,
            )
        )
        return Row(
            own,
            ticket_number(own.ticket),
            plan and self._plans.name(plan, language.tag),
            outlook.expected.value,
            outlooks.headline(outlook, zone, language),
            moments.spell(own.active_at, zone, language),
        )


def routes(pages: Center, doors: Doors) -> Sequence[Route]:
    """Where the list is."""
    return [
        Route("/center", doors.visitors(pages.show), methods=["GET"]),
        Route("/center/live", doors.visitors(pages.follow), methods=["GET"]),
    ]


def _names(visitor: Visitor) -> list[str]:
    return [name for name in (visitor.caller.subject, visitor.requester) if name]


def _address(last: OwnTicket, *, is_open: bool) -> str:
    shows = {} if is_open else {"show": "all"}
    after = After(last.active_at, last.ticket).written
    return f"/center?{urlencode(shows | {'after': after})}"


def _digest(html: str) -> str:
    return hashlib.sha256(html.encode()).hexdigest()[:16]


def _after(text: str) -> After | None:
    """A place in the list that an address names; None for what is none."""
    try:
        return After.read(text) if text else None
    except ValueError:
        return None
