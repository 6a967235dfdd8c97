"""Every refusal is a problem document that says what to mend, and nothing more."""

import json
from collections.abc import AsyncIterator

import httpx
import pytest
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from structlog.testing import capture_logs

from shared import problems, web
from shared.faults import BrokerAwayError
from shared.identity import Role, Verifier
from tests.support.samples import AT

SECRET = "Ms-Example-s-secret"
JSON = {"content-type": "application/json"}
VERIFIER = Verifier(None, issuer="careline", audience="desk", clock=lambda: AT)


class Asked(BaseModel):
    """A body with rules."""

    model_config = ConfigDict(extra="forbid")

    name: web.StorableText
    lines: list[int] = Field(default=[], max_length=3)


class Page(BaseModel):
    """A query with rules."""

    size: int = Field(10, ge=1, le=100)


async def _post(request: Request) -> Response:
    asked = await web.read_json(request, Asked, limit=1000)
    return JSONResponse(asked.model_dump())


async def _item(request: Request) -> Response:
    page = web.read_query(request, Page)
    return JSONResponse({"id": request.path_params["id"], "size": page.size})


async def _key(request: Request) -> Response:
    return JSONResponse({"key": web.idempotency_key(request)})


async def _staff(request: Request) -> Response:
    VERIFIER.require(request, Role.AGENT)
    return Response()


async def _broken(_: Request) -> Response:
    raise ValueError(SECRET)


async def _away(_: Request) -> Response:
    raise BrokerAwayError(SECRET)


async def _teapot(_: Request) -> Response:
    raise HTTPException(418)


ROUTES = [
    Route("/v1/things", _post, methods=["POST"]),
    Route("/v1/things/{id}", _item, methods=["GET"]),
    Route("/v1/key", _key, methods=["GET"]),
    Route("/v1/staff", _staff, methods=["GET"]),
    Route("/v1/broken", _broken, methods=["GET"]),
    Route("/v1/away", _away, methods=["GET"]),
    Route("/open/{token}", _away, methods=["GET"]),
    Route("/v1/teapot", _teapot, methods=["GET"]),
]


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """A caller of a service with the routes above; what it lets out is let out here too."""
    transport = httpx.ASGITransport(web.application(ROUTES, dict))
    async with httpx.AsyncClient(transport=transport, base_url="http://desk") as calling:
        yield calling


def problem(answer: httpx.Response, status: int) -> dict[str, object]:
    """The problem document of an answer, which must be one of this status."""
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, object] = answer.json()
    assert document["status"] == status
    assert document["title"]
    assert document["detail"]
    return document


async def test_a_good_request_is_answered(client: httpx.AsyncClient) -> None:
    """With any way of writing the media type."""
    for media_type in ("application/json", "Application/JSON; charset=utf-8"):
        answer = await client.post(
            "/v1/things", content=b'{"name": "x"}', headers={"content-type": media_type}
        )
        assert answer.json() == {"name": "x", "lines": []}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b'{"name": "\xff"}',
        b'{"name": "\\ud800"}',
        b"[" * 900,
        b'{"lines":' + b"[" * 300 + b"]" * 300 + b"}",
    ],
)
async def test_what_is_no_json_is_malformed(client: httpx.AsyncClient, body: bytes) -> None:
    """Cut short, not UTF-8, or nested beyond reason: 400."""
    problem(await client.post("/v1/things", content=body, headers=JSON), 400)


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, ["/name"]),
        ({"name": ""}, ["/name"]),
        ({"name": f"{SECRET}\x00"}, ["/name"]),
        ({"name": "x", "more": SECRET}, ["/more"]),
        ({"name": [SECRET], "lines": [1, SECRET]}, ["/name", "/lines/1"]),
        ({"name": "x", "lines": [1, 2, 3, 4]}, ["/lines"]),
        ({"name": "x", "a/b~c": 1}, ["/a~1b~0c"]),
        ([SECRET], [""]),
        (5, [""]),
    ],
)
async def test_what_breaks_a_rule_is_named_by_field(
    client: httpx.AsyncClient, body: object, pointers: list[str]
) -> None:
    """422 with a JSON pointer for each, and nothing of what was sent."""
    answer = await client.post("/v1/things", json=body)
    errors = problem(answer, 422)["errors"]
    assert isinstance(errors, list)
    assert [error["pointer"] for error in errors] == pointers
    assert all(error["detail"] for error in errors)
    assert SECRET not in answer.text


async def test_a_query_that_breaks_a_rule_is_named_too(client: httpx.AsyncClient) -> None:
    """422 for what stands behind the question mark."""
    document = problem(await client.get("/v1/things/5", params={"size": "1000"}), 422)
    assert document["errors"] == [
        {"pointer": "/size", "detail": "Input should be less than or equal to 100"}
    ]


@pytest.mark.parametrize("media_type", ["text/plain", "application/xml", "", "json"])
async def test_another_media_type_is_refused(client: httpx.AsyncClient, media_type: str) -> None:
    """415 says which one would be right."""
    answer = await client.post(
        "/v1/things", content=b"{}", headers={"content-type": media_type} if media_type else {}
    )
    assert "application/json" in str(problem(answer, 415)["detail"])


async def test_a_body_that_is_too_large_is_not_read_to_its_end(client: httpx.AsyncClient) -> None:
    """413 as soon as the limit is passed, however much would follow, and the line is closed."""
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 1_000_000:
            sent += 1
            yield b"x" * 600

    answer = await client.post("/v1/things", content=endless(), headers=JSON)
    problem(answer, 413)
    assert answer.headers["connection"] == "close"
    assert sent <= 3


async def test_a_body_as_large_as_allowed_is_read(client: httpx.AsyncClient) -> None:
    """The limit itself still passes; one byte more does not."""
    body = json.dumps({"name": "x" * 988}).encode()
    assert len(body) == 1000
    assert (await client.post("/v1/things", content=body, headers=JSON)).status_code == 200
    problem(await client.post("/v1/things", content=body + b" ", headers=JSON), 413)


async def test_what_is_not_there_is_not_found(client: httpx.AsyncClient) -> None:
    """404 and 405 are problem documents too; 405 says what is allowed."""
    problem(await client.get("/v2/things"), 404)
    answer = await client.put("/v1/things", json={})
    problem(answer, 405)
    assert answer.headers["allow"] == "POST"


async def test_any_refusal_of_the_framework_is_a_problem_document(
    client: httpx.AsyncClient,
) -> None:
    """Whatever its status."""
    problem(await client.get("/v1/teapot"), 418)


async def test_without_a_token_it_is_unauthorized(client: httpx.AsyncClient) -> None:
    """401 with how to authenticate."""
    answer = await client.get("/v1/staff")
    problem(answer, 401)
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_without_the_role_it_is_forbidden() -> None:
    """403 says what would be needed, with whatever else the refusal has to say."""
    refused = problems.Problem(403, "Forbidden", "This needs a lead.", more={"role": "lead"})
    answer = problems.respond(refused)
    assert (answer.status_code, answer.media_type) == (403, "application/problem+json")
    assert json.loads(bytes(answer.body)) == {
        "type": "about:blank",
        "title": "Forbidden",
        "status": 403,
        "detail": "This needs a lead.",
        "role": "lead",
    }


async def test_our_own_fault_is_not_told(client: httpx.AsyncClient) -> None:
    """500 without a word of what went wrong; it goes no further than the log."""
    answer = await client.get("/v1/broken")
    problem(answer, 500)
    assert SECRET not in answer.text
    assert "ValueError" not in answer.text


async def test_what_may_pass_is_unavailable(client: httpx.AsyncClient) -> None:
    """503 says when to come back."""
    answer = await client.get("/v1/away")
    problem(answer, 503)
    assert int(answer.headers["retry-after"]) > 0
    assert SECRET not in answer.text


async def test_an_address_may_be_a_secret_and_is_not_logged(client: httpx.AsyncClient) -> None:
    """The route alone is: whoever reads the log opens no ticket by it."""
    with capture_logs() as lines:
        await client.get(f"/open/{'t' * 43}")
    assert [line["route"] for line in lines] == ["/open/{token}"]
    assert "t" * 43 not in str(lines)


@pytest.mark.parametrize(
    ("given", "key"),
    [("abc", "abc"), ('"abc"', "abc"), ("x" * 255, "x" * 255), (None, None), (" a ", "a")],
)
async def test_an_idempotency_key_is_read_with_or_without_quotes(
    client: httpx.AsyncClient, given: str | None, key: str | None
) -> None:
    """Both ways of writing it are the same key; without the header there is none."""
    headers = {} if given is None else {"idempotency-key": given}
    assert (await client.get("/v1/key", headers=headers)).json() == {"key": key}


@pytest.mark.parametrize("given", [b"", b"a b", b"x" * 256, b"\xe4", b'"', b"a\tb"])
async def test_another_idempotency_key_is_refused(client: httpx.AsyncClient, given: bytes) -> None:
    """400: a key that is cut or bent on the way would make two tickets of one."""
    problem(await client.get("/v1/key", headers={b"idempotency-key": given}), 400)
