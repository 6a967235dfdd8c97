"""From a form that will do to events: its files in pieces first, then the ticket that names them.

All ids derive from the form's own, which stood in the page, and from what was written: sent twice,
by a double click or after going back, it is the same ticket, and the same link opens it. Who goes
back and writes something else has written another request: nothing of it is lost.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from services.intake import domain
from services.intake.asked import TicketRequest
from services.intake.received import opening_message
from shared.attached import describe, parts_of, safe_name, safe_type
from shared.envelope import Cause
from shared.events import TicketCreated
from shared.forms import SentFile
from shared.identity import requester_id
from shared.links import MadeLink, make_link
from shared.messages import Attachment, AttachmentReceived, AuthorKind

LINK_LASTS = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Sent:
    """A form that was sent, and is taken."""

    form: str
    """The id that stood in it, which nobody else has."""
    asked: TicketRequest
    account_verified: bool
    files: Sequence[SentFile] = ()

    @property
    def key(self) -> str:
        """What ticket and link derive from: the form, with these words and files."""
        asked, found = self.asked, hashlib.sha256()
        words = (asked.requester.address, asked.account or "", asked.subject, asked.text)
        for part in (*words, asked.priority, *(file.name for file in self.files)):
            found.update(part.encode() + b"\x1f")
        for file in self.files:
            found.update(hashlib.sha256(file.content).digest())
        return f"{self.form}.{found.hexdigest()[:32]}"

    @property
    def ticket(self) -> UUID:
        """The ticket that it is."""
        return ticket_of(self.key)


def ticket_of(key: str) -> UUID:
    """The ticket of a form that was sent with these words."""
    return domain.ticket_id(sender="form", key=key)


def link_of(key: str, *, now: datetime) -> MadeLink:
    """The link that opens it."""
    return make_link(key, "form", expires=now + LINK_LASTS)


def events_of(
    sent: Sent, *, secret: str, now: datetime, traceparent: str | None
) -> tuple[list[AttachmentReceived], TicketCreated]:
    """What is said of a form: first its files, then the ticket.

    Args:
        sent: What was sent.
        secret: Makes the requester's pseudonym.
        now: When it was taken, with a zone.
        traceparent: W3C trace context of its way here.
    """
    message = opening_message(sent.ticket)
    attachments = [_attachment(file, message, at) for at, file in enumerate(sent.files)]
    requester = requester_id(sent.asked.requester.address, secret=secret)
    created = domain.open_ticket(
        _submission(sent, attachments, now),
        ticket=sent.ticket,
        requester=requester,
        now=now,
        traceparent=traceparent,
    )
    cause = Cause(message, created.subject, created.correlationid, None, traceparent)
    parts = [
        AttachmentReceived.say(data, cause=cause, source=domain.SOURCE, time=now, part=part)
        for file, attachment in zip(sent.files, attachments, strict=True)
        for part, data in parts_of(attachment.id, file.content, message=message, person=requester)
    ]
    return parts, created


def _attachment(file: SentFile, message: UUID, at: int) -> Attachment:
    name, kind = safe_name(file.name) or f"file-{at + 1}", safe_type(file.content_type)
    return describe(message, at, name=name, kind=kind, content=file.content)


def _submission(sent: Sent, attachments: Sequence[Attachment], now: datetime) -> domain.Submission:
    asked = sent.asked
    return domain.Submission(
        address=asked.requester.address,
        name=asked.requester.name,
        account=asked.account,
        account_verified=sent.account_verified,
        queue=asked.queue,
        opened_by=AuthorKind.CUSTOMER,
        subject=asked.subject,
        text=asked.text,
        channel=asked.channel,
        priority=asked.priority,
        locale=asked.locale,
        time_zone=asked.time_zone,
        attachments=tuple(attachments),
        link=link_of(sent.key, now=now).link,
    )
