"""Health says what is missing, and every answer is counted by what it was."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from prometheus_client import REGISTRY
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from shared import problems, web
from shared.faults import BrokerAwayError

SECRET = "Ms-Example-s-secret"


async def _post(request: Request) -> Response:
    return Response(await web.read_body(request, limit=1000))


async def _item(request: Request) -> Response:
    if request.query_params:
        raise problems.Problem(422, "Invalid request", "No query is taken.")
    return Response(request.path_params["id"])


async def _broken(_: Request) -> Response:
    raise ValueError(SECRET)


async def _away(_: Request) -> Response:
    raise BrokerAwayError(SECRET)


ROUTES = [
    Route("/v1/things", _post, methods=["POST"]),
    Route("/v1/things/{id}", _item, methods=["GET"]),
    Route("/v1/broken", _broken, methods=["GET"]),
    Route("/v1/away", _away, methods=["GET"]),
]


@pytest.fixture
def state() -> dict[str, str | None]:
    """What the parts say of themselves."""
    return {"postgres": None, "stream": None}


@pytest.fixture
async def client(state: dict[str, str | None]) -> AsyncIterator[httpx.AsyncClient]:
    """A caller of a service with these routes."""
    transport = httpx.ASGITransport(web.application(ROUTES, lambda: state))
    async with httpx.AsyncClient(transport=transport, base_url="http://desk") as calling:
        yield calling


async def test_alive_asks_nobody(client: httpx.AsyncClient, state: dict[str, str | None]) -> None:
    """A service whose parts are all away is still alive."""
    state.update(postgres="not connected", stream="not subscribed")
    assert (await client.get("/health/live")).status_code == 200


async def test_ready_names_what_is_missing(
    client: httpx.AsyncClient, state: dict[str, str | None]
) -> None:
    """200 when all parts are ready; otherwise 503, and which one waits for what."""
    assert (await client.get("/health/ready")).json() == {
        "status": "ready",
        "parts": {"postgres": "ready", "stream": "ready"},
    }
    state["stream"] = "waiting for partitions"
    answer = await client.get("/health/ready")
    assert answer.status_code == 503
    assert answer.json() == {
        "status": "waiting",
        "parts": {"postgres": "ready", "stream": "waiting for partitions"},
    }


def counted(method: str, route: str, status: int) -> float:
    """How many answers were counted."""
    labels = {
        "http_request_method": method,
        "http_route": route,
        "http_response_status_code": str(status),
    }
    return REGISTRY.get_sample_value("http_server_request_duration_seconds_count", labels) or 0


@pytest.mark.parametrize(
    ("method", "path", "counts"),
    [
        ("GET", "/v1/things/5", ("GET", "/v1/things/{id}", 200)),
        ("GET", "/v1/things/5?size=0", ("GET", "/v1/things/{id}", 422)),
        ("GET", f"/v1/{SECRET}", ("GET", "none", 404)),
        ("DELETE", "/v1/things", ("DELETE", "/v1/things", 405)),
        (SECRET, "/v1/things", ("other", "/v1/things", 405)),
        ("GET", "/v1/broken", ("GET", "/v1/broken", 500)),
        ("GET", "/v1/away", ("GET", "/v1/away", 503)),
    ],
)
async def test_answers_are_counted_by_route_and_status(
    client: httpx.AsyncClient, method: str, path: str, counts: tuple[str, str, int]
) -> None:
    """By the route's pattern, never by the path or a method that a caller makes up."""
    before = counted(*counts)
    await client.request(method, path)
    assert counted(*counts) == before + 1
    text = (await client.get("/metrics")).text
    assert "http_server_request_duration_seconds_bucket" in text
    assert SECRET not in text


async def test_a_caller_who_hangs_up_is_no_fault_of_ours() -> None:
    """Cut off in the middle of its body, a request is counted apart, and nothing is answered."""
    before = counted("POST", "/v1/things", web.HUNG_UP)
    came: asyncio.Queue[Message] = asyncio.Queue()
    await came.put({"type": "http.request", "body": b"{", "more_body": True})
    await came.put({"type": "http.disconnect"})
    said: list[Message] = []

    async def say(message: Message) -> None:
        said.append(message)

    await called(web.application(ROUTES, dict), came.get, say)
    assert said == []
    assert counted("POST", "/v1/things", web.HUNG_UP) == before + 1


async def called(app: object, receive: Receive, send: Send) -> None:
    """Call an application with a POST of JSON."""
    scope: Scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/things",
        "headers": [(b"content-type", b"application/json")],
        "query_string": b"",
    }
    assert callable(app)
    await app(scope, receive, send)
