"""From a request to `TicketCreated`: pure decisions; the present and fresh keys are arguments."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.envelope import NAMESPACE, Cause, derive_id
from shared.events import TicketCreated, TicketCreatedData, TicketCreatedPrivate
from shared.links import Link
from shared.messages import Attachment, AuthorKind, Channel
from shared.plans import Priority

SOURCE = "/services/intake"


@dataclass(frozen=True, slots=True)
class Submission:
    """What somebody asked for, checked at the edge."""

    address: str
    name: str | None
    account: str | None
    """Named by the sender, or proved by their token."""
    account_verified: bool
    opened_by: AuthorKind
    """An agent may ask for a customer."""
    subject: str
    text: str
    channel: Channel
    priority: Priority
    locale: str
    time_zone: str
    queue: str = "support"
    """Which team's it is."""
    automatic: bool = False
    """A machine wrote it."""
    continues: UUID | None = None
    """An older ticket that it refers to. Nothing proves that, nor that there is such a ticket."""
    quoted: str | None = None
    """What a mail repeats of earlier ones."""
    message_id: str | None = None
    """Of the mail that it came as."""
    attachments: tuple[Attachment, ...] = ()
    """Files that came with it."""
    link: Link | None = None
    """Opens the ticket for who sent the form."""


def ticket_id(*, sender: str, key: str) -> UUID:
    """The ticket of this sender's idempotency key: the same for ever."""
    return derive_id(NAMESPACE, "ticket", sender, key)


def open_ticket(
    submission: Submission,
    *,
    ticket: UUID,
    requester: str,
    now: datetime,
    traceparent: str | None,
) -> TicketCreated:
    """The event that a submission becomes.

    Args:
        submission: What was asked.
        ticket: Its id.
        requester: Pseudonym of the person; stands for the account where none was named.
        now: When it was accepted, with a zone.
        traceparent: W3C trace context of the request.
    """
    data = TicketCreatedData(
        account=submission.account or requester,
        account_verified=submission.account_verified,
        requester=requester,
        channel=submission.channel,
        priority=submission.priority,
        opened_by=submission.opened_by,
        queue=submission.queue,
        automatic=submission.automatic,
        continues=submission.continues,
        locale=submission.locale,
        time_zone=submission.time_zone,
        link=submission.link,
        private=TicketCreatedPrivate(
            person=requester,
            name=submission.name,
            address=submission.address,
            subject=submission.subject,
            text=submission.text,
            quoted=submission.quoted,
            message_id=submission.message_id,
            attachments=submission.attachments,
            fingerprint=fingerprint(submission),
        ),
    )
    cause = Cause(ticket, str(ticket), traceparent=traceparent)
    return TicketCreated.say(data, cause=cause, source=SOURCE, time=now)


def fingerprint(submission: Submission) -> str:
    """SHA-256 of what was asked: a repeat has the same, another request under one key has not."""
    parts = (
        submission.address,
        submission.account or "",
        submission.subject,
        submission.text,
        submission.priority,
    )
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()
