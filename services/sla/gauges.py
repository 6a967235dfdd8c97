"""What operators look at when deadlines don't fire: how far this replica is behind."""

from collections.abc import Callable
from datetime import datetime

from prometheus_client import Gauge

from services.sla import store
from services.sla.timer import Heard
from shared.database import Database

UNFIRED = Gauge(
    "sla_oldest_unfired_seconds",
    "How long the oldest deadline of the partitions read here should have fired; 0 if none should.",
)
UNHEARD = Gauge(
    "sla_heard_behind_seconds",
    "How far the partition that is furthest behind was heard; nothing later than that fires.",
)
HEARD = Gauge("sla_partitions_heard", "Partitions of which it is known how far they were heard.")
RECOUNTS = Gauge("sla_recounts_open", "Plan changes and moves that open tickets do not follow yet.")
OLDEST_RECOUNT = Gauge("sla_oldest_recount_seconds", "How long the oldest of those has taken.")


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

    async def step(self) -> bool:
        """Measure once."""
        heard = await self._position.heard_until()
        now = self._clock()
        async with self._database.connection() as connection:
            oldest = await store.oldest_unfired(connection, list(heard))
            recounts = await store.count_recounts(connection, now=now)
        HEARD.set(len(heard))
        UNHEARD.set(_seconds(now, min(heard.values(), default=now)))
        UNFIRED.set(_seconds(now, oldest or now))
        RECOUNTS.set(recounts.open)
        OLDEST_RECOUNT.set(_seconds(now, recounts.oldest or now))
        return False


def _seconds(now: datetime, at: datetime) -> float:
    return max(0.0, (now - at).total_seconds())
