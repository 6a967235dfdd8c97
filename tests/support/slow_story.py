"""What happens to one ticket of one account, as the services would say it, and what is known of it.

Each event comes with what it is to the ticket's clocks, told independently of `services/sla`.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from services.sla.accounts import InForce, PlanChange, Wish, decide_changes, plan_facts
from services.sla.clocks import Fact, FactKind, Opening
from shared.envelope import NAMESPACE, Cause, derive_id
from shared.events import (
    Event,
    TicketCreated,
    TicketCreatedData,
    TicketPriorityChanged,
    TicketPriorityChangedData,
    TicketStatus,
    TicketStatusChanged,
    TicketStatusChangedData,
)
from shared.messages import AuthorKind, Channel, MessagePosted, MessagePostedData, Visibility
from shared.plans import Priority
from tests.support.slow_catalogues import CATALOGUES
from tests.support.slow_clocks import SlowTicket, in_order, watch

ACCOUNT = "an-account"
TICKET = derive_id(NAMESPACE, "a ticket of the slow clocks")
PARTITION = 7


@dataclass(frozen=True)
class Happened:
    """An event, and the fact that it is, if it is one."""

    event: Event
    fact: Fact | None


@dataclass(frozen=True)
class Move:
    """Open tickets are to count by another catalogue."""

    id: UUID
    to: str
    asked_at: datetime


class Story:
    """Makes events of a ticket; no two have the same id."""

    def __init__(self) -> None:
        self._count = 0

    def _cause(self) -> Cause:
        self._count += 1
        root = derive_id(TICKET, "happened", str(self._count))
        return Cause(root, str(TICKET), derive_id(TICKET, "first"))

    def created(self, at: datetime, priority: Priority, *, by_agent: bool) -> TicketCreated:
        """A ticket is opened."""
        data = TicketCreatedData(
            account=ACCOUNT,
            requester="a-customer",
            channel=Channel.WEB,
            priority=priority,
            opened_by=AuthorKind.AGENT if by_agent else AuthorKind.CUSTOMER,
            locale="en",
            time_zone="Europe/Berlin",
        )
        return TicketCreated.say(data, cause=self._cause(), source="/services/intake", time=at)

    def message(self, at: datetime, author: AuthorKind, visibility: Visibility) -> Happened:
        """Somebody writes: it is a fact if a person wrote what the customer may read."""
        cause = self._cause()
        data = MessagePostedData(
            message=cause.id,
            sequence=self._count,
            author_kind=author,
            author=f"some-{author}",
            visibility=visibility,
        )
        event = MessagePosted.say(data, cause=cause, source="/services/messaging", time=at)
        if visibility is Visibility.NOTE or author is AuthorKind.SYSTEM:
            return Happened(event, None)
        is_agent = author is AuthorKind.AGENT
        kind = FactKind.AGENT_MESSAGE if is_agent else FactKind.CUSTOMER_MESSAGE
        return Happened(event, Fact(event.id, kind, at))

    def status(self, at: datetime, status: TicketStatus) -> Happened:
        """Somebody sets a status."""
        data = TicketStatusChangedData(
            change=self._count,
            status=status,
            previous=TicketStatus.OPEN,
            by_kind=AuthorKind.AGENT,
            by="an-agent",
        )
        source, cause = "/services/messaging", self._cause()
        event = TicketStatusChanged.say(data, cause=cause, source=source, time=at)
        return Happened(event, Fact(event.id, FactKind.STATUS, at, status.value))

    def priority(self, at: datetime, priority: Priority) -> Happened:
        """Somebody sets a priority."""
        data = TicketPriorityChangedData(
            change=self._count,
            priority=priority,
            previous=Priority.NORMAL,
            by_kind=AuthorKind.AGENT,
            by="an-agent",
        )
        source, cause = "/services/messaging", self._cause()
        event = TicketPriorityChanged.say(data, cause=cause, source=source, time=at)
        return Happened(event, Fact(event.id, FactKind.PRIORITY, at, priority.value))

    def tell(self, at: datetime, what: AuthorKind | TicketStatus | Priority) -> Happened:
        """Somebody writes to all, or sets a status or a priority."""
        if isinstance(what, AuthorKind):
            return self.message(at, what, Visibility.PUBLIC)
        if isinstance(what, TicketStatus):
            return self.status(at, what)
        return self.priority(at, what)

    def move(self, at: datetime, to: str) -> Move:
        """Somebody moves open tickets to another catalogue."""
        return Move(self._cause().id, to, at)


@dataclass
class Known:
    """What sla was told so far, and what follows from it."""

    in_force: str = "one"
    """The catalogue by which a new ticket is slotted."""
    opening: Opening | None = None
    slotted_by: UUID | None = None
    """The plan change that the ticket was slotted by."""
    facts: dict[UUID, Fact] = field(default_factory=dict)
    changes: list[PlanChange] = field(default_factory=list)
    """All that were made of the account's plan."""
    of_plan: Sequence[Fact] = ()
    """What the changes were to the ticket when it was settled last."""
    asked: list[PlanChange | Move] = field(default_factory=list)
    """What the ticket has not followed yet."""
    version: str = ""
    """By which catalogue the ticket counts."""

    def plan_at(self, at: datetime) -> InForce | None:
        """The account's plan at an instant: the latest change that had begun by then."""
        begun = [change for change in self.changes if change.since <= at]
        latest = max(begun, key=lambda c: (c.since, c.changed_at, c.id), default=None)
        return InForce(latest.plan, latest.id, latest.since) if latest else None

    def change_plan(self, plan: str, since: datetime | None, now: datetime) -> list[PlanChange]:
        """What the directory makes of a wish; a change that is made already is none."""
        wishes, before = [Wish(ACCOUNT, plan, since)], self.plan_at(since or now)
        made = decide_changes(wishes, [before], changed_by="somebody", now=now)
        new = [change for change in made if change.id not in {each.id for each in self.changes}]
        self.changes += new
        self.asked += new
        return new

    def hear(self, told: Collection[Happened], now: datetime) -> bool:
        """Take in a batch; says whether the ticket is settled anew."""
        created = [x.event for x in told if isinstance(x.event, TicketCreated)]
        begins = bool(created) and self.opening is None
        if begins:
            self._begin(created[0])
        new = {x.fact.id: x.fact for x in told if x.fact and x.fact.id not in self.facts}
        self.facts |= new
        is_settled = self.opening is not None and (begins or bool(new))
        if is_settled:
            self._settle(now)
        return is_settled

    def _begin(self, created: TicketCreated) -> None:
        catalogue, found = CATALOGUES[self.in_force], self.plan_at(created.time)
        self.slotted_by = found.change if found else None
        self.opening = Opening(
            id=created.id,
            at=created.time,
            priority=created.data.priority,
            plan=found.plan if found else catalogue.default_plan,
            catalogue_version=self.in_force,
            by_agent=created.data.opened_by is AuthorKind.AGENT,
        )
        self.version = self.in_force

    def _settle(self, now: datetime) -> None:
        """Look at the plan changes that have taken effect."""
        assert self.opening is not None
        begun = [change for change in self.changes if change.takes_effect_at <= now]
        self.of_plan = plan_facts(begun, opened_at=self.opening.at, slotted_by=self.slotted_by)
        self.asked = [x for x in self.asked if isinstance(x, Move) or x not in begun]

    def recount(self, now: datetime) -> None:
        """Follow what was asked for, unless the ticket is closed."""
        due = [each for each in self.asked if asked_for(each) <= now]
        self.asked = [each for each in self.asked if asked_for(each) > now]
        for each in sorted(due, key=lambda each: (asked_for(each), each.id)):
            if self.opening is None or self.watch().status is TicketStatus.CLOSED:
                continue
            if isinstance(each, Move):
                if each.to == self.version:
                    continue
                self.version = each.to
                self.facts[each.id] = moved(each, now)
            self._settle(now)

    @property
    def in_order(self) -> dict[UUID, tuple[datetime, int, int]]:
        """Where each fact stands among the others; nothing as long as the ticket has not begun."""
        if self.opening is None:
            return {}
        return {fact.id: in_order(fact, self.opening.at) for fact in self.all_facts}

    @property
    def all_facts(self) -> list[Fact]:
        """Everything that the ticket's clocks go by."""
        return [*self.facts.values(), *self.of_plan]

    def watch(self) -> SlowTicket:
        """The slow clocks of all that is known."""
        assert self.opening is not None
        return watch(self.opening, self.all_facts, CATALOGUES)

    @property
    def heard_until(self) -> datetime:
        """When the last that is known happened."""
        assert self.opening is not None
        return max([self.opening.at, *(at for at, _, _ in self.in_order.values())])


def moved(move: Move, at: datetime) -> Fact:
    """That a ticket is moved: when that is done, not when it was asked for."""
    return Fact(move.id, FactKind.CATALOGUE, at, move.to)


def asked_for(each: PlanChange | Move) -> datetime:
    """When it is to take effect."""
    return each.asked_at if isinstance(each, Move) else each.takes_effect_at
