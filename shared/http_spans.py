"""A span for each request, by its route and never by its path, which may carry an id."""

from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import tracing

LIVE = "text/event-stream"
"""Pages that stay open for hours: no span is to be that long."""
FIRST_OWN_FAULT = 500


class HttpSpans:
    """Opens a span around each request; who brings a `traceparent` finds it in that trace.

    Args:
        app: What answers.
        quiet: Paths without a span: what machines ask every few seconds.
        methods: Those that are named; others may be made up.
    """

    def __init__(self, app: ASGIApp, quiet: Collection[str], methods: Collection[str]) -> None:
        self._app = app
        self._quiet = quiet
        self._methods = methods

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, within a span."""
        if scope["type"] != "http" or scope["path"] in self._quiet:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if LIVE in headers.get("accept", ""):
            await self._app(scope, receive, send)
            return
        known = scope["method"] in self._methods
        attributes = {
            "http.request.method": scope["method"] if known else "_OTHER",
            "url.scheme": scope["scheme"],
        }
        name = scope["method"] if known else "HTTP"
        with tracing.span(name, "server", parent=_given(headers), attributes=attributes):
            await self._answer(scope, receive, send, name)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, name: str) -> None:
        status = 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            route = getattr(scope.get("route"), "path", None)
            noted: dict[str, tracing.Attribute] = {"http.route": route} if route else {}
            if status:
                noted["http.response.status_code"] = status
            tracing.note(noted, name=f"{name} {route}" if route else None)
            if status >= FIRST_OWN_FAULT:
                tracing.failed(str(status))


def _given(headers: Headers) -> str | None:
    parent, state = headers.get("traceparent"), headers.get("tracestate")
    return f"{parent} {state}" if parent and state else parent
