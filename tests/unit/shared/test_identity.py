"""A token holds only if the right issuer signed it, with a known key, for us, for now."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from joserfc import jws, jwt
from joserfc.jwk import ECKey, KeySet, RSAKey
from starlette.requests import Request

from shared.identity import LEEWAY, STAFF, Caller, Role, Verifier, load_keys, requester_id
from shared.problems import Problem

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
EC = ECKey.generate_key("P-256", {"kid": "ec"})
RSA = RSAKey.generate_key(2048, {"kid": "rsa"})
STRANGER = ECKey.generate_key("P-256", {"kid": "ec"})
KEYS = KeySet.import_key_set({"keys": [key.as_dict(private=False) for key in (EC, RSA)]})
CLAIMS = {
    "iss": "careline",
    "aud": "desk",
    "sub": "an-agent",
    "exp": SECONDS + 60,
    "roles": ["agent"],
}
HEAD = {"alg": "ES256", "kid": "ec"}
SECRET = "a-secret-of-the-tests"


def verifier(keys: KeySet | None = KEYS, clock: Callable[[], datetime] = lambda: NOW) -> Verifier:
    """Checks tokens of careline for the desk, at one moment."""
    return Verifier(keys, issuer="careline", audience="desk", clock=clock)


def request(authorization: str | None) -> Request:
    """A request with this header."""
    headers = [] if authorization is None else [(b"authorization", authorization.encode())]
    return Request({"type": "http", "method": "GET", "path": "/", "headers": headers})


def bearing(token: str) -> Request:
    """A request with this token."""
    return request(f"Bearer {token}")


def token(**claims: object) -> str:
    """A token that holds, but for these claims; None leaves one out."""
    told = {key: value for key, value in (CLAIMS | claims).items() if value is not None}
    return jwt.encode(HEAD, told, EC)


def part(value: object) -> str:
    """A part of a token, made by hand."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def signed_with_hmac(head: dict[str, str]) -> str:
    """A token that takes the public key for a shared secret."""
    text = f"{part(head)}.{part(CLAIMS)}"
    digest = hmac.new(EC.as_pem(private=False), text.encode(), hashlib.sha256).digest()
    return f"{text}.{part(digest)}"


def refusal(sent: Request, checking: Verifier | None = None) -> Problem:
    """The problem that such a caller gets."""
    with pytest.raises(Problem) as refused:
        (checking or verifier()).caller(sent)
    return refused.value


@pytest.mark.parametrize(("key", "algorithm"), [(EC, "ES256"), (RSA, "RS256")])
def test_a_good_token_tells_who_calls(key: ECKey | RSAKey, algorithm: str) -> None:
    """Subject, account, name and roles come from the claims."""
    claims = CLAIMS | {"account": "an-account", "name": "An Agent", "roles": ["agent", "lead"]}
    good = jwt.encode({"alg": algorithm, "kid": key.kid}, claims, key)
    assert verifier().caller(bearing(good)) == Caller(
        "an-agent", "an-account", "An Agent", frozenset({Role.AGENT, Role.LEAD})
    )


def test_without_a_header_nobody_calls() -> None:
    """No token is no fault; what needs one says so."""
    assert verifier().caller(request(None)) is None


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic YTpi", "bearer\tx", "x y z"])
def test_another_header_is_refused(header: str) -> None:
    """A header that is no bearer token gets 401 and how it must be."""
    problem = refusal(request(header))
    assert problem.status == 401
    assert problem.headers == {"WWW-Authenticate": "Bearer"}


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_read_in_any_case(scheme: str) -> None:
    """RFC 9110: schemes are compared without regard to case."""
    assert verifier().caller(request(f"{scheme} {token()}")) is not None


GOOD = token().split(".")
FORGED = {
    "not signed": f"{part({'alg': 'none'})}.{GOOD[1]}.",
    "not signed, with a key": f"{part({'alg': 'None', 'kid': 'ec'})}.{GOOD[1]}.",
    "signature cut off": f"{GOOD[0]}.{GOOD[1]}.",
    "public key as secret": signed_with_hmac({"alg": "HS256", "kid": "ec"}),
    "public key as secret, named ES256": signed_with_hmac(HEAD),
    "signed by a stranger": jwt.encode(HEAD, CLAIMS, STRANGER),
    "unknown key": jwt.encode({"alg": "ES256", "kid": "new"}, CLAIMS, STRANGER),
    "no key named": jwt.encode({"alg": "ES256"}, CLAIMS, EC),
    "key of another algorithm": f"{part({'alg': 'RS256', 'kid': 'ec'})}.{GOOD[1]}.{GOOD[2]}",
    "key brought along": jwt.encode(
        {"alg": "ES256", "jwk": STRANGER.as_dict(private=False)}, CLAIMS, STRANGER
    ),
    "claims changed": f"{GOOD[0]}.{part(CLAIMS | {'roles': ['admin']})}.{GOOD[2]}",
    "critical extension": f"{part(HEAD | {'crit': ['x'], 'x': 1})}.{GOOD[1]}.{GOOD[2]}",
    "critical nonsense": f"{part(HEAD | {'crit': 5})}.{GOOD[1]}.{GOOD[2]}",
    "algorithm is no name": f"{part({'alg': ['ES256'], 'kid': 'ec'})}.{GOOD[1]}.{GOOD[2]}",
    "head is no object": f"{part([1])}.{GOOD[1]}.{GOOD[2]}",
    "head is nested deeply": f"{part(b'[' * 300)}.{GOOD[1]}.{GOOD[2]}",
    "head is no text": f"{part(bytes([255, 254]))}.{GOOD[1]}.{GOOD[2]}",
    "claims are a list": jws.serialize_compact(HEAD, b"[1]", EC),
    "claims are no JSON": jws.serialize_compact(HEAD, b"x", EC),
    "claims are nested deeply": jws.serialize_compact(HEAD, b"[" * 20_000, EC),
    "encrypted": "a.b.c.d.e",
    "one word": "hello",
    "three words": "a.b.c",
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED.keys())
def test_a_forged_token_is_refused(forged: str) -> None:
    """Whatever is tried, the answer is 401 and tells no more than the kind of fault."""
    problem = refusal(bearing(forged))
    assert problem.status == 401
    assert str(problem).startswith("The token does not hold: ")


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "somebody"},
        {"iss": ["careline"]},
        {"iss": None},
        {"aud": "another desk"},
        {"aud": None},
        {"exp": SECONDS - LEEWAY - 1},
        {"exp": SECONDS - LEEWAY},
        {"exp": str(SECONDS + 60)},
        {"exp": True},
        {"exp": None},
        {"nbf": SECONDS + 60},
        {"sub": None},
        {"sub": ""},
        {"sub": 5},
    ],
    ids=str,
)
def test_a_token_for_others_or_other_times_is_refused(claims: dict[str, Any]) -> None:
    """Issuer, audience, expiry and subject must be there and right."""
    assert refusal(bearing(token(**claims))).status == 401


def test_one_of_several_audiences_is_enough() -> None:
    """A token may be for others too."""
    assert verifier().caller(bearing(token(aud=["another", "desk"]))) is not None


def test_a_token_ends_by_our_clock() -> None:
    """The clock is the one that is passed in: what held once, ends at its second."""
    ends = token(exp=SECONDS + 60)
    late = verifier(clock=lambda: datetime.fromtimestamp(SECONDS + 60 + LEEWAY, UTC))
    assert verifier().caller(bearing(ends)) is not None
    assert refusal(bearing(ends), late).status == 401


def test_clocks_may_differ_a_little() -> None:
    """An issuer whose clock is ahead of ours has not signed for the future."""
    fresh = token(iat=SECONDS + LEEWAY, nbf=SECONDS + LEEWAY)
    assert verifier().caller(bearing(fresh)) is not None


def test_without_keys_no_token_holds() -> None:
    """A desk that was given no key set trusts nobody."""
    assert refusal(bearing(token()), verifier(None)).status == 401


@pytest.mark.parametrize(
    ("told", "roles"),
    [
        (["customer"], {Role.CUSTOMER}),
        (["admin", "root"], {Role.ADMIN}),
        ([], set()),
        (None, set()),
        ("admin", set()),
        ({"admin": True}, set()),
        ([{"admin": True}, ["admin"], None, 5, "lead"], {Role.LEAD}),
    ],
)
def test_only_known_roles_in_a_list_count(told: object, roles: set[Role]) -> None:
    """Anything else gives nobody a right, and breaks nothing."""
    caller = verifier().caller(bearing(token(roles=told)))
    assert caller is not None
    assert caller.roles == roles
    assert caller.is_staff == bool(roles & STAFF)


def test_account_and_name_must_be_text() -> None:
    """What is no text is not there."""
    caller = verifier().caller(bearing(token(account=5, name=["x"])))
    assert caller is not None
    assert (caller.account, caller.name) == (None, None)


def test_an_empty_account_is_none() -> None:
    """It would be the account of every ticket whose account nobody proved."""
    assert verifier().require(bearing(token(account=""))).account is None


def test_a_role_that_is_missing_is_forbidden() -> None:
    """401 without a token, 403 without the role, the caller with one of the roles."""
    with pytest.raises(Problem) as nobody:
        verifier().require(request(None), Role.AGENT)
    with pytest.raises(Problem) as wrong:
        verifier().require(bearing(token(roles=["customer"])), Role.AGENT, Role.LEAD)
    assert (nobody.value.status, wrong.value.status) == (401, 403)
    assert verifier().require(bearing(token()), Role.AGENT, Role.LEAD).subject == "an-agent"
    assert verifier().require(bearing(token(roles=[]))).roles == frozenset()


def test_customers_are_not_staff() -> None:
    """Agents, leads and admins are ours."""
    assert {Role.AGENT, Role.LEAD, Role.ADMIN} == STAFF


def test_a_file_of_public_keys_is_loaded(tmp_path: Path) -> None:
    """What the file holds, checks tokens; unknown kinds of keys in it are passed over."""
    keys = [EC.as_dict(private=False), {"kty": "later", "kid": "x"}]
    (tmp_path / "keys.json").write_text(json.dumps({"keys": keys}))
    loaded = load_keys(tmp_path / "keys.json")
    assert verifier(loaded).caller(bearing(token())) is not None
    assert load_keys(None) is None


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", "5", '{"keys": 5}', '{"keys": []}', '{"keys": [{"kty": "EC"}]}']
)
def test_a_file_that_is_no_key_set_is_a_value_error(tmp_path: Path, content: str) -> None:
    """Which start-up turns into one plain line."""
    (tmp_path / "keys.json").write_text(content)
    with pytest.raises(ValueError):  # noqa: PT011 - JSON's own for some, ours for others
        load_keys(tmp_path / "keys.json")


def test_a_pseudonym_is_the_same_for_one_address() -> None:
    """Whatever the case and the space around it; with another secret it is another one."""
    one = requester_id("Customer@Customer.Example ", secret=SECRET)
    assert one == requester_id("customer@customer.example", secret=SECRET)
    assert one != requester_id("other@customer.example", secret=SECRET)
    assert one != requester_id("customer@customer.example", secret="another secret")
    assert one.startswith("r-")
    assert "customer" not in one
