"""Signing in at a real provider: sessions begin, hold and end as they should."""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.messaging.login import sign_ins
from services.messaging.pages.doors import Doors
from services.messaging.visitors import Visitor
from shared.database import Database
from shared.identity import requester_id
from tests.support.signing_in import (
    SECRET,
    Center,
    browser,
    choose,
    go,
    leave,
    proof_in,
    running_provider,
    serving_center,
    sign_in_as,
)

COOKIE = "careline"


def who(doors: Doors) -> list[Route]:
    """A page that says who is there."""

    async def show(request: Request, visitor: Visitor) -> Response:
        return JSONResponse(
            {
                "subject": visitor.caller.subject,
                "name": visitor.caller.name,
                "account": visitor.caller.account,
                "roles": sorted(visitor.caller.roles),
                "address": visitor.address,
                "requester": visitor.requester,
                "still": await doors.still(request),
            }
        )

    return [Route("/who", doors.visitors(show)), Route("/for-leads", doors.leads(show))]


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    """A real provider, as a local desk runs it."""
    with running_provider() as address:
        yield address


@pytest.fixture
async def center(database: Database, provider: str) -> AsyncIterator[Center]:
    """Messaging's pages."""
    async with serving_center(database, provider, more=who) as served:
        yield served


async def test_a_customer_signs_in_and_is_known_by_name_account_and_address(center: Center) -> None:
    """As the provider says, with the pseudonym of the address that it has verified."""
    async with browser(center.url) as client:
        answer = await sign_in_as(client, "customer-advanced", "/who")
        assert (answer.status_code, answer.headers["location"]) == (303, "/who")
        said = (await client.get("/who")).json()
    address = "customer@acme-advanced.example"
    assert said == {
        "subject": "customer-advanced",
        "name": "Advanced Customer",
        "account": "acme-advanced",
        "roles": ["customer"],
        "address": address,
        "requester": requester_id(address, secret=SECRET),
        "still": True,
    }


async def test_whoever_is_not_signed_in_is_asked_to_and_led_back(center: Center) -> None:
    """By a page that says what it is for, with one way on."""
    async with browser(center.url) as client:
        asked = await client.get("/who?a=1")
        assert asked.headers["location"] == "/sign-in?next=/who%3Fa%3D1"
        page = await go(client, "/who?a=1")
        assert 'href="/sign-in/start?next=/who%3Fa%3D1"' in page.text
        answer = await sign_in_as(client, "agent-one", "/who?a=1")
        assert answer.headers["location"] == "/who?a=1"


async def test_roles_open_doors_and_a_wrong_one_is_told_so(center: Center) -> None:
    """Agents are no leads; customers neither; a script hears of it as a problem document."""
    for subject, status in {"lead": 200, "agent-one": 403, "customer-basic": 403}.items():
        async with browser(center.url) as client:
            await sign_in_as(client, subject)
            assert (await client.get("/for-leads")).status_code == status
            if status == 403:
                answer = await client.get("/for-leads", headers={"X-Careline": "script"})
                assert answer.headers["content-type"] == "application/problem+json"


async def test_the_sign_in_asks_for_what_protects_it(center: Center, provider: str) -> None:
    """Code flow with PKCE (S256), a state and a nonce, back to the public address."""
    async with browser(center.url) as client:
        address = urlsplit(await leave(client))
    said = {name: values[0] for name, values in parse_qs(address.query).items()}
    assert f"{address.scheme}://{address.netloc}" == provider
    assert said["response_type"] == "code"
    assert said["redirect_uri"] == f"{center.url}/sign-in/back"
    assert said["code_challenge_method"] == "S256"
    assert all(len(said[name]) == 43 for name in ("state", "nonce", "code_challenge"))


async def test_a_way_back_is_good_once_and_in_the_browser_that_left(center: Center) -> None:
    """Not again, and not for somebody who was sent it: they would be signed in as another."""
    async with browser(center.url) as client, browser(center.url) as other:
        back = await choose(client, await leave(client), "agent-one")
        stranger = await other.get(back)
        assert (stranger.status_code, COOKIE in stranger.cookies) == (400, False)
        # What the stranger tried has used nothing up.
        assert (await client.get(back)).status_code == 303
        again = await client.get(back)
        assert (again.status_code, COOKIE in again.cookies) == (400, False)
        assert "You are not signed in" in again.text


async def test_a_sign_in_that_takes_longer_than_ten_minutes_begins_anew(center: Center) -> None:
    """However right all of it is."""
    async with browser(center.url) as client:
        back = await choose(client, await leave(client), "agent-one")
        center.clock.ahead += timedelta(minutes=10, seconds=1)
        assert (await client.get(back)).status_code == 400


async def test_two_tabs_can_sign_in_at_once(center: Center) -> None:
    """The second does not spoil the first."""
    async with browser(center.url) as client:
        first, second = await leave(client, "/one"), await leave(client, "/two")
        one = await client.get(await choose(client, first, "agent-one"))
        assert one.headers["location"] == "/one"
        two = await client.get(await choose(client, second, "agent-one"))
        assert two.headers["location"] == "/two"


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example",
        "https://evil.example/",
        "/\\evil.example",
        "\\\\evil.example",
        "/%5Cevil.example",
        "/\tevil",
        "/\r\nSet-Cookie: a=b",
        "javascript:alert(1)",
        "evil",
        "",
        "/" + "a" * 3000,
    ],
)
async def test_nobody_is_led_to_another_site(center: Center, path: str) -> None:
    """Whatever stands in `next`: it leads to the first page."""
    async with browser(center.url) as client:
        answer = await sign_in_as(client, "agent-one", path)
        assert answer.headers["location"] == "/"
        again = await client.get("/sign-in", params={"next": path})
        assert again.headers["location"] == "/"


async def test_a_sign_in_begins_a_session_under_a_new_value(center: Center) -> None:
    """A value that somebody planted, or an earlier one, is worth nothing afterwards."""
    async with browser(center.url) as client:
        client.cookies.set(COOKIE, "a" * 43, domain="127.0.0.1")
        first = (await sign_in_as(client, "agent-one")).cookies[COOKIE]
        assert first != "a" * 43
        second = (await sign_in_as(client, "agent-one")).cookies[COOKIE]
        assert second != first
    for value in ("a" * 43, first):
        async with browser(center.url) as other:
            other.cookies.set(COOKIE, value, domain="127.0.0.1")
            assert (await other.get("/who")).status_code == 303


async def test_the_database_has_nothing_to_come_in_with(center: Center) -> None:
    """The cookie's value is nowhere in it."""
    async with browser(center.url) as client:
        value = (await sign_in_as(client, "agent-one")).cookies[COOKIE]
    async with center.database.connection() as connection:
        kept = await connection.fetch("SELECT sessions::text AS row FROM sessions")
    assert len(kept) == 1
    assert value not in kept[0]["row"]


async def test_a_session_ends_when_it_is_not_used(center: Center) -> None:
    """After two hours without a request; a page that stays open is no use."""
    async with browser(center.url) as client:
        await sign_in_as(client, "agent-one")
        center.clock.ahead += timedelta(minutes=119)
        assert (await client.get("/who")).status_code == 200
        center.clock.ahead += timedelta(minutes=119)
        assert (await client.get("/who")).status_code == 200
        center.clock.ahead += timedelta(minutes=121)
        assert (await client.get("/who")).status_code == 303


async def test_a_session_ends_after_a_working_day(center: Center) -> None:
    """However much it is used."""
    async with browser(center.url) as client:
        await sign_in_as(client, "agent-one")
        for _ in range(7):
            center.clock.ahead += timedelta(hours=1)
            assert (await client.get("/who")).status_code == 200
        center.clock.ahead += timedelta(hours=1)
        assert (await client.get("/who")).status_code == 303


async def test_signing_out_ends_the_session_for_whoever_has_its_cookie(center: Center) -> None:
    """At once and in every window; on to the provider, which signs out as well."""
    async with browser(center.url) as client, browser(center.url) as window:
        value = (await sign_in_as(client, "agent-one")).cookies[COOKIE]
        window.cookies.set(COOKIE, value, domain="127.0.0.1")
        assert (await window.get("/who")).status_code == 200
        proof = proof_in(await client.get("/cookies"))
        answer = await client.post("/sign-out", data={"proof": proof})
        assert answer.status_code == 200
        way_out = answer.headers["refresh"].removeprefix("0; url=")
        assert "id_token_hint=" in way_out
        assert (await client.get(way_out)).status_code == 200
        assert answer.headers["clear-site-data"] == '"storage"'
        assert (await window.get("/who")).status_code == 303


async def test_a_change_of_roles_at_the_next_sign_in_counts_everywhere(center: Center) -> None:
    """An earlier session of the same person has no more than the last sign-in said."""
    async with browser(center.url) as client:
        await sign_in_as(client, "lead")
        assert (await client.get("/for-leads")).status_code == 200
        async with center.database.connection() as connection:
            await connection.execute("UPDATE people SET roles = '{customer}'")
        assert (await client.get("/for-leads")).status_code == 403


@pytest.mark.parametrize(
    ("headers", "with_proof"),
    [
        ({"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}, True),
        ({"Origin": "null", "Sec-Fetch-Site": "cross-site"}, True),
        ({"Origin": "null", "Sec-Fetch-Site": "same-site"}, True),
        ({}, False),
    ],
    ids=["another site", "another site that hides", "a neighbour", "without the proof"],
)
async def test_no_other_page_can_send_a_form_of_ours(
    center: Center, headers: dict[str, str], *, with_proof: bool
) -> None:
    """Neither with the cookie alone nor with a proof that somebody stole."""
    async with browser(center.url) as client:
        await sign_in_as(client, "agent-one")
        proof = proof_in(await client.get("/cookies"))
        data = {"proof": proof} if with_proof else {"other": "x"}
        answer = await client.post("/sign-out", data=data, headers=headers)
        assert answer.status_code == 403
        assert (await client.get("/who")).status_code == 200


async def test_a_proof_is_of_one_session(center: Center) -> None:
    """Another one's is refused."""
    async with browser(center.url) as client, browser(center.url) as other:
        await sign_in_as(client, "agent-one")
        await sign_in_as(other, "agent-two")
        proof = proof_in(await other.get("/cookies"))
        assert (await client.post("/sign-out", data={"proof": proof})).status_code == 403


async def test_cookies_are_for_this_host_and_no_script(center: Center) -> None:
    """HttpOnly, SameSite=Lax, for the whole host and nobody else's."""
    async with browser(center.url) as client:
        left = await client.get("/sign-in/start")
        answer = await sign_in_as(client, "agent-one")
    given = [*left.headers.get_list("set-cookie"), *answer.headers.get_list("set-cookie")]
    for each in given:
        assert "HttpOnly" in each
        assert "SameSite=lax" in each
        assert "Path=/" in each
        assert "Domain" not in each
    assert {each.partition("=")[0] for each in given} == {COOKIE, "careline_sign_in"}


async def test_under_https_cookies_are_bound_to_it(database: Database, provider: str) -> None:
    """By their names too, which browsers hold to one host; whatever stands in between."""
    public = "https://support.example"
    async with (
        serving_center(database, provider, public_address=public) as center,
        browser(center.url) as client,
    ):
        left = await client.get("/sign-in/start")
    cookie = left.headers["set-cookie"]
    assert cookie.startswith("__Host-careline_sign_in=")
    assert "Secure" in cookie


async def test_over_plain_http_from_elsewhere_nobody_signs_in(
    database: Database, provider: str
) -> None:
    """Whoever is in between could take the session: the page says so, and no cookie is set."""
    public = "http://support.example"
    async with (
        serving_center(database, provider, public_address=public) as center,
        browser(center.url) as client,
    ):
        answer = await client.get("/sign-in/start")
        assert (answer.status_code, answer.headers.get("set-cookie")) == (400, None)
        assert "https" in (await client.get("/sign-in")).text


async def test_a_provider_that_is_away_is_said_so_and_can_be_tried_again(
    database: Database,
) -> None:
    """503 with a page, and no word of what went wrong inside."""
    async with (
        serving_center(database, "http://127.0.0.1:9") as center,
        browser(center.url) as client,
    ):
        answer = await client.get("/sign-in/start?next=/who")
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert 'href="/sign-in/start?next=/who"' in answer.text
    assert "Traceback" not in answer.text


async def test_without_a_provider_nobody_signs_in(database: Database) -> None:
    """And the page says what there is instead."""
    async with serving_center(database, None) as center, browser(center.url) as client:
        assert (await client.get("/sign-in/start")).status_code == 404
        page = await client.get("/sign-in")
    assert page.status_code == 200
    assert "links in our mails" in page.text


async def test_keys_that_the_provider_has_changed_are_fetched(database: Database) -> None:
    """It starts anew with other keys; the next sign-in goes through."""
    with running_provider() as address:
        port = urlsplit(address).port
    async with serving_center(database, address, more=who) as center:
        for _ in range(2):
            with running_provider(port):
                async with browser(center.url) as client:
                    assert (await sign_in_as(client, "agent-one")).status_code == 303
            center.clock.ahead += timedelta(seconds=15)


async def test_many_sign_ins_keep_nobody_out(
    center: Center, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that began first make room, and whoever has just begun comes in."""
    monkeypatch.setattr(sign_ins, "MOST", 5)
    async with browser(center.url) as client:
        left = await leave(client)
        for _ in range(3):
            async with browser(center.url) as other:
                await leave(other)
        assert (await client.get(await choose(client, left, "agent-one"))).status_code == 303
        left = await leave(client)
        for _ in range(7):
            async with browser(center.url) as other:
                await leave(other)
        assert (await client.get(await choose(client, left, "agent-one"))).status_code == 400
    async with center.database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM sign_ins") <= sign_ins.MOST
