"""Passes: how intake's request form knows who is signed in at messaging.

Intake sends a browser to messaging with a state that it keeps a copy of in a cookie. Messaging
sends whoever is signed in back to the form with a pass that holds for a minute and names that
state. Intake takes it from the browser with the cookie alone, so that nobody is made somebody else
by a link, and gives the browser one of its own for an hour, since signing out at messaging does not
reach it. Each is a signed token (JWT, HS256) by a secret that only these two services have; neither
is taken where the other one belongs.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

ALGORITHM = "HS256"
ISSUER = "careline"
LEEWAY = 5
"""Seconds by which the clocks of two services may differ."""
LONGEST = 4000
"""Characters; browsers keep cookies of 4096 bytes, name and all."""
STATE_LASTS = timedelta(minutes=15)
"""How long a browser may take to come back with a pass: signing in has ten minutes of its own."""
_SAID = ("name", "address", "account", "plan", "state")
_STATE = re.compile(r"[A-Za-z0-9_-]{43}")


class PassKind(Enum):
    """Where a pass holds, and for how long."""

    HANDOVER = ("careline/request", timedelta(seconds=60))
    """On the way from messaging to the form, in the address."""
    KEPT = ("careline/request-session", timedelta(hours=1))
    """In the form's own cookie."""

    @property
    def audience(self) -> str:
        """For whom it is."""
        return self.value[0]

    @property
    def lasts(self) -> timedelta:
        """From when it was made."""
        return self.value[1]


@dataclass(frozen=True, slots=True)
class Pass:
    """Who is signed in, as far as the form has to know."""

    subject: str
    """Of their sign-in."""
    name: str | None = None
    address: str | None = None
    """Theirs for certain: the provider has verified it."""
    account: str | None = None
    plan: str | None = None
    """Id of the plan that their account was on when this was made."""
    state: str | None = None
    """Of the browser that asked for it: in no other does it hold."""


def make_pass(secret: str, who: Pass, kind: PassKind, *, now: datetime) -> str:
    """A pass for somebody.

    Args:
        secret: Of messaging and intake; 16 characters or more.
        who: Whom it describes.
        kind: Where it is to hold.
        now: From when it counts.
    """
    claims: dict[str, Any] = {
        "iss": ISSUER,
        "aud": kind.audience,
        "iat": int(now.timestamp()),
        "exp": int((now + kind.lasts).timestamp()),
        "sub": who.subject,
        "name": who.name,
        "address": who.address,
        "account": who.account,
        "plan": who.plan,
        "state": who.state,
    }
    said = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode({"alg": ALGORITHM}, said, _key(secret))


def read_pass(secret: str, token: str, kind: PassKind, *, now: datetime) -> Pass | None:
    """Whom a pass describes; None where it does not hold, or the secret is empty."""
    if not secret or not token or len(token) > LONGEST:
        return None
    demanded = jwt.JWTClaimsRegistry(
        now=int(now.timestamp()),
        leeway=LEEWAY,
        iss={"essential": True, "value": ISSUER},
        aud={"essential": True, "value": kind.audience},
        exp={"essential": True},
        sub={"essential": True},
    )
    try:
        claims = jwt.decode(token, _key(secret), algorithms=[ALGORITHM]).claims
        demanded.validate(claims)
    except (JoseError, ValueError, TypeError, LookupError):
        return None
    said = {name: claims.get(name) for name in _SAID}
    if any(value is not None and not isinstance(value, str) for value in said.values()):
        return None
    return Pass(str(claims["sub"]), **said)


def is_state(value: str) -> bool:
    """Whether this may be the state that a browser was sent to messaging with: 256 random bits."""
    return _STATE.fullmatch(value) is not None


def _key(secret: str) -> OctKey:
    return OctKey.import_key(hashlib.sha256(f"careline pass\x1f{secret}".encode()).digest())
