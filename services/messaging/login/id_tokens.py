"""ID tokens: the provider's signed word on who has signed in, checked before any of it counts."""

import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import BadSignatureError
from joserfc.jwk import Key, KeySet

ALGORITHMS = ["ES256", "RS256"]
"""Fixed: what a token says of itself decides nothing."""
LEEWAY = 30
"""Seconds by which the provider's clock and ours may differ."""
LONGEST = 64 * 1024


class IdTokenError(Exception):
    """An ID token does not hold; the message says why, without its content."""


class UnknownKeyError(IdTokenError):
    """None of the keys that we know has signed it: the provider may have new ones."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What an ID token must say."""

    issuer: str
    client_id: str
    nonce: str
    """Of this sign-in: a token of another one is not taken."""


def read_id_token(token: str, keys: KeySet, expected: Expected, *, now: datetime) -> dict[str, Any]:
    """The claims of an ID token that holds.

    Raises:
        UnknownKeyError: no key has signed it.
        IdTokenError: it does not hold for another reason.
    """
    if len(token) > LONGEST:
        raise IdTokenError("it is too long")
    try:
        claims = _signed(token, keys)
        _demanded(expected, now).validate(claims)
    except IdTokenError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it trips over is the token's fault
        raise IdTokenError(type(error).__name__) from None
    _check_parties(claims, expected)
    return claims


def _signed(token: str, keys: KeySet) -> dict[str, Any]:
    kid = jws.extract_compact(token.encode()).headers().get("kid")
    for key in _candidates(keys, kid):
        try:
            return jwt.decode(token, key, algorithms=ALGORITHMS).claims
        except BadSignatureError:
            continue
    raise UnknownKeyError("no key that we know has signed it")


def _candidates(keys: KeySet, kid: object) -> Iterator[Key]:
    """Those that may have signed; a provider with one key need not name it."""
    for key in keys.keys:
        signs = key.key_type in {"RSA", "EC"} and key.as_dict().get("use", "sig") == "sig"
        if signs and kid in {None, key.kid}:
            yield key


def _demanded(expected: Expected, now: datetime) -> jwt.JWTClaimsRegistry:
    return jwt.JWTClaimsRegistry(
        now=int(now.timestamp()),
        leeway=LEEWAY,
        iss={"essential": True, "value": expected.issuer},
        aud={"essential": True, "value": expected.client_id},
        exp={"essential": True},
        iat={"essential": True},
        sub={"essential": True},
        nonce={"essential": True},
    )


def _check_parties(claims: dict[str, Any], expected: Expected) -> None:
    """What a registry of claims does not look at, or takes too easily."""
    nonce, azp, audience = claims["nonce"], claims.get("azp"), claims["aud"]
    if not isinstance(nonce, str) or not hmac.compare_digest(
        nonce.encode(), expected.nonce.encode()
    ):
        raise IdTokenError("it is of another sign-in")
    if azp is not None and azp != expected.client_id:
        raise IdTokenError("it was made for another party")
    if isinstance(audience, list) and len(audience) > 1 and azp is None:
        raise IdTokenError("it is for several, and does not say who asked for it")
    if not isinstance(claims["sub"], str) or not claims["sub"]:
        raise IdTokenError("it does not say who it is about")
