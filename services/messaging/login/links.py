"""Links that open one ticket without signing in, in a cookie of those that somebody opened last.

The cookie begins with a random value of its own, from which the proof in forms is made: it stays
as it is when one more link is opened, and so do the forms of pages that are open.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from services.messaging import store
from services.messaging.login.cookies import Cookie
from services.messaging.login.sessions import proof_of
from shared.database import Connection
from shared.links import hash_link

MOST = 8
"""Links in one browser; a ninth puts out the one that was opened first."""
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class Opened:
    """What a browser's links open."""

    tickets: frozenset[UUID]
    """With what they have gone into, where that is open to them as well."""
    proof: str


@dataclass(frozen=True, slots=True)
class TicketLinks:
    """Opens tickets by links, and recognises who has done so."""

    cookie: Cookie
    new_value: Callable[[], str]
    """A value of 256 random bits."""

    async def find(
        self, connection: Connection, request: Request, *, now: datetime
    ) -> Opened | None:
        """What this request's links open; None without one that holds."""
        value, tokens = self._read(request)
        if not tokens:
            return None
        tickets = await tickets_of(connection, tokens, now=now)
        return Opened(tickets, proof_of(value)) if tickets else None

    def add(self, request: Request, response: Response, token: str) -> None:
        """Keep one more link in the browser."""
        value, tokens = self._read(request)
        kept = [*(each for each in tokens if each != token), token][-MOST:]
        self.cookie.put(response, ".".join([value or self.new_value(), *kept]))

    def _read(self, request: Request) -> tuple[str, list[str]]:
        value, *tokens = self.cookie.read(request).split(".")
        if not is_token(value):
            return "", []
        return value, [each for each in tokens if is_token(each)][-MOST:]


def is_token(value: str) -> bool:
    """Whether this may be the secret part of a link."""
    return _TOKEN.fullmatch(value) is not None


async def tickets_of(
    connection: Connection, tokens: list[str], *, now: datetime
) -> frozenset[UUID]:
    """The tickets that these links open now."""
    found = await store.list_linked(connection, [hash_link(each) for each in tokens], now=now)
    mailed = [ticket for ticket, is_mailed in found.items() if is_mailed]
    return await store.follow_merges(connection, list(found), mailed=mailed)
