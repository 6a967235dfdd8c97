"""What a clock's plans promise, and by when: pure working time, no ticket in sight.

A clock has one term to begin with. An upgrade adds one that counts from its own moment; the
earliest of them is what we owe, so that no upgrade makes a promise later than it was.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared import plans
from shared.calendars import Calendar, NeverOpensError, due_at, working_time_between
from shared.plans import Catalogue, Clock, Plan, Priority

Catalogues = Mapping[str, Catalogue]
"""Every catalogue that promises were made by, under its version."""
Pauses = tuple[tuple[datetime, datetime | None], ...]
"""When a clock stood still, in order; only the last one may have no end yet."""
_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Term:
    """A plan that a promise is made by, and the instant from which its target counts."""

    plan: str
    catalogue_version: str
    counts_from: datetime


@dataclass(frozen=True, slots=True)
class Promise:
    """What is owed by the term that counts. All instants are UTC."""

    plan: str
    catalogue_version: str
    calendar: str
    counts_from: datetime
    target_seconds: int
    due_at: datetime | None
    """None while the clock is paused."""
    warn_at: tuple[datetime, ...] = ()
    """The warning points before that, the earliest first."""
    left: timedelta = timedelta(0)
    """Working time that is left while the clock is paused."""


def promise(
    clock: Clock,
    priority: Priority,
    terms: Sequence[Term],
    pauses: Pauses,
    catalogues: Catalogues,
) -> Promise | None:
    """The most urgent of what the terms promise; None where none of them has a target."""
    made = (_by_term(clock, priority, term, pauses, catalogues) for term in terms)
    return min(filter(None, made), key=_urgency, default=None)


def _urgency(made: Promise) -> tuple[datetime, timedelta]:
    """Of one clock all promises are paused, or none is."""
    return made.due_at or _NEVER, made.left


def _by_term(
    clock: Clock, priority: Priority, term: Term, pauses: Pauses, catalogues: Catalogues
) -> Promise | None:
    catalogue = catalogues[term.catalogue_version]
    plan = plan_of(catalogue, term.plan)
    target = plan.targets[priority].of(clock)
    if target is None or plan.calendar is None:
        return None
    calendar, start = catalogue.calendars[plan.calendar], term.counts_from
    due: datetime | None = None
    warn_at: tuple[datetime, ...] = ()
    left = timedelta(0)
    if paused_since := lasting(pauses):
        worked = working_time_between(calendar, start, paused_since, pauses)
        left = max(target - worked, timedelta(0))
    else:
        try:
            due = due_at(calendar, start, target, pauses)
        except NeverOpensError:
            return None  # nobody will be there in ten years: nothing can be promised
        warn_at = _warnings(plan, clock, calendar, start, target, pauses, due)
    seconds = int(target.total_seconds())
    return Promise(plan.id, catalogue.version, plan.calendar, start, seconds, due, warn_at, left)


def _warnings(
    plan: Plan,
    clock: Clock,
    calendar: Calendar,
    start: datetime,
    target: timedelta,
    pauses: Pauses,
    due: datetime,
) -> tuple[datetime, ...]:
    after = (plans.warn_after(target, point) for point in plan.warnings[clock])
    points = {due_at(calendar, start, each, pauses) for each in after}
    return tuple(sorted(point for point in points if point < due))


def plan_of(catalogue: Catalogue, plan_id: str) -> Plan:
    """A plan; the default one where the catalogue has none of that name."""
    try:
        return plans.plan(catalogue, plan_id)
    except plans.UnknownPlanError:
        return plans.plan(catalogue, catalogue.default_plan)


def lasting(pauses: Pauses) -> datetime | None:
    """Since when the clock stands still, or None."""
    return pauses[-1][0] if pauses and pauses[-1][1] is None else None


def ended(pauses: Pauses, at: datetime) -> Pauses:
    """The pauses, the last one ended if it lasts."""
    since = lasting(pauses)
    return pauses if since is None else (*pauses[:-1], (since, max(since, at)))
