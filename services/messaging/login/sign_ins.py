"""Sign-ins under way, between leaving for the provider and coming back.

Each is known by two random values: `state`, which goes to the provider and comes back, and one in
a cookie. Whoever comes back without that cookie has not left from here, and somebody else's way
back leads nowhere. It holds for ten minutes, and once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import unquote, urlsplit

from starlette.requests import Request
from starlette.responses import Response

from services.messaging import store
from services.messaging.login.cookies import Cookie
from services.messaging.login.links import is_token
from services.messaging.login.provider import Provider, SignedIn, SignInRefusedError, Started
from services.messaging.login.sessions import hash_value
from shared.database import Database

UNDER_WAY = timedelta(minutes=10)
MOST = 20_000
"""At once: anybody can begin one. One more puts out the oldest, with which mostly nobody goes on.
If new ones were refused instead, one machine could keep everybody out."""
LONGEST_PATH = 2000


@dataclass(frozen=True, slots=True)
class Left:
    """Somebody who leaves for the provider."""

    address: str
    """Where they go."""
    value: str
    """What goes into the cookie."""


@dataclass(frozen=True, slots=True)
class Back:
    """Somebody who came back, and who they are."""

    signed_in: SignedIn
    next_path: str


@dataclass(frozen=True, slots=True)
class SignIns:
    """Begins and ends them."""

    database: Database
    provider: Provider
    cookie: Cookie
    clock: Callable[[], datetime]
    new_value: Callable[[], str]
    """A value of 256 random bits."""

    async def begin(self, request: Request, next_path: str) -> Left:
        """Begin a sign-in that leads on to this path.

        Raises:
            ProviderAwayError: the provider does not answer as it should.
        """
        kept = self.cookie.read(request)
        # Two tabs that sign in at once share the cookie.
        value = kept if is_token(kept) else self.new_value()
        started = Started(self.new_value(), self.new_value(), self.new_value())
        address = await self.provider.begin(started)
        sign_in = store.SignIn(started.nonce, started.verifier, own_path(next_path))
        async with self.database.transaction() as connection:
            await store.make_room_for_sign_ins(connection, MOST)
            sha256 = _known_by(started.state, value)
            await store.add_sign_in(connection, sha256, sign_in, now=self.clock())
        return Left(address, value)

    async def finish(self, request: Request) -> Back:
        """Who came back.

        Raises:
            ProviderAwayError: the provider does not answer as it should.
            SignInRefusedError: they did not leave from here, or not lately; or what they brought
                does not hold.
        """
        said = request.query_params
        sha256 = _known_by(said.get("state", ""), self.cookie.read(request))
        async with self.database.transaction() as connection:
            since = self.clock() - UNDER_WAY
            sign_in = await store.take_sign_in(connection, sha256, since=since)
        if sign_in is None:
            raise SignInRefusedError("it did not begin in this browser in the last ten minutes")
        # RFC 9207: another provider's answer must not be taken for ours.
        if said.get("iss", self.provider.issuer) != self.provider.issuer:
            raise SignInRefusedError("it comes from another provider")
        if "error" in said or not said.get("code"):
            raise SignInRefusedError("the provider says no")
        signed_in = await self.provider.finish(
            said["code"], nonce=sign_in.nonce, verifier=sign_in.verifier
        )
        return Back(signed_in, sign_in.next_path)

    def remember(self, response: Response, left: Left) -> None:
        """Put the browser's share into its cookie."""
        self.cookie.put(response, left.value)


def own_path(path: str | None) -> str:
    """A path of ours, or the first page for everything that a browser might take for more."""
    if not path or len(path) > LONGEST_PATH or not path.startswith("/") or path[1:2] in {"/", "\\"}:
        return "/"
    if "\\" in unquote(path) or not all(" " < each < "\x7f" for each in path):
        return "/"
    try:
        parts = urlsplit(path)
    except ValueError:
        return "/"
    return "/" if parts.scheme or parts.netloc else path


def _known_by(state: str, value: str) -> str:
    return hash_value(f"{state}.{value}")
