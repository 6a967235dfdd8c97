"""Signing in to the operators' pages, and what strangers see and do there: nothing."""

from collections.abc import AsyncIterator
from datetime import timedelta
from urllib.parse import quote

import httpx
import pytest
from starlette.routing import Route

from shared.database import Database
from tests.support import register_rows as rows
from tests.support.register import HERE, STRANGER, Operated, all_rows, proof_of, token

OPEN = {"/", "/sign-in", "/static/deliveries.css"}
"""What anybody sees: nothing of a delivery is there."""
OF_EVERY_SERVICE = {"/health/live", "/health/ready", "/metrics"}


@pytest.fixture
async def operated(database: Database) -> Operated:
    """The pages over a register with a bit of everything."""
    await rows.fill(database)
    return Operated(database)


@pytest.fixture
async def lead(operated: Operated) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who has signed in and may send again."""
    async with operated.browser("lead") as browser:
        yield browser


def routes_of(operated: Operated) -> list[tuple[str, str]]:
    """Every way in that is not open to all, with its method."""
    found = []
    for route in operated.application.routes:
        assert isinstance(route, Route)
        path = route.path.replace("{delivery}", str(rows.HOSTILE.id))
        path = path.replace("{address:path}", "gone@customer.example")
        if route.path not in OPEN | OF_EVERY_SERVICE:
            found += [(method, path) for method in sorted(route.methods or ())]
    return found


async def ask(
    client: httpx.AsyncClient, method: str, path: str, **more: str
) -> tuple[int, str, str]:
    """Status, where to, and the body."""
    answer = await client.request(method, path, headers=more)
    return answer.status_code, answer.headers.get("location", ""), answer.text


async def test_a_stranger_sees_and_does_nothing(operated: Operated, database: Database) -> None:
    """Over every route: without a token, with a forged one, and with an old one."""
    before = await all_rows(database)
    forged, old = token("admin", key=STRANGER), token("admin", holds=timedelta(hours=-1))
    assert len(routes_of(operated)) > 20
    for method, path in routes_of(operated):
        for bad in (None, forged, old, "nonsense"):
            async with operated.client() as client:
                if bad is not None:
                    client.headers["Authorization"] = f"Bearer {bad}"
                    client.cookies.set("careline_deliveries", bad)
                status, to, text = await ask(client, method, path, **HERE)
            is_page = not path.startswith("/v1/") and method in {"GET", "HEAD"}
            assert status == (303 if is_page else 401), f"{method} {path}"
            assert to.startswith("/sign-in?next=%2F") == is_page
            assert "customer.example" not in text
    assert await all_rows(database) == before


async def test_a_customer_sees_and_does_nothing(operated: Operated, database: Database) -> None:
    """A token that holds is not enough; nor does the sign-in keep it."""
    before = await all_rows(database)
    for method, path in routes_of(operated):
        async with operated.client("customer") as client:
            client.cookies.set("careline_deliveries", token("customer"))
            status, _, text = await ask(client, method, path, **HERE)
        assert status == 403, f"{method} {path}"
        assert "customer.example" not in text
    async with operated.client() as client:
        answer = await client.post("/sign-in", data={"token": token("customer")}, headers=HERE)
        assert (answer.status_code, answer.headers.get("set-cookie")) == (403, None)
        assert "<h1>Not for customers</h1>" in answer.text
    assert await all_rows(database) == before


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://localhost"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://evil.example"},
        {"Origin": "http://localhost:8080"},
        {"Origin": "null"},
        {},
    ],
)
async def test_another_site_does_nothing_in_somebodys_name(
    operated: Operated, database: Database, lead: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    """Even with their cookie, and with the proof that it can't have."""
    proof = proof_of((await lead.get("/deliveries")).text)
    before = await all_rows(database)
    for name in HERE:
        del lead.headers[name]
    form = {"proof": proof, "round": "0", "address": "gone@customer.example", "token": "x"}
    for method, path in [*routes_of(operated), ("POST", "/sign-in")]:
        if method == "POST" and not path.startswith("/v1/"):
            answer = await lead.post(path, data=form, headers=headers)
            assert answer.status_code == 403, path
    assert await all_rows(database) == before


@pytest.mark.parametrize("proof", ["", "0" * 64, "nön", None])
async def test_a_form_without_the_sessions_proof_does_nothing(
    operated: Operated, database: Database, lead: httpx.AsyncClient, proof: str | None
) -> None:
    """A form that was made elsewhere, or in an earlier session."""
    before = await all_rows(database)
    form = {"round": "0", "address": "gone@customer.example"}
    given = form if proof is None else form | {"proof": proof}
    for method, path in routes_of(operated):
        if method == "POST" and not path.startswith("/v1/"):
            assert (await lead.post(path, data=given)).status_code == 403, path
    assert await all_rows(database) == before


async def test_a_cookie_opens_no_api(lead: httpx.AsyncClient) -> None:
    """Programs bring their token with each request: so no page of another site can use the API."""
    assert (await lead.get("/v1/deliveries")).status_code == 401
    answer = await lead.post(f"/v1/deliveries/{rows.HOSTILE.id}/again")
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("base", "name", "secure"),
    [
        ("http://localhost", "careline_deliveries", False),
        ("http://127.0.0.1:8103", "careline_deliveries", False),
        ("http://[::1]:8103", "careline_deliveries", False),
        ("https://desk.example", "__Host-careline_deliveries", True),
    ],
)
async def test_the_token_is_kept_where_nobody_else_reads_it(
    operated: Operated, base: str, name: str, *, secure: bool
) -> None:
    """No script, no other site, no other path, and over https no other host and no clear text."""
    async with operated.client(base=base) as client:
        form = {"token": token("lead"), "next": "/lanes"}
        answer = await client.post("/sign-in", data=form, headers=HERE)
    assert (answer.status_code, answer.headers["location"]) == (303, "/lanes")
    kept, *flags = answer.headers["set-cookie"].split("; ")
    assert kept == f"{name}={token('lead')}" or kept.startswith(f"{name}=")
    assert set(flags) == {"HttpOnly", "Max-Age=3600", "Path=/", "SameSite=strict"} | (
        {"Secure"} if secure else set()
    )


async def test_no_token_travels_in_the_clear(operated: Operated) -> None:
    """Over plain http from elsewhere it is not kept, and the page says why."""
    for base in ("http://desk.example", "http://192.0.2.1", "http://localhost.evil.example"):
        async with operated.client(base=base) as client:
            answer = await client.post("/sign-in", data={"token": token("lead")}, headers=HERE)
        assert (answer.status_code, answer.headers.get("set-cookie")) == (400, None)
        assert "Please come by https" in answer.text


async def test_a_session_ends_with_its_token_or_a_working_day(operated: Operated) -> None:
    """Whichever is sooner; signing out ends it at once."""
    async with operated.client() as client:
        form = {"token": token("lead", holds=timedelta(days=30))}
        answer = await client.post("/sign-in", data=form, headers=HERE)
        assert f"Max-Age={8 * 3600}" in answer.headers["set-cookie"]
    async with operated.browser("lead") as browser:
        page = (await browser.get("/deliveries")).text
        answer = await browser.post("/sign-out", data={"proof": proof_of(page)})
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
        assert (await browser.get("/deliveries")).status_code == 303
    async with operated.browser("lead") as browser:
        operated.now += timedelta(hours=2)
        assert (await browser.get("/deliveries")).status_code == 303
        answer = await browser.post(f"/deliveries/{rows.HOSTILE.id}/again", data={"round": "0"})
        assert answer.status_code == 401
        assert "nothing was done" in answer.text


async def test_a_token_that_does_not_hold_is_refused_in_words(operated: Operated) -> None:
    """And it is not repeated on the page."""
    async with operated.client() as client:
        for bad in ("", "nonsense", token("lead", key=STRANGER), "x" * 5000):
            answer = await client.post("/sign-in", data={"token": bad}, headers=HERE)
            assert answer.status_code in {400, 401}
            assert "That did not work." in answer.text
            assert "set-cookie" not in answer.headers
            assert not bad or bad not in answer.text


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "/deliveries\\@evil.example",
        "/deliveries\r\nSet-Cookie: a=b",
        "javascript:alert(1)",
        "",
    ],
)
async def test_signing_in_leads_to_these_pages_alone(operated: Operated, elsewhere: str) -> None:
    """Whatever a link to the sign-in says."""
    async with operated.client() as client:
        form = {"token": token("lead"), "next": elsewhere}
        answer = await client.post("/sign-in", data=form, headers=HERE)
        assert answer.headers["location"] == "/deliveries"
        page = (await client.get(f"/sign-in?next={quote(elsewhere)}")).text
        assert 'name="next" value="/deliveries"' in page
