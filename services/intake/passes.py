"""Who is signed in: messaging hands a pass over once, and the browser keeps one of ours.

A pass is taken from the browser alone that was sent for it: the state in it is the one in that
browser's cookie. By a link with a pass of their own nobody can make somebody else write into their
account.
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response

from shared.passes import STATE_LASTS, Pass, PassKind, is_state, make_pass, read_pass


@dataclass(frozen=True, slots=True)
class Passes:
    """Takes passes, and keeps them in a cookie that only these pages are sent."""

    secret: str
    """The same as messaging's; empty: nobody is known here."""
    is_secure: bool
    """Whether people reach us by https."""
    clock: Callable[[], datetime]
    new_state: Callable[[], str]
    """A value of 256 random bits, as 43 characters of URL-safe base64."""

    @property
    def cookie(self) -> str:
        """Its name: over https one that no other host of our domain can set."""
        return self._named("careline_request")

    @property
    def state_cookie(self) -> str:
        """The name of the cookie that is kept while somebody signs in."""
        return self._named("careline_request_sign_in")

    def state_of(self, request: Request) -> str:
        """What a pass for this browser must name; two tabs that sign in at once share it."""
        kept = request.cookies.get(self.state_cookie, "")
        return kept if is_state(kept) else self.new_state()

    def begin(self, response: Response, state: str) -> None:
        """Remember in the browser that it is sent for a pass."""
        self._put(response, self.state_cookie, state, STATE_LASTS)

    def take(self, request: Request, token: str, response: Response) -> None:
        """Keep a pass that messaging has handed over; one that doesn't hold changes nothing."""
        now = self.clock()
        who = read_pass(self.secret, token, PassKind.HANDOVER, now=now)
        state = request.cookies.get(self.state_cookie, "")
        if who is None or not is_state(state):
            return
        if not hmac.compare_digest((who.state or "").encode(), state.encode()):
            return
        # With the state gone, the same pass is taken no second time.
        self._drop(response, self.state_cookie)
        kept = make_pass(self.secret, replace(who, state=None), PassKind.KEPT, now=now)
        self._put(response, self.cookie, kept, PassKind.KEPT.lasts)

    def of(self, request: Request) -> Pass | None:
        """Who is signed in, as far as the browser can prove it."""
        kept = request.cookies.get(self.cookie, "")
        return read_pass(self.secret, kept, PassKind.KEPT, now=self.clock())

    def forget(self, response: Response) -> None:
        """Be nobody again."""
        self._drop(response, self.cookie)
        self._drop(response, self.state_cookie)

    def _named(self, name: str) -> str:
        return f"__Host-{name}" if self.is_secure else name

    def _put(self, response: Response, name: str, value: str, lasts: timedelta) -> None:
        response.set_cookie(
            name,
            value,
            max_age=int(lasts.total_seconds()),
            path="/",
            secure=self.is_secure,
            httponly=True,
            samesite="lax",
        )

    def _drop(self, response: Response, name: str) -> None:
        response.delete_cookie(name, path="/", secure=self.is_secure, httponly=True, samesite="lax")
