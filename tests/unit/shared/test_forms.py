"""What forms send: within limits, from our own pages, and with the proof that stood in them."""

from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from shared import forms, problems
from shared.problems import Problem

HERE = {"Sec-Fetch-Site": "same-origin"}
OTHER = "https://desk.careline.example"


async def _read(request: Request) -> Response:
    try:
        form = await forms.read_form(request, others=[OTHER])
    except forms.FilesTooLarge as large:
        return JSONResponse({"kept": large.form.first("text")}, large.status)
    files = [[file.name, file.content_type, len(file.content)] for file in form.files]
    return JSONResponse({"fields": form.fields, "files": files})


@pytest.fixture
def client() -> httpx.AsyncClient:
    """A browser before a page that reads forms."""
    application = Starlette(
        routes=[Route("/", _read, methods=["POST"])],
        exception_handlers={Problem: problems.on_problem},
    )
    transport = httpx.ASGITransport(application)
    return httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=HERE)


async def test_fields_and_files_are_read(client: httpx.AsyncClient) -> None:
    """In order, several of one name too; a field for files that was left empty is none."""
    plain = await client.post("/", data={"a": ["1", "2"]})
    assert plain.json()["fields"] == [["a", "1"], ["a", "2"]]
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    whole = await client.post("/", content=_AS_BROWSERS_SEND_IT, headers=kind)
    assert whole.json() == {"fields": [["text", "ä"]], "files": [["a.txt", "text/plain", 3]]}


_AS_BROWSERS_SEND_IT = (
    '--x\r\nContent-Disposition: form-data; name="text"\r\n\r\nä\r\n'
    '--x\r\nContent-Disposition: form-data; name="files"; filename="a.txt"\r\n'
    "Content-Type: text/plain\r\n\r\nabc\r\n"
    '--x\r\nContent-Disposition: form-data; name="other"; filename=""\r\n'
    "Content-Type: application/octet-stream\r\n\r\n\r\n--x--\r\n"
).encode()


async def test_where_files_are_too_large_the_fields_are_kept(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One too large, all together, and too many: 413 with what was typed."""
    monkeypatch.setattr(forms, "FILE_BYTES", 1000)
    monkeypatch.setattr(forms, "ALL_FILES_BYTES", 1500)
    for sizes in ([1001], [800, 800], [1] * 11):
        files = [("files", (f"{at}", b"x" * size, "")) for at, size in enumerate(sizes)]
        answer = await client.post("/", data={"text": "typed"}, files=files)
        assert (answer.status_code, answer.json()) == (413, {"kept": "typed"})


async def test_a_form_over_all_limits_is_not_read(client: httpx.AsyncClient) -> None:
    """413, whether it says its length or not; without files it has far less."""
    large = b"x" * (forms.FORM_LIMIT + forms.ALL_FILES_BYTES + 1)
    said = await client.post("/", files={"files": ("a", large, "")})

    async def pieces() -> AsyncIterator[bytes]:
        yield b"a="
        yield b"x" * forms.FORM_LIMIT

    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    unsaid = await client.post("/", content=pieces(), headers=kind)
    assert (said.status_code, unsaid.status_code) == (413, 413)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"{}", "application/json"),
        (b"", ""),
        (b"--x\r\nbroken", "multipart/form-data"),
        (b"&".join(b"a=1" for _ in range(51)), "application/x-www-form-urlencoded"),
    ],
)
async def test_what_is_no_form_is_refused(
    client: httpx.AsyncClient, content: bytes, kind: str
) -> None:
    """400, and nobody's mistake of ours."""
    answer = await client.post("/", content=content, headers={"Content-Type": kind})
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin", "Origin": "null"}, 200),
        ({"Sec-Fetch-Site": "cross-site", "Origin": OTHER}, 200),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Origin": "http://localhost"}, 200),
        ({"Origin": "https://localhost"}, 403),
        ({"Origin": "http://localhost.elsewhere.example"}, 403),
        ({"Origin": "http://[broken"}, 403),
        ({"Origin": "null"}, 403),
        ({}, 403),
    ],
)
async def test_only_our_own_pages_send_forms(
    client: httpx.AsyncClient, headers: dict[str, str], status: int
) -> None:
    """By what browsers say of where a request is from; an old one says it by `Origin` alone."""
    del client.headers["Sec-Fetch-Site"]
    assert (await client.post("/", data={"a": "1"}, headers=headers)).status_code == status


@pytest.mark.parametrize("given", [(), ("other",), ("proof", "proof"), ("",)])
def test_a_form_without_its_proof_is_refused(given: tuple[str, ...]) -> None:
    """One, and the right one; where there is none to compare with, nothing holds."""
    forms.refuse_unproved("proof", ("proof",))
    with pytest.raises(Problem):
        forms.refuse_unproved("proof", given)
    with pytest.raises(Problem):
        forms.refuse_unproved("", ("",))
