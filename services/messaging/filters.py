"""What an agent wants to see of the inbox: read from an address, and written into one. Pure."""

import base64
import binascii
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Self
from urllib.parse import urlencode
from uuid import UUID

from shared.events import TicketStatus
from shared.plans import Priority

URGENCIES = {"breached": 0, "at-risk": 1, "running": 2, "none": 3}
"""As addresses name them, and as threads keep them."""
MINE, NOBODY, SOMEBODY = "me", "nobody", "somebody"
LONGEST = 200
"""Characters of a value; longer ones are cut."""
TO_DO = (TicketStatus.OPEN, TicketStatus.PENDING, TicketStatus.ON_HOLD)
DONE = (TicketStatus.RESOLVED, TicketStatus.CLOSED)

NAMES = {
    "queue": "Queue",
    "assignee": "Assignee",
    "status": "Status",
    "priority": "Priority",
    "plan": "Plan",
    "tag": "Tag",
    "urgency": "Urgency",
    "text": "Words",
}


@dataclass(frozen=True, slots=True)
class Filter:
    """Each part narrows the list; an empty one doesn't."""

    queue: str = ""
    assignee: str = ""
    """`me`, `nobody`, `somebody`, or the id of somebody at the desk."""
    status: str = ""
    """One status; without it, everything that is to do."""
    priority: str = ""
    plan: str = ""
    tag: str = ""
    urgency: str = ""
    text: str = ""
    """Words of the subject, the requester's name, or the ticket's number."""

    @classmethod
    def read(cls, query: Mapping[str, str]) -> Self:
        """What an address asks for; what makes no sense is left out."""
        given = {name: query.get(name, "").strip()[:LONGEST] for name in NAMES}
        given = {name: value.replace("\x00", "") for name, value in given.items()}
        known: dict[str, Collection[str]] = {
            "status": set(TicketStatus),
            "priority": set(Priority),
            "urgency": set(URGENCIES),
        }
        for name, values in known.items():
            given[name] = given[name] if given[name] in values else ""
        return cls(**given)

    @property
    def query(self) -> str:
        """As an address has it, without the question mark; nothing if everything is shown."""
        return urlencode(list(self.parts()))

    def parts(self) -> Iterator[tuple[str, str]]:
        """The parts that narrow the list."""
        for each in fields(self):
            if value := getattr(self, each.name):
                yield each.name, value

    def without(self, name: str) -> Self:
        """The same without one part."""
        return replace(self, **{name: ""})

    @property
    def statuses(self) -> tuple[str, ...]:
        """The statuses that it shows."""
        return (self.status,) if self.status else tuple(TO_DO)

    @property
    def is_done(self) -> bool:
        """Whether it looks at what is over."""
        return self.status in DONE


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page of the list ends: what comes next is behind it."""

    urgency: int
    due_at: datetime | None
    ticket: UUID

    @property
    def written(self) -> str:
        """For an address."""
        due = self.due_at.isoformat() if self.due_at else ""
        text = f"{self.urgency}|{due}|{self.ticket}"
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def read(cls, text: str) -> Self | None:
        """From an address; None for anything that is no such place."""
        try:
            padded = text + "=" * (-len(text) % 4)
            urgency, due, ticket = base64.urlsafe_b64decode(padded).decode().split("|")
            due_at = datetime.fromisoformat(due) if due else None
            if int(urgency) not in range(4) or (due_at and due_at.tzinfo is None):
                return None
            return cls(int(urgency), due_at, UUID(ticket))
        except (ValueError, binascii.Error):
            return None


def clean_tags(text: str) -> tuple[str, ...]:
    """Tags as somebody typed them, with commas or spaces between: each once, in order."""
    return tuple(sorted({tag.lower() for tag in _split(text)}))


def _split(text: str) -> Iterable[str]:
    return text.replace(",", " ").split()
