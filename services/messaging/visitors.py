"""Who stands before us: somebody who is signed in, brings a token, or opened a ticket by a link."""

from dataclasses import dataclass
from uuid import UUID

from shared.identity import Caller


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody, and what is theirs."""

    caller: Caller
    """Whoever only has a link is a customer without a subject of their own (the empty string)."""
    requester: str | None = None
    """The pseudonym of their proved address: tickets that were opened from there are theirs."""
    address: str | None = None
    """That address."""
    tickets: frozenset[UUID] = frozenset()
    """Opened by links."""
    proof: str = ""
    """Stands in each form of theirs; only a page of the same session has it."""

    @property
    def is_staff(self) -> bool:
        """Whether this is one of us."""
        return self.caller.is_staff

    @property
    def is_signed_in(self) -> bool:
        """Whether this is more than a holder of links."""
        return bool(self.caller.subject)

    @property
    def reader(self) -> str:
        """Under which name it is kept how far they have read; a guest's is their ticket's."""
        return self.caller.subject or "link:" + ",".join(sorted(map(str, self.tickets)))

    @property
    def names(self) -> tuple[str, ...]:
        """Under which ids they write: their own messages are no news to them."""
        return tuple(name for name in (self.caller.subject, self.requester) if name)
