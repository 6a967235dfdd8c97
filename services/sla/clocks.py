"""What a ticket's clocks come to: a pure function of the facts, in whichever order they were heard.

Facts are put into the order in which they happened and told one by one. What a clock shows in the
end therefore doesn't hang on topics, retries or outages, and a fact that comes late simply takes
its place. Rules and their reasons stand in `docs/lifecycle.md`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import assert_never
from uuid import UUID

from services.sla.terms import Catalogues, Pauses, Promise, Tally, Term, ended, promise
from shared import plans
from shared.adopted import CatalogueMoved
from shared.events import TicketStatus
from shared.plans import Clock, Priority


class FactKind(StrEnum):
    """What happened to a ticket that its clocks go by."""

    PLAN = "plan"
    CATALOGUE = "catalogue"
    PRIORITY = "priority"
    STATUS = "status"
    CUSTOMER_MESSAGE = "customer_message"
    AGENT_MESSAGE = "agent_message"


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that happened to a ticket, at `at` (UTC)."""

    id: UUID
    """Of the event that told it: the same fact is never told twice."""
    kind: FactKind
    at: datetime
    value: str = ""
    """The new plan, catalogue version, priority or status."""


def moved_fact(event: CatalogueMoved) -> Fact:
    """What a move to another catalogue is to a ticket's clocks."""
    return Fact(event.id, FactKind.CATALOGUE, event.time, event.data.catalogue_version)


@dataclass(frozen=True, slots=True)
class Opening:
    """How a ticket began."""

    id: UUID
    """Of its `TicketCreated`."""
    at: datetime
    priority: Priority
    plan: str
    catalogue_version: str
    by_agent: bool = False
    """Opened by an agent for a customer: nobody waits for a first response."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of a clock's history: what came of which fact."""

    at: datetime
    what: str
    caused_by: UUID | None


@dataclass(slots=True)
class Run:
    """One run of one clock, as the facts that were told so far have it."""

    clock: Clock
    cycle: int
    started_at: datetime
    terms: tuple[Term, ...]
    priority: Priority
    changed_at: datetime
    changed_by: UUID | None
    scheduled_by: UUID | None = None
    """The event that it was first promised by."""
    pauses: Pauses = ()
    met_at: datetime | None = None
    breached_at: datetime | None = None
    promise: Promise | None = None
    last_owed: Promise | None = None
    """The promise as it was when nothing more was owed."""
    tally: Tally = field(default_factory=Tally)
    history: list[Entry] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        """Met or breached: no later fact changes it."""
        return self.met_at is not None or self.breached_at is not None

    @property
    def is_paused(self) -> bool:
        """Whether its time stands still."""
        return bool(self.pauses) and self.pauses[-1][1] is None


OVER = (TicketStatus.RESOLVED, TicketStatus.CLOSED)
"""Nothing more is owed while a ticket is in one of these."""
_PAUSING: Mapping[Clock, tuple[TicketStatus, ...]] = {
    # A status is no response: who waits for a word of ours goes on waiting.
    Clock.FIRST_RESPONSE: (),
    Clock.NEXT_RESPONSE: (),
    # While we wait for the customer there is nothing new to tell; on hold there is.
    Clock.UPDATE: (TicketStatus.PENDING,),
    Clock.RESOLUTION: (TicketStatus.PENDING, TicketStatus.ON_HOLD),
}


def stands_still(clock: Clock, status: TicketStatus) -> bool:
    """Whether a clock's time doesn't pass while its ticket has this status."""
    return status in OVER or status in _PAUSING[clock]


class Clocks:
    """The clocks of one ticket. Tell the facts in order, then look at `runs`."""

    def __init__(self, opening: Opening, catalogues: Catalogues) -> None:
        self._catalogues = catalogues
        self._opening = opening
        self.plan = opening.plan
        self.catalogue_version = opening.catalogue_version
        self.priority = opening.priority
        self._answered = opening.by_agent
        self._customer_waits = False
        self.status = TicketStatus.OPEN
        self.over_since: datetime | None = None
        self.resolved = False
        """Whether it was resolved since it was open last."""
        self.runs: list[Run] = []
        self._running: list[Run] = []
        self._cycles = dict.fromkeys(Clock, 0)
        clocks = (Clock.FIRST_RESPONSE, Clock.UPDATE, Clock.RESOLUTION)
        for clock in clocks[opening.by_agent :]:
            self._start(clock, opening.at, opening.id)

    def tell(self, fact: Fact) -> None:
        """Let a fact take effect; what was due before it happened and wasn't done is breached."""
        for run in self._open():
            due = run.promise.due_at if run.promise else None
            if due is not None and due < fact.at:
                run.breached_at = max(due, run.changed_at)
                run.history.append(Entry(run.breached_at, "breached", None))
        match fact.kind:
            case FactKind.CUSTOMER_MESSAGE:
                self._customer_wrote(fact)
            case FactKind.AGENT_MESSAGE:
                self._agent_wrote(fact)
            case FactKind.STATUS:
                self._set_status(fact, TicketStatus(fact.value))
            case FactKind.PRIORITY:
                self._set_priority(fact, Priority(fact.value))
            case FactKind.PLAN:
                self._set_plan(fact)
            case FactKind.CATALOGUE:
                self._move_to_catalogue(fact)
            case _:
                assert_never(fact.kind)

    def _customer_wrote(self, fact: Fact) -> None:
        # Until the first response that clock speaks for the customer; then their first
        # unanswered message does, and further ones don't move it.
        if self._answered and not self._customer_waits:
            self._customer_waits = True
            self._start(Clock.NEXT_RESPONSE, fact.at, fact.id)

    def _agent_wrote(self, fact: Fact) -> None:
        self._answered, self._customer_waits = True, False
        for run in self._open(Clock.FIRST_RESPONSE, Clock.NEXT_RESPONSE):
            self._meet(run, fact)
        if self.status in OVER:
            return  # no updates are owed; the one that stands still goes on if it is reopened
        for run in self._open(Clock.UPDATE):
            self._meet(run, fact)
        self._start(Clock.UPDATE, fact.at, fact.id)

    def _set_status(self, fact: Fact, status: TicketStatus) -> None:
        before, self.status = self.status, status
        if status in OVER:
            self.resolved = self.resolved or status is TicketStatus.RESOLVED
            if self.over_since is None:
                self._end_all(fact)
        else:
            self.over_since, self.resolved = None, False
        for run in self._open() if status is not before else ():
            self._pause(run, fact, before, status)

    def _end_all(self, fact: Fact) -> None:
        self.over_since = fact.at
        for run in self._open():
            pauses = ended(run.pauses, fact.at)
            run.last_owed = self._owed(run, pauses)

    def _pause(self, run: Run, fact: Fact, before: TicketStatus, status: TicketStatus) -> None:
        was_still, is_still = stands_still(run.clock, before), stands_still(run.clock, status)
        if is_still and not was_still:
            run.pauses = (*run.pauses, (fact.at, None))
        elif was_still and not is_still:
            run.pauses = ended(run.pauses, fact.at)
        if was_still or is_still:
            self._change(run, fact, f"ticket {status.value.replace('_', ' ')}")

    def _set_priority(self, fact: Fact, priority: Priority) -> None:
        self.priority = priority
        for run in self._open():
            run.priority = priority
            self._change(run, fact, f"priority {priority.value}")

    def _set_plan(self, fact: Fact) -> None:
        """An upgrade adds a promise that counts from now on; what was promised is kept anyway."""
        catalogue = self._catalogues[self.catalogue_version]
        is_upgrade = plans.rank(catalogue, fact.value) > plans.rank(catalogue, self.plan)
        self.plan = fact.value
        for run in self._open() if is_upgrade else ():
            run.terms = (*run.terms, Term(self.plan, self.catalogue_version, fact.at))
            self._change(run, fact, f"upgraded to {fact.value}")

    def _move_to_catalogue(self, fact: Fact) -> None:
        self.catalogue_version = fact.value
        for run in self._open():
            run.terms = tuple(replace(term, catalogue_version=fact.value) for term in run.terms)
            self._change(run, fact, f"moved to catalogue {fact.value}")

    def _open(self, *clocks: Clock) -> list[Run]:
        """The runs that are neither met nor breached: of these clocks, or of all."""
        self._running = [run for run in self._running if not run.is_over]
        return [run for run in self._running if not clocks or run.clock in clocks]

    def _start(self, clock: Clock, at: datetime, caused_by: UUID) -> None:
        self._cycles[clock] += 1
        terms = (Term(self.plan, self.catalogue_version, at),)
        run = Run(clock, self._cycles[clock], at, terms, self.priority, at, caused_by)
        run.history.append(Entry(at, "started", caused_by))
        self._promise(run)
        run.last_owed = run.promise
        if stands_still(clock, self.status):
            run.pauses = ((at, None),)
            self._promise(run)
        self.runs.append(run)
        self._running.append(run)

    def _meet(self, run: Run, fact: Fact) -> None:
        run.met_at = fact.at
        run.pauses = ended(run.pauses, fact.at)
        self._change(run, fact, "met")

    def _promise(self, run: Run) -> None:
        run.promise = self._owed(run, run.pauses)
        if run.promise is not None:
            run.scheduled_by = run.scheduled_by or run.changed_by

    def _owed(self, run: Run, pauses: Pauses) -> Promise | None:
        return promise(run.clock, run.priority, run.terms, pauses, self._catalogues, run.tally)

    def _change(self, run: Run, fact: Fact, what: str) -> None:
        run.changed_at, run.changed_by = fact.at, fact.id
        run.history.append(Entry(fact.at, what, run.changed_by))
        self._promise(run)


def tell_all(opening: Opening, facts: Iterable[Fact], catalogues: Catalogues) -> Clocks:
    """The clocks of a ticket after all its facts, given in any order.

    What happened before the ticket was opened (clocks of two machines differ) counts as if it had
    happened with its opening.
    """
    clocks = Clocks(opening, catalogues)
    clamped = (fact if fact.at >= opening.at else replace(fact, at=opening.at) for fact in facts)
    for fact in sorted(clamped, key=_happened):
        clocks.tell(fact)
    return clocks


def _happened(fact: Fact) -> tuple[datetime, int, UUID]:
    """The order of facts.

    At one instant a ticket is opened again before somebody writes into it, and is set to anything
    else after that.
    """
    if fact.kind in (FactKind.CUSTOMER_MESSAGE, FactKind.AGENT_MESSAGE):
        place = 1
    else:
        is_status = fact.kind is FactKind.STATUS
        place = 2 if is_status and fact.value != TicketStatus.OPEN else 0
    return fact.at, place, fact.id
