"""An OpenID Connect provider that does as it is told: it can lie, fall silent, or talk too much."""

import asyncio
import base64
import hashlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from tests.support.served import serving


@dataclass
class BentProvider:
    """What it says, and what it was asked."""

    url: str = ""
    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256", {"kid": "first"}))
    published: list[ECKey] | None = None
    """Keys that it shows; its own unless others are given."""
    claims: dict[str, Any] = field(default_factory=dict)
    """Instead of those that an ID token should have."""
    userinfo: dict[str, Any] | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    """Instead of those that it should publish."""
    junk: dict[str, bytes] = field(default_factory=dict)
    """Answers, by path."""
    silent: bool = False
    asked: list[str] = field(default_factory=list)
    """Paths."""
    tokens: list[dict[str, str]] = field(default_factory=list)
    """What came to its token endpoint."""
    _begun: dict[str, dict[str, str]] = field(default_factory=dict)

    def application(self) -> Starlette:
        """Its endpoints."""
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._configuration),
                Route("/authorize", self._authorize),
                Route("/token", self._token, methods=["POST"]),
                Route("/jwks", self._jwks),
                Route("/userinfo", self._userinfo),
            ]
        )

    async def _answer(self, request: Request, said: dict[str, Any]) -> Response:
        path = request.url.path
        self.asked.append(path)
        if self.silent:
            await asyncio.sleep(60)
        if path in self.junk:
            return Response(self.junk[path], media_type="application/json")
        return JSONResponse(said)

    async def _configuration(self, request: Request) -> Response:
        said = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
        }
        if self.userinfo is not None:
            said["userinfo_endpoint"] = f"{self.url}/userinfo"
        return await self._answer(request, said | self.metadata)

    async def _authorize(self, request: Request) -> Response:
        said = dict(request.query_params)
        code = f"code-{len(self._begun)}"
        self._begun[code] = said
        back = urlencode({"code": code, "state": said["state"]})
        return RedirectResponse(f"{said['redirect_uri']}?{back}")

    async def _token(self, request: Request) -> Response:
        given = {
            name: values[0] for name, values in parse_qs((await request.body()).decode()).items()
        }
        self.tokens.append(given)
        begun = self._begun.pop(given["code"], None)
        if begun is None or _challenge(given["code_verifier"]) != begun["code_challenge"]:
            return JSONResponse({"error": "invalid_grant"}, 400)
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": begun["client_id"],
            "sub": "u-1",
            "nonce": begun["nonce"],
            "iat": now,
            "exp": now + 60,
        }
        said = {name: value for name, value in (claims | self.claims).items() if value is not None}
        signed = jwt.encode({"alg": "ES256", "kid": self.key.kid}, said, self.key)
        return await self._answer(
            request, {"access_token": "access", "token_type": "Bearer", "id_token": signed}
        )

    async def _jwks(self, request: Request) -> Response:
        keys = self.published or [self.key]
        return await self._answer(request, {"keys": [key.as_dict(private=False) for key in keys]})

    async def _userinfo(self, request: Request) -> Response:
        if request.headers["authorization"] != "Bearer access":
            return Response(status_code=401)
        return await self._answer(request, self.userinfo or {})


def _challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@asynccontextmanager
async def bent_provider() -> AsyncIterator[BentProvider]:
    """One that is straight until it is told otherwise."""
    provider = BentProvider()
    async with serving(provider.application()) as url:
        provider.url = url
        yield provider


def code_in(address: str) -> str:
    """The code that somebody comes back with."""
    return parse_qs(urlsplit(address).query)["code"][0]
