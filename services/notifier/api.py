"""Deliveries over HTTP, for our people: what became of each, what was sent, and sending again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.notifier.deliveries import MAIL_LANE, Delivery
from services.notifier.register import answers, listing
from services.notifier.register.again import Refusal
from services.notifier.register.register import Entry, Register
from services.notifier.store import overview
from shared import problems, web
from shared.database import Database
from shared.identity import Caller, Role, Verifier

READERS = (Role.AGENT, Role.LEAD, Role.ADMIN)
SENDERS = (Role.LEAD, Role.ADMIN)
"""Who may have something sent again."""


class AgainRequest(BaseModel):
    """The body of `POST /v1/deliveries/{delivery}/again`."""

    model_config = ConfigDict(extra="forbid")

    even_if_sent: bool = False
    """It was sent, and a second copy is meant."""
    round: Annotated[int, Field(ge=0)] | None = None
    """As it was read: refused if somebody has sent it again since."""


class ContentQuery(BaseModel):
    """Which part of what was sent."""

    model_config = ConfigDict(extra="forbid")

    part: answers.Part | None = None


@dataclass(frozen=True, slots=True)
class Deliveries:
    """What the routes need, and the routes."""

    database: Database
    verifier: Verifier
    clock: Callable[[], datetime]
    lanes: Sequence[str] = (MAIL_LANE,)
    """Those that there are by the settings."""

    @property
    def register(self) -> Register:
        """What they read and change."""
        return Register(self.database, self.clock, self.lanes)

    async def list_deliveries(self, request: Request) -> Response:
        """The newest deliveries: `next` goes into `before`. How many there are, by state."""
        self.verifier.require(request, *READERS)
        asked = listing.read(request.query_params, listing.Listing)
        found, counts = await self.register.page(asked)
        body = {
            "deliveries": [answers.show(each) for each in found.deliveries],
            "next": found.next and listing.written(found.next),
            **answers.show_counts(counts),
        }
        return JSONResponse(body, headers=answers.PRIVATE)

    async def get_delivery(self, request: Request) -> Response:
        """A delivery with its tries, and why it stands as it does."""
        self.verifier.require(request, *READERS)
        entry = found_entry(await self.register.entry(delivery_id(request)))
        return JSONResponse(answers.show_entry(entry), headers=answers.PRIVATE)

    async def get_content(self, request: Request) -> Response:
        """What was handed over at the last try."""
        self.verifier.require(request, *READERS)
        asked, id_ = listing.read(request.query_params, ContentQuery), delivery_id(request)
        return answers.answer_content(id_, await self.register.content(id_), asked.part)

    async def send_again(self, request: Request) -> Response:
        """Have a delivery sent anew, from now on."""
        caller = self.verifier.require(request, *SENDERS)
        id_, asked = delivery_id(request), await _read_wish(request)
        planned = accepted(
            await self.register.send_again(
                id_, caller, even_if_sent=asked.even_if_sent, seen=asked.round
            )
        )
        return JSONResponse(answers.show(planned), 202, headers=answers.PRIVATE)

    async def send_many_again(self, request: Request) -> Response:
        """Have many sent anew; with `more` in the answer, the same request takes the next ones."""
        caller = self.verifier.require(request, *SENDERS)
        asked = await web.read_json(request, listing.Batch)
        begun = await self.register.send_many_again(asked, caller)
        body = {"begun": begun.deliveries, "carried": begun.carried, "more": begun.more}
        return JSONResponse(body, 202, headers=answers.PRIVATE)

    async def list_lanes(self, request: Request) -> Response:
        """How each way out stands."""
        self.verifier.require(request, *READERS)
        now = self.clock()
        lanes = [answers.show_lane(lane, now) for lane in await self.register.ways_out()]
        return JSONResponse({"lanes": lanes}, headers=answers.PRIVATE)

    async def list_bounces(self, request: Request) -> Response:
        """Addresses that get no mail for now: `next` goes into `before`."""
        self.verifier.require(request, *READERS)
        asked = listing.read(request.query_params, listing.Bounces)
        found = await self.register.bounces(asked)
        body = {
            "bounces": [answers.show_bounce(each) for each in found[: asked.limit]],
            "next": next_bounce(found, asked.limit),
        }
        return JSONResponse(body, headers=answers.PRIVATE)

    async def delete_bounce(self, request: Request) -> Response:
        """Let an address have mail again."""
        caller = self.verifier.require(request, *SENDERS)
        await mail_again(self.register, request.path_params["address"], caller)
        return Response(status_code=204)


def routes(desk: Deliveries) -> list[Route]:
    """The routes of the operators' API."""
    return [
        Route("/v1/deliveries", desk.list_deliveries, methods=["GET"]),
        Route("/v1/deliveries/again", desk.send_many_again, methods=["POST"]),
        Route("/v1/deliveries/{delivery}", desk.get_delivery, methods=["GET"]),
        Route("/v1/deliveries/{delivery}/content", desk.get_content, methods=["GET"]),
        Route("/v1/deliveries/{delivery}/again", desk.send_again, methods=["POST"]),
        Route("/v1/lanes", desk.list_lanes, methods=["GET"]),
        Route("/v1/bounces", desk.list_bounces, methods=["GET"]),
        Route("/v1/bounces/{address:path}", desk.delete_bounce, methods=["DELETE"]),
    ]


def delivery_id(request: Request) -> UUID:
    """The delivery that a path names.

    Raises:
        Problem: 404 for what is no id.
    """
    try:
        return UUID(request.path_params["delivery"])
    except ValueError:
        raise problems.Problem(404, "Not found", "A delivery's id is a UUID.") from None


def found_entry(entry: Entry | None) -> Entry:
    """The entry.

    Raises:
        Problem: 404 without one.
    """
    if entry is None:
        raise _unknown()
    return entry


def accepted(outcome: Delivery | Refusal | None) -> Delivery:
    """The delivery that was planned anew.

    Raises:
        Problem: 404 without one, 409 with the reason where it is not sent again.
    """
    if outcome is None:
        raise _unknown()
    if isinstance(outcome, Refusal):
        more = {"reason": outcome.reason}
        raise problems.Problem(409, "Not sent again", outcome.words, more=more)
    return outcome


async def mail_again(register: Register, given: str, caller: Caller) -> None:
    """Let an address have mail again.

    Raises:
        Problem: 404 where mail to it is not held back.
    """
    address = listing.read_address(given)
    if address is None or not await register.mail_again(address, caller):
        detail = "Mail to this address is not held back (any more)."
        raise problems.Problem(404, "Not found", detail)


def next_bounce(found: Sequence[overview.Bounce], limit: int) -> str | None:
    """Where the list goes on, if one more than its limit was found."""
    if len(found) <= limit:
        return None
    last = found[limit - 1]
    return listing.written(listing.BouncePlace(last.bounced_at, last.address))


async def _read_wish(request: Request) -> AgainRequest:
    headers = request.headers
    if headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers:
        return AgainRequest()  # without a body: no wishes
    return await web.read_json(request, AgainRequest)


def _unknown() -> problems.Problem:
    return problems.Problem(404, "Not found", "There is no such delivery.")
