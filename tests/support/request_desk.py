"""Intake's form and page of thanks over a stream in memory, and a stand-in for messaging."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

import services.intake
from services.intake import pages as intake_pages
from services.intake.limits import HourlyCap
from services.intake.passes import Passes
from services.intake.sheets import Links, Sheets
from services.intake.taking import Taking
from shared import events, plans, web
from shared.faults import BrokerAwayError
from shared.pages import Pages, languages_of
from shared.passes import Pass, PassKind, make_pass
from shared.privacy import KeyMade
from shared.publisher import Outgoing
from tests.support.sealing import keys_in, sealing

HERE = Path(services.intake.__file__ or "").parent
CATALOGUE = plans.load_catalogue(Path(__file__).parents[2] / "deploy" / "plans.toml")
NOW = datetime(2026, 11, 24, 10, 30, tzinfo=UTC)
"""A Tuesday, in business hours."""
SECRET = "a-secret-of-the-tests"
CENTER = "http://center.careline.example"
OURS = {"Sec-Fetch-Site": "same-origin"}
FIELDS: Mapping[str, str] = {
    "form": "f" * 43,
    "name": "A Customer",
    "address": "customer@customer.example",
    "account": "an-account",
    "subject": "The report is empty",
    "text": "Since this morning\r\nthe weekly report has no rows.",
    "time_zone": "Europe/Berlin",
}
SOMEBODY = Pass("a-customer", "Ada", "ada@customer.example", "an-account", "advanced")


@dataclass
class Stream:
    """Takes records, or is away."""

    away: bool = False
    taken: list[Outgoing] = field(default_factory=list)
    held: asyncio.Event | None = None
    """While it is not set, records wait."""

    async def publish(self, records: Sequence[Outgoing]) -> None:
        """Take them, or fail."""
        if self.held is not None:
            await self.held.wait()
        if self.away:
            raise BrokerAwayError("away")
        self.taken += records

    @property
    def events(self) -> list[events.Event]:
        """What was said."""
        keys = keys_in(record.value for record in self.taken)
        read = [events.read(record.value, keys) for record in self.taken]
        return [event for event in read if event is not None and not isinstance(event, KeyMade)]


@dataclass
class RequestDesk:
    """Intake's pages, at a time that a test may change."""

    center: str = CENTER
    most: int = 100
    stream: Stream = field(default_factory=Stream)
    now: datetime = NOW
    secret: str = SECRET

    def clock(self) -> datetime:
        """The present."""
        return self.now

    @property
    def pages(self) -> intake_pages.RequestPages:
        """Put together as `__main__` does."""
        links = Links(
            center=self.center,
            documentation=f"{self.center}/docs",
            troubleshooting=f"{self.center}/docs/troubleshooting",
            portal="https://portal.careline.example",
            terms="https://careline.example/terms",
        )
        made = Pages(HERE, languages_of(HERE), "Careline")
        sheets = Sheets(made, links, lambda: CATALOGUE, self.clock)
        passes = Passes(
            self.secret,
            is_secure=False,
            clock=self.clock,
            new_state=lambda: secrets.token_urlsafe(32),
        )
        return intake_pages.RequestPages(self._desk(), sheets, passes, self.clock)

    def _desk(self) -> intake_pages.Desk:
        return intake_pages.Desk(
            taking=Taking(self.stream, self.stream, sealing(), SECRET),
            thanks_secret=SECRET,
            new_form=lambda: secrets.token_urlsafe(32),
            time_zone="UTC",
            public_origin="http://desk.careline.example",
            cap=HourlyCap(self.most),
            trusted=(ip_network("127.0.0.2/32"),),
            places=asyncio.Semaphore(4),
        )

    @property
    def application(self) -> Starlette:
        """As intake serves them."""
        return web.application(intake_pages.routes(self.pages), dict)

    def client(self, **headers: str) -> httpx.AsyncClient:
        """A browser without scripts."""
        transport = httpx.ASGITransport(self.application)
        return httpx.AsyncClient(
            transport=transport, base_url="http://localhost", headers=OURS | headers
        )

    def pass_for(self, who: Pass = SOMEBODY, *, state: str | None = None) -> str:
        """What messaging hands over for somebody, for the browser with this state."""
        handed = replace(who, state=state)
        return make_pass(self.secret, handed, PassKind.HANDOVER, now=self.now)


@dataclass
class Center:
    """A stand-in for messaging on loopback: it finds one article, and shows a chat in a frame."""

    slot: Mapping[str, Any] | None = None
    """What the chat tells the page around it."""
    asked: list[str] = field(default_factory=list)

    @property
    def application(self) -> Starlette:
        """Its routes."""
        return Starlette(
            routes=[
                Route("/v1/docs/search", self._search),
                Route("/open/{token}", self._chat),
                Route("/chat.js", self._script),
            ]
        )

    async def _search(self, request: Request) -> Response:
        self.asked.append(request.query_params["q"])
        article = {
            "slug": "empty-reports",
            "title": "Why a report is empty",
            "summary": "Reports show what was kept, and only that.",
            "url": "/docs/empty-reports",
            "headline": "an empty <mark>report</mark>",
        }
        found = [article] if "report" in request.query_params["q"] else []
        headers = {"Access-Control-Allow-Origin": "*"}
        return JSONResponse({"articles": found}, headers=headers)

    async def _chat(self, _: Request) -> Response:
        return HTMLResponse(
            '<!doctype html><html lang="en"><title>Chat</title><h1>Chat</h1>'
            '<script src="/chat.js"></script></html>'
        )

    async def _script(self, _: Request) -> Response:
        told = "null" if self.slot is None else JSONResponse(dict(self.slot)).body.decode()  # type: ignore[union-attr]  # it renders bytes
        script = f"if ({told}) parent.postMessage({told}, '*');"
        return Response(script, media_type="text/javascript")


@asynccontextmanager
async def somebody(desk: RequestDesk, who: Pass = SOMEBODY) -> AsyncIterator[httpx.AsyncClient]:
    """A browser of somebody who is signed in."""
    async with desk.client() as client:
        await client.get("/request", params={"pass": desk.pass_for(who, state=await left(client))})
        yield client


async def left(client: httpx.AsyncClient) -> str:
    """The state with which a browser is sent to messaging."""
    answer = await client.get("/request/sign-in")
    return httpx.URL(answer.headers["location"]).params["state"]
