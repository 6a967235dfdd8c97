"""Who sends a request: by their session, by links that they opened, or by both."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from starlette.requests import Request

from services.messaging.login.links import Opened, TicketLinks
from services.messaging.login.sessions import Session, Sessions
from services.messaging.visitors import Visitor
from shared.database import Database
from shared.identity import Caller, Role, requester_id

GUEST = Caller(subject="", account=None, name=None, roles=frozenset({Role.CUSTOMER}))
"""Whoever only has a link."""


@dataclass(frozen=True, slots=True)
class Visitors:
    """Tells who is there. It works as the desk itself: customers' role sees no session, no link."""

    database: Database
    sessions: Sessions
    links: TicketLinks
    clock: Callable[[], datetime]
    pseudonym_secret: str = ""
    """Makes requesters' ids from addresses; without it nobody has one."""

    async def of(self, request: Request) -> Visitor | None:
        """Who sends this request; None for somebody who is neither signed in nor has a link."""
        found = await self._find(request, uses=True)
        request.state.visitor = found
        return found

    async def still(self, request: Request) -> bool:
        """Whether everything that this request came in by holds even now.

        Pages that stay open ask this; it does not count as use of the session.
        """
        was = known(request)
        now = await self._find(request, uses=False)
        if was is None or now is None:
            return False
        same = (was.caller, was.requester) == (now.caller, now.requester)
        return same and was.tickets <= now.tickets

    async def _find(self, request: Request, *, uses: bool) -> Visitor | None:
        if not request.cookies:
            return None
        now = self.clock()
        async with self.database.connection() as connection:
            session = await self.sessions.find(connection, request, now=now, uses=uses)
            opened = await self.links.find(connection, request, now=now)
        return self._visitor(session, opened)

    def _visitor(self, session: Session | None, opened: Opened | None) -> Visitor | None:
        tickets = opened.tickets if opened else frozenset()
        if session is None:
            return Visitor(GUEST, tickets=tickets, proof=opened.proof) if opened else None
        person = session.person
        address = person.address if person.address_verified else None
        secret = self.pseudonym_secret
        return Visitor(
            Caller(
                subject=person.subject,
                account=person.account,
                name=person.name,
                roles=frozenset(Role(role) for role in person.roles if role in _ROLES),
            ),
            requester=requester_id(address, secret=secret) if address and secret else None,
            address=address,
            tickets=tickets,
            proof=session.proof,
        )


_ROLES = frozenset(role.value for role in Role)


def known(request: Request) -> Visitor | None:
    """Who `Visitors.of` found for this request, without looking again."""
    found = getattr(request.state, "visitor", None)
    return found if isinstance(found, Visitor) else None
