"""A provider that lies, falls silent or talks too much signs nobody in, and breaks nothing."""

import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from joserfc.jwk import ECKey

from services.messaging.login import provider as login
from shared.database import Database
from tests.support.bent_provider import BentProvider, bent_provider
from tests.support.signing_in import Center, browser, leave, serving_center


@pytest.fixture
async def provider() -> AsyncIterator[BentProvider]:
    """One that is straight until it is told otherwise."""
    async with bent_provider() as served:
        yield served


@pytest.fixture
async def center(database: Database, provider: BentProvider) -> AsyncIterator[Center]:
    """Messaging's pages, as a client without a secret."""
    async with serving_center(database, provider.url, oidc_client_secret=None) as served:
        yield served


async def come_back(client: httpx.AsyncClient) -> httpx.Response:
    """Sign in, from leaving to coming back."""
    at_provider = await client.get(await leave(client))
    return await client.get(at_provider.headers["location"])


async def test_a_client_without_a_secret_proves_by_pkce_that_it_began(
    center: Center, provider: BentProvider
) -> None:
    """It sends what only it can know, and that there is a code of its own to exchange."""
    async with browser(center.url) as client:
        assert (await come_back(client)).status_code == 303
    assert provider.tokens[0]["client_id"] == "careline"
    assert len(provider.tokens[0]["code_verifier"]) == 43


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another"},
        {"iss": "https://another.example"},
        {"exp": int(time.time()) - 3600},
        {"azp": "another"},
        {"sub": None},
    ],
    ids=["nonce", "no nonce", "audience", "issuer", "expired", "party", "nobody"],
)
async def test_an_id_token_that_does_not_hold_signs_nobody_in(
    center: Center, provider: BentProvider, claims: dict[str, Any]
) -> None:
    """However well it is signed."""
    provider.claims = claims
    async with browser(center.url) as client:
        answer = await come_back(client)
    assert (answer.status_code, "careline" in answer.cookies) == (400, False)
    assert "You are not signed in" in answer.text


async def test_a_forged_signature_signs_nobody_in(center: Center, provider: BentProvider) -> None:
    """By a key that calls itself like the provider's; its own keys are not asked for each time."""
    provider.published = [ECKey.generate_key("P-256", {"kid": "first"})]
    async with browser(center.url) as client:
        for _ in range(5):
            assert (await come_back(client)).status_code == 400
    assert provider.asked.count("/jwks") == 1
    center.clock.ahead += timedelta(seconds=11)
    async with browser(center.url) as client:
        assert (await come_back(client)).status_code == 400
    assert provider.asked.count("/jwks") == 2


async def test_new_keys_are_fetched_once_when_they_are_needed(
    center: Center, provider: BentProvider
) -> None:
    """The provider changed them; nobody is turned away for that."""
    async with browser(center.url) as client:
        assert (await come_back(client)).status_code == 303
        center.clock.ahead += timedelta(seconds=11)
        provider.key = ECKey.generate_key("P-256", {"kid": "second"})
        assert (await come_back(client)).status_code == 303
        assert (await come_back(client)).status_code == 303
    assert provider.asked.count("/jwks") == 2
    assert provider.asked.count("/.well-known/openid-configuration") == 1


async def test_what_the_id_token_lacks_is_asked_for(center: Center, provider: BentProvider) -> None:
    """Of the same person; what it does say counts more."""
    provider.userinfo = {
        "sub": "u-1",
        "name": "Agent One",
        "roles": ["agent"],
        "email": "a@b.example",
    }
    provider.claims = {"roles": ["customer"]}
    async with browser(center.url) as client:
        assert (await come_back(client)).status_code == 303
    async with center.database.connection() as connection:
        person = await connection.fetchrow(
            "SELECT name, roles, address, address_verified FROM people"
        )
    assert person is not None
    assert tuple(person) == ("Agent One", ["customer"], "a@b.example", False)


async def test_what_is_said_of_another_person_is_not_taken(
    center: Center, provider: BentProvider
) -> None:
    """Somebody's access token might have been swapped."""
    provider.userinfo = {"sub": "u-2", "roles": ["admin"], "name": "Somebody Else"}
    async with browser(center.url) as client:
        assert (await come_back(client)).status_code == 303
    async with center.database.connection() as connection:
        person = await connection.fetchrow("SELECT name, roles FROM people")
    assert person is not None
    assert tuple(person) == (None, ["customer"])


@pytest.mark.parametrize(
    ("path", "junk"),
    [
        ("/.well-known/openid-configuration", b"<html>"),
        ("/.well-known/openid-configuration", b"{}"),
        ("/.well-known/openid-configuration", b'{"issuer": "' + b"x" * 2_000_000 + b'"}'),
        ("/jwks", b"[]"),
        ("/jwks", b'{"keys": []}'),
        ("/jwks", b'{"keys": [{"kty": "EC"}]}'),
        ("/jwks", b" " * 2_000_000),
        ("/token", b"no json"),
    ],
    ids=[
        "a page",
        "nothing",
        "too much",
        "no set",
        "no keys",
        "odd keys",
        "endless keys",
        "no token",
    ],
)
async def test_answers_that_are_none_are_trouble_that_may_pass(
    center: Center, provider: BentProvider, path: str, junk: bytes
) -> None:
    """503 with a page and a way to try again; nothing is read beyond a size."""
    provider.junk[path] = junk
    async with browser(center.url) as client:
        answer = await client.get("/sign-in/start")
        if answer.status_code == 303:
            at_provider = await client.get(answer.headers["location"])
            answer = await client.get(at_provider.headers["location"])
    assert answer.status_code == 503
    assert "Try again" in answer.text
    provider.junk.clear()
    async with browser(center.url) as client:
        assert (await come_back(client)).status_code == 303


async def test_a_provider_that_says_it_is_another_is_not_believed(
    center: Center, provider: BentProvider
) -> None:
    """Its keys would sign anything."""
    provider.metadata = {"issuer": "https://another.example"}
    async with browser(center.url) as client:
        assert (await client.get("/sign-in/start")).status_code == 503


async def test_a_silent_provider_is_waited_for_a_while(
    center: Center, provider: BentProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And then it is said that it is away."""
    monkeypatch.setattr(login, "WITHIN", 0.5)
    provider.silent = True
    async with browser(center.url) as client:
        assert (await client.get("/sign-in/start")).status_code == 503


async def test_an_answer_of_another_provider_is_not_taken(center: Center) -> None:
    """It says whose it is, as RFC 9207 has it."""
    async with browser(center.url) as client:
        at_provider = await client.get(await leave(client))
        back = at_provider.headers["location"]
        assert (await client.get(f"{back}&iss=https://another.example")).status_code == 400


async def test_a_no_of_the_provider_is_said_plainly(center: Center) -> None:
    """Such as of somebody who thought better of it."""
    async with browser(center.url) as client:
        at_provider = await client.get(await leave(client))
        back = at_provider.headers["location"].replace("code=", "error=access_denied&was=")
        answer = await client.get(back)
    assert answer.status_code == 400
    assert "Please begin anew" in answer.text
