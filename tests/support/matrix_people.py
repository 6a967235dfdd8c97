"""Everybody who may come to messaging, with what they bring: tokens, sessions, links."""

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from deploy.local.keys import ALGORITHM, AUDIENCE, ISSUER, Keys
from services.messaging import store
from services.messaging.login.sessions import hash_value, proof_of
from services.messaging.store import Person
from shared.database import Database
from shared.identity import Role, Verifier
from tests.support import said


class Who(StrEnum):
    """Somebody who sends a request."""

    NOBODY = "nobody"
    TOKEN_CUSTOMER = "a customer's token"
    TOKEN_STRANGER = "another account's token"
    TOKEN_AGENT = "an agent's token"
    TOKEN_LEAD = "a lead's token"
    TOKEN_ADMIN = "an administrator's token"
    TOKEN_ROLELESS = "a token without a role"
    TOKEN_EXPIRED = "a token of yesterday"
    TOKEN_FORGED = "a token that somebody else signed"
    TOKEN_ELSEWHERE = "a token for another service"
    CUSTOMER = "a customer of the account"
    STRANGER = "a customer of another account"
    REQUESTER = "who asked, by their proved address"
    UNPROVED = "who says that they asked, without proof"
    HOLDER = "a holder of a link"
    OTHER_HOLDER = "a holder of another ticket's link"
    LATE_HOLDER = "a holder of an expired link"
    REVOKED_HOLDER = "a holder of a revoked link"
    AGENT = "an agent"
    LEAD = "a lead"
    ADMIN = "an administrator"
    SIGNED_OUT = "an agent who has signed out"
    OUTLIVED = "an agent whose session is over"


ACCOUNT, OTHER_ACCOUNT = "bilby-account", "lorikeet-account"
ADDRESS = "numbat@burrow.example"
AGENT_SUBJECT, LEAD_SUBJECT, ADMIN_SUBJECT = "potoroo-agent", "quoll-lead", "wallaroo-admin"
PEOPLE: Mapping[Who, Person] = {
    Who.CUSTOMER: Person(
        "c-one", "Cleo Customer", "cleo@bilby.example", True, ACCOUNT, ("customer",)
    ),
    Who.STRANGER: Person(
        "c-two", "Sam Stranger", "sam@lorikeet.example", True, OTHER_ACCOUNT, ("customer",)
    ),
    Who.REQUESTER: Person("c-three", "Rae Requester", ADDRESS, True, None, ("customer",)),
    Who.UNPROVED: Person("c-four", "Una Unproved", ADDRESS, False, None, ("customer",)),
    Who.AGENT: Person(AGENT_SUBJECT, "Alex Agent", "a@desk.example", True, None, ("agent",)),
    Who.LEAD: Person(LEAD_SUBJECT, "Lee Lead", "l@desk.example", True, None, ("lead",)),
    Who.ADMIN: Person(ADMIN_SUBJECT, "Ada Admin", "ad@desk.example", True, None, ("admin",)),
}
ASSIGNEE = Person("kowari-agent", "Kim Kowari", "kim@desk.example", True, None, ("agent",))

BEARERS = frozenset(who for who in Who if who.name.startswith("TOKEN_"))
"""They bring a token; everybody else is a browser."""
STAFF = frozenset({Who.AGENT, Who.LEAD, Who.ADMIN})
TOKEN_STAFF = frozenset({Who.TOKEN_AGENT, Who.TOKEN_LEAD, Who.TOKEN_ADMIN})
OWNERS = frozenset({Who.CUSTOMER, Who.REQUESTER, Who.HOLDER, Who.TOKEN_CUSTOMER})
"""Customers whose ticket it is."""
OTHERS = frozenset({Who.STRANGER, Who.UNPROVED, Who.OTHER_HOLDER}) | {
    Who.TOKEN_STRANGER,
    Who.TOKEN_ROLELESS,
}
"""Customers who come in, and whose it is not."""
SIGNED_IN = STAFF | {Who.CUSTOMER, Who.STRANGER, Who.REQUESTER, Who.UNPROVED}


GONE = frozenset({Who.SIGNED_OUT, Who.OUTLIVED, Who.LATE_HOLDER, Who.REVOKED_HOLDER})
"""What they bring held once."""


@dataclass(frozen=True)
class Brought:
    """What somebody sends with every request."""

    headers: Mapping[str, str]
    proof: str = ""
    """Stands in the forms of their pages."""


def tokens(folder: Path) -> tuple[Verifier, dict[Who, Brought]]:
    """Bearer tokens, and what checks them."""
    issuer, forger = (
        Keys(folder, ECKey.generate_key("P-256", {"kid": "one"}), "", "", "", "", {}) for _ in "ab"
    )
    minted = {
        Who.TOKEN_CUSTOMER: issuer.mint(Role.CUSTOMER, ACCOUNT, "c-one", 3600),
        Who.TOKEN_STRANGER: issuer.mint(Role.CUSTOMER, OTHER_ACCOUNT, "c-two", 3600),
        Who.TOKEN_AGENT: issuer.mint(Role.AGENT, None, AGENT_SUBJECT, 3600),
        Who.TOKEN_LEAD: issuer.mint(Role.LEAD, None, LEAD_SUBJECT, 3600),
        Who.TOKEN_ADMIN: issuer.mint(Role.ADMIN, None, ADMIN_SUBJECT, 3600),
        Who.TOKEN_EXPIRED: issuer.mint(Role.AGENT, None, AGENT_SUBJECT, -86_400),
        Who.TOKEN_FORGED: forger.mint(Role.AGENT, None, AGENT_SUBJECT, 3600),
        Who.TOKEN_ELSEWHERE: _mint(issuer, Role.AGENT, audience="another service"),
        Who.TOKEN_ROLELESS: _mint(issuer),
    }
    keys = KeySet([issuer.signing])
    verifier = Verifier(keys, issuer=ISSUER, audience=AUDIENCE, clock=said.now)
    brought = {who: Brought({"Authorization": f"Bearer {each}"}) for who, each in minted.items()}
    return verifier, brought


def _mint(issuer: Keys, *roles: Role, audience: str = AUDIENCE) -> str:
    claims = {
        "iss": ISSUER,
        "aud": audience,
        "sub": "bettong",
        "roles": [role.value for role in roles],
        "exp": int(time.time()) + 3600,
    }
    return jwt.encode({"alg": ALGORITHM, "kid": "one"}, claims, issuer.signing)


async def sessions(database: Database) -> dict[Who, Brought]:
    """Of everybody who has signed in, and of two agents who are it no longer."""
    made = {who: await session(database, person) for who, person in PEOPLE.items()}
    agent = PEOPLE[Who.AGENT]
    made[Who.OUTLIVED] = await session(database, agent, lasts=timedelta(seconds=-1))
    made[Who.SIGNED_OUT] = await session(database, agent)
    value = made[Who.SIGNED_OUT].headers["Cookie"].partition("=")[2]
    async with database.transaction() as connection:
        await store.keep_person(connection, ASSIGNEE, now=said.now())
        await store.end_session(connection, hash_value(value))
    return made


async def session(
    database: Database, person: Person, *, lasts: timedelta = timedelta(hours=1)
) -> Brought:
    """Somebody signs in."""
    value, now = secrets.token_urlsafe(32), said.now()
    async with database.transaction() as connection:
        await store.keep_person(connection, person, now=now)
        await store.add_session(
            connection,
            hash_value(value),
            subject=person.subject,
            began_at=now,
            expires_at=now + lasts,
            id_token=None,
        )
    return Brought({"Cookie": f"careline={value}"}, proof_of(value))


def holder(token: str) -> Brought:
    """The browser of somebody who has opened a link."""
    value = secrets.token_urlsafe(32)
    return Brought({"Cookie": f"careline_links={value}.{token}"}, proof_of(value))
