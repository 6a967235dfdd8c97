"""How a ticket begins, and which plan counts for it."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import structlog

from services.sla import store
from services.sla.accounts import InForce
from services.sla.clocks import Opening
from services.sla.domain import NO_PLAN, Ticket
from services.sla.terms import plan_of
from shared.database import Connection
from shared.events import TicketCreated
from shared.messages import AuthorKind
from shared.plans import Catalogue

log = structlog.get_logger(__name__)


def begun(created: TicketCreated, partition: int, account: str) -> Ticket:
    """A ticket that no plan counts for yet.

    Args:
        created: How it began.
        partition: Of the stream.
        account: Whose plan is to count; none is called the empty string.
    """
    opening = Opening(
        id=created.id,
        at=created.time,
        priority=created.data.priority,
        plan=NO_PLAN,
        catalogue_version=NO_PLAN,
        by_agent=created.data.opened_by is AuthorKind.AGENT,
    )
    return Ticket(
        ticket=UUID(created.subject),
        partition=partition,
        account=account,
        opening=opening,
        traceparent=created.traceparent,
    )


async def by_their_plans(
    connection: Connection, tickets: Sequence[Ticket], catalogue: Catalogue
) -> list[Ticket]:
    """The tickets, each with the plan that its account was on when it was opened."""
    asked = [(ticket.account, ticket.opening.at) for ticket in tickets]
    in_force = await store.plans_at(connection, asked)
    return [
        _by_plan(ticket, found, catalogue) for ticket, found in zip(tickets, in_force, strict=True)
    ]


def _by_plan(ticket: Ticket, found: InForce | None, catalogue: Catalogue) -> Ticket:
    plan = plan_of(catalogue, found.plan if found else catalogue.default_plan)
    if found and found.plan != plan.id:
        # Rather a slot too low than none at all.
        log.warning("plan_not_in_catalogue", plan=found.plan, catalogue=catalogue.version)
    opening = replace(ticket.opening, plan=plan.id, catalogue_version=catalogue.version)
    return replace(ticket, opening=opening, plan_change=found.change if found else None)
