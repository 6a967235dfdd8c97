"""What intake says of mails: replies, files in parts, and tickets that came as one."""

import hashlib
from base64 import b64encode
from datetime import datetime
from uuid import UUID

from services.messaging import domain, mails
from shared.envelope import Cause, derive_id
from shared.events import TicketCreated
from shared.messages import (
    Attachment,
    AttachmentReceived,
    AttachmentReceivedData,
    AttachmentReceivedPrivate,
    Channel,
    MailBounced,
    MailBouncedData,
    MailBouncedPrivate,
    MessagePosted,
    MessageReceived,
    MessageReceivedData,
    MessageReceivedPrivate,
)
from tests.support import said

INTAKE = "/services/intake"
PART = 512 * 1024
"""Bytes of a file in one part, at the most."""


def message_id_of(created: TicketCreated, key: str) -> UUID:
    """The message of a mail that is told from others by `key`."""
    return derive_id(said.ticket_of(created), "mail", key)


def message_received(
    created: TicketCreated,
    key: str = "a mail",
    *,
    text: str = "It still does not work.",
    quoted: str | None = None,
    attachments: tuple[Attachment, ...] = (),
    at: datetime | None = None,
    automatic: bool = False,
) -> MessageReceived:
    """What intake says of a reply by mail that is told from others by `key`."""
    private = MessageReceivedPrivate(
        person=said.REQUESTER,
        name="A Customer",
        address=said.ADDRESS,
        text=text,
        quoted=quoted,
        message_id=f"<{key.replace(' ', '-')}@mail.customer.example>",
        attachments=attachments,
    )
    data = MessageReceivedData(
        message=message_id_of(created, key),
        channel=Channel.MAIL,
        requester=created.data.requester,
        proof="reply_address",
        automatic=automatic,
        private=private,
    )
    cause = Cause(data.message, created.subject, created.correlationid)
    return MessageReceived.say(data, cause=cause, source=INTAKE, time=at or said.now())


def mail_bounced(
    created: TicketCreated,
    *,
    address: str = said.ADDRESS,
    delivery: UUID | None = None,
    permanent: bool = True,
    at: datetime | None = None,
) -> MailBounced:
    """What intake says when a mail about a ticket came back."""
    data = MailBouncedData(
        permanent=permanent,
        status="5.1.1" if permanent else "4.4.7",
        delivery=delivery,
        private=MailBouncedPrivate(
            person=said.REQUESTER, address=address, detail="550 no such user"
        ),
    )
    cause = Cause(derive_id(said.ticket_of(created), "bounce"), created.subject)
    return MailBounced.say(data, cause=cause, source=INTAKE, time=at or said.now())


def mail_posted(created: TicketCreated, received: MessageReceived) -> MessagePosted:
    """What messaging says of a reply by mail, the first one of its thread."""
    thread, _ = domain.open_thread(created)
    assert received.data.private is not None
    return mails.write(thread, received, received.data.private)[1]


def by_somebody_else(received: MessageReceived) -> MessageReceived:
    """A mail as if another one than the ticket's requester had sent it."""
    data = received.data.model_copy(update={"requester": "r-fedcba9876543210"})
    return received.model_copy(update={"data": data})


def without_private(received: MessageReceived) -> MessageReceived:
    """A mail whose personal part was taken away."""
    data = received.data.model_copy(update={"private": None})
    return received.model_copy(update={"data": data})


def ticket_by_mail(created: TicketCreated, **facts: object) -> TicketCreated:
    """A ticket as if it had come by mail.

    `quoted`, `message_id` and `attachments` are of its personal part, other facts beside it.
    """
    personal = facts.keys() & {"quoted", "message_id", "attachments"}
    private = created.data.private
    assert private is not None
    private = private.model_copy(update={name: facts.pop(name) for name in personal})
    data = {"channel": Channel.MAIL, **facts, "private": private}
    return created.model_copy(update={"data": created.data.model_copy(update=data)})


def attachment(
    created: TicketCreated,
    content: bytes,
    *,
    key: str = "a mail",
    place: int = 1,
    name: str = "report.csv",
    content_type: str = "text/csv",
) -> Attachment:
    """A file of a mail that is told from others by `key`."""
    return Attachment(
        id=derive_id(message_id_of(created, key), str(place)),
        name=name,
        content_type=content_type,
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
    )


def attachment_parts(
    created: TicketCreated, file: Attachment, content: bytes, *, size: int = PART
) -> list[AttachmentReceived]:
    """What intake says of a file's content, `size` bytes a part."""
    pieces = [content[start : start + size] for start in range(0, len(content), size)] or [b""]
    return [
        _part(created, file, number, len(pieces), piece)
        for number, piece in enumerate(pieces, start=1)
    ]


def _part(
    created: TicketCreated, file: Attachment, number: int, parts: int, content: bytes
) -> AttachmentReceived:
    data = AttachmentReceivedData(
        attachment=file.id,
        message=message_id_of(created, "a mail"),
        part=number,
        parts=parts,
        private=AttachmentReceivedPrivate(
            person=said.REQUESTER, content=b64encode(content).decode()
        ),
    )
    cause = Cause(file.id, created.subject, created.correlationid)
    return AttachmentReceived.say(
        data, cause=cause, source=INTAKE, time=said.now(), part=f"{file.id}/{number}"
    )
