"""Who is calling: bearer tokens (JWT), checked against the desk's key set.

Algorithms are fixed, issuer, audience and expiry are demanded (RFC 8725). What a caller may do is
a matter of roles; whose data they may see, of their account.
"""

import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from starlette.requests import Request

from shared.problems import Problem

ALGORITHMS = ["ES256", "RS256"]

LEEWAY = 30
"""Seconds by which the issuer's clock and ours may differ."""


class Role(StrEnum):
    """What a caller may do, from least to most."""

    CUSTOMER = "customer"
    AGENT = "agent"
    LEAD = "lead"
    ADMIN = "admin"


STAFF = frozenset({Role.AGENT, Role.LEAD, Role.ADMIN})


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody whose token held."""

    subject: str
    account: str | None
    name: str | None
    roles: frozenset[Role] = field(default_factory=frozenset)

    @property
    def is_staff(self) -> bool:
        """Whether this is one of us."""
        return bool(self.roles & STAFF)


@dataclass(frozen=True, slots=True)
class Held:
    """A token that held."""

    caller: Caller
    expires_at: datetime


class Verifier:
    """Tells who is calling.

    Args:
        keys: Public keys of the issuer; none means that no token holds.
        issuer: Who must have signed.
        audience: For whom.
        clock: The present, with a zone.
    """

    def __init__(
        self, keys: KeySet | None, *, issuer: str, audience: str, clock: Callable[[], datetime]
    ) -> None:
        self._keys = keys
        self._clock = clock
        self._issuer = issuer
        self._audience = audience

    def caller(self, request: Request) -> Caller | None:
        """Who sent this request, or None without an `Authorization` header.

        Raises:
            Problem: 401 when there is a header that doesn't hold.
        """
        header = request.headers.get("authorization")
        if header is None:
            return None
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise _unauthorized("Send `Authorization: Bearer` and a token.")
        return self.read(token.strip()).caller

    def require(self, request: Request, *roles: Role) -> Caller:
        """The caller, who must have one of the roles (any role if none is named).

        Raises:
            Problem: 401 without a token that holds, 403 without the role.
        """
        caller = self.caller(request)
        if caller is None:
            raise _unauthorized("This needs a bearer token.")
        if roles and not caller.roles & set(roles):
            wanted = " or ".join(roles)
            raise Problem(403, "Forbidden", f"This needs the role {wanted}.")
        return caller

    def read(self, token: str) -> Held:
        """Who bears this token, and until when it holds.

        Raises:
            Problem: 401 when it doesn't hold.
        """
        if self._keys is None:
            raise _unauthorized("This service has no keys to check tokens with.")
        try:
            claims = jwt.decode(token, self._keys, algorithms=ALGORITHMS).claims
            self._demanded().validate(claims)
        except Exception as error:  # noqa: BLE001 - whatever it trips over is the token's fault
            raise _unauthorized(f"The token does not hold: {type(error).__name__}.") from None
        return Held(_caller(claims), _expiry(claims))

    def _demanded(self) -> jwt.JWTClaimsRegistry:
        return jwt.JWTClaimsRegistry(
            now=int(self._clock().timestamp()),
            leeway=LEEWAY,
            iss={"essential": True, "value": self._issuer},
            aud={"essential": True, "value": self._audience},
            exp={"essential": True},
            sub={"essential": True},
        )


def _caller(claims: dict[str, Any]) -> Caller:
    known = [role.value for role in Role]
    named = claims.get("roles")
    roles = named if isinstance(named, list) else []
    account, name = claims.get("account"), claims.get("name")
    return Caller(
        subject=subject_of(str(claims["sub"])),
        account=account if isinstance(account, str) and account else None,
        name=name if isinstance(name, str) else None,
        roles=frozenset(Role(role) for role in roles if role in known),
    )


def _expiry(claims: dict[str, Any]) -> datetime:
    try:
        return datetime.fromtimestamp(claims["exp"], UTC)
    except (OverflowError, ValueError, OSError):
        return datetime.max.replace(tzinfo=UTC)  # beyond the years that there are


def _unauthorized(detail: str) -> Problem:
    return Problem(401, "Unauthorized", detail, headers={"WWW-Authenticate": "Bearer"})


def load_keys(path: Path | None) -> KeySet | None:
    """The JWK set in a file, or None without one.

    Raises:
        OSError, ValueError: when the file can't be read or is no key set.
    """
    if path is None:
        return None
    found = json.loads(path.read_text(encoding="utf-8"))
    try:
        return KeySet.import_key_set(found)
    except (JoseError, LookupError, TypeError) as error:
        raise ValueError(f"is no set of public keys (JWK set): {type(error).__name__}") from None


def subject_of(said: str) -> str:
    """Under which id somebody is known here, by the subject (`sub`) of their token or sign-in.

    Subjects stand in events and logs. Where an issuer uses addresses for them, their SHA-256
    stands there instead; it is the same whichever way somebody comes in. Who knows an address can
    find it again: providers should give ids that say nothing, as OpenID Connect means them to.
    """
    if "@" not in said:
        return said
    return f"s-{hashlib.sha256(said.encode()).hexdigest()[:32]}"


def requester_id(address: str, *, secret: str) -> str:
    """The pseudonym of a person: the same for one address, not to be guessed without the secret.

    Addresses are compared without regard to case, as every mail provider of note does.
    """
    digest = hmac.new(secret.encode(), address.strip().lower().encode(), hashlib.sha256)
    return f"r-{digest.hexdigest()[:32]}"
