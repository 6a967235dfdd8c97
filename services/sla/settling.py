"""Brings what was said of tickets into line with what is known of them, in one transaction."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog

from services.sla import domain, store
from services.sla.accounts import PlanChange, plan_facts
from services.sla.catalogues import Book
from services.sla.clocks import Fact, FactKind
from services.sla.deadlines import Deadline
from services.sla.terms import Catalogues
from shared import metrics, outbox
from shared.database import Connection
from shared.events import Event
from shared.faults import is_passing
from shared.plans import Clock

log = structlog.get_logger(__name__)


SettleSome = Callable[[Collection[UUID]], Awaitable[list[domain.Outcome]]]


async def settle(
    connection: Connection,
    tickets: Collection[UUID],
    book: Book,
    *,
    clock: Callable[[], datetime],
    new: Collection[UUID] = (),
    all_anew: bool = False,
) -> list[domain.Outcome]:
    """Say what has to be said of these tickets, and keep it; returns what was decided.

    Args:
        connection: In a transaction.
        tickets: Of which something is new. Of what has not begun yet nothing can be said.
        book: The catalogues.
        clock: The present, with a zone.
        new: Those of the tickets that have just begun: they are slotted first.
        all_anew: Count those too of which nothing happened since they began.
    """
    begun = await store.lock_tickets(connection, tickets)
    # Only now: who held the tickets until then may have let them follow a later plan change.
    facts = await _facts(connection, begun, now=clock())
    saved = await store.lock_deadlines(connection, [ticket.ticket for ticket in begun])
    catalogues = await book.open(connection, _versions(begun, facts))
    said: list[Event] = []
    outcomes: list[domain.Outcome] = []
    moved: list[tuple[UUID, domain.Settled]] = []
    for ticket in begun:
        known = saved.get(ticket.ticket, {})
        if ticket.ticket in new:
            slotted, first = domain.slot(ticket, catalogues[ticket.opening.catalogue_version])
            known = {(o.deadline.clock, o.deadline.cycle): o.deadline for o in first}
            said.append(slotted)
            outcomes += first
        told = facts.get(ticket.ticket, [])
        if told or all_anew:
            settled = domain.settle(ticket, told, known, catalogues)
            outcomes += settled.outcomes
            if settled.status is not ticket.status:
                moved.append((ticket.ticket, settled))
    said += [event for outcome in outcomes for event in outcome.events]
    await _keep(connection, outcomes, dict(moved))
    await outbox.append(connection, said)
    return outcomes


async def settle_each(
    connection: Connection, tickets: Collection[UUID], settle_some: SettleSome
) -> tuple[list[domain.Outcome], list[UUID]]:
    """Settle tickets together; if one is at fault, each by itself, and pass over that one.

    Returns:
        What was decided, and which tickets were passed over; why, the log says.
    """
    try:
        async with connection.transaction():
            return await settle_some(tickets), []
    except Exception as error:
        if is_passing(error):
            raise
    outcomes: list[domain.Outcome] = []
    passed_over: list[UUID] = []
    for ticket in tickets:
        try:
            async with connection.transaction():
                outcomes += await settle_some([ticket])
        except Exception as error:
            if is_passing(error):
                raise
            metrics.PASSED_OVER.inc()
            log.exception("ticket_passed_over", ticket=str(ticket))
            passed_over.append(ticket)
    return outcomes, passed_over


@dataclass(frozen=True, slots=True)
class Promises:
    """All that a ticket's promises were counted from, and what was said of them."""

    ticket: domain.Ticket
    facts: Sequence[Fact]
    saved: Mapping[tuple[Clock, int], Deadline]
    catalogues: Catalogues


async def read_promises(
    connection: Connection, ticket_id: UUID, book: Book, *, now: datetime
) -> Promises | None:
    """A ticket's promises, or None as long as it has not begun; nothing is locked."""
    ticket = await store.read_ticket(connection, ticket_id)
    if ticket is None or not await store.is_counted(connection, ticket_id):
        return None
    facts = await _facts(connection, [ticket], now=now)
    saved = {(d.clock, d.cycle): d for d in await store.read_deadlines(connection, ticket_id)}
    versions = _versions([ticket], facts) | {d.catalogue_version for d in saved.values()}
    catalogues = await book.open(connection, versions)
    return Promises(ticket, facts.get(ticket_id, []), saved, catalogues)


async def _facts(
    connection: Connection, tickets: Iterable[domain.Ticket], *, now: datetime
) -> dict[UUID, list[Fact]]:
    """All facts of tickets, and what plan changes of their accounts are to them."""
    tickets = list(tickets)
    facts = await store.read_facts(connection, [ticket.ticket for ticket in tickets])
    accounts = {ticket.account for ticket in tickets if ticket.account}
    changes = await store.read_plan_changes(connection, accounts, now=now)
    for ticket in tickets:
        if changed := changes.get(ticket.account):
            facts.setdefault(ticket.ticket, []).extend(_plan_facts(ticket, changed))
    return facts


def _plan_facts(ticket: domain.Ticket, changes: Sequence[PlanChange]) -> list[Fact]:
    return plan_facts(changes, opened_at=ticket.opening.at, slotted_by=ticket.plan_change)


def _versions(tickets: Iterable[domain.Ticket], facts: dict[UUID, list[Fact]]) -> set[str]:
    """Every catalogue version that these tickets are counted by."""
    slotted = {ticket.opening.catalogue_version for ticket in tickets}
    told = (fact for each in facts.values() for fact in each)
    return slotted | {fact.value for fact in told if fact.kind is FactKind.CATALOGUE}


async def _keep(
    connection: Connection,
    outcomes: Iterable[domain.Outcome],
    moved: dict[UUID, domain.Settled],
) -> None:
    # A ticket that is slotted and settled at once has two outcomes per deadline: the last counts.
    latest: dict[tuple[UUID, Clock, int], Deadline] = {
        (o.deadline.ticket, o.deadline.clock, o.deadline.cycle): o.deadline for o in outcomes
    }
    if latest:
        await store.save_deadlines(connection, list(latest.values()))
    if moved:
        await store.record_status(connection, {t: settled.status for t, settled in moved.items()})
