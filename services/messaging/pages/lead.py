"""What a lead looks at: what slips now and soon, who has how much, and who waits for whom."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.messaging.live.patches import News, Patch
from services.messaging.pages.desk import Desk, fingerprint
from services.messaging.store import board
from services.messaging.store.board import Load, Totals, Waiting
from services.messaging.visitors import Visitor
from shared.tickets import ticket_number

HOURS = 8
"""How far ahead one looks."""


@dataclass(frozen=True, slots=True)
class Hour:
    """What is due in an hour from now on."""

    begins: datetime
    due: int


@dataclass(frozen=True, slots=True)
class Board:
    """All of it."""

    totals: Totals
    agents: Sequence[Load]
    queues: Sequence[Load]
    due: Sequence[int]
    waiting: Sequence[Waiting]
    at: datetime

    @property
    def hours(self) -> list[Hour]:
        """The next hours with what is due in them."""
        return [Hour(self.at + timedelta(hours=number), due) for number, due in enumerate(self.due)]

    @property
    def most_due(self) -> int:
        """In one of these hours."""
        return max(self.due, default=0)

    @property
    def most_to_do(self) -> int:
        """Of one agent or queue."""
        return max((load.to_do for load in (*self.agents, *self.queues)), default=0)

    @property
    def seen(self) -> str:
        """What it shows, in a few characters; that time has passed doesn't count."""
        return fingerprint(self.totals, self.agents, self.queues, self.due, self.waiting)


class Lead:
    """The page of leads.

    Args:
        desk: What agents' pages share.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def show(self, request: Request, visitor: Visitor) -> Response:
        """The board."""
        found = await self._read(visitor)
        return self._desk.sheet(
            request,
            visitor,
            "lead.html.jinja",
            board=found,
            seen=found.seen,
            number_of=ticket_number,
        )

    async def live(self, request: Request, visitor: Visitor) -> Response:
        """The board, sent anew whenever it shows something else."""
        return await self._desk.live.answer(
            request,
            visitor,
            ticket=None,
            produce=partial(self._produce, request, visitor),
            still=partial(self._desk.doors.still, request),
        )

    async def _produce(self, request: Request, visitor: Visitor, seen: str | None) -> News:
        found = await self._read(visitor)
        if found.seen == seen:
            return News(found.seen)
        html = self._desk.part(
            request, visitor, "lead_board.html.jinja", board=found, number_of=ticket_number
        )
        return News(found.seen, [Patch("replace", "board", "board", html)])

    async def _read(self, visitor: Visitor) -> Board:
        now = self._desk.clock()
        async with self._desk.doors.guarded.reading(visitor) as connection:
            return Board(
                await board.read_totals(connection),
                await board.list_loads(connection),
                await board.list_queue_loads(connection),
                await board.count_due_by_hour(connection, now, hours=HOURS),
                await board.list_waiting_longest(connection),
                now,
            )


def routes(desk: Desk) -> list[Route]:
    """Where the board is."""
    lead, leads = Lead(desk), desk.doors.leads
    return [
        Route("/lead", leads(lead.show), methods=["GET"]),
        Route("/lead/live", leads(lead.live), methods=["GET"]),
    ]
