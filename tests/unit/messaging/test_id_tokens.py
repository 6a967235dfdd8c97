"""An ID token holds only if all of it is as it must be."""

import base64
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from services.messaging.login.id_tokens import (
    Expected,
    IdTokenError,
    UnknownKeyError,
    read_id_token,
)

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
EXPECTED = Expected("https://id.example", "careline", "the-nonce")
RSA = RSAKey.generate_key(2048, {"kid": "rsa"})
EC = ECKey.generate_key("P-256", {"kid": "ec"})
FOREIGN = ECKey.generate_key("P-256", {"kid": "ec"})
CLAIMS = {
    "iss": "https://id.example",
    "aud": "careline",
    "sub": "somebody",
    "nonce": "the-nonce",
    "iat": int(NOW.timestamp()),
    "exp": int(NOW.timestamp()) + 300,
}


def public(*keys: RSAKey | ECKey) -> KeySet:
    """What the provider publishes."""
    return KeySet.import_key_set({"keys": [key.as_dict(private=False) for key in keys]})


def signed(changes: dict[str, Any] | None = None, *without: str) -> str:
    """A token that holds, but for the changes."""
    claims = {name: value for name, value in CLAIMS.items() if name not in without}
    return jwt.encode({"alg": "ES256", "kid": "ec"}, claims | (changes or {}), EC)


def read(token: str) -> dict[str, Any]:
    """What it says, if it holds."""
    return read_id_token(token, public(RSA, EC), EXPECTED, now=NOW)


@pytest.mark.parametrize(
    "token",
    [
        signed(),
        jwt.encode({"alg": "RS256", "kid": "rsa"}, CLAIMS, RSA),
        jwt.encode({"alg": "RS256"}, CLAIMS, RSA),
        signed({"aud": ["careline"]}),
        signed({"aud": ["careline", "another"], "azp": "careline"}),
        signed({"exp": int(NOW.timestamp()) - 20}),
    ],
    ids=["EC", "RSA", "no key named", "a list", "several and who asked", "clocks differ a little"],
)
def test_a_token_that_holds_says_who_it_is_about(token: str) -> None:
    """Signed by one of the provider's keys, for us, for this sign-in, now."""
    assert read(token)["sub"] == "somebody"


@pytest.mark.parametrize(
    "token",
    [
        signed({"exp": int(NOW.timestamp()) - 60}),
        signed({"iat": int(NOW.timestamp()) + 300}),
        signed({"nbf": int(NOW.timestamp()) + 300}),
        signed({"iss": "https://another.example"}),
        signed({"iss": ["https://id.example"]}),
        signed({"aud": "another"}),
        signed({"aud": ["another"]}),
        signed({"aud": ["careline", "another"]}),
        signed({"azp": "another"}),
        signed({"nonce": "another"}),
        signed({"nonce": ["the-nonce"]}),
        signed({"sub": ""}),
        signed({"sub": 7}),
        *(signed({}, name) for name in ("iss", "aud", "sub", "nonce", "iat", "exp")),
    ],
)
def test_a_token_that_says_something_else_does_not_hold(token: str) -> None:
    """Expired, of another issuer, for another party, of another sign-in, or lacking something."""
    with pytest.raises(IdTokenError):
        read(token)


def _with_none() -> str:
    return f"{_part({'alg': 'none'})}.{signed().split('.')[1]}."


def _by_public_key() -> str:
    """HS256 with the public key, which everybody has, as the secret."""
    said = f"{_part({'alg': 'HS256', 'kid': 'ec'})}.{_part(CLAIMS)}"
    digest = hmac.new(EC.as_pem(private=False), said.encode(), sha256).digest()
    return f"{said}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def _part(said: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(said).encode()).rstrip(b"=").decode()


def _bent() -> str:
    header, _, signature = signed().split(".")
    return ".".join((header, signed({"sub": "another"}).split(".")[1], signature))


@pytest.mark.parametrize(
    "forge",
    [
        _with_none,
        _by_public_key,
        _bent,
        lambda: jwt.encode({"alg": "ES256", "kid": "ec"}, CLAIMS, FOREIGN),
        lambda: "",
        lambda: "a.b.c",
        lambda: signed() + "." + "x" * 100_000,
        lambda: "é.é.é",
    ],
    ids=["unsigned", "by the public key", "bent", "foreign", "empty", "no token", "long", "odd"],
)
def test_what_the_provider_has_not_signed_does_not_hold(forge: Callable[[], str]) -> None:
    """Whatever it says of how it is signed."""
    with pytest.raises(IdTokenError):
        read(forge())


def test_a_key_that_is_not_known_is_told_apart() -> None:
    """Since the provider may have new ones."""
    new = ECKey.generate_key("P-256", {"kid": "new"})
    token = jwt.encode({"alg": "ES256", "kid": "new"}, CLAIMS, new)
    with pytest.raises(UnknownKeyError):
        read(token)
    assert read_id_token(token, public(new), EXPECTED, now=NOW)["sub"] == "somebody"


def test_keys_that_are_for_something_else_sign_nothing() -> None:
    """Such as those for encryption."""
    key = ECKey.generate_key("P-256", {"kid": "ec", "use": "enc"})
    published = KeySet.import_key_set({"keys": [key.as_dict(private=False)]})
    signing = ECKey.import_key({**key.as_dict(private=True), "use": "sig"})
    token = jwt.encode({"alg": "ES256", "kid": "ec"}, CLAIMS, signing)
    with pytest.raises(UnknownKeyError):
        read_id_token(token, published, EXPECTED, now=NOW)
