"""Dead letters as pages, for leads and administrators: those of every service of the desk."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.notifier.pages import Pages, see_other
from services.notifier.register.sessions import Session
from shared import web
from shared.dead_api import (
    LARGEST_OFFSET,
    READERS,
    REPLAYERS,
    HowToReplay,
    answered,
    found,
    put_back,
)
from shared.dead_register import CannotReplayError, DeadRegister, matching
from shared.problems import Problem

A_FEW, MANY = 25, 100
"""Letters of each service on the page of all, and on the page of one."""


class Looked(BaseModel):
    """What somebody looks at."""

    model_config = ConfigDict(extra="ignore")

    service: Annotated[str, Field(max_length=100)] | None = None
    after: Annotated[int, Field(ge=-1, le=LARGEST_OFFSET)] = -1
    whole: bool = False
    """Those that were put back, too."""


@dataclass(frozen=True, slots=True)
class DeadPages:
    """What the routes need, and the routes."""

    pages: Pages
    register: DeadRegister

    async def show_list(self, request: Request, session: Session) -> Response:
        """What waits, by service."""
        _refuse(session)
        looked = web.read_query(request, Looked)
        matches = matching(None if looked.whole else "waiting", None, None)
        limit = MANY if looked.service else A_FEW
        async with answered():
            services = await self.register.services()
            chosen = [each for each in services if looked.service in {None, each}]
            listed = {
                each: await self.register.of(each).page(
                    after=looked.after, limit=limit, matches=matches
                )
                for each in chosen
            }
        if not listed and looked.service:
            raise Problem(404, "Not found", "No service of this name has dead letters.")
        return self.pages.sheet(session).dead_letters(
            listed, whole=looked.whole, service=looked.service, later=looked.after >= 0
        )

    async def show_letter(self, request: Request, session: Session) -> Response:
        """All that is known of one."""
        _refuse(session)
        letter = await found(await self._named(request), request.path_params["id"])
        told = request.query_params.get("told")
        return self.pages.sheet(session).dead_letter(letter, told=told)

    async def ask(self, request: Request, session: Session) -> Response:
        """What putting it back will do, and a button that does it."""
        _refuse_readers(session)
        register = await self._named(request)
        letter = await found(register, request.path_params["id"])
        refusal = None
        try:
            async with answered():
                await register.outgoing(letter)
        except CannotReplayError as error:
            refusal = str(error)
        return self.pages.sheet(session).dead_again(letter, refusal)

    async def replay(self, request: Request, session: Session) -> Response:
        """Put it back."""
        form = await self.pages.proved(request, session)
        _refuse_readers(session)
        register = await self._named(request)
        letter = await found(register, request.path_params["id"])
        again = form.first("again") == "yes"
        outcome = await put_back(register, letter, session.caller, HowToReplay(again=again))
        return see_other(f"/dead-letters/{register.service}/{letter.offset}?told={outcome}")

    async def _named(self, request: Request) -> DeadRegister:
        service = request.path_params["service"]
        async with answered():
            if service not in await self.register.services():
                raise Problem(404, "Not found", "No service of this name has dead letters.")
        return self.register.of(service)


def routes(pages: DeadPages) -> list[Route]:
    """The pages of dead letters."""
    signed_in, one = pages.pages.signed_in, "/dead-letters/{service}/{id}"
    return [
        Route("/dead-letters", signed_in(pages.show_list), methods=["GET"]),
        Route(one, signed_in(pages.show_letter), methods=["GET"]),
        Route(f"{one}/replay", signed_in(pages.ask), methods=["GET"]),
        Route(f"{one}/replay", signed_in(pages.replay), methods=["POST"]),
    ]


def _refuse(session: Session) -> None:
    if not session.may(READERS):
        raise Problem(403, "Forbidden", "Dead letters are for leads and admins: please ask one.")


def _refuse_readers(session: Session) -> None:
    if not session.may(REPLAYERS):
        raise Problem(403, "Forbidden", "Putting letters back is for admins: please ask one.")
