"""Signing in at the desk's provider as a browser would, and messaging's pages served for that."""

import os
import re
import secrets
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urljoin

import httpx

from deploy.local import ports, sign_in
from services.messaging.pages import front
from services.messaging.pages.doors import Doors
from services.messaging.settings import MessagingSettings
from shared import web
from shared.database import Database
from tests.support.served import serving

SECRET = "a-secret-of-the-tests"
_PROOF = re.compile(r'name="proof" value="([0-9a-f]{64})"')


@contextmanager
def running_provider(port: int | None = None) -> Iterator[str]:
    """The provider of a local desk as a process of its own: where it answers."""
    chosen = port or ports.free_ports().sign_in
    address = f"http://{ports.HOST}:{chosen}"
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(  # noqa: S603 - our own program
            sign_in.command(chosen), env={**os.environ, "NO_COLOR": "1"}, stdout=log, stderr=log
        )
        try:
            _wait(process, sign_in.ready_url(address))
            yield address
        finally:
            process.terminate()
            process.wait(10)


def _wait(process: "subprocess.Popen[bytes]", url: str) -> None:
    end = time.monotonic() + 30
    with httpx.Client(trust_env=False) as client:
        while True:
            assert process.poll() is None, "the provider has ended"
            assert time.monotonic() < end, "waited in vain for the provider"
            try:
                if client.get(url).status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                time.sleep(0.05)


@dataclass
class Clock:
    """A clock that goes, and can be set forward."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        """The present, or later."""
        return datetime.now(UTC) + self.ahead  # noqa: TID251 - the provider's tokens are of now


@dataclass(frozen=True)
class Center:
    """Messaging's pages behind a real HTTP server."""

    url: str
    doors: Doors
    database: Database
    clock: Clock


Configure = Callable[[Doors], list[Any]]
"""Further routes."""


@asynccontextmanager
async def serving_center(
    database: Database, issuer: str | None, *, more: Configure | None = None, **settings: object
) -> AsyncIterator[Center]:
    """The pages at the front of messaging, and others, with this database and provider.

    Args:
        database: Connected and migrated.
        issuer: The provider.
        more: Makes further routes.
        settings: Of messaging, by their names.
    """
    clock, application = Clock(), web.application([], dict)
    async with serving(application) as url:
        given: dict[str, Any] = {
            "database": "postgresql://unused",
            "public_address": url,
            "intake": "http://127.0.0.1:9",
            "oidc_issuer": issuer,
            "oidc_client_secret": sign_in.CLIENT_SECRET,
            "pass_secret": SECRET,
            "stream_secret": "a-stream-secret-of-the-tests-that-is-long",
            "pseudonym_secret": SECRET,
        } | settings
        made = front.build(MessagingSettings(**given), database, clock, new_value)
        application.router.routes += [*(more(made.doors) if more else []), *made.routes]
        yield Center(url, made.doors, database, clock)


def new_value() -> str:
    """A value of 256 random bits."""
    return secrets.token_urlsafe(32)


@asynccontextmanager
async def browser(center: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client that keeps cookies and follows nothing by itself."""
    headers = {"Origin": center, "Sec-Fetch-Site": "same-origin"}
    async with httpx.AsyncClient(
        base_url=center, trust_env=False, timeout=20, headers=headers
    ) as client:
        yield client


async def go(client: httpx.AsyncClient, path: str) -> httpx.Response:
    """Open a page and follow where it leads, as browsers do."""
    return await client.get(path, follow_redirects=True)


async def leave(client: httpx.AsyncClient, next_path: str = "/") -> str:
    """Begin a sign-in: the provider's address to which one is sent."""
    answer = await client.get("/sign-in/start", params={"next": next_path})
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


async def choose(client: httpx.AsyncClient, provider_page: str, subject: str) -> str:
    """Click on somebody at the provider: the address to which one comes back."""
    answer = await client.post(provider_page, data={"sub": subject})
    assert answer.status_code == 302, answer.text
    return urljoin(provider_page, answer.headers["location"])


async def sign_in_as(
    client: httpx.AsyncClient, subject: str, next_path: str = "/"
) -> httpx.Response:
    """Sign in as one of deploy/local/people.py: the answer to coming back."""
    return await client.get(await choose(client, await leave(client, next_path), subject))


def proof_in(page: httpx.Response) -> str:
    """The proof that stands in the forms of a page."""
    found = _PROOF.search(page.text)
    assert found, page.text
    return found[1]
