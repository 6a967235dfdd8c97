"""A catalogue with every clock, and short ways to tell what happened to a ticket."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from services.sla import domain
from services.sla.clocks import Fact, FactKind, Opening
from services.sla.deadlines import Deadline
from shared.deadlines import DeadlineEvent
from shared.envelope import NAMESPACE, derive_id
from shared.events import TicketStatus
from shared.plans import Clock, Priority, parse_catalogue

TEXT = """
version = "one"
default_plan = "self-service"
[calendars.always]
tz = "UTC"
hours = {mon = [["00:00", "24:00"]], tue = [["00:00", "24:00"]], wed = [["00:00", "24:00"]], \
thu = [["00:00", "24:00"]], fri = [["00:00", "24:00"]], sat = [["00:00", "24:00"]], \
sun = [["00:00", "24:00"]]}
[plans]
self-service = {name = "Self", service_level = "Self", support = "none", reach = "community"}
starter = {name = "Starter", service_level = "Bronze", support = "yes", reach = "chat", \
calendar = "always", targets.default = {first_response = "16h"}}
[plans.basic]
name = "Basic"
service_level = "Silver"
support = "yes"
reach = "chat"
calendar = "always"
targets.default = {first_response = "8h", next_response = "4h", update = "24h", resolution = "40h"}
targets.urgent = {first_response = "2h", resolution = "10h"}
warnings.default = [0.5, "1h"]
[plans.advanced]
name = "Advanced"
service_level = "Gold"
support = "yes"
reach = "chat"
calendar = "always"
targets.default = {first_response = "4h", next_response = "2h"}
[plans.professional]
name = "Professional"
service_level = "Platinum"
support = "yes"
reach = "chat"
calendar = "always"
targets.default = {first_response = "1h", next_response = "1h", update = "6h", resolution = "8h"}
[plans.centurion]
name = "Centurion"
service_level = "White-Glove"
support = "yes"
reach = "chat"
calendar = "always"
targets.default = {first_response = "30m"}
"""
ONE = parse_catalogue(TEXT, "one")
TWO_TEXT = TEXT.replace('version = "one"', 'version = "two"').replace('"8h", next', '"5h", next')
TWO = parse_catalogue(TWO_TEXT, "two")
CATALOGUES = {"one": ONE, "two": TWO}
OPENED = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
TICKET = derive_id(NAMESPACE, "ticket", "promises")


def at(hours: float) -> datetime:
    """So many hours after the ticket was opened."""
    return OPENED + timedelta(hours=hours)


def ticket(
    plan: str = "basic", *, by_agent: bool = False, priority: Priority = Priority.NORMAL
) -> domain.Ticket:
    """A ticket that was slotted by this plan."""
    id_ = derive_id(TICKET, "created")
    opening = Opening(id_, OPENED, priority, plan, "one", by_agent=by_agent)
    return domain.Ticket(TICKET, 3, "an-account", opening, None)


def happened(hours: float, kind: FactKind, value: str = "") -> Fact:
    """A fact so many hours after the ticket was opened."""
    id_ = derive_id(TICKET, kind, value, str(hours))
    return Fact(id_, kind, at(hours), value)


def asked(hours: float) -> Fact:
    """The customer wrote."""
    return happened(hours, FactKind.CUSTOMER_MESSAGE)


def answered(hours: float) -> Fact:
    """A person of ours wrote to the customer."""
    return happened(hours, FactKind.AGENT_MESSAGE)


def became(hours: float, status: TicketStatus) -> Fact:
    """The ticket was set to a status."""
    return happened(hours, FactKind.STATUS, status.value)


class Told:
    """A ticket as sla keeps it: what was said of it, and how its deadlines stand by that."""

    def __init__(self, of: domain.Ticket) -> None:
        self.ticket = of
        self.facts: list[Fact] = []
        self.slotted, outcomes = domain.slot(of, ONE)
        self.events: list[DeadlineEvent] = []
        self.deadlines: dict[tuple[Clock, int], Deadline] = {}
        self._keep(outcomes)

    def hear(self, *facts: Fact) -> list[DeadlineEvent]:
        """Hear facts together, and return what is said of that."""
        self.facts += facts
        settled = domain.settle(self.ticket, self.facts, self.deadlines, CATALOGUES)
        return self._keep(settled.outcomes)

    def fire(self, hours: float) -> list[DeadlineEvent]:
        """Let the timer take what fires by then, all having been heard up to it."""
        until, said = at(hours), []
        while due := [d for d in self.deadlines.values() if d.fires_at and d.fires_at <= until]:
            fired = (domain.fire(d, until, said_at=until, catalogues=CATALOGUES) for d in due)
            said += self._keep(fired)
        return said

    def deadline(self, clock: Clock, cycle: int = 1) -> Deadline:
        """A deadline as it was last said."""
        return self.deadlines[clock, cycle]

    def due(self, clock: Clock, cycle: int = 1) -> float | None:
        """By when it is due, in hours after the ticket was opened."""
        due_at = self.deadline(clock, cycle).due_at
        return None if due_at is None else (due_at - OPENED) / timedelta(hours=1)

    def _keep(self, outcomes: Iterable[domain.Outcome]) -> list[DeadlineEvent]:
        said: list[DeadlineEvent] = []
        for outcome in outcomes:
            self.deadlines[outcome.deadline.clock, outcome.deadline.cycle] = outcome.deadline
            said += outcome.events
        self.events += said
        return said


def ids(events: Iterable[DeadlineEvent]) -> set[UUID]:
    """The ids of events."""
    return {event.id for event in events}
