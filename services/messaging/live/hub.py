"""Who in this process follows which ticket, and waking them when there is something new."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from uuid import UUID

from services.messaging import signals
from services.messaging.live.line import Line
from services.messaging.signals import Signal, Writing

END_WITHIN = 2.0
"""Seconds that streams have to say goodbye when the service stops."""
MOST_WRITING = 10
"""People who type at once in one ticket, as far as a page is told."""


@dataclass(frozen=True, slots=True)
class Woken:
    """Why somebody who waits was woken."""

    changed_at: float | None
    """When the first change was heard of, by the event loop's clock; None if nothing changed."""
    writing: tuple[Writing, ...]


class Watch:
    """Somebody who waits for news of a ticket, or of any; however much there is wakes them once.

    A context manager: they follow it inside the block.
    """

    def __init__(self, hub: "Hub", ticket: UUID | None) -> None:
        self._hub = hub
        self._ticket = ticket
        self._woken = asyncio.Event()
        self._changed_at: float | None = None
        self._writing: dict[str, Writing] = {}

    def __enter__(self) -> Self:
        """Follow it."""
        self._hub.add(self, self._ticket)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Follow it no longer."""
        self._hub.remove(self, self._ticket)

    async def wait(self, timeout: float) -> bool:  # noqa: ASYNC109 - to run out is an answer here
        """Wait until there may be something new, for so many seconds at the most.

        Returns:
            Whether there may be something; what was heard before this call counts, too.
        """
        try:
            async with asyncio.timeout(timeout):
                await self._woken.wait()
        except TimeoutError:
            return False
        self._woken.clear()
        return True

    def take(self) -> Woken:
        """Why it was woken since this was asked last."""
        taken = Woken(self._changed_at, tuple(self._writing.values()))
        self._changed_at, self._writing = None, {}
        self._woken.clear()
        return taken

    def change(self) -> None:
        """There may be something new."""
        if self._changed_at is None:
            self._changed_at = asyncio.get_running_loop().time()
        self._woken.set()

    def hear(self, writing: Writing) -> None:
        """Somebody types."""
        if writing.person in self._writing or len(self._writing) < MOST_WRITING:
            self._writing[writing.person] = writing
            self._woken.set()


class Hub:
    """Hears on one connection what any replica says, and wakes those whom it concerns.

    Notifications may be lost while that connection is cut; everybody is woken once it is back, and
    whoever follows something also looks by themselves from time to time.

    Args:
        dsn: The service's database.
    """

    name = "live"

    def __init__(self, dsn: str) -> None:
        channels = [signal.value for signal in Signal]
        self._line = Line(dsn, channels, self.hear, self.wake_all)
        self._watches: defaultdict[UUID | None, set[Watch]] = defaultdict(set)
        self._empty = asyncio.Event()
        self.is_closing = False
        """Whoever follows something stops."""

    async def start(self) -> None:
        """Begin to listen; the connection may come later."""
        self._line.open()

    async def stop(self) -> None:
        """Let everybody go, and stop listening."""
        self.is_closing = True
        self.wake_all()
        if self._watches:
            self._empty.clear()
            await asyncio.wait({asyncio.create_task(self._empty.wait())}, timeout=END_WITHIN)
        await self._line.close()

    def ready(self) -> str | None:
        """Why pages hear of changes late, or None."""
        return None if self._line.is_up else "not listening"

    def watch(self, ticket: UUID | None) -> Watch:
        """Follow a ticket, or all of them (None)."""
        return Watch(self, ticket)

    @property
    def followed(self) -> int:
        """How many tickets somebody follows; all of them count as one."""
        return len(self._watches)

    def followers(self, ticket: UUID | None) -> int:
        """How many follow this ticket, or all of them."""
        return len(self._watches.get(ticket, ()))

    def add(self, watch: Watch, ticket: UUID | None) -> None:
        """A watch begins."""
        self._watches[ticket].add(watch)

    def remove(self, watch: Watch, ticket: UUID | None) -> None:
        """A watch ends."""
        self._watches[ticket].discard(watch)
        if not self._watches[ticket]:
            del self._watches[ticket]
        if not self._watches:
            self._empty.set()

    def wake_all(self) -> None:
        """Anything may be different now."""
        for watches in list(self._watches.values()):
            for watch in watches:
                watch.change()

    def hear(self, channel: str, text: str) -> None:
        """Wake those whom a notification concerns.

        Raises:
            ValueError: for one that none of us said.
        """
        match Signal(channel):
            case Signal.WRITING:
                writing = signals.unpack_writing(text)
                for watch in self._watches.get(writing.ticket, ()):
                    watch.hear(writing)
            case Signal.PRESENT if text == signals.EVERYBODY:
                self.wake_all()
            case Signal.PRESENT if text == signals.INBOXES:
                self._wake([None])
            case Signal.PRESENT:
                self._wake(signals.unpack(text))
            case Signal.CHANGED:
                # Who follows any ticket hears of this too.
                self._wake([*signals.unpack(text), None])

    def _wake(self, tickets: Sequence[UUID | None]) -> None:
        for ticket in tickets:
            for watch in self._watches.get(ticket, ()):
                watch.change()
