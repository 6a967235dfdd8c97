"""What agents write, as it is put into mails: each message into one, and no mail twice."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from services.notifier import customers, domain, store
from services.notifier.customers import HOUR, Pace
from services.notifier.deliveries import Delivery
from services.notifier.domain import Outcome
from shared import outbox
from shared.database import Connection
from shared.notifications import SuppressionReason


async def plan_replies(
    connection: Connection, tickets: Collection[UUID], *, now: datetime, pace: Pace
) -> None:
    """Plan mails for what no mail carries yet.

    Args:
        connection: In a transaction that has locked the tickets.
        tickets: Of which something was heard that may allow it: a message, or themselves.
        now: The present.
        pace: How quickly they go.
    """
    asked = list(tickets)
    unmailed = await store.read_unmailed(connection, asked)
    if not unmailed:
        return
    replies = customers.reply(
        unmailed,
        waiting=await store.lock_waiting_replies(connection, asked),
        mailed=await store.read_mailed(connection, asked, since=now - HOUR),
        pace=pace,
        now=now,
    )
    bounced = await store.read_bounced(connection, [d.address for d in replies.new], now=now)
    outcomes = [_judge(delivery, delivery.address in bounced, now) for delivery in replies.new]
    await store.plan_deliveries(connection, [outcome.delivery for outcome in outcomes])
    await store.carry_messages(connection, replies.carried)
    await outbox.append(connection, [outcome.event for outcome in outcomes if outcome.event])


def _judge(delivery: Delivery, is_bounced: bool, now: datetime) -> Outcome:  # noqa: FBT001 - private
    if not is_bounced:
        return Outcome(delivery, None)
    reason = SuppressionReason.ADDRESS_BOUNCED
    return domain.withdraw(delivery, by=delivery.caused_by, reason=reason, now=now)
