"""The organisation's OpenID Connect provider: authorization code with PKCE, by discovery.

What it publishes is kept for a while; its keys are fetched anew when a token was signed by one
that we don't know, yet not more often than a stranger could make us. It is asked within a time,
and no answer of it is read beyond a size.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx2
import structlog
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from joserfc.jwk import KeySet
from pydantic import BaseModel, ValidationError

from services.messaging.login.bounded import bounded
from services.messaging.login.claims import ClaimNames, lacks, person_of
from services.messaging.login.cookies import is_loopback
from services.messaging.login.id_tokens import (
    Expected,
    IdTokenError,
    UnknownKeyError,
    read_id_token,
)
from services.messaging.store import Person

log = structlog.get_logger(__name__)

KEPT = timedelta(hours=1)
"""What the provider publishes of itself."""
KEYS_ANEW = timedelta(seconds=10)
"""At the least between two looks for new keys."""
WITHIN = 10.0
"""Seconds for all that one step of a sign-in asks of the provider."""
WELL_KNOWN = "/.well-known/openid-configuration"


class ProviderAwayError(Exception):
    """The provider does not answer as it should: it may later."""


class SignInRefusedError(Exception):
    """This sign-in can't go on; another one may succeed."""


class Metadata(BaseModel):
    """What a provider publishes of itself (OpenID Connect Discovery 1.0)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    end_session_endpoint: str | None = None
    token_endpoint_auth_methods_supported: list[str] = ["client_secret_basic"]


@dataclass(frozen=True, slots=True)
class Client:
    """How the desk is known to the provider."""

    issuer: str
    client_id: str
    client_secret: str | None
    scopes: str
    back: str
    """Where the provider sends people back to: `/sign-in/back` of our public address."""
    claims: ClaimNames


@dataclass(frozen=True, slots=True)
class Started:
    """The secrets of a sign-in under way, each 256 random bits."""

    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Somebody whom the provider vouches for."""

    person: Person
    id_token: str


class Provider:
    """Signs people in at one provider.

    Args:
        client: How we are known there.
        clock: The present, with a zone.
    """

    def __init__(self, client: Client, clock: Callable[[], datetime]) -> None:
        self._client = client
        self._clock = clock
        self._metadata: tuple[Metadata, datetime] | None = None
        self._keys: tuple[KeySet, datetime] | None = None
        self._tls = ssl.create_default_context()

    async def begin(self, started: Started) -> str:
        """Where somebody goes to sign in.

        Raises:
            ProviderAwayError: nothing is known of the provider, and it does not answer.
        """
        async with self._asking() as session:
            metadata = await self._discover(session)
            address, _ = session.create_authorization_url(
                metadata.authorization_endpoint,
                state=started.state,
                nonce=started.nonce,
                code_verifier=started.verifier,
            )
        return str(address)

    async def finish(self, code: str, *, nonce: str, verifier: str) -> SignedIn:
        """Who came back with this code.

        Raises:
            ProviderAwayError: the provider does not answer as it should.
            SignInRefusedError: it does not take the code, or what it says does not hold.
        """
        async with self._asking() as session:
            metadata = await self._discover(session)
            session.token_endpoint_auth_method = self._method(metadata)
            token = await session.fetch_token(
                metadata.token_endpoint,
                grant_type="authorization_code",
                code=code,
                code_verifier=verifier,
                redirect_uri=self._client.back,
            )
            id_token = token.get("id_token")
            if not isinstance(id_token, str):
                raise SignInRefusedError("the provider gave no ID token")
            claims = await self._read(session, metadata, id_token, nonce)
            if lacks(claims, self._client.claims) and metadata.userinfo_endpoint:
                more = await self._userinfo(session, metadata.userinfo_endpoint, claims["sub"])
                claims = more | claims
        return SignedIn(person_of(claims, self._client.claims), id_token)

    async def way_out(self, id_token: str | None, back: str) -> str | None:
        """Where somebody signs out at the provider too; None where it has no such place.

        Raises:
            ProviderAwayError: nothing is known of the provider, and it does not answer.
        """
        async with self._asking() as session:
            metadata = await self._discover(session)
        if metadata.end_session_endpoint is None:
            return None
        said = {"client_id": self._client.client_id, "post_logout_redirect_uri": back}
        if id_token:
            said["id_token_hint"] = id_token
        joint = "&" if urlsplit(metadata.end_session_endpoint).query else "?"
        return f"{metadata.end_session_endpoint}{joint}{urlencode(said)}"

    @property
    def issuer(self) -> str:
        """Who the provider says it is."""
        return self._client.issuer

    @asynccontextmanager
    async def _asking(self) -> AsyncIterator[Any]:
        """A session of its own for each step: Authlib keeps the tokens of one person in it."""
        try:
            async with asyncio.timeout(WITHIN), self._session() as session:
                yield session
        except OAuthError as error:
            raise SignInRefusedError(f"the provider says {error.error}") from None
        except IdTokenError as error:
            raise SignInRefusedError(f"the ID token does not hold: {error}") from None
        except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError, ValueError) as error:
            # ValueError: JSON was expected. Authlib raises HTTPError for 5xx of the token endpoint.
            log.warning("provider_away", error=type(error).__name__)
            raise ProviderAwayError(type(error).__name__) from None

    def _session(self) -> Any:  # noqa: ANN401 - Authlib has no types
        known = self._client
        return AsyncOAuth2Client(
            known.client_id,
            known.client_secret,
            scope=known.scopes,
            redirect_uri=known.back,
            code_challenge_method="S256",
            timeout=WITHIN / 2,
            follow_redirects=False,
            verify=self._tls,
            # A proxy of the environment is for the world outside.
            trust_env=not is_loopback(urlsplit(known.issuer).hostname),
            headers={"Accept-Encoding": "identity"},
            event_hooks={"response": [bounded]},
        )

    async def _discover(self, session: Any) -> Metadata:  # noqa: ANN401 - the same
        now = self._clock()
        if self._metadata is not None and now - self._metadata[1] < KEPT:
            return self._metadata[0]
        address = self._client.issuer.rstrip("/") + WELL_KNOWN
        answer = await session.request("GET", address, withhold_token=True)
        answer.raise_for_status()
        try:
            found = Metadata.model_validate_json(answer.content)
        except ValidationError:
            raise ProviderAwayError("what it publishes is not as it must be") from None
        if found.issuer != self._client.issuer:
            log.error("provider_is_another", says=found.issuer, expected=self._client.issuer)
            raise ProviderAwayError("it says that it is another one")
        self._metadata = (found, now)
        return found

    async def _read(
        self,
        session: Any,  # noqa: ANN401 - the same
        metadata: Metadata,
        id_token: str,
        nonce: str,
    ) -> dict[str, Any]:
        expected = Expected(metadata.issuer, self._client.client_id, nonce)
        keys, fetched = await self._fetch_keys(session, metadata, older_than=KEPT)
        now = self._clock()
        try:
            return read_id_token(id_token, keys, expected, now=now)
        except UnknownKeyError:
            if now - fetched < KEYS_ANEW:
                raise
        keys, _ = await self._fetch_keys(session, metadata, older_than=KEYS_ANEW)
        return read_id_token(id_token, keys, expected, now=now)

    async def _fetch_keys(
        self,
        session: Any,  # noqa: ANN401 - the same
        metadata: Metadata,
        *,
        older_than: timedelta,
    ) -> tuple[KeySet, datetime]:
        now = self._clock()
        if self._keys is None or now - self._keys[1] >= older_than:
            answer = await session.request("GET", metadata.jwks_uri, withhold_token=True)
            answer.raise_for_status()
            try:
                self._keys = (KeySet.import_key_set(answer.json()), now)
            except Exception as error:  # noqa: BLE001 - whatever is wrong with what it published
                raise ProviderAwayError(f"its keys: {type(error).__name__}") from None
        return self._keys

    async def _userinfo(
        self,
        session: Any,  # noqa: ANN401 - the same
        endpoint: str,
        subject: str,
    ) -> dict[str, Any]:
        """What the provider says when asked; nothing where it doesn't say it of the same person."""
        answer = await session.request("GET", endpoint)
        if answer.status_code != httpx2.codes.OK:
            log.warning("userinfo_refused", status=answer.status_code)
            return {}
        said = answer.json()
        return said if isinstance(said, dict) and said.get("sub") == subject else {}

    def _method(self, metadata: Metadata) -> str:
        if self._client.client_secret is None:
            return "none"
        basic, post = "client_secret_basic", "client_secret_post"
        supported = metadata.token_endpoint_auth_methods_supported
        return post if post in supported and basic not in supported else basic
