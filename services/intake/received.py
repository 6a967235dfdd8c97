"""From a mail and what was decided about it to events.

The parts of its files come first, the message that names them last. Whoever dies in between has
told nobody that the mail was taken: it is sent again, its ids are the same, and what is there
already is dropped as a repeat. Should it never come again, some parts of files lie about that no
message names; the other way round, a message would name files that nobody has.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never
from uuid import UUID

from services.intake import domain
from services.intake.mail.bodies import MailFile
from services.intake.mail.reading import Mail
from services.intake.mail.rules import Bounce, Judgement, NewTicket, RefusedMail, Reply
from services.intake.mail.text import split_quoted
from shared.attached import describe, parts_of
from shared.envelope import Cause, derive_id
from shared.events import Event, TicketCreated
from shared.links import hide_links
from shared.messages import (
    Attachment,
    AttachmentReceived,
    AuthorKind,
    Channel,
    MailBounced,
    MailBouncedData,
    MailBouncedPrivate,
    MessageReceived,
    MessageReceivedData,
    MessageReceivedPrivate,
)
from shared.plans import Priority

_CREATED = TicketCreated.model_fields["type"].default


@dataclass(frozen=True, slots=True)
class _Said:
    """What an event says of a mail's words and files."""

    text: str
    quoted: str | None
    attachments: tuple[Attachment, ...]


def events_of(
    judgement: Judgement, mail: Mail, *, now: datetime, traceparent: str | None = None
) -> tuple[Event, ...]:
    """The events of a mail, in the order in which they are to be published.

    Args:
        judgement: What was decided; what is refused leads to no event.
        mail: What was decided about.
        now: When it was taken, with a zone.
        traceparent: W3C trace context of its way here.
    """
    match judgement:
        case NewTicket():
            return _opened(judgement, mail, now, traceparent)
        case Reply():
            return _replied(judgement, mail, now, traceparent)
        case Bounce():
            return (_bounced(judgement, mail, now, traceparent),)
        case RefusedMail():
            return ()
        case _:
            assert_never(judgement)


def opening_message(ticket: UUID) -> UUID:
    """The id of a new ticket's first message: as messaging derives it from `TicketCreated`."""
    return derive_id(derive_id(ticket, _CREATED, ""), "message")


def _opened(
    new: NewTicket, mail: Mail, now: datetime, traceparent: str | None
) -> tuple[Event, ...]:
    message = opening_message(new.ticket)
    said = _said(mail, message)
    submission = domain.Submission(
        address=new.person.address,
        name=new.person.name,
        account=None,
        account_verified=False,
        opened_by=AuthorKind.CUSTOMER,
        subject=mail.subject,
        text=said.text,
        channel=Channel.MAIL,
        priority=Priority.NORMAL,
        locale=new.locale,
        time_zone=new.time_zone,
        queue=new.queue,
        automatic=new.is_automatic,
        continues=new.continues,
        quoted=said.quoted,
        message_id=mail.message_id,
        attachments=said.attachments,
    )
    created = domain.open_ticket(
        submission, ticket=new.ticket, requester=new.requester, now=now, traceparent=traceparent
    )
    cause = Cause(message, created.subject, created.correlationid, None, traceparent)
    return (*_parts(mail.files, said, message, new.requester, cause, now), created)


def _replied(reply: Reply, mail: Mail, now: datetime, traceparent: str | None) -> tuple[Event, ...]:
    said = _said(mail, reply.message)
    cause = _cause(reply.message, reply.ticket, traceparent)
    data = MessageReceivedData(
        message=reply.message,
        channel=Channel.MAIL,
        requester=reply.requester,
        proof=reply.proof,
        automatic=reply.is_automatic,
        private=MessageReceivedPrivate(
            person=reply.requester,
            name=reply.person.name,
            address=reply.person.address,
            text=said.text,
            quoted=said.quoted,
            message_id=mail.message_id,
            attachments=said.attachments,
        ),
    )
    received = MessageReceived.say(data, cause=cause, source=domain.SOURCE, time=now)
    return (*_parts(mail.files, said, reply.message, reply.requester, cause, now), received)


def _bounced(bounce: Bounce, mail: Mail, now: datetime, traceparent: str | None) -> MailBounced:
    data = MailBouncedData(
        permanent=bounce.is_permanent,
        status=bounce.status,
        delivery=bounce.delivery,
        private=MailBouncedPrivate(
            person=bounce.person, address=bounce.address, detail=bounce.detail
        ),
    )
    cause = _cause(derive_id(bounce.ticket, "bounce", mail.key), bounce.ticket, traceparent)
    return MailBounced.say(data, cause=cause, source=domain.SOURCE, time=now)


def _cause(cause: UUID, ticket: UUID, traceparent: str | None) -> Cause:
    """A ticket's first event has an id that derives from the ticket's."""
    return Cause(cause, str(ticket), derive_id(ticket, _CREATED, ""), None, traceparent)


def _said(mail: Mail, message: UUID) -> _Said:
    # Our mail is quoted with its link: agents who read it must not come in as the customer.
    own, quoted = split_quoted(hide_links(mail.text))
    text = "\n\n".join(part for part in (own, "\n".join(mail.notes)) if part)
    attachments = tuple(
        describe(message, at, name=file.name, kind=file.content_type, content=file.content)
        for at, file in enumerate(mail.files)
    )
    return _Said(text, quoted, attachments)


def _parts(
    files: tuple[MailFile, ...],
    said: _Said,
    message: UUID,
    person: str,
    cause: Cause,
    now: datetime,
) -> Iterator[AttachmentReceived]:
    for file, attachment in zip(files, said.attachments, strict=True):
        cut = parts_of(attachment.id, file.content, message=message, person=person)
        for part, data in cut:
            yield AttachmentReceived.say(
                data, cause=cause, source=domain.SOURCE, time=now, part=part
            )
