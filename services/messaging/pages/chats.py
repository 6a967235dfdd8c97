"""Who is there in a chat, and by when somebody will be if nobody is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from services.messaging import store
from services.messaging.pages.outlooks import RESPONSES, Expected
from services.messaging.pages.tickets import Shown
from services.messaging.plans import Plans
from shared import calendars, moments, plans
from shared.calendars import Calendar, NeverOpensError
from shared.database import Connection
from shared.plans import UnknownPlanError

MOST_NAMES = 3


class Here(StrEnum):
    """Who is there."""

    READING = "reading"
    """An agent has this conversation open."""
    AROUND = "around"
    """An agent is at work, elsewhere."""
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Attendance:
    """Who of ours is there."""

    here: Here
    names: Sequence[str] = ()
    """Of those who have this conversation open."""


@dataclass(frozen=True, slots=True)
class Foresight:
    """Who is there, and when to expect somebody."""

    attendance: Attendance
    due: str = ""
    """By when an answer is promised, in words."""
    opens: str = ""
    """When somebody is here again, in words; empty while the desk is open."""
    is_promised: bool = False
    """Whether the plan promises any time."""


async def read_here(desk: Connection, ticket: UUID, now: datetime) -> Attendance:
    """Who of ours is there, as the desk itself sees it: customers don't see who has which page."""
    agents = [each for each in await store.present(desk, ticket, now) if each.kind == "agent"]
    if agents:
        names = sorted({each.name for each in agents if each.name})
        return Attendance(Here.READING, names[:MOST_NAMES])
    around = await store.agents_here(desk, now)
    return Attendance(Here.AROUND if around else Here.NOBODY)


def foresee(shown: Shown, attendance: Attendance, known: Plans, now: datetime) -> Foresight:
    """Who is there, and when to expect somebody."""
    outlook = shown.position.outlook
    calendar = _calendar(shown.position.plan, known)
    is_due = outlook.expected is Expected.DUE and outlook.clock in RESPONSES
    return Foresight(
        attendance,
        due=shown.due if is_due else "",
        opens=_opens(calendar, shown, now),
        is_promised=calendar is not None,
    )


def _calendar(plan: str | None, known: Plans) -> Calendar | None:
    if plan is None:
        return None
    try:
        found = plans.plan(known.catalogue, plan)
    except UnknownPlanError:
        return None
    return known.catalogue.calendars[found.calendar] if found.calendar else None


def _opens(calendar: Calendar | None, shown: Shown, now: datetime) -> str:
    if calendar is None or calendars.is_open(calendar, now):
        return ""
    try:
        opens = calendars.next_opening(calendar, now)
    except NeverOpensError:
        return ""
    return moments.spell(opens, shown.zone, shown.language)
