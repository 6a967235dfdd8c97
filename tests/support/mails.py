"""The mails of the corpus, with addresses and Message-IDs of a desk of their own put in."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any
from uuid import UUID, uuid5

from services.intake.mail.reading import MailLimits, MailRefusedError, read_mail
from services.intake.mail.rules import Envelope, Judgement, MailDesk, RefusedMail, judge
from shared.envelope import NAMESPACE
from shared.identity import requester_id
from shared.mail_tokens import BOUNCES, MailTokens

MAILS = Path(__file__).parents[1] / "unit" / "intake" / "mails"
PSEUDONYM_SECRET = "a-pseudonym-secret-of-the-tests"
MAILBOX = "support@desk.example"
CUSTOMER = "customer@customer.example"
TICKET, DELIVERY = uuid5(NAMESPACE, "a ticket"), uuid5(NAMESPACE, "a delivery")
REQUESTER = requester_id(CUSTOMER, secret=PSEUDONYM_SECRET)
TOKENS = MailTokens("a-mail-secret-of-the-tests", MAILBOX)
REPLY = TOKENS.address(TICKET, REQUESTER)
BOUNCE_ADDRESS = TOKENS.address(TICKET, BOUNCES)
MESSAGE_ID = TOKENS.message_id(DELIVERY, TICKET, REQUESTER)
DESK = MailDesk(
    tokens=TOKENS,
    pseudonym_secret=PSEUDONYM_SECRET,
    addresses=frozenset({MAILBOX, "billing@desk.example"}),
    queues=MappingProxyType({"billing@desk.example": "billing"}),
)
LIMITS = MailLimits()

_PUT_IN = {
    "%REPLY%": REPLY,
    "%REPLY_UPPER%": REPLY.upper(),
    "%BOUNCES%": BOUNCE_ADDRESS,
    "%MESSAGE_ID%": MESSAGE_ID,
    "%MESSAGE_ID_Q%": MESSAGE_ID.replace("<", "=3C").replace(">", "=3E").replace("@", "=40"),
}


@dataclass(frozen=True, slots=True)
class Case:
    """A mail, and what is to become of it."""

    name: str
    content: bytes
    expected: Mapping[str, Any]

    @property
    def envelope(self) -> Envelope:
        """As the mail was handed over."""
        recipients = [put_in(each) for each in self.expected.get("rcpt_to", [MAILBOX])]
        sender = self.expected.get("mail_from", CUSTOMER)
        return Envelope(mail_from=sender, rcpt_to=tuple(recipients), source="smtp")

    @property
    def judgement(self) -> Judgement:
        """What becomes of it."""
        return decide(self.content, self.envelope)


def put_in(text: str) -> str:
    """Text of a mail with our addresses and Message-IDs in their places."""
    for place, value in _PUT_IN.items():
        text = text.replace(place, value)
    return text


def decide(content: bytes, envelope: Envelope) -> Judgement:
    """What becomes of a mail, whichever step decides it."""
    try:
        mail = read_mail(content, limits=LIMITS)
    except MailRefusedError as refused:
        return RefusedMail(refused.code, refused.enhanced, refused.reason, refused.cause)
    return judge(mail, envelope=envelope, desk=DESK)


def cases() -> list[Case]:
    """All of them, with the line ends that mail has on its way."""
    expected = tomllib.loads((MAILS / "outcomes.toml").read_text(encoding="utf-8"))
    return [
        Case(path.stem, _content(path), expected[path.stem]) for path in sorted(MAILS.glob("*.eml"))
    ]


def _content(path: Path) -> bytes:
    written = put_in(path.read_bytes().decode("latin-1")).encode("latin-1")
    return written.replace(b"\n", b"\r\n")


def ticket_of(judgement: Judgement) -> UUID | None:
    """The ticket that a mail leads to, or None for one that is refused."""
    return None if isinstance(judgement, RefusedMail) else judgement.ticket
