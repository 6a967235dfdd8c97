"""What a clock's plans promise, and by when: pure working time, no ticket in sight.

A clock has one term to begin with. An upgrade adds one that counts from its own moment; the
earliest of them is what we owe, so that no upgrade makes a promise later than it was.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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


class Tally:
    """What a clock has worked before its last pause, counted once however many there were.

    One clock's tally is asked again and again while its pauses grow by one at a time; a ticket that
    is resolved and reopened a thousand times would cost a million otherwise.
    """

    def __init__(self) -> None:
        self._worked: dict[tuple[Calendar, datetime], tuple[int, timedelta]] = {}
        self._passed: dict[tuple[Calendar, datetime, timedelta], datetime] = {}

    def due(
        self, calendar: Calendar, start: datetime, target: timedelta, pauses: Pauses
    ) -> datetime:
        """When the target is used up; as `due_at` says, of a clock that isn't paused now.

        Raises:
            NeverOpensError: the calendar has no opening for ten years and time is left.
        """
        worked = self.worked(calendar, start, pauses)
        if worked < target:
            since = max(start, pauses[-1][1] or start) if pauses else start
            return due_at(calendar, since, target - worked)
        key = (calendar, start, target)
        if key not in self._passed:
            self._passed[key] = due_at(calendar, start, target, pauses)
        return self._passed[key]

    def worked(self, calendar: Calendar, start: datetime, pauses: Pauses) -> timedelta:
        """The working time from the start to the beginning of the last pause."""
        counted, worked = self._worked.get((calendar, start), (0, timedelta(0)))
        runs_since = pauses[counted - 1][1] if counted else None
        for since, until in pauses[counted:]:
            worked += working_time_between(calendar, max(start, runs_since or start), since)
            runs_since = until
        self._worked[calendar, start] = len(pauses), worked
        return worked


def promise(
    clock: Clock,
    priority: Priority,
    terms: Sequence[Term],
    pauses: Pauses,
    catalogues: Catalogues,
    tally: Tally | None = None,
) -> Promise | None:
    """The most urgent of what the terms promise; None where none of them has a target."""
    plans_of = ((term, *_plan_of(term, catalogues)) for term in terms)
    tally = tally or Tally()
    made = (
        _made(term, plan, calendar, target, clock, pauses, tally)
        for term, plan, calendar in plans_of
        if (target := plan.targets[priority].of(clock)) and calendar
    )
    return min(filter(None, made), key=_urgency, default=None)


def _urgency(made: Promise) -> tuple[datetime, timedelta]:
    """Of one clock all promises are paused, or none is."""
    return made.due_at or _NEVER, made.left


def _plan_of(term: Term, catalogues: Catalogues) -> tuple[Plan, Calendar | None]:
    catalogue = catalogues[term.catalogue_version]
    plan = plan_of(catalogue, term.plan)
    return plan, catalogue.calendars[plan.calendar] if plan.calendar else None


def _made(
    term: Term,
    plan: Plan,
    calendar: Calendar,
    target: timedelta,
    clock: Clock,
    pauses: Pauses,
    tally: Tally,
) -> Promise | None:
    start = term.counts_from
    made = Promise(
        plan=plan.id,
        catalogue_version=term.catalogue_version,
        calendar=str(plan.calendar),
        counts_from=start,
        target_seconds=int(target.total_seconds()),
        due_at=None,
    )
    if lasting(pauses):
        left = target - tally.worked(calendar, start, pauses)
        return replace(made, left=max(left, timedelta(0)))
    try:
        due = tally.due(calendar, start, target, pauses)
    except NeverOpensError:
        return None  # nobody will be there in ten years: nothing can be promised
    after = (plans.warn_after(target, point) for point in plan.warnings[clock])
    points = {tally.due(calendar, start, each, pauses) for each in after}
    return replace(made, due_at=due, warn_at=tuple(sorted(p for p in points if p < due)))


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
