"""Signing in to the pages: a bearer token in a cookie that scripts and other sites can't use.

Until the desk has a sign-on of its own, who has a token brings it once; it is checked at each
request, as the API checks it. Forms carry a proof that only a page of the same session has.
"""

import hashlib
import hmac
import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response

from shared import forms
from shared.identity import Caller, Held, Role, Verifier
from shared.problems import Problem

LONGEST = timedelta(hours=8)
"""After a working day people sign in again, however long their token holds."""
LONGEST_TOKEN = 3500
"""Characters; browsers keep cookies of 4096 bytes, name and all."""
_SECURE, _PLAIN = "__Host-careline_deliveries", "careline_deliveries"


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who has signed in."""

    caller: Caller
    proof: str
    """Stands in each form of theirs; nobody has it who hasn't the token."""

    def may(self, roles: Sequence[Role]) -> bool:
        """Whether they have one of these roles."""
        return bool(self.caller.roles & set(roles))


@dataclass(frozen=True, slots=True)
class Sessions:
    """Begins, recognises and ends sessions."""

    verifier: Verifier
    clock: Callable[[], datetime]

    def of(self, request: Request) -> Session | None:
        """Who sends this request; None without a cookie, or where its token holds no more."""
        token = request.cookies.get(_name(request) or "")
        if not token:
            return None
        try:
            return Session(self.verifier.read(token).caller, _proof(token))
        except Problem:
            return None

    def begin(self, request: Request, token: str) -> Caller:
        """Whose token this is, if it may be kept here.

        Raises:
            Problem: 401 when it doesn't hold, 400 where it is too long or not safe.
        """
        if _name(request) is None:
            raise Problem(
                400,
                "Not safe here",
                "This page came over plain http from another machine: whoever is in between could "
                "read your token, so it is not kept. Please come by https.",
            )
        if len(token) > LONGEST_TOKEN:
            raise Problem(400, "Token too long", "No browser keeps a cookie of that size.")
        return self.verifier.read(token).caller

    def keep(self, request: Request, token: str, response: Response) -> None:
        """Put a token that `begin` took into a cookie."""
        held: Held = self.verifier.read(token)
        left = min(held.expires_at - self.clock(), LONGEST)
        response.set_cookie(
            _name(request) or _SECURE,
            token,
            max_age=max(1, int(left.total_seconds())),
            path="/",
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )

    def end(self, request: Request, response: Response) -> None:
        """Take the cookie back."""
        response.delete_cookie(
            _name(request) or _SECURE,
            path="/",
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )


def refuse_unproved(session: Session, given: Sequence[str]) -> None:
    """Take a form only with the proof that stood in it.

    Raises:
        Problem: 403 for a form that was made elsewhere, or for an earlier session.
    """
    forms.refuse_unproved(session.proof, given)


def _name(request: Request) -> str | None:
    """What the cookie is called, or None where there must be none."""
    if request.url.scheme == "https":
        return _SECURE  # browsers hold this name to Secure, Path=/ and one host
    return _PLAIN if _is_loopback(request.url.hostname) else None


def _is_loopback(host: str | None) -> bool:
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return host == "localhost"


def _proof(token: str) -> str:
    return hmac.new(token.encode(), b"forms of the deliveries' pages", hashlib.sha256).hexdigest()
