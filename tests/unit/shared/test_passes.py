"""A pass says who is signed in, to the one service that it is for, for as long as it holds."""

from datetime import UTC, datetime, timedelta

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from shared.passes import Pass, PassKind, make_pass, read_pass

SECRET = "a-secret-of-the-tests"
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
WHO = Pass("u-1", "Gold Customer", "customer@acme.example", "acme", "advanced")


@pytest.mark.parametrize("kind", PassKind)
@pytest.mark.parametrize("who", [WHO, Pass("u-2")])
def test_a_pass_says_who_it_was_made_for(kind: PassKind, who: Pass) -> None:
    """All of it, and nothing that was not known."""
    assert read_pass(SECRET, make_pass(SECRET, who, kind, now=NOW), kind, now=NOW) == who


def test_a_pass_ends() -> None:
    """On its way after a minute, in the form's cookie after an hour."""
    for kind, lasts in {
        PassKind.HANDOVER: timedelta(seconds=60),
        PassKind.KEPT: timedelta(hours=1),
    }.items():
        made = make_pass(SECRET, WHO, kind, now=NOW)
        assert read_pass(SECRET, made, kind, now=NOW + lasts - timedelta(seconds=1)) == WHO
        assert read_pass(SECRET, made, kind, now=NOW + lasts + timedelta(seconds=6)) is None


def test_a_pass_is_not_taken_where_the_other_one_belongs() -> None:
    """One from an address is worth nothing as a cookie, and the other way round."""
    made = make_pass(SECRET, WHO, PassKind.HANDOVER, now=NOW)
    assert read_pass(SECRET, made, PassKind.KEPT, now=NOW) is None
    made = make_pass(SECRET, WHO, PassKind.KEPT, now=NOW)
    assert read_pass(SECRET, made, PassKind.HANDOVER, now=NOW) is None


@pytest.mark.parametrize("secret", ["another-secret-of-them", ""])
def test_only_who_has_the_secret_makes_passes(secret: str) -> None:
    """And without one nobody is known."""
    made = make_pass(secret, WHO, PassKind.KEPT, now=NOW)
    assert read_pass(SECRET, made, PassKind.KEPT, now=NOW) is None
    assert read_pass("", made, PassKind.KEPT, now=NOW) is None


def test_what_is_no_pass_is_nobodys() -> None:
    """Whatever stands in the address or in the cookie."""
    unsigned = "eyJhbGciOiJub25lIn0." + make_pass(SECRET, WHO, PassKind.KEPT, now=NOW).split(".")[1]
    by_the_secret_itself = jwt.encode(
        {"alg": "HS256"},
        {"iss": "careline", "aud": PassKind.KEPT.audience, "sub": "u-1", "exp": 2**40},
        OctKey.import_key(SECRET),
    )
    for token in ("", "x", "a.b.c", unsigned + ".", by_the_secret_itself, "x" * 10_000, "é"):
        assert read_pass(SECRET, token, PassKind.KEPT, now=NOW) is None
