"""Refusals over HTTP: RFC 9457 problem documents that say what to mend."""

from collections.abc import Sequence
from typing import Any

import structlog
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from shared.faults import is_passing

log = structlog.get_logger(__name__)

RETRY_AFTER = "2"
"""Seconds after which a refused caller may try again."""


class Problem(Exception):  # noqa: N818 - the word of RFC 9457
    """A refusal to be sent to the caller.

    Args:
        status: HTTP status.
        title: What kind of problem it is, the same each time.
        detail: What is wrong this time and what would be right.
        errors: What is wrong with which field.
        headers: HTTP headers of the answer.
        more: Further members of the document.
    """

    def __init__(
        self,
        status: int,
        title: str,
        detail: str,
        *,
        errors: Sequence[dict[str, str]] = (),
        headers: dict[str, str] | None = None,
        more: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.headers = headers or {}
        self.document = {"type": "about:blank", "title": title, "status": status, "detail": detail}
        if errors:
            self.document["errors"] = list(errors)
        self.document |= more or {}


def invalid(error: ValidationError) -> Problem:
    """422 with every field that is wrong, by its JSON pointer, without repeating its content."""
    errors = [
        {
            "pointer": "".join(map(_step, problem["loc"])),
            "detail": problem["msg"].removeprefix("Value error, "),
        }
        for problem in error.errors(include_input=False, include_url=False, include_context=False)
    ]
    return Problem(422, "Invalid request", "Some fields are not as they must be.", errors=errors)


def _step(part: str | int) -> str:
    """One step of a JSON pointer, escaped as RFC 6901 says."""
    return "/" + str(part).replace("~", "~0").replace("/", "~1")


def unavailable(detail: str, **more: object) -> Problem:
    """503 with `Retry-After`: what is needed is away and comes back by itself."""
    headers = {"Retry-After": RETRY_AFTER}
    return Problem(503, "Service unavailable", detail, headers=headers, more=more)


def respond(problem: Problem) -> Response:
    """The problem as an HTTP answer."""
    return JSONResponse(
        problem.document,
        status_code=problem.status,
        headers=problem.headers,
        media_type="application/problem+json",
    )


async def on_problem(_: Request, error: Exception) -> Response:
    """Answer a refusal."""
    assert isinstance(error, Problem)  # noqa: S101 - registered for this type alone
    return respond(error)


async def on_http_exception(_: Request, error: Exception) -> Response:
    """Answer what the router refuses: no such path, no such method."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this type alone
    headers = dict(error.headers or {})
    return respond(Problem(error.status_code, error.detail, error.detail, headers=headers))


async def on_error(request: Request, error: Exception) -> Response:
    """Answer what nobody expected."""
    return respond(of(request, error))


def of(request: Request, error: Exception) -> Problem:
    """What to say of an error: itself if it is a refusal, 503 if it may pass, else 500.

    The error is logged; its text is not told to the caller.
    """
    if isinstance(error, Problem):
        return error
    if is_passing(error):
        # By its route: a path may hold a link that opens a ticket.
        route = getattr(request.scope.get("route"), "path", "none")
        log.warning("request_failed", route=route, error=type(error).__name__)
        return unavailable("Something this needs is away; please try again.")
    log.error("request_broke", error=type(error).__name__, exc_info=error)
    return Problem(500, "Internal error", "This is our fault and was logged.")
