"""Keeps personal data no longer than for a while, as a part of the service."""

from collections.abc import Callable
from datetime import datetime, timedelta

from services.notifier import store
from services.notifier.steps import When, at_all_times
from shared.database import Database
from shared.worker import Worker

LOOK_EVERY = 600.0
"""Seconds between looks for what has grown old."""


def forgetter(
    database: Database,
    clock: Callable[[], datetime],
    *,
    keep: timedelta,
    when: When = at_all_times,
) -> Worker:
    """The worker that takes out what is older than `keep`, in small transactions.

    Args:
        database: Where it is.
        clock: The present, with a zone.
        keep: How long the words of mails, and who asked, are kept after all is over.
        when: Nothing is forgotten while something stands against it.
    """

    async def step() -> bool:
        async with database.transaction() as connection:
            return await store.forget(connection, clock() - keep)

    return Worker("forgetting", when(step), idle=LOOK_EVERY)
