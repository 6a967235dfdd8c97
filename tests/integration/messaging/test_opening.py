"""Links open their ticket for whoever has them, as long as they hold, and nothing else."""

import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from services.messaging import store
from services.messaging.pages.doors import Doors
from services.messaging.store import LinkRow
from services.messaging.upkeep import KEEP_LINKS, Upkeep
from services.messaging.visitors import Visitor
from shared.database import Database
from shared.links import make_link
from shared.passes import Pass, PassKind, read_pass
from tests.support.desk_rows import A, B, C, fill
from tests.support.signing_in import (
    SECRET,
    Center,
    browser,
    proof_in,
    running_provider,
    serving_center,
    sign_in_as,
)


def shown(doors: Doors) -> list[Route]:
    """A page that says which threads a visitor sees, and takes a form."""

    async def show(request: Request, visitor: Visitor) -> Response:
        async with doors.guarded.reading(visitor) as connection:
            rows = await connection.fetch("SELECT ticket FROM threads ORDER BY ticket")
        still = await doors.still(request)
        return JSONResponse({"tickets": [str(row["ticket"]) for row in rows], "still": still})

    async def take(request: Request, visitor: Visitor) -> Response:
        await doors.form(request, visitor)
        return doors.done(request, "/shown")

    async def prove(_: Request, visitor: Visitor) -> Response:
        return PlainTextResponse(visitor.proof)

    routes = [("/shown", show, "GET"), ("/shown", take, "POST"), ("/proof", prove, "GET")]
    return [Route(path, doors.visitors(each), methods=[verb]) for path, each, verb in routes]


@pytest.fixture
async def center(database: Database) -> AsyncIterator[Center]:
    """Messaging's pages, with a ticket for each of three strangers."""
    async with database.transaction() as connection:
        await fill(connection)
        await connection.execute("DELETE FROM links")
    async with serving_center(database, None, more=shown) as served:
        yield served


async def link_to(center: Center, ticket: UUID, *, days: float = 30) -> str:
    """A link's secret part."""
    now = center.clock()
    made = make_link(SECRET, secrets.token_hex(8), expires=now + timedelta(days=days))
    row = LinkRow(made.link.sha256, ticket, "mail", now, made.link.expires)
    async with center.database.transaction() as connection:
        await store.keep_links(connection, [row])
    return made.token


async def opened(client: httpx.AsyncClient) -> list[UUID]:
    """Which tickets somebody sees now."""
    answer = await client.get("/shown")
    if answer.status_code == 303:
        return []
    return [UUID(each) for each in answer.json()["tickets"]]


async def test_a_link_opens_its_ticket_again_and_again(center: Center) -> None:
    """It leads to the conversation, without a word of itself; looking at it uses nothing up."""
    token = await link_to(center, A)
    for _ in range(2):
        async with browser(center.url) as client:
            answer = await client.get(f"/open/{token}")
            assert (answer.status_code, answer.headers["location"]) == (303, f"/center/{A}")
            assert await opened(client) == [A]
    async with browser(center.url) as client:
        answer = await client.get(f"/open/{token}?to=chat")
        assert answer.headers["location"] == f"/center/{A}/chat"


async def test_the_cookie_is_for_this_host_and_no_script(center: Center) -> None:
    """HttpOnly, SameSite=Lax; and never for another host."""
    token = await link_to(center, A)
    async with browser(center.url) as client:
        cookie = (await client.get(f"/open/{token}")).headers["set-cookie"]
    assert cookie.startswith("careline_links=")
    assert all(each in cookie for each in ("HttpOnly", "SameSite=lax", "Path=/", "Max-Age=2592000"))
    assert "Domain" not in cookie


async def test_several_links_open_several_tickets(center: Center) -> None:
    """And forms of pages that are open go on being taken; those of another browser never are."""
    first, second = await link_to(center, A), await link_to(center, B)
    async with browser(center.url) as client, browser(center.url) as other:
        await client.get(f"/open/{first}")
        await other.get(f"/open/{first}")
        proof, foreign = [(await each.get("/proof")).text for each in (client, other)]
        await client.get(f"/open/{second}")
        assert await opened(client) == [A, B]
        assert (await client.post("/shown", data={"proof": proof})).status_code == 303
        assert (await client.post("/shown", data={"proof": foreign})).status_code == 403
        script = {"X-Careline": "script", "X-Careline-Proof": proof}
        answer = await client.post("/shown", data={"a": "b"}, headers=script)
        assert answer.status_code == 204


async def test_a_browser_keeps_eight_links(center: Center) -> None:
    """A ninth puts out the one that was opened first."""
    tokens = [await link_to(center, ticket) for ticket in (A, *[B] * 7, C)]
    async with browser(center.url) as client:
        for token in tokens[:8]:
            await client.get(f"/open/{token}")
        assert await opened(client) == [A, B]
        await client.get(f"/open/{tokens[8]}")
        assert await opened(client) == [B, C]


async def test_a_link_ends_on_its_day(center: Center) -> None:
    """In browsers that have opened it, too; and its page says so."""
    token = await link_to(center, A, days=1)
    async with browser(center.url) as client:
        await client.get(f"/open/{token}")
        center.clock.ahead += timedelta(days=1, seconds=1)
        assert await opened(client) == []
        answer = await client.get(f"/open/{token}")
    assert (answer.status_code, "set-cookie" in answer.headers) == (404, False)
    assert "This link opens nothing" in answer.text


async def test_what_is_no_link_opens_nothing(center: Center) -> None:
    """Neither a guess nor what somebody writes into the cookie."""
    guess = secrets.token_urlsafe(32)
    async with browser(center.url) as client:
        for path in ("/open/x", "/open/" + "a" * 44, "/open/%00", f"/open/{guess}?asked=30"):
            assert (await client.get(path)).status_code == 404
        for value in (guess, f"{guess}.{guess}", "a.b.c", "." * 100, f"{guess}.{A}"):
            client.cookies.set("careline_links", value, domain="127.0.0.1")
            assert await opened(client) == []


async def test_a_link_that_is_not_heard_of_yet_is_waited_for(center: Center) -> None:
    """The page looks again by itself, for half a minute, and comes through once it is there."""
    made = make_link(SECRET, "soon", expires=datetime.now(UTC) + timedelta(days=1))  # noqa: TID251 - links end some day
    async with browser(center.url) as client:
        answer = await client.get(f"/open/{made.token}?to=chat")
        assert answer.status_code == 202
        assert answer.headers["refresh"] == f"1; url=/open/{made.token}?asked=1&to=chat"
        # It stands in a frame of the request form's page.
        assert "frame-ancestors http://127.0.0.1:9" in answer.headers["content-security-policy"]
        row = LinkRow(made.link.sha256, A, "form", center.clock(), made.link.expires)
        async with center.database.transaction() as connection:
            await store.keep_links(connection, [row])
        answer = await client.get(f"/open/{made.token}?asked=1&to=chat")
        assert answer.headers["location"] == f"/center/{A}/chat"


async def test_the_page_of_a_merged_ticket_leads_to_the_one_that_goes_on(center: Center) -> None:
    """Where the same person asked for both; a stranger's ticket is not opened that way."""
    token = await link_to(center, A)
    async with browser(center.url) as client:
        await client.get(f"/open/{token}")
        async with center.database.connection() as connection:
            await connection.execute("UPDATE threads SET merged_into = $1 WHERE ticket = $2", B, A)
        assert await opened(client) == [A]
        async with center.database.connection() as connection:
            await connection.execute("UPDATE threads SET requester = 'r-a' WHERE ticket = $1", B)
        assert await opened(client) == [A, B]


async def test_a_guest_has_no_page_of_the_desk(center: Center) -> None:
    """They are asked to sign in, since they may be an agent who has not yet."""
    token = await link_to(center, A)
    async with browser(center.url) as client:
        await client.get(f"/open/{token}")
        answer = await client.post(f"/inbox/{A}/links/revoke", data={"proof": "x"})
    assert answer.headers["location"].startswith("/sign-in")


async def test_links_that_are_taken_back_open_nothing_from_then_on(database: Database) -> None:
    """An agent does that for all links of a ticket; said again by the stream they stay so."""
    async with database.transaction() as connection:
        await fill(connection)
    with running_provider() as issuer:
        async with (
            serving_center(database, issuer, more=shown) as center,
            browser(center.url) as agent,
            browser(center.url) as guest,
            browser(center.url) as customer,
        ):
            token = await link_to(center, A)
            await guest.get(f"/open/{token}")
            assert await opened(guest) == [A]
            revoke = f"/inbox/{A}/links/revoke"
            await sign_in_as(customer, "customer-basic")
            proof = proof_in(await customer.get("/cookies"))
            assert (await customer.post(revoke, data={"proof": proof})).status_code == 403
            await sign_in_as(agent, "agent-one")
            assert (await agent.post(revoke, data={"proof": "wrong"})).status_code == 403
            assert await opened(guest) == [A]
            proof = proof_in(await agent.get("/cookies"))
            answer = await agent.post(revoke, data={"proof": proof})
            assert (answer.status_code, answer.headers["location"]) == (303, f"/inbox/{A}")
            assert await opened(guest) == []
            assert (await guest.get(f"/open/{token}")).status_code == 404


async def test_what_has_ended_is_deleted(center: Center) -> None:
    """Links a month after their end, so that until then their page can say that they have ended."""
    await link_to(center, A, days=1)
    upkeep = Upkeep(center.database, center.clock)
    await upkeep.step()
    assert await _links(center) == 1
    center.clock.ahead += timedelta(days=1) + KEEP_LINKS + timedelta(seconds=1)
    await upkeep.step()
    assert await _links(center) == 0


async def _links(center: Center) -> int:
    async with center.database.connection() as connection:
        return int(await connection.fetchval("SELECT count(*) FROM links"))


async def test_the_request_form_is_told_who_is_signed_in(database: Database) -> None:
    """By a pass with the plan in force, in the browser that the form sent here."""
    with running_provider() as issuer:
        async with serving_center(database, issuer) as center, browser(center.url) as client:
            async with database.transaction() as connection:
                await connection.execute(
                    "INSERT INTO account_plans VALUES ($1, 'acme-basic', 'basic', $2, $2)",
                    A,
                    center.clock() - timedelta(days=1),
                )
            asked = await client.get("/request")
            assert asked.headers["location"] == "/sign-in?next=/request"
            state = f"/request?state={'s' * 43}"
            asked = await client.get(state)
            assert asked.headers["location"] == f"/sign-in?next=/request%3Fstate%3D{'s' * 43}"
            answer = await sign_in_as(client, "customer-basic", state)
            assert answer.headers["location"] == state
            for without in ("/request", "/request?state=made-up"):
                there = (await client.get(without)).headers["location"]
                assert there == "http://127.0.0.1:9/request/sign-in"
            location = httpx.URL((await client.get(state)).headers["location"])
    assert (location.host, location.port, location.path) == ("127.0.0.1", 9, "/request")
    who = read_pass(SECRET, location.params["pass"], PassKind.HANDOVER, now=center.clock())
    assert who == Pass(
        "customer-basic",
        "Basic Customer",
        "customer@acme-basic.example",
        "acme-basic",
        "basic",
        state="s" * 43,
    )


async def test_without_a_secret_the_form_is_led_to_plainly(center: Center) -> None:
    """As for a desk at which nobody signs in."""
    async with browser(center.url) as client:
        assert (await client.get("/request")).headers["location"] == "http://127.0.0.1:9/request"


async def test_the_first_page_leads_on(center: Center) -> None:
    """Whoever is not known to the sign-in, who has a link to their requests."""
    token = await link_to(center, A)
    async with browser(center.url) as client:
        assert (await client.get("/")).headers["location"] == "/sign-in"
        await client.get(f"/open/{token}")
        assert (await client.get("/")).headers["location"] == "/center"
