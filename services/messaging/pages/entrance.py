"""The first page, which leads on; what cookies are for; and the way to the request form."""

from dataclasses import dataclass, replace
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.messaging import store
from services.messaging.pages.doors import Doors, see_other
from services.messaging.pages.kept import Kept
from services.messaging.visitors import Visitor
from shared.passes import Pass, PassKind, is_state, make_pass


@dataclass(frozen=True, slots=True)
class EntrancePages:
    """What the pages need, and the pages."""

    doors: Doors
    kept: Kept
    """In a browser."""
    pass_secret: str
    """Of intake, too; without it the form doesn't know who is signed in."""

    async def home(self, request: Request, visitor: Visitor | None) -> Response:  # noqa: ARG002 - each page is given both
        """Where somebody most likely wants to go."""
        if visitor is None:
            return see_other("/sign-in")
        return see_other("/inbox" if visitor.is_staff else "/center")

    async def cookies(self, request: Request, visitor: Visitor | None) -> Response:
        """Every cookie and every entry in the browser's storage: what for, and for how long."""
        entries = self.kept.entries(self.doors.language_of(request, visitor))
        return self.doors.sheet(request, visitor, "cookies.html.jinja", entries=entries)

    async def request(self, request: Request, visitor: Visitor | None) -> Response:
        """To the request form, which by a pass knows who is signed in.

        A pass is made for the browser alone that the form has sent here with a state of its own:
        who comes without one goes there first.
        """
        form, state = f"{self.doors.links.intake}/request", request.query_params.get("state", "")
        if not self.pass_secret or self.kept.sign_in is None:
            return see_other(form)
        if visitor is None or not visitor.is_signed_in:
            kept = f"?state={state}" if is_state(state) else ""
            return see_other(f"/sign-in?{urlencode({'next': f'/request{kept}'}, safe='/')}")
        if not is_state(state):
            return see_other(f"{form}/sign-in")
        who = replace(await self._describe(visitor), state=state)
        made = make_pass(self.pass_secret, who, PassKind.HANDOVER, now=self.doors.clock())
        return see_other(f"{form}?{urlencode({'pass': made})}")

    async def _describe(self, visitor: Visitor) -> Pass:
        caller, plan = visitor.caller, None
        if caller.account is not None:
            async with self.doors.guarded.reading(visitor) as connection:
                now = self.doors.clock()
                plan = await store.read_plan(connection, caller.account, now=now)
        return Pass(caller.subject, caller.name, visitor.address, caller.account, plan)


def routes(pages: EntrancePages) -> list[Route]:
    """The routes of the entrance."""
    doors = pages.doors
    return [
        Route("/", doors.open(pages.home), methods=["GET"]),
        Route("/cookies", doors.open(pages.cookies), methods=["GET"]),
        Route("/request", doors.open(pages.request), methods=["GET"]),
    ]
