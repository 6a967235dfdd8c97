"""What was seen of a run, as plain data: requests, events, mails, threads."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

ANSWERS = "Re: "
"""What the subject of an answer begins with."""


@dataclass(frozen=True)
class Sent:
    """A request, and what intake said to it.

    Attributes:
        answer: What an agent was to write into the thread; None where nobody was to answer.
        answer_status: HTTP status that the agent's message got; None if it was never sent.
        reply: What the customer was to write back by mail; None where they were not to.
        reply_status: SMTP code that their mail got; None if it was never sent.
    """

    plan: str
    account: str
    address: str
    text: str
    status: int
    ticket: str = ""
    number: str = ""
    seconds: float = 0.0
    answer: str | None = None
    answer_status: int | None = None
    reply: str | None = None
    reply_status: int | None = None


@dataclass(frozen=True)
class Said:
    """An event as it stands on the stream; `appended` is when the broker took it."""

    type: str
    subject: str
    time: datetime
    appended: datetime
    data: Mapping[str, Any]

    def instant(self, name: str) -> datetime:
        """A time among its facts."""
        return datetime.fromisoformat(self.data[name])


@dataclass(frozen=True)
class Mail:
    """A mail that arrived.

    Attributes:
        references: The Message-IDs of the mails that it follows.
        reply_to: Where an answer to it goes.
    """

    to: tuple[str, ...]
    subject: str
    received_at: datetime
    text: str
    html: str
    message_id: str = ""
    references: str = ""
    reply_to: str = ""


@dataclass(frozen=True)
class Dead:
    """A record that a service put aside."""

    topic: str
    key: str | None
    reason: str


@dataclass(frozen=True)
class Case:
    """One ticket's whole history.

    Attributes:
        thread: The texts of the thread, in the order in which a reader is shown them; None where
            there is no thread.
    """

    sent: Sent
    said: tuple[Said, ...]
    mails: tuple[Mail, ...]
    thread: tuple[str, ...] | None

    def of_type(self, short: str) -> list[Said]:
        """Its events of a type, such as `ticket.slotted`."""
        return [event for event in self.said if event.type == f"careline.{short}.v1"]

    def of_first_response(self, short: str) -> list[Said]:
        """Its events of a type that speak of the first response, and of no other clock."""
        return [event for event in self.of_type(short) if event.data["clock"] == "first_response"]

    @property
    def of_customer(self) -> list[Said]:
        """What the customer wrote into the thread after the request."""
        posted = self.of_type("message.posted")
        return [event for event in posted if event.data["author_kind"] == "customer"]

    @property
    def acknowledgements(self) -> list[Mail]:
        """The mails to the requester that answer nobody's words."""
        return [mail for mail in self._to_requester if not mail.subject.startswith(ANSWERS)]

    @property
    def answers(self) -> list[Mail]:
        """The mails to the requester that bring what an agent wrote."""
        return [mail for mail in self._to_requester if mail.subject.startswith(ANSWERS)]

    @property
    def _to_requester(self) -> list[Mail]:
        return [mail for mail in self.mails if self.sent.address in mail.to]

    def alerts_to(self, person: str) -> list[Mail]:
        """The mails about it to somebody whom the catalogue names."""
        return [mail for mail in self.mails if person in mail.to]


@dataclass(frozen=True)
class History:
    """Everything that was seen of a run.

    Attributes:
        violations: The promises of which the auditor holds violations to be open.
    """

    cases: tuple[Case, ...]
    dead: tuple[Dead, ...]
    violations: tuple[str, ...] = ()
