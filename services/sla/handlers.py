"""What sla does with what it hears: slot new tickets, let what happens move their clocks.

Agents' requests for another plan are answered on the way.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from services.sla import domain, plan_requests, store
from services.sla.accounts import InForce
from services.sla.catalogues import Book
from services.sla.clocks import Fact, FactKind, Opening
from services.sla.outcomes import tell
from services.sla.settling import settle
from services.sla.terms import plan_of
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
        created = [(h.event, h.partition) for h in heard if isinstance(h.event, TicketCreated)]
        requests = [h.event for h in heard if isinstance(h.event, PlanChangeRequested)]
        await _share(connection, created, requests, rules)
        new = await _begin(connection, created, rules) if created else set()
        if requests:
            # Before any ticket is locked: recounts lock accounts and then tickets too.
            await plan_requests.answer(connection, requests, rules.book.catalogue, clock=clock)
        told = [(h, fact) for h in heard if (fact := fact_of(h.event))]
        learnt = await _learn(connection, told) if told else set()
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
    if wrong := [item.event.id for item in heard if item.event.time > now + FUTURE]:
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
    accounts = [rules.account_of(event) for event, _ in created]
    asked = [(account, created[at][0].time) for at, account in enumerate(accounts)]
    in_force = await store.plans_at(connection, asked)
    tickets = [
        _ticket(event, partition, account, found, rules)
        for (event, partition), account, found in zip(created, accounts, in_force, strict=True)
    ]
    return await store.add_tickets(connection, tickets)


def _ticket(
    created: TicketCreated, partition: int, account: str, found: InForce | None, rules: Rules
) -> domain.Ticket:
    catalogue = rules.book.catalogue
    plan = plan_of(catalogue, found.plan if found else catalogue.default_plan)
    if found and found.plan != plan.id:
        # Rather a slot too low than none at all.
        log.warning("plan_not_in_catalogue", plan=found.plan, catalogue=catalogue.version)
    opening = Opening(
        id=created.id,
        at=created.time,
        priority=created.data.priority,
        plan=plan.id,
        catalogue_version=catalogue.version,
        by_agent=created.data.opened_by is AuthorKind.AGENT,
    )
    return domain.Ticket(
        ticket=UUID(created.subject),
        partition=partition,
        account=account,
        opening=opening,
        traceparent=created.traceparent,
        plan_change=found.change if found else None,
    )


async def _learn(connection: Connection, told: Sequence[tuple[Heard, Fact]]) -> set[UUID]:
    """Keep what happened to tickets; returns those of which it was new."""
    facts = [(UUID(heard.event.subject), fact) for heard, fact in told]
    partitions = {UUID(heard.event.subject): heard.partition for heard, _ in told}
    return await store.add_facts(connection, facts, partitions)


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
