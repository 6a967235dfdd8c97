"""Examples of what comes in by mail: a reply with a file, and a mail of ours that came back."""

import base64
from datetime import datetime, timedelta
from hashlib import sha256

from shared import events, messages
from shared.envelope import Cause, derive_id

INTAKE = "/services/intake"
REPLY_AFTER = timedelta(hours=26)
MESSAGE_ID = "<20260302.7f1c@mail.customer.example>"
CONTENT = b"week,rows\n9,0\n"
NAME = "report.csv"


def reply(created: events.TicketCreated) -> messages.MessageReceived:
    """The requester answers by mail."""
    private = created.data.private
    assert private is not None  # noqa: S101 - the example has one
    message = derive_id(created.id, "mail", MESSAGE_ID)
    data = messages.MessageReceivedData(
        message=message,
        channel=messages.Channel.MAIL,
        requester=created.data.requester,
        proof="reply_address",
        private=messages.MessageReceivedPrivate(
            person=created.data.requester,
            name=private.name,
            address=private.address,
            text="Here is what the report looks like.",
            quoted="> Could you send us the report?",
            message_id=MESSAGE_ID,
            attachments=(_file(created),),
        ),
    )
    return messages.MessageReceived.say(
        data, cause=_mail(created), source=INTAKE, time=_at(created)
    )


def attachment(created: events.TicketCreated) -> messages.AttachmentReceived:
    """The file that came with it, small enough for one part."""
    data = messages.AttachmentReceivedData(
        attachment=_file(created).id,
        message=derive_id(created.id, "mail", MESSAGE_ID),
        part=1,
        parts=1,
        private=messages.AttachmentReceivedPrivate(
            person=created.data.requester, content=base64.b64encode(CONTENT).decode()
        ),
    )
    cause = _mail(created)
    return messages.AttachmentReceived.say(
        data, cause=cause, source=INTAKE, time=_at(created), part=f"{data.attachment}/1"
    )


def bounced(created: events.TicketCreated) -> messages.MailBounced:
    """The requester's mailbox is gone by the next day."""
    private = created.data.private
    assert private is not None  # noqa: S101 - the example has one
    data = messages.MailBouncedData(
        permanent=True,
        status="5.1.1",
        delivery=derive_id(created.id, "acknowledgement"),
        private=messages.MailBouncedPrivate(
            person=created.data.requester,
            address=private.address,
            detail=f"550 5.1.1 <{private.address}>: no such mailbox",
        ),
    )
    return messages.MailBounced.say(
        data, cause=_mail(created), source=INTAKE, time=_at(created) + timedelta(days=1)
    )


def _file(created: events.TicketCreated) -> messages.Attachment:
    return messages.Attachment(
        id=derive_id(created.id, "mail", MESSAGE_ID, "1"),
        name=NAME,
        content_type="text/csv",
        size_bytes=len(CONTENT),
        sha256=sha256(CONTENT).hexdigest(),
    )


def _mail(created: events.TicketCreated) -> Cause:
    """A mail comes from outside: no event led to it but the ticket's first."""
    mail = derive_id(created.id, "mail", MESSAGE_ID)
    return Cause(mail, created.subject, created.id, created.id, created.traceparent)


def _at(created: events.TicketCreated) -> datetime:
    return created.time + REPLY_AFTER
