"""What operators look at when deadlines don't fire: how far this replica is behind."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from services.sla import store
from services.sla.timer import Heard
from shared import metrics
from shared.database import Database

SOON = timedelta(hours=1)
"""Who is due within it is shown as at risk."""


class Gauges:
    """Run its `step` in a worker.

    Args:
        database: Where deadlines and recounts are.
        position: How far this replica has heard which partitions.
        clock: The present, with a zone.
    """

    def __init__(
        self, database: Database, position: Heard, *, clock: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._position = position
        self._clock = clock
        self._shown: set[tuple[str, str]] = set()

    async def step(self) -> bool:
        """Measure once."""
        heard = await self._position.heard_until()
        now = self._clock()
        async with self._database.connection() as connection:
            oldest = await store.oldest_unfired(connection, list(heard))
            recounts = await store.count_recounts(connection, now=now)
            overdue = await store.count_overdue(connection, list(heard), now=now)
            due_soon = await store.count_due(connection, list(heard), before=now + SOON)
        metrics.HEARD.set(len(heard))
        metrics.UNHEARD.set(_seconds(now, min(heard.values(), default=now)))
        metrics.UNFIRED.set(_seconds(now, oldest or now))
        metrics.OVERDUE.set(overdue)
        self._show_due(due_soon)
        metrics.RECOUNTS.set(recounts.open)
        metrics.OLDEST_RECOUNT.set(_seconds(now, recounts.oldest or now))
        return False

    def _show_due(self, due_soon: Mapping[tuple[str, str], int]) -> None:
        self._shown |= due_soon.keys()
        for plan, clock in self._shown:
            metrics.DUE_SOON.labels(plan, clock).set(due_soon.get((plan, clock), 0))


def _seconds(now: datetime, at: datetime) -> float:
    return max(0.0, (now - at).total_seconds())
