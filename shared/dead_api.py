"""A service's dead letters over HTTP, for those who run the desk: list, look, put back.

Leads and administrators may look, administrators put back. What a record holds is told as it came:
personal parts stay sealed.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Literal

from aiokafka.errors import KafkaError
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from shared import problems, web
from shared.dead_record import Letter
from shared.dead_register import CannotReplayError, DeadRegister, Matches, matching
from shared.dead_shown import as_json
from shared.identity import Caller, Role, Verifier
from shared.problems import Problem

READERS = (Role.LEAD, Role.ADMIN)
REPLAYERS = (Role.ADMIN,)
WITHIN = 30
"""Seconds after which a look at the topic is given up."""
PRIVATE = {"Cache-Control": "no-store"}
LARGEST_OFFSET = 2**63 - 1


class Wanted(BaseModel):
    """Which letters a list has."""

    model_config = ConfigDict(extra="forbid")

    after: Annotated[int, Field(ge=-1, le=LARGEST_OFFSET)] = -1
    """The `next` of the page before."""
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    state: Literal["waiting", "replayed"] | None = None
    reason: Annotated[str, Field(max_length=200)] | None = None
    """Text that the reason holds, in whichever case."""
    topic: Annotated[str, Field(max_length=249)] | None = None
    """Where they came from, with or without the desk's name before it."""

    @property
    def matches(self) -> Matches:
        """Whether a letter is wanted."""
        return matching(self.state, self.reason, self.topic)


class HowToReplay(BaseModel):
    """How a letter is put back."""

    model_config = ConfigDict(extra="forbid")

    again: bool = False
    """Even if it was put back already."""
    dry_run: bool = False
    """Only say what would be done."""


@dataclass(frozen=True, slots=True)
class DeadLettersApi:
    """What the routes need, and the routes."""

    register: DeadRegister
    verifier: Verifier

    async def list_letters(self, request: Request) -> Response:
        """The oldest first, without their content; `next` goes into `after`."""
        self.verifier.require(request, *READERS)
        wanted = web.read_query(request, Wanted)
        async with answered():
            page = await self.register.page(
                after=wanted.after, limit=wanted.limit, matches=wanted.matches
            )
        body = {"letters": [as_json(letter) for letter in page.letters], "next": page.next}
        return JSONResponse(body, headers=PRIVATE)

    async def show(self, request: Request) -> Response:
        """All that is known of one."""
        self.verifier.require(request, *READERS)
        letter = await found(self.register, request.path_params["id"])
        return JSONResponse(as_json(letter, whole=True), headers=PRIVATE)

    async def replay(self, request: Request) -> Response:
        """Put one back; one that was is left as it is, unless it is meant again."""
        caller = self.verifier.require(request, *REPLAYERS)
        how = web.read_query(request, HowToReplay)
        letter = await found(self.register, request.path_params["id"])
        outcome = await put_back(self.register, letter, caller, how)
        now = await found(self.register, request.path_params["id"])
        return JSONResponse({"outcome": outcome, "letter": as_json(now)}, headers=PRIVATE)


async def found(register: DeadRegister, told: str) -> Letter:
    """The letter that a path names.

    Raises:
        Problem: 404 when there is none.
    """
    if told.isascii() and told.isdecimal() and int(told) <= LARGEST_OFFSET:
        async with answered():
            letter = await register.find(int(told))
        if letter is not None:
            return letter
    raise Problem(404, "Not found", f"{register.service} has no such dead letter.")


async def put_back(
    register: DeadRegister, letter: Letter, caller: Caller, how: HowToReplay
) -> Literal["replayed", "replayed_already", "would_be_replayed"]:
    """Put a letter back as it was asked.

    Raises:
        Problem: 409 when it can't be, with the reason.
    """
    if letter.replayed is not None and not how.again:
        return "replayed_already"
    try:
        async with answered():
            if how.dry_run:
                await register.outgoing(letter)
                return "would_be_replayed"
            await register.replay(letter, by=caller.subject)
    except CannotReplayError as error:
        raise Problem(409, "Cannot be put back", str(error)) from None
    return "replayed"


@asynccontextmanager
async def answered() -> AsyncIterator[None]:
    """Give the broker so long, and say so when it has not answered.

    Raises:
        Problem: 503.
    """
    try:
        async with asyncio.timeout(WITHIN):
            yield
    except (KafkaError, TimeoutError):
        raise problems.unavailable("The broker does not answer; please try again.") from None


def routes(api: DeadLettersApi) -> list[Route]:
    """What each service with a consumer answers about its dead letters."""
    return [
        Route("/v1/dead-letters", api.list_letters, methods=["GET"]),
        Route("/v1/dead-letters/{id}", api.show, methods=["GET"]),
        Route("/v1/dead-letters/{id}/replay", api.replay, methods=["POST"]),
    ]
