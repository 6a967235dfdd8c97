"""What a provider says of somebody, as this desk understands it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.messaging.store import Person
from shared.identity import Role, subject_of

LONGEST = 200
"""Characters of a name or an account."""
LONGEST_ADDRESS = 254


@dataclass(frozen=True, slots=True)
class ClaimNames:
    """Which claims have what only organisations know. `a.b` is the member `b` of the claim `a`."""

    roles: str = "roles"
    account: str = "account"


def person_of(claims: Mapping[str, Any], names: ClaimNames) -> Person:
    """Somebody, by what their provider says; who has no role here is a customer.

    What is not as it should be counts as not said.
    """
    address = _address(claims.get("email"))
    verified = claims.get("email_verified")
    return Person(
        subject=subject_of(str(claims["sub"])),
        name=_line(claims.get("name")) or _line(claims.get("preferred_username")),
        address=address,
        # Some providers say it as a word.
        address_verified=address is not None and (verified is True or verified == "true"),
        account=_line(find(claims, names.account)),
        roles=_roles(find(claims, names.roles)),
    )


def lacks(claims: Mapping[str, Any], names: ClaimNames) -> bool:
    """Whether something is missing that the provider may tell when asked."""
    wanted = (claims.get("name"), claims.get("email"), find(claims, names.roles))
    return any(value is None for value in wanted)


def find(claims: Mapping[str, Any], name: str) -> object:
    """A claim, or a member of one; None where there is none."""
    if name in claims:
        return claims[name]
    found: object = claims
    for step in name.split("."):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found


def _roles(said: object) -> tuple[str, ...]:
    given = said.split() if isinstance(said, str) else said
    known = {role.value for role in Role}
    named = {each for each in given if isinstance(each, str)} if isinstance(given, list) else set()
    return tuple(sorted(named & known)) or (Role.CUSTOMER.value,)


def _line(said: object) -> str | None:
    """A line of text; anything else counts as nothing."""
    if not isinstance(said, str):
        return None
    return " ".join("".join(c if c.isprintable() else " " for c in said).split())[:LONGEST] or None


def _address(said: object) -> str | None:
    line = _line(said)
    if line is None or len(line) > LONGEST_ADDRESS or " " in line or line.count("@") != 1:
        return None
    return line
