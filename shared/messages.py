"""What is written into a ticket's thread: by whom, how it came in, and what hangs on it.

Mail reaches intake; the thread is messaging's. A reply by mail therefore travels as
`MessageReceived`, its files in parts, each a record that a broker takes; once messaging has put the
words into the thread it says `MessagePosted`, as for every other message.
"""

from enum import StrEnum
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import Field

from shared.envelope import Envelope, Fact, Private, Topic


class Channel(StrEnum):
    """How a request reached us."""

    WEB = "web"
    """A page: the request form, or the ticket's own."""
    API = "api"
    """A program, by the HTTP API."""
    MAIL = "mail"
    """A mail."""
    CHAT = "chat"
    """The chat."""


class AuthorKind(StrEnum):
    """Who wrote or did something."""

    CUSTOMER = "customer"
    """Who asks for help, or somebody who takes part for them."""
    AGENT = "agent"
    """A person of the organisation: what they say in public counts as a response."""
    SYSTEM = "system"
    """The desk itself, or an automatic answer: it never counts as a response."""


class Visibility(StrEnum):
    """Who may read a message."""

    PUBLIC = "public"
    """The customer reads it."""
    NOTE = "note"
    """Agents alone read it."""


class Attachment(Fact):
    """A file that came with a message; its content follows in `AttachmentReceived`."""

    id: UUID
    """Derived from the message and the file's place in it."""
    name: str
    """As its sender called it, on one line; never a path."""
    content_type: str
    """What its sender says that it is, such as `image/png`; nobody checked."""
    size_bytes: int
    """How long it is, in bytes."""
    sha256: Annotated[str, Field(description="Of the content, in hex.")]


class MessagePostedPrivate(Private):
    """The personal part of a message."""

    author_name: str | None = None
    """The author's name, as their token or their mail has it."""
    text: str
    """What was written."""
    quoted: str | None = None
    """What a mail repeated of earlier ones below its own words."""
    attachments: tuple[Attachment, ...] = ()
    """Files that came with it."""


class MessagePostedData(Fact):
    """Somebody wrote into a ticket's thread; what was asked at first is in `TicketCreated`."""

    message: UUID
    """Id of the message."""
    sequence: int
    """The place in the thread, counted from 1, without gaps."""
    author_kind: AuthorKind
    author: str
    """Id of the author: the subject of their token, or the requester's pseudonym for a mail."""
    visibility: Visibility
    channel: Channel = Channel.API
    """How it came in."""
    in_reply_to: UUID | None = None
    """Id of the message that it answers, where that is known."""
    asks_for_plan: str | None = None
    """Id of the plan that its author asks to be put on."""
    came_to: UUID | None = None
    """The ticket that its author wrote to, where that had gone into this one."""
    private: MessagePostedPrivate | None = None


class MessageReceivedPrivate(Private):
    """The personal part of a reply by mail."""

    name: str | None = None
    """The sender's name, as their mail has it."""
    address: str
    """The sender's e-mail address."""
    text: str
    """What they wrote, without what it repeats of earlier mails; may be empty."""
    quoted: str | None = None
    """What was repeated of earlier mails, or forwarded."""
    message_id: str | None = None
    """The mail's own Message-ID, with its angle brackets: what an answer refers to."""
    attachments: tuple[Attachment, ...] = ()
    """Files that came with it."""


class MessageReceivedData(Fact):
    """A mail came in that answers a thread, from somebody who takes part in it."""

    message: UUID
    """Id of the message: the same for the same mail."""
    channel: Channel
    requester: str
    """Pseudonym of the sender: derived from the address with the desk's secret."""
    proof: Literal["reply_address", "message_id"]
    """What ties it to the thread: the reply address, or the Message-ID of ours that it answers;
    either was made for this ticket and this sender, and can't be made without our secret."""
    automatic: bool = False
    """Written by a machine, such as a vacation notice: nothing that anybody said."""
    private: MessageReceivedPrivate | None = None


class AttachmentReceivedPrivate(Private):
    """The personal part of a file's part."""

    content: str
    """These bytes of it, in base 64; at the most 512 KiB before that."""


class AttachmentReceivedData(Fact):
    """A part of a file that came with a message."""

    attachment: UUID
    """Id of the file, as the message names it."""
    message: UUID
    """Id of the message that it came with."""
    part: int
    """Which part this is, counted from 1."""
    parts: int
    """How many parts there are."""
    private: AttachmentReceivedPrivate | None = None


class MailBouncedPrivate(Private):
    """The personal part of a bounce."""

    address: str
    """The address that our mail did not reach."""
    detail: str | None = None
    """What the mail server there said; it may repeat the address."""


class MailBouncedData(Fact):
    """A mail of ours that had been taken came back: it did not reach its address."""

    permanent: bool
    """Whether the address is no good (5.y.z), or only did not take mail in time (4.y.z)."""
    status: str | None = None
    """RFC 3463 status, such as `5.1.1`."""
    delivery: UUID | None = None
    """Which delivery came back, where the bounce names its Message-ID."""
    private: MailBouncedPrivate | None = None


class MessagePosted(Envelope[MessagePostedData]):
    """Said by messaging."""

    TOPIC: ClassVar[Topic] = Topic.MESSAGES
    type: Literal["careline.message.posted.v1"] = "careline.message.posted.v1"


class MessageReceived(Envelope[MessageReceivedData]):
    """Said by intake."""

    TOPIC: ClassVar[Topic] = Topic.MESSAGES
    type: Literal["careline.message.received.v1"] = "careline.message.received.v1"


class AttachmentReceived(Envelope[AttachmentReceivedData]):
    """Said by intake, and by messaging for files that are added on its pages."""

    TOPIC: ClassVar[Topic] = Topic.ATTACHMENTS
    type: Literal["careline.attachment.received.v1"] = "careline.attachment.received.v1"


class MailBounced(Envelope[MailBouncedData]):
    """Said by intake."""

    TOPIC: ClassVar[Topic] = Topic.MESSAGES
    type: Literal["careline.mail.bounced.v1"] = "careline.mail.bounced.v1"
