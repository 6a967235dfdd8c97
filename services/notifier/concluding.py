"""What becomes of deliveries after their tries: kept, said, and passed on to what digests carried.

Each function runs in its caller's transaction.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never
from uuid import UUID

from services.notifier import domain, retracting, store
from services.notifier.deliveries import (
    TO_CUSTOMERS,
    Accepted,
    Answer,
    Content,
    Delivery,
    DeliveryKind,
    DeliveryState,
    DigestReason,
    Lost,
    Refused,
)
from services.notifier.domain import Outcome
from services.notifier.letters import links
from services.notifier.store.tries import Came
from shared import outbox
from shared.database import Connection
from shared.notifications import FailureReason, NotificationChannel

PAGE = 500
"""Of what a digest carried, concluded at once: however much it is, memory is bounded."""

_NO_ADDRESS = re.compile(r"5\.1\.(?:[1236]|10)(?!\d)")
"""RFC 3463 and 7505: there is no such mailbox or host, or it takes no mail. Others of 5.1.x are
about our own address."""


@dataclass(frozen=True, slots=True)
class Try:
    """One try of a delivery."""

    delivery: Delivery
    """As it was claimed."""
    answer: Answer | None
    """None for a digest that had nothing left to tell."""
    content: Content | None
    """What was handed over, if it came to that."""


async def conclude(
    connection: Connection, tried: Try, *, now: datetime, give_up_after: timedelta
) -> Outcome | None:
    """Keep what a try came to; None if another sender has taken over: the rest is left to it."""
    tried = replace(tried, answer=links.answer_without_secret(tried.answer, tried.content))
    # As it stands by now: it may have been retracted while it was tried, or its reader forgotten.
    held = await store.lock_tried(connection, tried.delivery)
    if await _is_forgotten(connection, tried, held):
        tried = _without_words_of(tried)
    await _end_try(connection, tried, now)
    if held is None:
        return None
    if tried.answer is None:
        outcome = await _without_words(connection, held, now)
    else:
        made = tried.content.link if tried.content else None
        link = made.link if made else None
        outcome = domain.conclude(
            held, tried.answer, now=now, give_up_after=give_up_after, link=link
        )
    if tried.content is not None:
        kept = links.without_secret(tried.content)
        await store.keep_content(connection, tried.delivery, kept)
    await _keep(connection, outcome, now)
    await _mark_address(connection, tried, now)
    return outcome


async def _is_forgotten(connection: Connection, tried: Try, held: Delivery | None) -> bool:
    if held is not None:
        return not held.address
    return await store.is_forgotten(connection, tried.delivery.id)


def _without_words_of(tried: Try) -> Try:
    """A try to somebody who was forgotten meanwhile: what was sent and answered is not kept."""
    answer = tried.answer
    if isinstance(answer, Refused | Lost):
        answer = replace(answer, detail="")
    return replace(tried, answer=answer, content=None)


async def give_up(
    connection: Connection, deliveries: Sequence[Delivery], reason: FailureReason, *, now: datetime
) -> None:
    """Let locked deliveries fail without another try."""
    for each in deliveries:
        await _keep(connection, domain.fail(each, reason, now=now), now)


async def _without_words(connection: Connection, digest: Delivery, now: datetime) -> Outcome:
    """A digest that had nothing to tell: what was only marked as withdrawn ends with it."""
    carried = await store.lock_carried(connection, digest.id, limit=PAGE)
    outcomes = [retracting.end_withdrawn(each, now=now) for each in carried]
    await store.save(connection, [each.delivery for each in outcomes])
    await outbox.append(connection, [each.event for each in outcomes if each.event])
    if len(carried) == PAGE or any(each.delivery.ended_at is None for each in outcomes):
        pause = domain.FIRST_PAUSE
        return Outcome(replace(digest, state=DeliveryState.PLANNED, not_before=now + pause), None)
    reason = DigestReason.NOTHING_LEFT
    ended = replace(digest, state=DeliveryState.SUPPRESSED, ended_at=now, reason=reason.value)
    return Outcome(ended, None)


async def _keep(connection: Connection, outcome: Outcome, now: datetime) -> None:
    await store.save(connection, [outcome.delivery])
    await outbox.append(connection, [outcome.event] if outcome.event else [])
    if outcome.delivery.kind is DeliveryKind.DIGEST and outcome.delivery.ended_at is not None:
        await _carry(connection, outcome, now)


async def _carry(connection: Connection, digest: Outcome, now: datetime) -> None:
    """Say of all that a digest carried what became of it."""
    id_: UUID = digest.delivery.id
    while carried := await store.lock_carried(connection, id_, limit=PAGE):
        outcomes = domain.carry(digest, carried, now=now)
        if not outcomes:
            return
        await store.save(connection, [each.delivery for each in outcomes])
        await outbox.append(connection, [each.event for each in outcomes if each.event])


async def _end_try(connection: Connection, tried: Try, now: datetime) -> None:
    came, code, detail = came_to(tried.answer)
    await store.end_try(connection, tried.delivery, came, code=code, detail=detail, at=now)


def came_to(answer: Answer | None) -> tuple[Came, int | None, str | None]:
    """What an answer comes to, with its code and in words."""
    match answer:
        case None:
            return "lost", None, "not sent: nothing was left to tell"
        case Accepted(code):
            return "accepted", code, None
        case Refused(code, detail):
            return "refused", code, detail
        case Lost(_, detail):
            return "lost", None, detail
        case _:
            assert_never(answer)


def no_address(detail: str) -> str | None:
    """The RFC 3463 status by which a mail server says that there is no such address, if it does."""
    found = _NO_ADDRESS.match(detail)
    return found and found[0]


async def _mark_address(connection: Connection, tried: Try, now: datetime) -> None:
    """A mail server that knows no such address of a customer's saves us the next mails there."""
    delivery, answer = tried.delivery, tried.answer
    if delivery.channel is not NotificationChannel.EMAIL or not isinstance(answer, Refused):
        return
    status = no_address(answer.detail)
    if status and answer.for_good and delivery.kind in TO_CUSTOMERS:
        await store.mark_bounced(
            connection,
            delivery.address,
            now,
            person=delivery.person,
            status=status,
            detail=answer.detail,
        )
