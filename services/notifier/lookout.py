"""Looks after the lanes: how long they are waited for, and what waits for one that is no more."""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from itertools import product
from typing import get_args

import structlog

from services.notifier import concluding, store
from services.notifier.deliveries import DeliveryKind
from services.notifier.store.tries import Came
from shared import metrics
from shared.database import Database
from shared.notifications import FailureReason

log = structlog.get_logger(__name__)

LOOK_EVERY = 5.0
"""Seconds between looks."""
PAGE = 100
"""Deliveries of a lane that is no more that fail in one transaction."""


class Lookout:
    """Run its `step` in a worker.

    Args:
        database: Of the deliveries.
        known: The lanes that there are.
        patience: How long something must have been waiting before its lane counts as no more:
            while destinations are added, another replica may know it already.
        clock: The present, with a zone.
    """

    def __init__(
        self,
        database: Database,
        known: Collection[str],
        *,
        patience: timedelta,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._known = known
        self._patience = patience
        self._clock = clock
        _begin_at_zero(known)

    async def step(self) -> bool:
        """Measure, and let fail what waits for nobody; says whether there may be more of that."""
        async with self._database.connection() as connection:
            now = self._clock()
            waiting = await store.read_waiting(connection)
            pending = await store.count_pending(connection, now=now)
        for lane in self._known:
            age = now - waiting.get(lane, now)
            metrics.OLDEST_PENDING.labels(lane).set(max(0.0, age.total_seconds()))
        for kind in DeliveryKind:
            count, since = pending.get(kind, (0, now))
            metrics.PENDING.labels(kind).set(count)
            metrics.OLDEST_OF_KIND.labels(kind).set(max(0.0, (now - since).total_seconds()))
        strays = [lane for lane in waiting if lane not in self._known]
        return any([await self._give_up(lane, now) for lane in strays])

    async def _give_up(self, lane: str, now: datetime) -> bool:
        async with self._database.transaction() as connection:
            left = await store.lock_left(connection, lane, before=now - self._patience, limit=PAGE)
            reason = FailureReason.UNKNOWN_DESTINATION
            await concluding.give_up(connection, left, reason, now=now)
        if left:
            log.warning("unknown_destination", lane=lane, failed=len(left))
        return len(left) == PAGE


def _begin_at_zero(lanes: Collection[str]) -> None:
    """Let a first failure be seen, too: nothing rises where a series begins with it."""
    for lane, kind, came in product(lanes, DeliveryKind, get_args(Came)):
        metrics.TRIES.labels(lane, kind, came)
