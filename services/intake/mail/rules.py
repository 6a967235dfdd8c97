"""What a mail is: a new ticket, a reply, a bounce, or refused with a reason. Pure decisions.

Nothing in a mail is proved but what only we can have made: a reply address or a Message-ID that
holds for its sender. A mail never gives anyone the rights of an agent.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal
from uuid import UUID

from services.intake import domain
from services.intake.mail.headers import Mailbox, valid_address
from services.intake.mail.reading import Mail, Refusal
from services.intake.mail.reports import Recipient, failed_in_words
from services.intake.mail.signs import Writer, wants_no_answer, writer
from shared.envelope import derive_id
from shared.identity import requester_id
from shared.mail_tokens import BOUNCES, Answered, MailTokens

MOST_HOPS = 50
"""Mail servers that a mail comes through: no honest way is as long (RFC 5321, 6.3)."""

Source = Literal["smtp", "lmtp", "imap"]
Proof = Literal["reply_address", "message_id"]


@dataclass(frozen=True, slots=True)
class Envelope:
    """What is said about a mail outside of it."""

    mail_from: str | None
    """Whom an answer would reach; empty for nobody (the null sender), None where nobody knows."""
    rcpt_to: tuple[str, ...]
    source: Source


@dataclass(frozen=True, slots=True)
class MailDesk:
    """What mails are judged by."""

    tokens: MailTokens
    pseudonym_secret: str
    addresses: frozenset[str] = frozenset()
    """Ours, in small letters: the mailbox, the sender of our mails, and every other one."""
    queues: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Which queue a mail belongs to by the address that it went to, in small letters."""
    queue: str = "support"
    """Of all other addresses."""
    locale: str = "en"
    time_zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class NewTicket:
    """Somebody asks for something."""

    ticket: UUID
    requester: str
    person: Mailbox
    queue: str
    is_automatic: bool
    continues: UUID | None
    """The ticket that it refers to. Nothing proves that: anybody can write such a reference."""
    locale: str
    time_zone: str


@dataclass(frozen=True, slots=True)
class Reply:
    """Somebody who takes part in a ticket writes into its thread."""

    ticket: UUID
    message: UUID
    requester: str
    person: Mailbox
    proof: Proof
    is_automatic: bool


@dataclass(frozen=True, slots=True)
class Bounce:
    """A mail of ours came back."""

    ticket: UUID
    address: str
    person: str
    """Pseudonym of whose address it is."""
    is_permanent: bool
    status: str | None
    detail: str | None
    delivery: UUID | None
    """Which one, where its Message-ID came back and was made for this address."""


@dataclass(frozen=True, slots=True)
class RefusedMail:
    """A mail that is not taken, and what its sender is told."""

    code: int
    enhanced: str
    reason: str
    cause: Refusal


Judgement = NewTicket | Reply | Bounce | RefusedMail

_LOOP = RefusedMail(554, "5.4.6", "This mail has been here before", Refusal.LOOP)
_FAR = RefusedMail(554, "5.4.6", "This mail came through too many servers", Refusal.LOOP)
_FOREIGN = RefusedMail(
    550, "5.7.1", "This reports on no mail that we know of", Refusal.FOREIGN_REPORT
)
_NOT_FAILED = RefusedMail(
    550, "5.7.1", "Only reports of failed delivery are taken", Refusal.FOREIGN_REPORT
)
_NO_SENDER = RefusedMail(
    550, "5.7.1", "The From header names no address that can be answered", Refusal.NO_SENDER
)
_AUTOMATIC = RefusedMail(
    550, "5.7.1", "Automatic replies are taken only by those who take part", Refusal.AUTOMATIC_REPLY
)


def judge(mail: Mail, *, envelope: Envelope, desk: MailDesk) -> Judgement:
    """Decide about a mail; the same mail always comes to the same.

    Args:
        mail: What it says.
        envelope: From whom to whom it was handed over.
        desk: Our addresses, secrets and defaults.
    """
    if mail.hops > MOST_HOPS:
        return _FAR
    if _is_own(mail, envelope, desk):
        return _LOOP
    has_null_sender = _has_null_sender(mail, envelope)
    answers_us = any(map(desk.tokens.is_ours, _answered(mail)))
    wrote = writer(mail, has_null_sender=has_null_sender, answers_us=answers_us)
    if _is_report(mail, envelope, desk, wrote=wrote, has_null_sender=has_null_sender):
        return _bounce(mail, envelope, desk)
    if mail.sender is None:
        return _NO_SENDER
    return _taken(mail, mail.sender, envelope, desk, wrote)


def _taken(
    mail: Mail, person: Mailbox, envelope: Envelope, desk: MailDesk, wrote: Writer
) -> Judgement:
    requester = requester_id(person.address, secret=desk.pseudonym_secret)
    proved = _proved(mail, envelope, desk, requester)
    if proved is not None:
        ticket, proof = proved
        # What somebody writes by way of a list is still theirs.
        is_automatic = wrote in (Writer.RESPONDER, Writer.MACHINE)
        message = derive_id(ticket, "mail", mail.key)
        return Reply(ticket, message, requester, person, proof, is_automatic)
    if wrote is Writer.RESPONDER:
        return _AUTOMATIC
    return NewTicket(
        ticket=domain.ticket_id(sender=f"mail:{requester}", key=mail.key),
        requester=requester,
        person=person,
        queue=_queue(mail, envelope, desk),
        is_automatic=wrote is not Writer.PERSON or wants_no_answer(mail),
        continues=next(_named(mail, envelope, desk), None),
        locale=mail.language or desk.locale,
        time_zone=desk.time_zone,
    )


def _is_own(mail: Mail, envelope: Envelope, desk: MailDesk) -> bool:
    """Whether we wrote it: by its mark, its Message-ID, or an address of ours as its sender."""
    mark = (mail.sign("x-careline-desk") or "").lower()
    if mark == desk.tokens.mailbox or mark in desk.addresses:
        return True
    # It names the domain alone, which we may share with the desk that another mark names.
    if not mark and mail.message_id is not None and desk.tokens.is_ours(mail.message_id):
        return True
    senders = [envelope.mail_from or "", mail.sender.address if mail.sender else ""]
    return any(_is_ours(address, desk) for address in senders)


def _is_ours(address: str, desk: MailDesk) -> bool:
    return address.lower() in desk.addresses or desk.tokens.read_address(address) is not None


def _has_null_sender(mail: Mail, envelope: Envelope) -> bool:
    if envelope.mail_from is not None:
        return envelope.mail_from.strip() in ("", "<>")
    return (mail.sign("return-path") or "").strip() == "<>"


def _recipients(mail: Mail, envelope: Envelope) -> tuple[str, ...]:
    """Every address that it went to: what we made is proof wherever it stands."""
    written = (*envelope.rcpt_to, *mail.delivered_to, *mail.to, *mail.cc)
    return tuple(dict.fromkeys(address.strip().strip("<>").lower() for address in written))


def _queue(mail: Mail, envelope: Envelope, desk: MailDesk) -> str:
    named = (desk.queues.get(address) for address in _recipients(mail, envelope))
    return next((queue for queue in named if queue is not None), desk.queue)


def _proved(
    mail: Mail, envelope: Envelope, desk: MailDesk, requester: str
) -> tuple[UUID, Proof] | None:
    """The ticket that its sender takes part in, and what proves that."""
    for address in _recipients(mail, envelope):
        returned = desk.tokens.read_address(address)
        if returned is not None and desk.tokens.holds(returned, requester):
            return returned.ticket, "reply_address"
    for message_id in _answered(mail):
        answered = desk.tokens.read_message_id(message_id, requester)
        if answered is not None:
            return answered.ticket, "message_id"
    return None


def _named(mail: Mail, envelope: Envelope, desk: MailDesk) -> Iterator[UUID]:
    """Tickets that it refers to, without any proof."""
    for address in _recipients(mail, envelope):
        returned = desk.tokens.read_address(address)
        if returned is not None:
            yield returned.ticket
    for message_id in _answered(mail):
        ticket = desk.tokens.named(message_id)
        if ticket is not None:
            yield ticket


def _answered(mail: Mail) -> tuple[str, ...]:
    """Message-IDs that it answers, the nearest first."""
    return (*mail.in_reply_to, *reversed(mail.references))


def _is_report(
    mail: Mail, envelope: Envelope, desk: MailDesk, *, wrote: Writer, has_null_sender: bool
) -> bool:
    """Whether a mail server says what became of a mail, instead of somebody saying something."""
    if mail.report is not None and mail.report.kind == "delivery-status":
        return mail.report.is_whole or has_null_sender
    # Vacation notices go to the envelope sender as well (RFC 3834), with signs of their own.
    is_told = has_null_sender and _told(mail) is not None
    answers_headers = wrote is Writer.RESPONDER and "auto-submitted" in mail.signs
    return is_told and not answers_headers and _bounced_ticket(mail, envelope, desk) is not None


def _told(mail: Mail) -> Recipient | None:
    """The failure that a report without fields tells, by a header of Exim's or in words."""
    named = tuple(
        address.strip() for address in (mail.sign("x-failed-recipients") or "").split(",")
    )
    in_words = failed_in_words(mail.text)
    if not named[0]:
        return in_words
    return Recipient(named, "failed", in_words.status if in_words else None, None)


def _bounced_ticket(mail: Mail, envelope: Envelope, desk: MailDesk) -> UUID | None:
    """The ticket whose mail it is about: only mail servers to whom we gave it know that address."""
    for address in _recipients(mail, envelope):
        returned = desk.tokens.read_address(address)
        if returned is not None and desk.tokens.holds(returned, BOUNCES):
            return returned.ticket
    return None


def _bounce(mail: Mail, envelope: Envelope, desk: MailDesk) -> Bounce | RefusedMail:
    said = mail.report.recipients if mail.report else ()
    failed = next((each for each in said if each.action in ("failed", "")), None)
    if failed is None and not said:
        failed = _told(mail)
    address, answered = _returned(mail, failed, desk) if failed else (None, None)
    # Reported to From instead: a Message-ID made for the very address that failed proves as much.
    proved = answered.ticket if answered else None
    ticket = _bounced_ticket(mail, envelope, desk) or proved
    if failed is None:
        return _NOT_FAILED if ticket else _FOREIGN
    if ticket is None or address is None:
        return _FOREIGN
    is_permanent = not (failed.status or "5").startswith("4")
    delivery = answered.delivery if answered else None
    person = requester_id(address, secret=desk.pseudonym_secret)
    return Bounce(ticket, address, person, is_permanent, failed.status, failed.detail, delivery)


def _returned(mail: Mail, failed: Recipient, desk: MailDesk) -> tuple[str | None, Answered | None]:
    """The address that our mail did not reach, and which mail that was.

    A mail may have been forwarded from the address that we know to one that we don't. The
    Message-ID that came back tells which of those that are named is the one that we wrote to.
    """
    report = mail.report
    written = (*failed.addresses, *(report.returned_to if report else ()))
    named = [address for address in map(valid_address, dict.fromkeys(written)) if address]
    for message_id in report.returned if report else ():
        for address in named:
            party = requester_id(address, secret=desk.pseudonym_secret)
            answered = desk.tokens.read_message_id(message_id, party)
            if answered is not None:
                return address, answered
    return next(iter(named), None), None
