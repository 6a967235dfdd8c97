"""Sessions of who has signed in: a random value in a cookie, its SHA-256 in the database.

Whoever reads the database can therefore not come in as somebody else. A session ends after hours,
however much it is used; earlier when it is not used; and at once when somebody signs out.
"""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response

from services.messaging import store
from services.messaging.login.cookies import Cookie
from services.messaging.store import Person
from shared.database import Connection

NOTE_EVERY = timedelta(minutes=1)
"""Use is noted no more often: reading a page shall not mean a write to the database."""
LONGEST_ID_TOKEN = 8192
"""Characters that are kept for signing out at the provider too; it does without."""


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who has signed in."""

    person: Person
    proof: str
    """Stands in each form of theirs; nobody has it who hasn't the cookie."""
    id_token: str | None


@dataclass(frozen=True, slots=True)
class Sessions:
    """Begins, recognises and ends sessions."""

    cookie: Cookie
    idle: timedelta
    """After so long without a request a session ends."""
    new_value: Callable[[], str]
    """A value of 256 random bits."""

    async def begin(
        self,
        connection: Connection,
        person: Person,
        *,
        id_token: str,
        now: datetime,
    ) -> str:
        """Begin a session, always under a new value.

        Returns:
            What goes into the cookie.
        """
        value = self.new_value()
        await store.keep_person(connection, person, now=now)
        await store.add_session(
            connection,
            hash_value(value),
            subject=person.subject,
            began_at=now,
            expires_at=now + self.cookie.lasts,
            id_token=id_token if len(id_token) <= LONGEST_ID_TOKEN else None,
        )
        return value

    async def find(
        self, connection: Connection, request: Request, *, now: datetime, uses: bool = True
    ) -> Session | None:
        """Who sends this request; None without a session that holds.

        Args:
            connection: As the desk's own role.
            request: With its cookie.
            now: The present.
            uses: Whether this counts as use; a page that only stays open does not.
        """
        value = self.cookie.read(request)
        if not value:
            return None
        sha256 = hash_value(value)
        row = await store.read_session(connection, sha256, now=now, used_since=now - self.idle)
        if row is None:
            return None
        if uses and now - row.used_at >= NOTE_EVERY:
            await store.use_session(connection, sha256, now=now)
        return Session(row.person, proof_of(value), row.id_token)

    async def end(self, connection: Connection, request: Request) -> None:
        """End the session that a request came with, if any."""
        if value := self.cookie.read(request):
            await store.end_session(connection, hash_value(value))

    def give(self, response: Response, value: str) -> None:
        """Put the session's value into the cookie."""
        self.cookie.put(response, value)


def hash_value(value: str) -> str:
    """SHA-256 of a value that only the browser has, in hex."""
    return hashlib.sha256(value.encode()).hexdigest()


def proof_of(value: str) -> str:
    """What the forms of a session, or of somebody's links, hold."""
    return hmac.new(value.encode(), b"forms of messaging's pages", hashlib.sha256).hexdigest()
