"""People who asked to be forgotten: what is kept of them goes, what is heard later leaves nothing.

A request counts for what is from before it. Who writes to us again after it is somebody new.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

import structlog

from services.notifier import domain, store
from services.notifier.deliveries import Delivery, DeliveryState
from services.notifier.notices import SOURCE
from shared import forgetting, keyring, outbox
from shared.database import Connection
from shared.envelope import Topic
from shared.events import Event
from shared.notifications import SuppressionReason
from shared.privacy import ErasureRequested, PersonErased, PersonErasedData, Removed

log = structlog.get_logger(__name__)


async def without_erased(connection: Connection, heard: Sequence[Event]) -> list[Event]:
    """What was heard, without personal parts of people who have asked to be forgotten since.

    Args:
        connection: In a transaction that lets nobody erase meanwhile.
        heard: In the order of the stream.
    """
    if not heard:
        return []
    requests = await store.read_erasures(connection, min(event.time for event in heard))
    asked = [(request.data.persons, request.time) for request in requests]
    return forgetting.without_erased(heard, asked)


async def erase(connection: Connection, request: ErasureRequested, *, now: datetime) -> None:
    """Take away what is kept of people, hold back what they were to be sent, and say so; once.

    One that is being sent at this moment ends as it ends.

    Args:
        connection: In a transaction in which nobody else keeps what they hear.
        request: Who, and which keys hold no longer.
        now: The present.
    """
    known = await store.read_erasure(connection, request.id)
    if known is not None and known.answered and known.heard is not None:
        return
    await store.keep_erasure(connection, request)
    removed = await _take_away(connection, request, now)
    await _throw_keys_away(connection, request)
    if known is None or not known.answered:
        await outbox.append(connection, [_answer(request, removed, now)])
        await store.mark_answered(connection, request.id, request.time)
    log.info("erased", erasure=str(request.data.erasure), removed=sum(removed.values()))


async def recall(connection: Connection, request: ErasureRequested, *, now: datetime) -> None:
    """The same in a rebuild: whether it was said already is known only at its end."""
    await store.keep_erasure(connection, request)
    await _take_away(connection, request, now)
    await keyring.throw_away(connection, request.data.keys)


async def _throw_keys_away(connection: Connection, request: ErasureRequested) -> None:
    """Those that were named; and ours, which nobody may have heard of when they were named.

    What was to be said has been emptied by then, so that no relay is making more of them.
    """
    own = await keyring.list_keys(connection, request.data.persons, own=True)
    unnamed = sorted(set(own) - set(request.data.keys))
    await keyring.throw_away(connection, [*request.data.keys, *unnamed])
    await outbox.append_tombstones(connection, Topic.KEYS, list(map(str, unnamed)))


async def _take_away(
    connection: Connection, request: ErasureRequested, now: datetime
) -> dict[str, int]:
    people, until = request.data.persons, request.time
    tickets = await store.find_tickets_of(connection, people)
    addresses = await store.find_addresses(connection, people, until)
    deliveries = await store.lock_deliveries_to(connection, people, until)
    await _withdraw(connection, deliveries, by=request.id, now=now)
    return {
        "requests": await store.erase_requesters(connection, people, until),
        "messages": await store.erase_messages(connection, people, until),
        "deliveries": len(deliveries),
        "mails as they went out": await store.erase_contents(connection, tickets, until),
        "addresses that mail came back from or came from": await store.erase_bounces(
            connection, people, addresses, until
        ),
        "events that were to be said": await outbox.forget(connection, people),
    }


async def _withdraw(
    connection: Connection, deliveries: Sequence[Delivery], *, by: UUID, now: datetime
) -> None:
    """Empty them, and send none of them any more."""
    reason = SuppressionReason.ERASED
    await store.empty_deliveries(connection, [each.id for each in deliveries])
    outcomes = [
        domain.withdraw(_emptied(each), by=by, reason=reason, now=now)
        for each in deliveries
        if each.state in {DeliveryState.PLANNED, DeliveryState.SENDING}
    ]
    await store.save(connection, [each.delivery for each in outcomes])
    await outbox.append(connection, [each.event for each in outcomes if each.event])


def _emptied(delivery: Delivery) -> Delivery:
    return replace(delivery, address="", detail=None, facts={})


def _answer(request: ErasureRequested, removed: dict[str, int], now: datetime) -> PersonErased:
    data = PersonErasedData(
        erasure=request.data.erasure,
        service="notifier",
        removed=tuple(Removed(what=what, count=count) for what, count in removed.items() if count),
    )
    return PersonErased.say(data, cause=request.as_cause, source=SOURCE, time=now, part="notifier")
