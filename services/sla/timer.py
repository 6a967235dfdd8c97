"""Fires what is due, for the partitions that this replica owns and has heard.

No false alarm: a deadline fires only once its partition was heard past the due time. Producers
stamp an event before the broker has it; `margin` allows for that.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from services.sla import domain, store
from services.sla.outcomes import tell
from shared import outbox
from shared.database import Database
from shared.failpoints import failpoint
from shared.read_position import ReadPosition

BATCH = 500
"""Deadlines of one partition in one transaction."""


class Timer:
    """Run its `step` in a worker.

    Args:
        database: Where the deadlines are.
        position: How far this replica has heard which partitions.
        clock: The present, with a zone.
        margin: Seconds between an event's time and its arrival at the broker.
    """

    def __init__(
        self,
        database: Database,
        position: ReadPosition,
        *,
        clock: Callable[[], datetime],
        margin: float,
    ) -> None:
        self._database = database
        self._position = position
        self._clock = clock
        self._margin = timedelta(seconds=margin)

    async def step(self) -> bool:
        """Fire up to 500 deadlines per partition; says whether there may be more."""
        heard = await self._position.heard_until()
        until = {partition: instant - self._margin for partition, instant in heard.items()}
        if not until:
            return False
        async with self._database.transaction() as connection:
            due = await store.lock_due(connection, until, limit=BATCH)
            if not due:
                return False
            now = self._clock()
            outcomes = [domain.fire(d, until[d.partition], said_at=now) for d in due]
            await store.save_deadlines(connection, [outcome.deadline for outcome in outcomes])
            await outbox.append(connection, [outcome.event for outcome in outcomes])
            failpoint("timer.before_commit")
        failpoint("timer.committed")
        tell(outcomes)
        return True
