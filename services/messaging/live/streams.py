"""Pages that are open follow what happens: server-sent events, one stream a page."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from uuid import UUID

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from services.messaging.live import patches
from services.messaging.live.feeds import Feed, Followed, Still
from services.messaging.live.hub import Hub
from services.messaging.live.patches import Produce
from services.messaging.live.presences import Presences
from services.messaging.visitors import Visitor
from shared import metrics
from shared.problems import Problem

log = structlog.get_logger(__name__)

SEND_WITHIN = 30.0
"""Seconds: who reads nothing for so long is let go, and may come back."""
MOST_LOOKS = 4
"""Streams that read the database at once: the rest of the pool is for requests."""
MOST_EACH = 20
"""Streams of one visitor."""
HEADERS = {
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
    "X-Content-Type-Options": "nosniff",
}
MEDIA_TYPE = "text/event-stream"


class Live:
    """Answers requests for streams.

    Args:
        hub: Tells of changes.
        presences: Who follows a page is present.
        most: Streams at once.
    """

    def __init__(self, hub: Hub, presences: Presences, *, most: int) -> None:
        self.hub = hub
        self._presences = presences
        self._looks = asyncio.Semaphore(MOST_LOOKS)
        self._most = most
        self._open = 0
        self._each: Counter[str] = Counter()

    async def answer(
        self,
        request: Request,
        visitor: Visitor,
        *,
        ticket: UUID | None,
        produce: Produce,
        still: Still,
    ) -> Response:
        """A stream of what is new in a ticket, or in all of them (None), for as long as it lasts.

        Args:
            request: Says what the page has shown, as `Last-Event-ID` or `?seen=`.
            visitor: Who may see it; whoever calls this has made sure of that.
            ticket: Which.
            produce: Asked for what is new, first at once.
            still: Asked every 30 s whether they may go on.

        Raises:
            Problem: 503 when too many pages are followed here, 429 when too many of this visitor.
        """
        if self.hub.is_closing or self._open >= self._most:
            detail = "Too many pages are followed here at once."
            raise Problem(503, "Busy", detail, headers={"Retry-After": "10"})
        if self._each[visitor.reader] >= MOST_EACH:
            detail = f"At most {MOST_EACH} pages of yours are followed at once."
            raise Problem(429, "Too many requests", detail, headers={"Retry-After": "30"})
        if request.method == "HEAD":
            return Response(headers=HEADERS, media_type=MEDIA_TYPE)
        given = request.headers.get("last-event-id") or request.query_params.get("seen")
        page = Followed(visitor, ticket, produce, still, patches.read_seen(given))
        feed = Feed(self.hub, self._presences, self._looks, page)
        return Stream(feed, self._counted(visitor.reader))

    @contextmanager
    def _counted(self, reader: str) -> Iterator[None]:
        """A stream of this visitor is open inside the block."""
        self._open += 1
        self._each[reader] += 1
        metrics.LIVE_STREAMS.inc()
        try:
            yield
        finally:
            metrics.LIVE_STREAMS.dec()
            self._open -= 1
            self._each[reader] -= 1
            if not self._each[reader]:
                del self._each[reader]


class Stream(Response):
    """The answer through which a page is told."""

    media_type = MEDIA_TYPE

    def __init__(self, feed: Feed, counted: AbstractContextManager[None]) -> None:
        self.status_code = 200
        self.background = None
        self.init_headers(HEADERS)
        self._feed = feed
        self._counted = counted

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Tell until either side ends."""
        telling = asyncio.create_task(self._tell(send))
        leaving = asyncio.create_task(_left(receive))
        try:
            await asyncio.wait({telling, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            telling.cancel()
            leaving.cancel()
            await asyncio.gather(telling, leaving, return_exceptions=True)

    async def _tell(self, send: Send) -> None:
        async def say(text: bytes) -> None:
            # The server waits here while the other side takes nothing.
            async with asyncio.timeout(SEND_WITHIN):
                await send({"type": "http.response.body", "body": text, "more_body": True})

        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        try:
            with self._counted:
                await self._feed.tell(say)
        except TimeoutError:
            # Nor would they take an end: the server closes the line once this returns.
            log.info("stream_too_slow")
            return
        except Exception:  # the page comes back, and asks for what it has not seen
            log.exception("stream_failed")
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
