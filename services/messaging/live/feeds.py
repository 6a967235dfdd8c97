"""What one page that is open is told, and when.

It is read from the database each time. Nothing is queued for it: a stream that was cut, or is slow,
asks for what is new since what it has shown last.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from uuid import UUID

import structlog

from services.messaging.live import patches
from services.messaging.live.hub import Hub, Watch
from services.messaging.live.patches import News, Produce
from services.messaging.live.presences import Presences
from services.messaging.signals import Writing
from services.messaging.visitors import Visitor
from shared import metrics
from shared.faults import is_passing
from shared.problems import Problem

log = structlog.get_logger(__name__)

Still = Callable[[], Awaitable[bool]]
"""Whether the visitor may go on: their session or link holds."""
Say = Callable[[bytes], Awaitable[None]]


BEAT_EVERY = 15.0
"""Seconds without a word after which a beat is sent: proxies cut what is silent for a minute."""
LOOK_EVERY = 15.0
"""Seconds after which a stream looks by itself while nobody can tell it of changes."""
LOOK_ANYWAY = 60.0
"""Seconds after which it does so even though nobody has."""
ASK_STILL_EVERY = 30.0
TRY_AGAIN = 2.0
"""Seconds until the next look after one that failed for a passing reason."""
LOOK_WITHIN = 20.0
APART = 0.05
"""Seconds between two looks of a stream of one ticket."""
APART_IN_ALL = 0.5
"""The same of a stream of all tickets, which nearly every change wakes; of many such streams so
much more that together they look this often:"""
MOST_IN_ALL = 100.0
"""Looks a second."""


@dataclass(frozen=True, slots=True)
class Followed:
    """A page that is open."""

    visitor: Visitor
    """Who has it open."""
    ticket: UUID | None
    """What it shows; None for what shows all."""
    produce: Produce
    """Says what is new."""
    still: Still
    """Says whether they may go on."""
    seen: str | None
    """What it has shown, as far as it says."""


class Feed:
    """Tells one page.

    Args:
        hub: Tells of changes.
        presences: Its reader is present meanwhile.
        looks: Lets few look at once.
        page: Which.
    """

    def __init__(
        self, hub: Hub, presences: Presences, looks: asyncio.Semaphore, page: Followed
    ) -> None:
        self._hub = hub
        self._presences = presences
        self._looks = looks
        self._page = page
        self._seen = page.seen
        self._time = asyncio.get_running_loop().time
        self._changed_at: float | None = None
        """When the first change was heard of that is not sent yet."""
        self._said_at = self._looked_at = self._asked_at = self._look_at = self._time()

    async def tell(self, say: Say) -> None:
        """Tell it until it ends: they may go on no longer, or the service stops."""

        async def saying(text: bytes) -> None:
            await say(text)
            self._said_at = self._time()

        with (
            # It is followed before the first look: what happens from then on is heard of.
            self._hub.watch(self._page.ticket) as watch,
            self._presences.here(self._page.visitor, self._page.ticket) as id_,
        ):
            await saying(patches.retry(id_.int))
            while not self._hub.is_closing:
                if not (await self._ask() and await self._look(saying)):
                    await saying(patches.write_over())
                    return
                await self._wait(watch, saying)

    async def _wait(self, watch: Watch, say: Say) -> None:
        """Until there is something to do."""
        next_at = min(self._next_look, self._said_at + BEAT_EVERY, self._asked_at + ASK_STILL_EVERY)
        if await watch.wait(max(0.0, next_at - self._time())):
            woken = watch.take()
            for writing in woken.writing:
                if is_told(self._page.visitor, writing):
                    await say(patches.write_typing(writing.name, is_agent=writing.is_agent))
            if woken.changed_at is not None:
                self._changed_at = self._changed_at or woken.changed_at
                self._look_at = min(self._look_at, self._looked_at + self._apart())
        if self._time() >= self._said_at + BEAT_EVERY:
            await say(patches.BEAT)

    def _apart(self) -> float:
        if self._page.ticket is not None:
            return APART
        return max(APART_IN_ALL, self._hub.followers(None) / MOST_IN_ALL)

    @property
    def _next_look(self) -> float:
        # Only while the line is cut is there nobody who would tell us of changes.
        cut = self._hub.ready() is not None
        return min(self._look_at, self._looked_at + LOOK_EVERY) if cut else self._look_at

    @asynccontextmanager
    async def _looking(self) -> AsyncIterator[None]:
        async with self._looks, asyncio.timeout(LOOK_WITHIN):
            yield

    async def _ask(self) -> bool:
        """Whether they may go on, asked from time to time."""
        if self._time() < self._asked_at + ASK_STILL_EVERY:
            return True
        self._asked_at = self._time()
        try:
            async with self._looking():
                return await self._page.still()
        except Exception as error:  # noqa: BLE001 - told apart there
            return _passes(error)

    async def _look(self, say: Say) -> bool:
        """Send what is new, if it is time; whether the page is theirs still."""
        if self._time() < self._next_look:
            return True
        changed_at, self._changed_at = self._changed_at, None
        self._looked_at, self._look_at = self._time(), self._time() + LOOK_ANYWAY
        try:
            async with self._looking():
                news = await self._page.produce(self._seen)
        except Exception as error:  # noqa: BLE001 - told apart there
            self._changed_at, self._look_at = changed_at, self._time() + TRY_AGAIN
            return _passes(error)
        if news is None:
            return False
        await self._send(news, say)
        if changed_at is not None:
            metrics.LIVE_SECONDS.observe(self._time() - changed_at)
        return True

    async def _send(self, news: News, say: Say) -> None:
        if text := patches.write_news(news, self._seen):
            await say(text)
            metrics.LIVE_PATCHES.inc(len(news.patches))
        self._seen = news.seen


def is_told(visitor: Visitor, writing: Writing) -> bool:
    """Whether this visitor is told that somebody types.

    Nobody is told of themselves, customers only of agents, and not of notes.
    """
    if writing.person == person(visitor):
        return False
    return visitor.is_staff or (writing.is_agent and not writing.is_note)


def person(visitor: Visitor) -> str:
    """The same for one visitor, and not who it is: what Postgres's other users could hear."""
    return hashlib.sha256(visitor.reader.encode()).hexdigest()[:16]


def _passes(error: Exception) -> bool:
    """Whether it may pass, so that the stream goes on; a refusal is its end.

    Raises:
        Exception: the same, if it won't.
    """
    if isinstance(error, Problem) and error.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return False
    if not (isinstance(error, Problem) or is_passing(error)):
        raise error
    log.warning("look_failed", error=type(error).__name__)
    return True
