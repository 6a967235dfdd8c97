"""sla without its database: the decisions, applied to one ticket as the service applies them."""

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol
from uuid import UUID

from services.sla import domain
from services.sla.accounts import PlanChange, plan_facts
from services.sla.clocks import Fact, Opening
from services.sla.deadlines import Deadline
from services.sla.handlers import fact_of
from services.sla.terms import plan_of
from shared.deadlines import DeadlineState
from shared.events import Event, TicketCreated, TicketStatus
from shared.messages import AuthorKind
from tests.support.slow_catalogues import CATALOGUES
from tests.support.slow_story import PARTITION, TICKET, Move, asked_for, moved
from tests.support.slow_verdict import Key, ids


class Desk(Protocol):
    """sla, as a course works it. `crashes`: it dies before the commit and does it again."""

    def adopt(self, version: str) -> None:
        """From now on, new tickets are slotted by this catalogue."""

    def put_plans(self, changes: Sequence[PlanChange]) -> None:
        """The directory changes."""

    def ask_for_move(self, move: Move) -> None:
        """Somebody wants open tickets to count by another catalogue."""

    def hear(self, events: Sequence[Event], now: datetime, *, crashes: bool) -> None:
        """A batch comes from the stream."""

    def settle_again(self, now: datetime) -> None:
        """Settle what is settled."""

    def recount(self, now: datetime, *, crashes: bool) -> None:
        """Open tickets follow what the directory and the moves want of them by now."""

    def fire(self, until: datetime, now: datetime, *, crashes: bool) -> None:
        """The timer looks until nothing is due; everything was heard up to an instant."""

    def deadlines(self) -> dict[Key, Deadline]:
        """As they are kept."""

    def said(self) -> list[Event]:
        """Everything that was ever said, in order."""

    def status(self) -> TicketStatus | None:
        """How the ticket stands, or None as long as it has not begun."""


@dataclass
class _Kept:
    """What would stand in the database."""

    ticket: domain.Ticket | None = None
    facts: dict[UUID, Fact] = field(default_factory=dict)
    saved: dict[Key, Deadline] = field(default_factory=dict)
    changes: list[PlanChange] = field(default_factory=list)
    recounts: list[PlanChange | Move] = field(default_factory=list)
    version: str = ""
    said: list[Event] = field(default_factory=list)

    def copied(self) -> "_Kept":
        other = copy(self)
        other.facts, other.saved = dict(self.facts), dict(self.saved)
        other.changes, other.recounts = list(self.changes), list(self.recounts)
        other.said = list(self.said)
        return other


class MemoryDesk:
    """A desk in memory, for one ticket."""

    def __init__(self) -> None:
        self._in_force = "one"
        self._kept = _Kept()

    def adopt(self, version: str) -> None:
        """From now on, new tickets are slotted by this catalogue."""
        self._in_force = version

    def put_plans(self, changes: Sequence[PlanChange]) -> None:
        """The directory changes."""
        self._kept.changes += changes
        self._kept.recounts += changes

    def ask_for_move(self, move: Move) -> None:
        """Somebody wants open tickets to count by another catalogue."""
        self._kept.recounts.append(move)

    def hear(self, events: Sequence[Event], now: datetime, *, crashes: bool) -> None:
        """A batch comes from the stream."""
        self._commit(lambda kept: self._hear(kept, events, now), crashes=crashes)

    def settle_again(self, now: datetime) -> None:
        """Settle what is settled, the facts in another order."""
        kept = self._kept
        if kept.ticket is not None:
            facts = reversed(_facts(kept, now))
            again = domain.settle(kept.ticket, facts, kept.saved, CATALOGUES)
            assert again.outcomes == (), f"settled twice, it says {again.outcomes}"
            assert again.status is kept.ticket.status

    def recount(self, now: datetime, *, crashes: bool) -> None:
        """Open tickets follow what the directory and the moves want of them by now."""
        self._commit(lambda kept: _recount(kept, now), crashes=crashes)

    def fire(self, until: datetime, now: datetime, *, crashes: bool) -> None:
        """The timer looks until nothing is due."""
        while any(_is_due(each, until) for each in self._kept.saved.values()):
            self._commit(lambda kept: _fire(kept, until, now), crashes=crashes)

    def deadlines(self) -> dict[Key, Deadline]:
        """As they are kept."""
        return self._kept.saved

    def said(self) -> list[Event]:
        """Everything that was ever said, in order."""
        return self._kept.said

    def status(self) -> TicketStatus | None:
        """How the ticket stands, or None as long as it has not begun."""
        return self._kept.ticket.status if self._kept.ticket else None

    def _commit(self, work: Callable[[_Kept], None], *, crashes: bool) -> None:
        """Work on a copy, which a crash loses."""
        lost, done = self._kept.copied(), self._kept.copied()
        work(done)
        if crashes:
            work(lost)
            assert ids(lost.said) == ids(done.said), "done again, it says something else"
        self._kept = done

    def _hear(self, kept: _Kept, events: Sequence[Event], now: datetime) -> None:
        is_new = learnt = False
        for event in events:
            if isinstance(event, TicketCreated) and kept.ticket is None:
                kept.ticket, kept.version, is_new = self._begun(kept, event), self._in_force, True
            fact = fact_of(event)
            if fact is not None and fact.id not in kept.facts:
                kept.facts[fact.id], learnt = fact, True
        if is_new or learnt:
            _settle(kept, now, is_new=is_new)

    def _begun(self, kept: _Kept, created: TicketCreated) -> domain.Ticket:
        catalogue = CATALOGUES[self._in_force]
        begun = [change for change in kept.changes if change.since <= created.time]
        latest = max(begun, key=lambda c: (c.since, c.changed_at, c.id), default=None)
        opening = Opening(
            id=created.id,
            at=created.time,
            priority=created.data.priority,
            plan=plan_of(catalogue, latest.plan if latest else catalogue.default_plan).id,
            catalogue_version=catalogue.version,
            by_agent=created.data.opened_by is AuthorKind.AGENT,
        )
        return domain.Ticket(
            ticket=TICKET,
            partition=PARTITION,
            account=created.data.account,
            opening=opening,
            traceparent=created.traceparent,
            plan_change=latest.id if latest else None,
        )


def _facts(kept: _Kept, now: datetime) -> list[Fact]:
    assert kept.ticket is not None
    begun = [change for change in kept.changes if change.takes_effect_at <= now]
    opened_at, slotted_by = kept.ticket.opening.at, kept.ticket.plan_change
    of_plan = plan_facts(begun, opened_at=opened_at, slotted_by=slotted_by)
    return [*kept.facts.values(), *of_plan]


def _settle(kept: _Kept, now: datetime, *, is_new: bool = False) -> None:
    if kept.ticket is None:
        return
    outcomes: list[domain.Outcome] = []
    if is_new:
        opening = kept.ticket.opening
        slotted, first = domain.slot(kept.ticket, CATALOGUES[opening.catalogue_version])
        kept.said.append(slotted)
        _keep(kept, first)
    if facts := _facts(kept, now):
        settled = domain.settle(kept.ticket, facts, kept.saved, CATALOGUES)
        outcomes += settled.outcomes
        kept.ticket = replace(kept.ticket, status=settled.status)
    _keep(kept, outcomes)


def _keep(kept: _Kept, outcomes: Sequence[domain.Outcome]) -> None:
    for outcome in outcomes:
        deadline = outcome.deadline
        kept.saved[deadline.clock, deadline.cycle] = deadline
        kept.said += outcome.events


def _recount(kept: _Kept, now: datetime) -> None:
    asked = [each for each in kept.recounts if asked_for(each) <= now]
    kept.recounts = [each for each in kept.recounts if asked_for(each) > now]
    for each in sorted(asked, key=lambda each: (asked_for(each), each.id)):
        if kept.ticket is None or kept.ticket.status is TicketStatus.CLOSED:
            continue
        if isinstance(each, Move):
            if kept.version == each.to:
                continue
            kept.version = each.to
            kept.facts[each.id] = moved(each, now)
        _settle(kept, now)


def _is_due(deadline: Deadline, until: datetime) -> bool:
    fires_at = deadline.fires_at
    running = deadline.state is DeadlineState.RUNNING
    return running and fires_at is not None and fires_at <= until


def _fire(kept: _Kept, until: datetime, now: datetime) -> None:
    due = [each for each in kept.saved.values() if _is_due(each, until)]
    due.sort(key=lambda each: each.fires_at or now)
    fired = (domain.fire(each, until, said_at=now, catalogues=CATALOGUES) for each in due)
    _keep(kept, list(fired))
