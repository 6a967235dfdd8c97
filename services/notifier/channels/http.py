"""HTTP: one request per delivery, over connections that are kept open.

Redirects are not followed and proxies of the environment are not used: where a destination is, its
operator says, and nobody else.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Protocol

import httpcore2
import structlog

from services.notifier.channels.channel import spoken
from services.notifier.channels.guard import (
    CheckedBackend,
    ForbiddenAddressError,
    is_any,
    is_public,
)
from services.notifier.deliveries import Accepted, Answer, Content, Delivery, Lost, Refused

log = structlog.get_logger(__name__)

IDLE = 30.0
"""Seconds after which a connection that nothing goes over is closed."""
LONGEST_ANSWER = 8 * 1024
"""Bytes of an answer that are read."""
ANSWER_WITHIN = 5.0
"""Seconds for an answer's body once its status is known; what has come by then must do."""
_LATER = {408, 425, 429}
_GONE = {404, 410}


@dataclass(frozen=True, slots=True)
class Request:
    """What is posted."""

    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Response:
    """What came back."""

    status: int
    body: bytes
    """Its beginning."""
    retry_after: timedelta | None = None


class Dialect(Protocol):
    """How one kind of destination is spoken to."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not be kept of an answer that repeats it."""

    def request(self, delivery: Delivery, content: Content, *, now: datetime) -> Request:
        """What is posted for a delivery."""

    def answer(self, response: Response, words: str) -> Answer:
        """What the response means; `words` are its body's as they can be kept."""


class HttpChannel:
    """Posts deliveries to one destination.

    Args:
        dialect: How it is spoken to.
        clock: The present, with a zone.
        connections: How many are open at once.
        within: How long a delivery may take, from resolving the name to the answer.
        allow_private: Whether the destination may be inside our own network.
    """

    def __init__(
        self,
        dialect: Dialect,
        *,
        clock: Callable[[], datetime],
        connections: int,
        within: timedelta,
        allow_private: bool = False,
    ) -> None:
        self._dialect = dialect
        self._clock = clock
        self._within = within.total_seconds()
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=httpcore2.default_ssl_context(),
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=IDLE,
            network_backend=CheckedBackend(is_any if allow_private else is_public),
        )

    async def send(self, delivery: Delivery, content: Content) -> Answer:
        """Post a delivery and tell what became of it; never raises for what others do."""
        request = self._dialect.request(delivery, content, now=self._clock())
        begun = asyncio.Event()
        try:
            async with asyncio.timeout(self._within):
                response = await self._post(request, begun)
        except ForbiddenAddressError:
            why = "not sent: the destination's name stands for an address that is not public"
            # One odd answer of a name server must not lose what may well go in a minute.
            return Refused(None, why, for_good=False)
        except (
            OSError,  # also TimeoutError, when the try as a whole took too long
            httpcore2.TimeoutException,
            httpcore2.NetworkError,
            httpcore2.ProtocolError,
        ) as error:
            log.warning("http_lost", sent=begun.is_set(), error=type(error).__name__)
            why = f"no answer: {type(error).__name__} {error}"
            return Lost(begun.is_set(), spoken(why, unsaid=self._dialect.secrets))
        return self._dialect.answer(response, spoken(response.body, unsaid=self._dialect.secrets))

    async def close(self) -> None:
        """Close what is open."""
        await self._pool.aclose()

    async def _post(self, request: Request, begun: asyncio.Event) -> Response:
        async def trace(step: str, _: object) -> None:
            if step == "http11.send_request_headers.started":
                begun.set()

        async with self._pool.stream(
            "POST",
            request.url,
            headers=[("user-agent", "Careline"), *request.headers.items()],
            content=request.body,
            extensions={"trace": trace, "timeout": {"connect": self._within / 2}},
        ) as response:
            headers = {name.lower(): value for name, value in response.headers}
            return Response(
                response.status,
                await _beginning(response),
                _pause(headers.get(b"retry-after", b""), self._clock()),
            )


async def _beginning(response: httpcore2.Response) -> bytes:
    """The first bytes of an answer; that they are slow or end early doesn't undo its status."""
    body = bytearray()
    with contextlib.suppress(
        TimeoutError,
        httpcore2.TimeoutException,
        httpcore2.NetworkError,
        httpcore2.ProtocolError,
    ):
        async with asyncio.timeout(ANSWER_WITHIN):
            async for part in response.aiter_stream():
                body += part
                if len(body) >= LONGEST_ANSWER:
                    break
    return bytes(body[:LONGEST_ANSWER])


def refused(response: Response, words: str, *, for_good: bool) -> Refused:
    """A no, in words that also name its status."""
    detail = f"{response.status}: {words}" if words else f"{response.status}"
    return Refused(response.status, detail, for_good, response.retry_after)


def judge(response: Response, words: str, *, is_final: Callable[[int], bool]) -> Answer:
    """What a status means.

    2xx is a yes; 404 and 410 are a no for good. Redirects are not followed: like 5xx they are a no
    for now.

    Args:
        response: What came back.
        words: Its body's.
        is_final: Of any other 4xx but "too early", "too many" and the like, whether it is for good.
    """
    status = response.status
    if 200 <= status < 300:  # noqa: PLR2004 - RFC 9110: 2xx is a yes
        return Accepted(status)
    is_mistake = 400 <= status < 500 and status not in _LATER  # noqa: PLR2004 - RFC 9110
    return refused(response, words, for_good=status in _GONE or (is_mistake and is_final(status)))


def _pause(written: bytes, now: datetime) -> timedelta | None:
    """A `Retry-After` in seconds or as a date; nothing where it is neither, or over."""
    text = written.decode("ascii", "replace").strip()
    with contextlib.suppress(ValueError, OverflowError):
        if text.isascii() and text.isdigit():
            return timedelta(seconds=min(int(text[:9]), 86_400))
        until = parsedate_to_datetime(text)
        pause = until.astimezone(now.tzinfo) - now
        return pause if pause > timedelta(0) else None
    return None
