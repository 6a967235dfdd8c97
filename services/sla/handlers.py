"""What sla does with what it hears: slot new tickets, let what happens move their clocks.

Agents' requests for another plan are answered on the way.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from services.sla import plan_requests, rebuilding, store
from services.sla.catalogues import Book
from services.sla.clocks import Fact, FactKind
from services.sla.deadlines import SOURCE
from services.sla.outcomes import tell
from services.sla.partitions import number_of
from services.sla.settling import settle
from services.sla.slotting import begun, by_their_plans
from shared import metrics
from shared.consumer import Handle, Heard
from shared.database import Connection
from shared.events import Event, TicketCreated, TicketPriorityChanged, TicketStatusChanged
from shared.handling import PlanChangeRequested
from shared.messages import AuthorKind, MessagePosted, Visibility

log = structlog.get_logger(__name__)

FUTURE = timedelta(days=1)
"""By how much an event's time may be ahead of our clock."""


class FutureEventError(ValueError):
    """An event says that it will happen: a dead letter, until somebody has looked at it."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What tickets are slotted by."""

    book: Book
    trust_named_accounts: bool = True
    """Whether an account counts that its sender named without proof."""

    def account_of(self, created: TicketCreated) -> str:
        """The account whose plan counts; none is called the empty string."""
        counts = self.trust_named_accounts or created.data.account_verified
        return created.data.account if counts else ""


def handle_with(rules: Rules, clock: Callable[[], datetime]) -> Handle:
    """The handler of a batch, by these rules and this clock."""

    async def handle(connection: Connection, heard: Sequence[Heard]) -> None:
        _refuse_the_future(heard, clock())
        if any(item.rebuilding for item in heard):
            await _learn_again(connection, heard, rules, now=clock())
            return
        numbers = await store.share_partitioning(connection)
        created = [
            (h.event, _number(h, numbers)) for h in heard if isinstance(h.event, TicketCreated)
        ]
        requests = [h.event for h in heard if isinstance(h.event, PlanChangeRequested)]
        await _share(connection, created, requests, rules)
        new = await _begin(connection, created, rules) if created else set()
        if requests:
            # Before any ticket is locked: recounts lock accounts and then tickets too.
            await plan_requests.answer(connection, requests, rules.book.catalogue, clock=clock)
        learnt = await _learn(connection, heard, numbers)
        if tickets := new | learnt:
            outcomes = await settle(connection, tickets, rules.book, clock=clock, new=new)
            tell(outcomes)
        for event, _ in created:
            if UUID(event.subject) in new:
                correlation = str(event.correlationid)
                log.info("ticket_slotted", ticket=event.subject, correlation=correlation)

    return handle


def _refuse_the_future(heard: Sequence[Heard], now: datetime) -> None:
    """A clock that is a day ahead is broken: what it says would breach or meet everything."""
    future = (item.event for item in heard if item.event.time > now + FUTURE)
    if wrong := [event.id for event in future if event.source != SOURCE]:
        raise FutureEventError(f"more than a day ahead of our clock: {wrong[0]}")


async def _share(
    connection: Connection,
    created: Sequence[tuple[TicketCreated, int]],
    requests: Sequence[PlanChangeRequested],
    rules: Rules,
) -> None:
    """Let whoever changes the plan of these tickets' accounts, or moves tickets, wait for us.

    After our commit they find the tickets.
    """
    if created:
        await store.share_slotting(connection)
    if created or requests:
        await store.share_accounts(
            connection,
            {rules.account_of(event) for event, _ in created},
            changing={event.data.account for event in requests},
        )


async def _begin(
    connection: Connection, created: Sequence[tuple[TicketCreated, int]], rules: Rules
) -> set[UUID]:
    """Keep how tickets began, each by the plan that its account was on then; returns the new ones.

    Their accounts are shared: see `_share`.
    """
    tickets = [begun(event, number, rules.account_of(event)) for event, number in created]
    slotted = await by_their_plans(connection, tickets, rules.book.catalogue)
    new = await store.add_tickets(connection, slotted)
    for ticket in slotted:
        if ticket.ticket in new:
            metrics.SLOTTED.labels(ticket.opening.plan).inc()
    return new


async def _learn(connection: Connection, heard: Sequence[Heard], numbers: int | None) -> set[UUID]:
    """Keep what happened to tickets; returns those of which it was new."""
    told = [(item, fact) for item in heard if (fact := fact_of(item.event))]
    if not told:
        return set()
    facts = [(UUID(item.event.subject), fact) for item, fact in told]
    partitions = {UUID(item.event.subject): _number(item, numbers) for item, _ in told}
    return await store.add_facts(connection, facts, partitions)


def _number(item: Heard, partitions: int | None) -> int:
    """The partition of a ticket; once tickets are counted by it, by how many there are."""
    if partitions is None:
        return item.partition
    return number_of(UUID(item.event.subject), partitions)


async def _learn_again(
    connection: Connection, heard: Sequence[Heard], rules: Rules, *, now: datetime
) -> None:
    """Keep all of it, and say nothing yet."""
    tickets = [
        begun(h.event, h.partition, rules.account_of(h.event))
        for h in heard
        if isinstance(h.event, TicketCreated)
    ]
    await store.learn_tickets(connection, tickets)
    requests = [h.event for h in heard if isinstance(h.event, PlanChangeRequested)]
    await store.learn_requests(connection, requests)
    await _learn(connection, heard, None)
    await rebuilding.learn_own(connection, heard, now=now)


def fact_of(event: Event) -> Fact | None:
    """What an event is to its ticket's clocks, or None if they don't go by it.

    A note is not for the customer, and an automatic answer is by nobody: neither counts.
    """
    match event:
        case MessagePosted(data=data) if data.visibility is not Visibility.PUBLIC:
            return None
        case MessagePosted(data=data) if data.author_kind is AuthorKind.AGENT:
            return Fact(event.id, FactKind.AGENT_MESSAGE, event.time)
        case MessagePosted(data=data) if data.author_kind is AuthorKind.CUSTOMER:
            return Fact(event.id, FactKind.CUSTOMER_MESSAGE, event.time)
        case TicketStatusChanged(data=data):
            return Fact(event.id, FactKind.STATUS, event.time, data.status.value)
        case TicketPriorityChanged(data=data):
            return Fact(event.id, FactKind.PRIORITY, event.time, data.priority.value)
        case _:
            return None
