"""Telling others that somebody types, not too often."""

import asyncio
from uuid import UUID

from services.messaging import store
from services.messaging.live.feeds import person
from services.messaging.signals import Writing
from services.messaging.visitors import Visitor
from shared.database import Database

EVERY = 2.0
"""Seconds between two signals of one visitor in one ticket."""
MOST = 5_000
"""Visitors whose last signal is remembered."""


class Typists:
    """Who typed when, in this process.

    Args:
        database: By which the others hear of it.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._last: dict[tuple[str, UUID], float] = {}

    def may_tell(self, visitor: Visitor, ticket: UUID) -> bool:
        """Whether it is time for another signal; if so it counts as given."""
        now, key = asyncio.get_running_loop().time(), (visitor.reader, ticket)
        last = self._last.pop(key, None)
        is_time = last is None or now - last >= EVERY
        # Put behind all others: the first one is the one that was let through longest ago, or so.
        self._last[key] = now if is_time or last is None else last
        if len(self._last) > MOST:
            del self._last[next(iter(self._last))]
        return is_time

    def forget(self, visitor: Visitor, ticket: UUID) -> None:
        """Let a signal not count that was none: whoever asks again is told the same."""
        self._last.pop((visitor.reader, ticket), None)

    async def tell(self, visitor: Visitor, ticket: UUID, *, is_note: bool) -> None:
        """Tell who has this ticket open that this visitor types."""
        writing = Writing(
            ticket,
            person(visitor),
            visitor.caller.name,
            is_agent=visitor.is_staff,
            is_note=is_note and visitor.is_staff,
        )
        async with self._database.connection() as connection:
            await store.tell_writing(connection, writing)
