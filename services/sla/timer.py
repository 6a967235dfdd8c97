"""Fires what is due, for the partitions that this replica owns and has heard.

No false alarm: a deadline fires only once its partition was heard past the due time. Producers
stamp an event before the broker has it; `margin` allows for that.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from services.sla import domain, store
from services.sla.catalogues import Book
from services.sla.deadlines import Deadline
from services.sla.outcomes import tell
from shared import outbox
from shared.database import Connection, Database
from shared.failpoints import failpoint
from shared.read_position import ReadPosition

BATCH = 2000
"""Deadlines of one transaction, shared out among the partitions: a fraction of a second of work."""
LOOK_BACK = timedelta(seconds=1)
"""How often the timer looks for what fires earlier than what it has fired already."""
_THE_BEGINNING = datetime(1, 1, 2, tzinfo=UTC)


class Heard(Protocol):
    """How far this replica has heard which partitions."""

    async def heard_until(self) -> dict[int, datetime]:
        """Per owned partition the instant up to which everything was heard."""


@dataclass(frozen=True, slots=True)
class HeardOfTickets:
    """How far those topics were heard that a breach hangs on.

    What sla said itself is not among them, and accounts may have other partitions than tickets.
    """

    position: ReadPosition
    topics: Sequence[str]

    async def heard_until(self) -> dict[int, datetime]:
        """Per owned partition the instant up to which everything was heard."""
        return await self.position.heard_until(self.topics)


MayFire = Callable[[Connection], Awaitable[bool]]


async def _always(connection: Connection) -> bool:  # noqa: ARG001 - takes what others need
    return True


class Timer:
    """Run its `step` in a worker.

    Args:
        database: Where the deadlines are.
        position: How far this replica has heard which partitions.
        book: The catalogues.
        clock: The present, with a zone.
        margin: Seconds between an event's time and its arrival at the broker.
        batch: The most deadlines of one transaction.
        may_fire: Whether the deadlines have their partitions.
    """

    def __init__(
        self,
        database: Database,
        position: Heard,
        book: Book,
        *,
        clock: Callable[[], datetime],
        margin: float,
        batch: int = BATCH,
        may_fire: MayFire = _always,
    ) -> None:
        self._database = database
        self._position = position
        self._book = book
        self._clock = clock
        self._margin = timedelta(seconds=margin)
        self._batch = batch
        self._may_fire = may_fire
        self._fired: dict[int, datetime] = {}
        """Per partition the latest that has fired."""
        self._left_off: dict[int, datetime] = {}
        """Where the last look came to its limit, for partitions of which there may be more."""
        self._looked_back = _THE_BEGINNING

    async def step(self) -> bool:
        """Fire up to 2,000 deadlines; says whether there may be more."""
        heard = await self._position.heard_until()
        until = {partition: instant - self._margin for partition, instant in heard.items()}
        if not until:
            return False
        now = self._clock()
        looks_back = not self._looked_back <= now < self._looked_back + LOOK_BACK
        async with self._database.transaction() as connection:
            if not await self._may_fire(connection):
                return False
            since = dict.fromkeys(until, _THE_BEGINNING) if looks_back else self._since(until)
            share = max(1, self._batch // len(until))
            due = await store.lock_due(connection, until, since=since, limit=share)
            outcomes = await self._fire(connection, due, until)
            if outcomes:
                await store.save_fired(connection, [outcome.deadline for outcome in outcomes])
                await outbox.append(connection, [e for each in outcomes for e in each.events])
                failpoint("timer.before_commit")
        # Not before the commit: what a transaction has lost is looked for again at once.
        if looks_back:
            self._looked_back = now
        self._remember(until, due, share)
        if not due:
            return False
        failpoint("timer.committed")
        tell(outcomes)
        return True

    async def _fire(
        self, connection: Connection, due: Sequence[Deadline], until: Mapping[int, datetime]
    ) -> list[domain.Outcome]:
        versions = {deadline.catalogue_version for deadline in due}
        catalogues = await self._book.find(connection, versions)
        now = self._clock()
        return [
            domain.fire(each, until[each.partition], said_at=now, catalogues=catalogues)
            for each in due
        ]

    def _since(self, until: Iterable[int]) -> dict[int, datetime]:
        """From where to look: what fired leaves dead entries at the head of the index.

        As long as somebody's snapshot keeps them there, to read past them again and again would
        cost more with every fire. What comes to fire before that, which is rare (a backlog, a
        priority that was raised), is found by looking back every second.
        """
        begins = self._fired | self._left_off
        return {partition: begins.get(partition, _THE_BEGINNING) for partition in until}

    def _remember(self, until: Iterable[int], due: Sequence[Deadline], share: int) -> None:
        found: dict[int, list[datetime]] = {partition: [] for partition in until}
        for deadline in due:
            if deadline.fires_at is not None:
                found[deadline.partition].append(deadline.fires_at)
        for partition, instants in found.items():
            self._left_off.pop(partition, None)
            if instants:
                last, earlier = max(instants), self._fired.get(partition, _THE_BEGINNING)
                self._fired[partition] = max(earlier, last)
                if len(instants) >= share:
                    self._left_off[partition] = last
