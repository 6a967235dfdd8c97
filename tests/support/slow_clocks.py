"""The clocks of a ticket a second time, slow and obvious: step by step through time.

It is there to be compared with `services/sla`. Nothing here is computed from a due time: time goes
on in steps, a clock counts the steps in which its calendar is open and it does not stand still, and
is due when it has counted as many as were promised. All instants lie on the steps.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from services.sla.clocks import Fact, FactKind, Opening
from shared.deadlines import DeadlineState
from shared.events import TicketStatus
from shared.plans import Catalogue, Clock, Plan, Priority
from tests.support.slow_shown import Counted, Owed, Shown, TermKey
from tests.support.slow_steps import STEP, steps_of

OVER = frozenset({TicketStatus.RESOLVED, TicketStatus.CLOSED})
STANDS_STILL = {
    Clock.FIRST_RESPONSE: OVER,
    Clock.NEXT_RESPONSE: OVER,
    Clock.UPDATE: OVER | {TicketStatus.PENDING},
    Clock.RESOLUTION: OVER | {TicketStatus.PENDING, TicketStatus.ON_HOLD},
}
_MESSAGES = (FactKind.CUSTOMER_MESSAGE, FactKind.AGENT_MESSAGE)


@dataclass(frozen=True)
class Term:
    """A plan that a clock goes by, and since when that counts."""

    plan: str
    counts_from: datetime


@dataclass
class SlowClock:
    """One run of one clock."""

    clock: Clock
    cycle: int
    started: datetime
    terms: list[Term]
    stood: set[datetime] = field(default_factory=set)
    """The steps in which it stood still."""
    met_at: datetime | None = None
    breached_at: datetime | None = None
    kept: Owed | None = None
    """What it owed when it was met or breached, or when the ticket was over."""

    @property
    def is_ended(self) -> bool:
        """For good: whatever happens, this run does not change any more."""
        return self.met_at is not None or self.breached_at is not None


class SlowTicket:
    """A ticket to which facts happen, one after the other, while time goes on.

    Args:
        opening: How it began.
        catalogues: All that are named, by version.
    """

    def __init__(self, opening: Opening, catalogues: Mapping[str, Catalogue]) -> None:
        self._catalogues = catalogues
        self._version = opening.catalogue_version
        self._plan = opening.plan
        self._priority: Priority = opening.priority
        self.status = TicketStatus.OPEN
        self._over_since: datetime | None = None
        self._is_resolved = False
        self._had_answer = opening.by_agent
        self._is_waiting = False
        """Whether the customer wrote again, after an answer, and nobody has answered that."""
        self._heard_at = opening.at
        self.clocks: list[SlowClock] = []
        if not opening.by_agent:
            self._start(Clock.FIRST_RESPONSE, opening.at)
        self._start(Clock.UPDATE, opening.at)
        self._start(Clock.RESOLUTION, opening.at)

    @property
    def _is_over(self) -> bool:
        return self.status in OVER

    def _live(self, *kinds: Clock) -> list[SlowClock]:
        kinds = kinds or tuple(Clock)
        return [each for each in self.clocks if each.clock in kinds and not each.is_ended]

    def _stands_still(self, run: SlowClock) -> bool:
        return self.status in STANDS_STILL[run.clock]

    # --- what happens ---

    def hear(self, fact: Fact, at: datetime) -> None:
        """Something happens; what was overdue before it is breached."""
        self.breach_overdue(before=at)
        match fact.kind:
            case FactKind.PRIORITY:
                self._priority = Priority(fact.value)
            case FactKind.CATALOGUE:
                self._version = fact.value
            case FactKind.PLAN:
                self._change_plan(fact.value, at)
            case FactKind.STATUS:
                self._set_status(TicketStatus(fact.value), at)
            case FactKind.CUSTOMER_MESSAGE:
                if self._had_answer and not self._is_waiting:
                    self._start(Clock.NEXT_RESPONSE, at)
                    self._is_waiting = True
            case FactKind.AGENT_MESSAGE:
                self._answer(at)
        self._heard_at = at

    def _start(self, clock: Clock, at: datetime) -> None:
        cycle = 1 + sum(each.clock is clock for each in self.clocks)
        run = SlowClock(clock, cycle, at, [Term(self._plan, at)])
        self.clocks.append(run)
        if self._is_over:
            run.kept = self._owed(run)

    def _answer(self, at: datetime) -> None:
        self._had_answer, self._is_waiting = True, False
        for run in self._live(Clock.FIRST_RESPONSE, Clock.NEXT_RESPONSE):
            self._meet(run, at)
        if not self._is_over:
            for run in self._live(Clock.UPDATE):
                self._meet(run, at)
            self._start(Clock.UPDATE, at)

    def _meet(self, run: SlowClock, at: datetime) -> None:
        run.kept, run.met_at = self._owed(run), at

    def _set_status(self, status: TicketStatus, at: datetime) -> None:
        if status in OVER and not self._is_over:
            self._over_since = at
            for run in self._live():
                run.kept = self._owed(run)
        if status not in OVER:
            self._over_since, self._is_resolved = None, False
        if status is TicketStatus.RESOLVED:
            self._is_resolved = True
        self.status = status

    def _change_plan(self, plan: str, at: datetime) -> None:
        order = [each.id for each in self._catalogues[self._version].plans]
        if order.index(plan) > order.index(self._plan):
            for run in self._live():
                run.terms.append(Term(plan, at))
        self._plan = plan

    def pass_step(self, at: datetime) -> None:
        """Time goes on by one step: clocks that stand still let it pass."""
        for run in self.clocks:
            if self._stands_still(run) and not run.is_ended:
                run.stood.add(at)

    def breach_overdue(self, *, before: datetime) -> None:
        """What was due before then, and runs, was not done in time."""
        for run in self._live():
            due = None if self._stands_still(run) else min(self._dues(run).values(), default=None)
            if due and due < before:
                run.kept, run.breached_at = self._owed(run), max(due, self._heard_at)

    # --- what is promised ---

    def _plan_of(self, term: Term) -> Plan:
        (found,) = (x for x in self._catalogues[self._version].plans if x.id == term.plan)
        return found

    def _target(self, run: SlowClock, term: Term) -> timedelta | None:
        return self._plan_of(term).targets[self._priority].of(run.clock)

    def _when(self, run: SlowClock, term: Term, amount: timedelta) -> datetime:
        """When so much working time is used up, if the clock goes on running from now on."""
        is_open, used, at = self._steps(term), timedelta(0), term.counts_from
        while True:
            if is_open[at] and at not in run.stood:
                if used + STEP >= amount:
                    return at + (amount - used)
                used += STEP
            at += STEP

    def _used(self, run: SlowClock, term: Term) -> timedelta:
        """The working time that is used up by now."""
        is_open, used, at = self._steps(term), timedelta(0), term.counts_from
        while at < self._heard_at:
            if is_open[at] and at not in run.stood:
                used += STEP
            at += STEP
        return used

    def _steps(self, term: Term) -> Mapping[datetime, bool]:
        plan = self._plan_of(term)
        assert plan.calendar is not None
        return steps_of(self._catalogues[self._version].calendars[plan.calendar])

    def _dues(self, run: SlowClock) -> dict[Term, datetime]:
        """By each term that promises anything, when it is due if it goes on running."""
        targets = {term: self._target(run, term) for term in run.terms}
        return {term: self._when(run, term, each) for term, each in targets.items() if each}

    def _owed(self, run: SlowClock) -> Owed | None:
        dues, first = self._dues(run), None
        if not dues:
            return None
        if not self._stands_still(run):
            first = min(dues.values())
            dues = {term: due for term, due in dues.items() if due == first}
        return Owed(first, dict(self._counted(run, term) for term in dues))

    def _counted(self, run: SlowClock, term: Term) -> tuple[TermKey, Counted]:
        target = self._target(run, term)
        assert target is not None
        left = max(timedelta(0), target - self._used(run, term))
        points = self._plan_of(term).warnings[run.clock]
        after = [target - x if isinstance(x, timedelta) else target * x for x in points]
        warn_at = tuple(sorted({self._when(run, term, each) for each in after}))
        key = (term.plan, self._version, term.counts_from, int(target.total_seconds()))
        return key, Counted(left, warn_at)

    # --- what is shown ---

    def show(self, until: datetime) -> list[Shown]:
        """Every run, once everything before `until` was heard and time has come so far."""
        self.breach_overdue(before=until)
        return [self._show(run, until) for run in self.clocks]

    def _show(self, run: SlowClock, until: datetime) -> Shown:
        ended_at, owed = None, run.kept
        if run.breached_at is not None:
            state = DeadlineState.RUNNING
            if run.breached_at < until:
                state, ended_at = DeadlineState.BREACHED, run.breached_at
        elif run.met_at is not None:
            state, ended_at = DeadlineState.MET, run.met_at
        elif self._over_since is not None:
            is_met = run.clock is Clock.RESOLUTION and self._is_resolved
            state = DeadlineState.MET if is_met else DeadlineState.CANCELLED
            ended_at = max(self._over_since, run.started)
        else:
            owed = self._owed(run)
            still = self._stands_still(run)
            state = DeadlineState.PAUSED if still else DeadlineState.RUNNING
        stood = frozenset(run.stood)
        return Shown(run.clock, run.cycle, state, owed, run.started, ended_at, stood)


def in_order(fact: Fact, opened_at: datetime) -> tuple[datetime, int, int]:
    """When a fact happens, what it gives way to at the same instant, and its id."""
    opens = fact.kind is FactKind.STATUS and fact.value == TicketStatus.OPEN
    if fact.kind in _MESSAGES:
        place = 1
    elif fact.kind is FactKind.STATUS and not opens:
        place = 2
    else:
        place = 0
    return max(fact.at, opened_at), place, fact.id.int


def watch(
    opening: Opening, facts: Iterable[Fact], catalogues: Mapping[str, Catalogue]
) -> SlowTicket:
    """Let time go on from the opening to the last fact, step by step."""
    ticket, at = SlowTicket(opening, catalogues), opening.at
    once = {fact.id: fact for fact in facts}
    to_come = sorted((in_order(fact, opening.at), fact) for fact in once.values())
    while to_come:
        while to_come and to_come[0][0][0] == at:
            ticket.hear(to_come.pop(0)[1], at)
        assert not to_come or to_come[0][0][0] > at, "a fact lies between two steps"
        ticket.pass_step(at)
        at += STEP
    return ticket
