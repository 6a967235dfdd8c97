"""Acknowledgements as they are planned, or held back, in the transaction of their tickets."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import structlog

from services.notifier import articles, customers, domain, store
from services.notifier.customers import DAY, Caps, Tally
from services.notifier.deliveries import Delivery
from shared import outbox
from shared.database import Connection
from shared.events import TicketCreated
from shared.notifications import SuppressionReason

log = structlog.get_logger(__name__)


class _Draft(NamedTuple):
    created: TicketCreated
    delivery: Delivery


async def plan_acknowledgements(
    connection: Connection,
    created: Sequence[TicketCreated],
    *,
    now: datetime,
    patience: timedelta,
    caps: Caps,
) -> None:
    """Plan the one acknowledgement of each ticket, or keep why it gets none.

    What was planned or held back before stays as it is.

    Args:
        connection: In a transaction that has locked the tickets.
        created: The tickets.
        now: The present.
        patience: How long it waits for the slot, from now.
        caps: How many there may be.
    """
    drafts = await _drafts(connection, created, now, patience)
    if not drafts:
        return
    judged = list(zip(drafts, await _judge(connection, drafts, caps, now), strict=True))
    await _plan(connection, [draft for draft, reason in judged if reason is None])
    await _hold_back(connection, [(d.delivery, reason) for d, reason in judged if reason], now)


async def _drafts(
    connection: Connection, created: Sequence[TicketCreated], now: datetime, patience: timedelta
) -> list[_Draft]:
    """One for each ticket that has an address and no acknowledgement yet, the earliest first."""
    tickets = await store.read_tickets(connection, [UUID(event.subject) for event in created])
    drafts: dict[UUID, _Draft] = {}
    for event in created:
        is_slotted = tickets[UUID(event.subject)].slotted_at is not None
        delivery = customers.acknowledge(event, not_before=now if is_slotted else now + patience)
        if delivery is not None:
            drafts[delivery.id] = _Draft(event, delivery)
    known = await store.read_known_deliveries(connection, list(drafts))
    fresh = [draft for id_, draft in drafts.items() if id_ not in known]
    return sorted(fresh, key=lambda draft: (draft.created.time, draft.delivery.id))


async def _judge(
    connection: Connection, drafts: Sequence[_Draft], caps: Caps, now: datetime
) -> list[SuppressionReason | None]:
    """Of each, why it is not to go out, if so."""
    addresses = {draft.delivery.address for draft in drafts}
    await store.lock_addresses(connection, addresses)
    bounced = await store.read_bounced(connection, addresses, now=now)
    since, until = drafts[0].created.time - DAY, drafts[-1].created.time + DAY
    hours = {customers.domain_hour(d.delivery.address, d.created.time) for d in drafts}
    tally = Tally(
        caps,
        await store.read_acknowledged(connection, addresses, since=since, until=until),
        await store.count_acknowledged(connection, hours, most=caps.per_domain_hour),
    )
    return [
        customers.hold_back(created, delivery.address, bounced=bounced, tally=tally)
        for created, delivery in drafts
    ]


async def _plan(connection: Connection, drafts: Sequence[_Draft]) -> None:
    """Plan them, each with the articles that fit what was asked: only here is it at hand."""
    questions = [
        articles.ask(private.subject if private else "", created.data.locale)
        for created, _ in drafts
        for private in (created.data.private,)
    ]
    found = await store.find_articles(connection, questions)
    planned = [
        customers.recommend(draft.delivery, fitting)
        for draft, fitting in zip(drafts, found, strict=True)
    ]
    await store.plan_deliveries(connection, planned)


async def _hold_back(
    connection: Connection,
    held_back: Sequence[tuple[Delivery, SuppressionReason]],
    now: datetime,
) -> None:
    outcomes = [
        domain.withdraw(delivery, by=delivery.caused_by, reason=reason, now=now)
        for delivery, reason in held_back
    ]
    await store.plan_deliveries(connection, [outcome.delivery for outcome in outcomes])
    await outbox.append(connection, [outcome.event for outcome in outcomes if outcome.event])
    for delivery, reason in held_back:
        log.info(
            "acknowledgement_held_back",
            ticket=str(delivery.ticket),
            correlation=str(delivery.correlation),
            reason=reason.value,
        )
