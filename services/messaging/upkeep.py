"""What nobody asks for: mails that are in no thread, parts of files that no mail names, what ended.

The first two come from mails that were half lost, or made up. Whoever runs the desk has to see the
ones; the others are of no use to anybody after a while, and go. So do sessions, sign-ins and links
that hold no more.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from services.messaging import store
from services.messaging.login.sign_ins import UNDER_WAY
from services.messaging.store import remembered
from shared import metrics
from shared.database import Database

log = structlog.get_logger(__name__)

KEEP_PARTS = timedelta(days=30)
"""Far longer than any mail waits for its thread."""
KEEP_LINKS = timedelta(days=30)
"""After they have ended: until then their page can say that they have."""
MOST_PARTS = 100
"""Deleted in one step: half a MiB each, and others want the database, too."""


@dataclass(frozen=True, slots=True)
class Upkeep:
    """Looks after them again and again, as a worker's step."""

    database: Database
    clock: Callable[[], datetime]
    idle: timedelta = timedelta(hours=2)
    """After so long without a request a session has ended."""

    async def step(self) -> bool:
        """Count mails, delete what has ended and some parts that are too old.

        Returns:
            Whether there may be more.
        """
        now = self.clock()
        async with self.database.transaction() as connection:
            backlog = await store.measure_waiting(connection)
            deleted = await store.delete_orphans(connection, now - KEEP_PARTS, most=MOST_PARTS)
            await remembered.forget_remembered(connection)
        await self._delete_ended(now)
        _show("waiting", backlog.waiting, backlog.waiting_since, now)
        _show("refused", backlog.refused, backlog.refused_since, now)
        if deleted:
            log.warning("attachment_parts_deleted", parts=deleted)
        return deleted == MOST_PARTS

    async def _delete_ended(self, now: datetime) -> None:
        async with self.database.transaction() as connection:
            ended = await store.delete_ended(
                connection, now=now, used_before=now - self.idle, began_before=now - UNDER_WAY
            )
            ended += await store.delete_expired(connection, before=now - KEEP_LINKS)
        if ended:
            log.info("sign_ins_and_links_deleted", rows=ended)


def _show(state: str, mails: int, since: datetime | None, now: datetime) -> None:
    metrics.WAITING_MAILS.labels(state).set(mails)
    age = max(0.0, (now - since).total_seconds()) if since else 0.0
    metrics.WAITING_MAILS_OLDEST.labels(state).set(age)
