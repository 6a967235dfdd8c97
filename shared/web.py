"""The HTTP side of every service: health, metrics, refusals, and reading a body within limits."""

import re
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from functools import lru_cache
from typing import Annotated, TypeVar
from zoneinfo import ZoneInfo

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import AfterValidator, BaseModel, StringConstraints, ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import metrics, problems, tracing
from shared.http_spans import HttpSpans

_KEY = re.compile(r'"?([\x21\x23-\x7e]{1,255})"?')

ModelT = TypeVar("ModelT", bound=BaseModel)

BODY_LIMIT = 512 * 1024
"""Bytes of a JSON body; the longest text that a ticket takes fits in fully escaped."""

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

HUNG_UP = 499
"""Counted when the caller went away in the middle of the request: no answer was sent."""

Checks = Callable[[], Mapping[str, str | None]]
"""Per part of the service why it is not ready, or None."""


def application(
    routes: Sequence[BaseRoute],
    checks: Checks,
    closed: Callable[[], str | None] = lambda: None,
) -> Starlette:
    """The service's routes, with health and metrics beside them.

    Args:
        routes: Its own.
        checks: What readiness tells.
        closed: Why its own routes answer nobody for now, or None.
    """
    own = [
        Route("/health/live", _live, methods=["GET"]),
        Route("/health/ready", _ready(checks), methods=["GET"]),
        Route("/metrics", _metrics, methods=["GET"]),
    ]
    app = Starlette(
        routes=[*own, *routes],
        exception_handlers={
            problems.Problem: problems.on_problem,
            HTTPException: problems.on_http_exception,
        },
    )
    app.add_middleware(_Closed, closed=closed, own={route.path for route in own})
    app.add_middleware(_Measured)
    if tracing.is_on():
        app.add_middleware(HttpSpans, quiet={route.path for route in own}, methods=METHODS)
    return app


def _storable(value: str) -> str:
    # Postgres keeps every character but this one.
    if "\x00" in value:
        raise ValueError("holds a null character")
    return value


StorableText = Annotated[
    str, StringConstraints(min_length=1, max_length=50_000), AfterValidator(_storable)
]
"""Text of somebody outside, in Unicode characters."""


@lru_cache(maxsize=1024)
def _time_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ValueError, OSError, LookupError):
        raise ValueError("is no IANA time zone such as Europe/Berlin") from None
    return value


TimeZone = Annotated[str, StringConstraints(max_length=64), AfterValidator(_time_zone)]
"""An IANA name that is known here."""


def idempotency_key(request: Request) -> str | None:
    """The request's `Idempotency-Key`, with or without quotes, or None without one.

    Raises:
        Problem: 400 when it is not 1 to 255 printable ASCII characters.
    """
    given = request.headers.get("idempotency-key")
    if given is None:
        return None
    matched = _KEY.fullmatch(given.strip())
    if matched is None:
        detail = "Idempotency-Key takes 1 to 255 printable ASCII characters without spaces."
        raise problems.Problem(400, "Malformed request", detail)
    return matched[1]


def read_query(request: Request, model: type[ModelT]) -> ModelT:
    """The request's query as a model.

    Raises:
        Problem: 422 for what is not as the model says.
    """
    return read_values(dict(request.query_params), model)


def read_values(values: Mapping[str, str], model: type[ModelT]) -> ModelT:
    """Values of a query or a form as a model.

    Raises:
        Problem: 422 for what is not as the model says.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise problems.invalid(error) from None


async def read_json(request: Request, model: type[ModelT], *, limit: int = BODY_LIMIT) -> ModelT:
    """The request's JSON body as a model.

    Raises:
        Problem: 413 over the limit, 415 for another media type, 400 for what is no JSON,
            422 for what is not as the model says.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise problems.Problem(
            415, "Unsupported media type", "Send JSON with `Content-Type: application/json`."
        )
    body = await read_body(request, limit=limit)
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        if error.errors(include_url=False, include_input=False)[0]["type"] == "json_invalid":
            detail = "The body is no JSON document."
            raise problems.Problem(400, "Malformed request", detail) from None
        raise problems.invalid(error) from None


async def read_body(request: Request, *, limit: int) -> bytes:
    """The request's body.

    Raises:
        Problem: 413 as soon as it is longer than `limit` bytes; the rest is not read.
    """
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise problems.Problem(
                413, "Request too large", f"At most {limit} bytes are taken.", headers=_CLOSE
            )
        chunks.append(chunk)
    return b"".join(chunks)


_CLOSE = {"Connection": "close"}


async def _live(_: Request) -> Response:
    """Alive means that this process answers: neither Kafka nor Postgres is asked."""
    return JSONResponse({"status": "alive"})


def _ready(checks: Checks) -> Callable[[Request], Awaitable[Response]]:
    async def ready(_: Request) -> Response:
        found = checks()
        waiting = {name: why for name, why in found.items() if why is not None}
        parts = {name: why or "ready" for name, why in found.items()}
        status = "waiting" if waiting else "ready"
        return JSONResponse({"status": status, "parts": parts}, 503 if waiting else 200)

    return ready


async def _metrics(_: Request) -> Response:
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


class _Closed:
    """Refuses what is asked of a database that is still being rebuilt: half of it is not there."""

    def __init__(
        self, app: ASGIApp, closed: Callable[[], str | None], own: Collection[str]
    ) -> None:
        self._app = app
        self._closed = closed
        self._own = own

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_open = scope["type"] != "http" or scope["path"] in self._own
        why = None if is_open else self._closed()
        if why is None:
            await self._app(scope, receive, send)
            return
        problem = problems.unavailable("The database is being rebuilt; please try again.")
        await problems.respond(problem)(scope, receive, send)


class _Measured:
    """Counts and times every answer, by route and not by path, which may carry an id.

    It also answers what nobody expected. Starlette's own place for that is outside of this one, so
    that what was sent would not be what is counted, and it lets the error out to the server, which
    logs it once more.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        metrics.HTTP_ACTIVE.inc()
        status = 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except ClientDisconnect:
            status = HUNG_UP
        except Exception as error:
            if status:
                raise
            answer = await problems.on_error(Request(scope), error)
            await answer(scope, receive, sending)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            # A caller may make up methods; each would be counted for ever.
            method = scope["method"] if scope["method"] in METHODS else "other"
            metrics.HTTP_ACTIVE.dec()
            measured = metrics.HTTP_SECONDS.labels(method, route, status or 500)
            measured.observe(time.perf_counter() - started)
