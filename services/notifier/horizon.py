"""What is left to do once a rebuild has heard all: settle what it has heard no outcome of."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from services.notifier import acknowledging, bounces, customers, erasing, replying, store
from services.notifier.customers import Caps, Pace, Unmailed
from services.notifier.deliveries import Delivery, DeliveryKind, DeliveryState
from services.notifier.outcomes import Settling
from shared import outbox
from shared.database import Connection
from shared.forgetting import lock_erasing

log = structlog.get_logger(__name__)

PAGE = 500
"""Of each kind that one transaction settles."""


@dataclass(frozen=True, slots=True)
class Terms:
    """On which terms something still goes out."""

    patience: timedelta
    """How long an acknowledgement waits for the slot."""
    caps: Caps
    pace: Pace
    give_up_after: timedelta
    """How long anything is tried: what is older has ended, whatever is known of it."""


async def finish(connection: Connection, terms: Terms, *, now: datetime) -> bool:
    """Do the next part of what is left to do; says whether there is more.

    Args:
        connection: In a transaction of its own.
        terms: On which something still goes out.
        now: The present.
    """
    await store.lock_rebuild(connection)
    if bounced := await store.take_bounces(connection, limit=PAGE):
        await bounces.mark(connection, bounced)
        return True
    settling = Settling(now, terms.give_up_after, await store.was_here(connection))
    if halves := await store.lock_halves(connection, limit=PAGE):
        await _settle(connection, halves, settling, terms)
        return True
    await store.restore_requesters(connection)
    if tickets := await store.find_unmailed(connection, limit=PAGE):
        await _mail(connection, tickets, settling, terms)
        return True
    return await _answer_erasures(connection, now)


async def _settle(
    connection: Connection, halves: Sequence[Delivery], settling: Settling, terms: Terms
) -> None:
    retractions = [d.id for d in halves if d.kind is DeliveryKind.BREACH_RETRACTION]
    needed = await store.read_needed(connection, retractions) if retractions else set()
    settled = {
        each.id: settling.settle(
            each, needed=each.kind is not DeliveryKind.BREACH_RETRACTION or each.id in needed
        )
        for each in halves
    }
    await store.drop(connection, [id_ for id_, each in settled.items() if each is None])
    left = [each for each in settled.values() if each is not None]
    await store.save(connection, left)
    owed = [each for each in left if each.state is DeliveryState.PLANNED]
    await _acknowledge(connection, owed, settling, terms)
    log.info("settled", owed=len(owed), of=len(halves))


async def _acknowledge(
    connection: Connection, owed: Sequence[Delivery], settling: Settling, terms: Terms
) -> None:
    """What is owed to customers is judged only now: whatever was judged then was said."""
    now = settling.now
    acknowledgements = [each for each in owed if each.kind is DeliveryKind.ACKNOWLEDGEMENT]
    tickets = await store.read_tickets(connection, [d.ticket for d in acknowledgements if d.ticket])
    about = {d.id: tickets[d.ticket] for d in acknowledgements if d.ticket}
    automatic = {id_ for id_, ticket in about.items() if ticket.automatic}
    held_back = await acknowledging.judge(
        connection, acknowledgements, automatic, caps=terms.caps, now=now
    )
    outcomes = acknowledging.hold_back(acknowledgements, held_back, now=now)
    going = [
        replace(each, not_before=now if about[each.id].slotted_at else now + terms.patience)
        for each in acknowledgements
        if each.id not in held_back
    ]
    await store.save(connection, [*going, *(outcome.delivery for outcome in outcomes)])
    await outbox.append(connection, [outcome.event for outcome in outcomes if outcome.event])


async def _mail(
    connection: Connection, tickets: Sequence[UUID], settling: Settling, terms: Terms
) -> None:
    """Mail what agents wrote and no mail has brought, unless that may have been long ago."""
    await store.lock_tickets(connection, tickets)
    unmailed = await store.read_unmailed(connection, tickets)
    old = [each for each in unmailed if settling.is_too_old(each.posted_at, DeliveryKind.REPLY)]
    await _let_be(connection, old, settling, terms)
    await replying.plan_replies(connection, tickets, now=settling.now, pace=terms.pace)
    if settling.was_here:
        await store.mark_uncertain(connection, tickets)


async def _let_be(
    connection: Connection, old: Sequence[Unmailed], settling: Settling, terms: Terms
) -> None:
    """Have them carried by mails that are not sent: so no later mail brings them."""
    if not old:
        return
    replies = customers.reply(old, waiting={}, mailed={}, pace=terms.pace, now=settling.now)
    await store.plan_deliveries(connection, [settling.let_be(each) for each in replies.new])
    await store.carry_messages(connection, replies.carried)


async def _answer_erasures(connection: Connection, now: datetime) -> bool:
    requests = await store.read_unanswered(connection, limit=1)
    if not requests:
        return False
    await lock_erasing(connection, alone=True)
    for request in requests:
        await erasing.erase(connection, request, now=now)
    return True
