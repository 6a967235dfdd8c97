"""Acknowledgements as they are planned, or held back, in the transaction of their tickets."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import structlog

from services.notifier import articles, customers, domain, store
from services.notifier.customers import DAY, Caps, Tally
from services.notifier.deliveries import Delivery
from services.notifier.domain import Outcome
from shared import outbox
from shared.database import Connection
from shared.events import TicketCreated
from shared.notifications import SuppressionReason

log = structlog.get_logger(__name__)


class Draft(NamedTuple):
    """A ticket, and its acknowledgement as it would go out."""

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
    automatic = {draft.delivery.id for draft in drafts if draft.created.data.automatic}
    acknowledgements = [draft.delivery for draft in drafts]
    held_back = await judge(connection, acknowledgements, automatic, caps=caps, now=now)
    going = [draft for draft in drafts if draft.delivery.id not in held_back]
    await store.plan_deliveries(connection, await recommend(connection, going))
    outcomes = hold_back(acknowledgements, held_back, now=now)
    await store.plan_deliveries(connection, [outcome.delivery for outcome in outcomes])
    await outbox.append(connection, [outcome.event for outcome in outcomes if outcome.event])


async def _drafts(
    connection: Connection, created: Sequence[TicketCreated], now: datetime, patience: timedelta
) -> list[Draft]:
    """One for each ticket that has an address and no acknowledgement yet, the earliest first."""
    tickets = await store.read_tickets(connection, [UUID(event.subject) for event in created])
    drafts: dict[UUID, Draft] = {}
    for event in created:
        is_slotted = tickets[UUID(event.subject)].slotted_at is not None
        delivery = customers.acknowledge(event, not_before=now if is_slotted else now + patience)
        if delivery is not None:
            drafts[delivery.id] = Draft(event, delivery)
    known = await store.read_known_deliveries(connection, list(drafts))
    fresh = [draft for id_, draft in drafts.items() if id_ not in known]
    return sorted(fresh, key=lambda draft: (draft.created.time, draft.delivery.id))


async def judge(
    connection: Connection,
    acknowledgements: Sequence[Delivery],
    automatic: Collection[UUID],
    *,
    caps: Caps,
    now: datetime,
) -> dict[UUID, SuppressionReason]:
    """Which of these are not to go out, and why.

    Args:
        connection: In a transaction.
        acknowledgements: The earliest first.
        automatic: Those of tickets that a machine wrote.
        caps: How many there may be.
        now: The present.
    """
    if not acknowledgements:
        return {}
    addresses = {each.address for each in acknowledgements}
    await store.lock_addresses(connection, addresses)
    bounced = await store.read_bounced(connection, addresses, now=now)
    since, until = acknowledgements[0].caused_at - DAY, acknowledgements[-1].caused_at + DAY
    hours = {customers.domain_hour(each.address, each.caused_at) for each in acknowledgements}
    tally = Tally(
        caps,
        await store.read_acknowledged(connection, addresses, since=since, until=until),
        await store.count_acknowledged(connection, hours, most=caps.per_domain_hour),
    )
    reasons = {
        each.id: customers.hold_back(
            each, automatic=each.id in automatic, bounced=bounced, tally=tally
        )
        for each in acknowledgements
    }
    return {id_: reason for id_, reason in reasons.items() if reason is not None}


async def recommend(connection: Connection, drafts: Sequence[Draft]) -> list[Delivery]:
    """Have each name the articles that fit what was asked: only here is that at hand."""
    questions = [
        articles.ask(private.subject if private else "", created.data.locale)
        for created, _ in drafts
        for private in (created.data.private,)
    ]
    found = await store.find_articles(connection, questions)
    return [
        customers.recommend(draft.delivery, fitting)
        for draft, fitting in zip(drafts, found, strict=True)
    ]


def hold_back(
    acknowledgements: Sequence[Delivery],
    held_back: Mapping[UUID, SuppressionReason],
    *,
    now: datetime,
) -> list[Outcome]:
    """What becomes of those that are not to go out."""
    outcomes = []
    for delivery in acknowledgements:
        if (reason := held_back.get(delivery.id)) is None:
            continue
        outcomes.append(domain.withdraw(delivery, by=delivery.caused_by, reason=reason, now=now))
        log.info(
            "acknowledgement_held_back",
            ticket=str(delivery.ticket),
            correlation=str(delivery.correlation),
            reason=reason.value,
        )
    return outcomes
