"""What nobody asks for: mails that are in no thread, and parts of files that no mail names.

Both come from mails that were half lost, or made up. Whoever runs the desk has to see the ones;
the others are of no use to anybody after a while, and go.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from prometheus_client import Gauge

from services.messaging import store
from shared.database import Database

log = structlog.get_logger(__name__)

MAILS = Gauge(
    "messaging_waiting_mails",
    "Mails that wait for their thread, or were refused when it was there.",
    ["state"],
)
OLDEST = Gauge(
    "messaging_waiting_mails_oldest_seconds", "Since the oldest of them came in.", ["state"]
)

KEEP_PARTS = timedelta(days=30)
"""Far longer than any mail waits for its thread."""
MOST_PARTS = 100
"""Deleted in one step: half a MiB each, and others want the database, too."""


@dataclass(frozen=True, slots=True)
class Upkeep:
    """Looks after them again and again, as a worker's step."""

    database: Database
    clock: Callable[[], datetime]

    async def step(self) -> bool:
        """Count mails, and delete some parts that are too old; whether there may be more."""
        now = self.clock()
        async with self.database.transaction() as connection:
            backlog = await store.measure_waiting(connection)
            deleted = await store.delete_orphans(connection, now - KEEP_PARTS, most=MOST_PARTS)
        _show("waiting", backlog.waiting, backlog.waiting_since, now)
        _show("refused", backlog.refused, backlog.refused_since, now)
        if deleted:
            log.warning("attachment_parts_deleted", parts=deleted)
        return deleted == MOST_PARTS


def _show(state: str, mails: int, since: datetime | None, now: datetime) -> None:
    MAILS.labels(state).set(mails)
    OLDEST.labels(state).set(max(0.0, (now - since).total_seconds()) if since else 0.0)
