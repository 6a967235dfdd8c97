"""What the plans promise to whoever asks now, in the words of mails and pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from babel.lists import format_list

from shared.calendars import NeverOpensError, due_at, is_always_open
from shared.languages import Language
from shared.moments import spell
from shared.plan_words import PlanRow, rows
from shared.plans import Catalogue, Clock, Priority
from shared.plans import plan as find_plan


@dataclass(frozen=True, slots=True)
class Due:
    """By when there would be an answer."""

    at: datetime
    words: str
    """As the reader's clock shows it: "Wed 25 Nov, 10:00 CET"."""


@dataclass(frozen=True, slots=True)
class Promises:
    """All plans side by side, and the reader's own."""

    rows: Sequence[PlanRow]
    own: PlanRow | None
    """None while nobody knows which it is."""
    is_self_service: bool
    """Theirs is the plan of those who are on no other."""
    due: Due | None
    """Of the first answer by their own plan."""
    always: str | None
    """Names of the plans that count at all hours."""


def promises(
    catalogue: Catalogue,
    own: str | None,
    *,
    priority: Priority,
    asked_at: datetime,
    zone: tzinfo,
    language: Language,
) -> Promises:
    """What is promised.

    Args:
        catalogue: In force.
        own: The reader's plan, if it is known; one that the catalogue doesn't have counts as none.
        priority: Of the request.
        asked_at: When it was taken, or the present.
        zone: In which the reader's clock goes.
        language: The reader's.
    """
    shown = rows(catalogue, own, language)
    found = next((row for row in shown if row.is_own), None)
    due = _due(catalogue, found.id, priority, asked_at) if found else None
    always = [row.name for row in shown if _is_always_open(row, catalogue)]
    return Promises(
        rows=shown,
        own=found,
        is_self_service=found is not None and found.id == catalogue.default_plan,
        due=Due(due.astimezone(UTC), spell(due, zone, language)) if due else None,
        always=format_list(always, locale=language.locale) if always else None,
    )


def _due(
    catalogue: Catalogue, plan_id: str, priority: Priority, asked_at: datetime
) -> datetime | None:
    plan = find_plan(catalogue, plan_id)
    target = plan.targets[priority].of(Clock.FIRST_RESPONSE)
    if target is None or plan.calendar is None:
        return None
    try:
        return due_at(catalogue.calendars[plan.calendar], asked_at, target)
    except NeverOpensError:
        return None  # nobody will be there in ten years


def _is_always_open(row: PlanRow, catalogue: Catalogue) -> bool:
    """Promises a time, and counts at all hours."""
    plan = find_plan(catalogue, row.id)
    is_always = plan.calendar is not None and is_always_open(catalogue.calendars[plan.calendar])
    return is_always and row.hours is not None
