"""A replica with nothing but live pages, and readers of its streams."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4  # noqa: TID251 - replicas of a test need ids as real ones do

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.messaging import store
from services.messaging.guarded import Guarded
from services.messaging.live import Hub, Live, News, Patch, Presences
from services.messaging.visitors import Visitor
from shared import problems
from shared.database import Database
from shared.identity import Caller, Role
from tests.support import said
from tests.support.served import serving
from tests.support.waiting import until

AGENT = Visitor(Caller("an-agent", None, "An Agent", frozenset({Role.AGENT})))
COLLEAGUE = Visitor(Caller("a-colleague", None, "A Colleague", frozenset({Role.AGENT})))
CUSTOMER = Visitor(
    Caller("a-customer", None, "A Customer", frozenset({Role.CUSTOMER})), requester=said.REQUESTER
)
VISITORS = {visitor.caller.subject: visitor for visitor in (AGENT, COLLEAGUE, CUSTOMER)}


@dataclass
class Replica:
    """One process's share of live pages, behind a server of its own."""

    database: Database
    hub: Hub
    presences: Presences
    live: Live
    clock: Callable[[], datetime]
    theirs: bool = True
    """Whether the pages are their readers' still."""
    holds: bool = True
    """Whether the readers' sessions hold still."""
    looks: int = 0
    """How often a stream asked for what is new."""
    url: str = ""

    async def answer(self, request: Request) -> Response:
        """The stream of a ticket: its messages, and its status."""
        given = request.path_params["ticket"]
        ticket = None if given == "all" else UUID(given)
        visitor = VISITORS[request.query_params["as"]]

        async def produce(seen: str | None) -> News | None:
            self.looks += 1
            if not self.theirs:
                return None
            return await self.news(visitor, ticket, seen)

        async def still() -> bool:
            return self.holds

        return await self.live.answer(request, visitor, ticket=ticket, produce=produce, still=still)

    async def database_name(self) -> str:
        """As the server calls it."""
        async with self.database.connection() as connection:
            return str(await connection.fetchval("SELECT current_database()"))

    async def news(self, visitor: Visitor, ticket: UUID | None, seen: str | None) -> News | None:
        """What a stream is told."""
        if ticket is None:
            return News(f"{self.looks}", [Patch("replace", "inbox", html=f"<p>{self.looks}</p>")])
        shown, revision = map(int, (seen or "0.0").split("."))
        async with Guarded(self.database).reading(visitor) as connection:
            thread = await store.read_thread(connection, ticket)
            new = await store.list_messages(
                connection, ticket, after=shown, limit=500, notes=visitor.is_staff
            )
            agents = await store.agents_here(connection, self.clock())
            present = await store.present(connection, ticket, self.clock())
        if thread is None:
            return None
        patches = [Patch("append", "messages", str(m.id), f"<li>{m.text}</li>") for m in new]
        if thread.revision != revision:
            patches.append(Patch("replace", "status", html=f"<p>{thread.status}</p>"))
        names = ",".join(sorted(each.name or "" for each in present))
        patches.append(Patch("replace", "presence", html=f"<p>{agents}:{names}</p>"))
        return News(f"{thread.last_sequence}.{thread.revision}", patches)


@asynccontextmanager
async def running_replica(dsn: str, *, most: int = 100) -> AsyncIterator[Replica]:
    """A replica on this database, until the end of the block."""
    database = Database(dsn, service="test", size=8)
    hub = Hub(dsn)
    presences = Presences(database, said.now, uuid4)
    replica = Replica(database, hub, presences, Live(hub, presences, most=most), said.now)
    application = Starlette(
        routes=[Route("/{ticket}", replica.answer)],
        exception_handlers={problems.Problem: problems.on_problem},
    )
    await database.start()
    await presences.start()
    await hub.start()
    try:
        async with serving(application) as replica.url:
            await until(lambda: hub.ready() is None, what="the hub listens")
            yield replica
            await hub.stop()
    finally:
        await hub.stop()
        await presences.stop()
        await database.stop()


@dataclass(frozen=True)
class Sent:
    """One event of a stream."""

    name: str
    data: Any
    id: str | None


@dataclass
class Reader:
    """Somebody who reads a stream."""

    response: httpx.Response
    sent: list[Sent] = field(default_factory=list)
    ended: bool = False

    @property
    def seen(self) -> str | None:
        """The last id, as a browser would keep it."""
        return next((each.id for each in reversed(self.sent) if each.id is not None), None)

    def patches(self, target: str) -> list[str]:
        """The HTML of all patches of one element."""
        of_it = [s.data for s in self.sent if s.name == "patch" and s.data["target"] == target]
        return [data["html"].removeprefix("<li>").removesuffix("</li>") for data in of_it]

    def named(self, name: str) -> list[Any]:
        """The data of all events of one name."""
        return [each.data for each in self.sent if each.name == name]

    async def read(self) -> None:
        """Read to the end."""
        with contextlib.suppress(httpx.TransportError):
            kept: dict[str, str] = {}
            async for line in self.response.aiter_lines():
                name, _, value = line.partition(": ")
                if line:
                    kept[name] = value
                elif "event" in kept:
                    self.sent.append(Sent(kept["event"], json.loads(kept["data"]), kept.get("id")))
                    kept = {}
        self.ended = True


@asynccontextmanager
async def reading(
    url: str,
    *,
    who: str = "an-agent",
    seen: str | None = None,
    headers: dict[str, str] | None = None,
) -> AsyncIterator[Reader]:
    """Follow a stream until the end of the block."""
    query = {"as": who} | ({"seen": seen} if seen else {})
    async with (
        httpx.AsyncClient(timeout=None) as client,  # noqa: S113 - a stream is silent for long
        client.stream("GET", url, headers=headers, params=query) as response,
    ):
        reader = Reader(response)
        task = asyncio.create_task(reader.read())
        try:
            yield reader
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
