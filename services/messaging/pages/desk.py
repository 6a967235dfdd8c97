"""What agents' pages share: the parts that they are made with, and words about what was done."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from services.messaging import countdowns
from services.messaging.clocks import ClockView
from services.messaging.countdowns import Countdown
from services.messaging.live.streams import Live
from services.messaging.pages.doors import Doors, is_script
from services.messaging.plans import Plans
from services.messaging.visitors import Visitor
from shared.identity import Role
from shared.problems import Problem

LEADS = frozenset({Role.LEAD, Role.ADMIN})
STATUSES = {
    "open": "Open",
    "pending": "Waiting for customer",
    "on_hold": "On hold",
    "resolved": "Resolved",
    "closed": "Closed",
}
PRIORITIES = {"urgent": "Urgent", "high": "High", "normal": "Normal", "low": "Low"}
URGENCIES = {
    "breached": "Breached",
    "at-risk": "At risk",
    "running": "A clock runs",
    "none": "Nothing runs",
}


@dataclass(frozen=True, slots=True)
class Desk:
    """Makes the pages of agents."""

    doors: Doors
    plans: Plans
    live: Live
    new_id: Callable[[], UUID]

    @property
    def clock(self) -> Callable[[], datetime]:
        """The present, with a zone."""
        return self.doors.clock

    def count(self, clock: ClockView, now: datetime) -> Countdown:
        """How a clock stands."""
        return countdowns.count(clock, self.plans.calendar, now)

    def sheet(
        self,
        request: Request,
        visitor: Visitor,
        template: str,
        status: int = 200,
        **values: Any,  # noqa: ANN401 - whatever the template shows
    ) -> Response:
        """A page, with what all pages of the desk show."""
        return self.doors.sheet(
            request, visitor, template, status=status, **self.common(visitor), **values
        )

    def part(self, request: Request, visitor: Visitor, template: str, **values: Any) -> str:  # noqa: ANN401 - the same
        """A part of a page as HTML, for what is sent live."""
        return self.doors.part(request, visitor, template, **self.common(visitor), **values)

    def common(self, visitor: Visitor) -> Mapping[str, Any]:
        """What the templates of the desk are given."""
        return {
            "is_lead": is_lead(visitor),
            "plan_name": self.plans.name,
            "plan_choices": [(each.id, each.name) for each in self.plans.catalogue.plans],
            "statuses": STATUSES,
            "priorities": PRIORITIES,
            "urgencies": URGENCIES,
        }

    def done(self, request: Request, path: str) -> Response:
        """After a form. A script is told where the page would go on, and fetches what it shows."""
        answer = self.doors.done(request, path)
        if is_script(request):
            answer.headers["X-Careline-Next"] = path
        return answer


def is_lead(visitor: Visitor) -> bool:
    """Whether this is a lead or an administrator."""
    return bool(visitor.caller.roles & LEADS)


def address(path: str, **query: str) -> str:
    """A path of ours with a query, from which empty parts are left out."""
    given = {name: value for name, value in query.items() if value}
    return f"{path}?{urlencode(given)}" if given else path


def fingerprint(*facts: object) -> str:
    """What a page shows, in a few characters: another one means that it shows something else."""
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


def one_of(value: str, known: Sequence[str], what: str) -> str:
    """A value of a form that must be one of a few.

    Raises:
        Problem: 422 for anything else.
    """
    if value not in known:
        raise Problem(422, "Invalid request", f"Please choose {what} from the list.")
    return value


def id_of(text: str) -> UUID:
    """An id that a form or a path names.

    Raises:
        Problem: 404 when that is none.
    """
    try:
        return UUID(text)
    except ValueError:
        raise Problem(404, "Not found", "There is no such thing here.") from None
