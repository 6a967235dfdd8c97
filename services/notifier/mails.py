"""Mails as they go out: text and HTML from the templates, in their reader's language and zone.

In an acknowledgement stands no text of the requester's: the address is not verified, and a desk
that mails what strangers write to whom strangers name is a mail bomb by proxy. For the same reason
a reply quotes a customer only once they have shown that the address reads our mail.
"""

import re
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime

from services.notifier.deliveries import TO_CUSTOMERS, About, Delivery, DeliveryKind
from services.notifier.letters.brand import Brand, Link
from services.notifier.letters.desk import Desk
from services.notifier.letters.facts import facts_of
from services.notifier.letters.headers import empty_mail, identifiers, mailbox, one_line
from services.notifier.letters.passages import clean, wrapped
from services.notifier.letters.words import Templates, TemplatesError
from shared.envelope import derive_id
from shared.languages import Language
from shared.mail_tokens import BOUNCES
from shared.plans import Catalogue

__all__ = [
    "Brand",
    "Desk",
    "Link",
    "Templates",
    "TemplatesError",
    "compose",
    "envelope_sender",
]

LOOP_MARK = "X-Careline-Desk"
"""A header by which a desk knows its own mails, whatever else was done to them."""


def compose(
    delivery: Delivery, about: About, *, catalogue: Catalogue, desk: Desk, now: datetime
) -> EmailMessage:
    """The mail of a delivery; its Message-ID is the same at every try.

    Args:
        delivery: Goes by e-mail.
        about: What its words are made from.
        catalogue: What is promised now.
        desk: Who writes.
        now: Its date, in UTC.

    Raises:
        TemplatesError: a template broke.
        ValueError: its address holds a line break.
    """
    language = _language(delivery, about, desk)
    facts = facts_of(delivery, about, catalogue=catalogue, desk=desk, language=language)
    kind, templates = delivery.kind.value, desk.templates
    mail = empty_mail()
    mail["From"] = mailbox(_author(about, desk), desk.sender)
    mail["To"] = delivery.address
    mail["Subject"] = one_line(templates.render(f"{kind}.subject", facts, language))
    mail["Date"] = format_datetime(now)
    _tie(mail, delivery, about, desk)
    _mark(mail, delivery, desk)
    text = wrapped(
        clean(re.sub(r"\n{3,}", "\n\n", templates.render(f"{kind}.txt", facts, language)))
    )
    # Quoted-printable: any length of lines, in seven bits, for servers without 8BITMIME too.
    mail.set_content(f"{text}\n", cte="quoted-printable")
    html = templates.render(f"{kind}.html", facts, language)
    mail.add_alternative(html, subtype="html", cte="quoted-printable")
    mail["Content-Language"] = language.tag
    return mail


def envelope_sender(delivery: Delivery, desk: Desk) -> str:
    """Where the mail of a delivery comes back to if it can't be delivered."""
    if desk.tokens is None or delivery.ticket is None:
        return desk.sender
    return desk.tokens.address(delivery.ticket, BOUNCES)


def _language(delivery: Delivery, about: About, desk: Desk) -> Language:
    is_for_customer = delivery.kind in TO_CUSTOMERS
    return desk.templates.language(about.ticket.locale if is_for_customer else desk.staff_locale)


def _author(about: About, desk: Desk) -> str:
    """The agent by name where one wrote it all, else the organisation."""
    names = {message.author_name for message in about.messages}
    name = names.pop() if len(names) == 1 else None
    return f"{name} ({desk.brand.name})" if name else desk.brand.name


def _tie(mail: EmailMessage, delivery: Delivery, about: About, desk: Desk) -> None:
    """Its own Message-ID, what it answers, and where it is answered."""
    ticket, tokens = about.ticket, desk.tokens
    mail["Message-ID"] = _message_id(delivery, about, desk)
    if delivery.kind not in TO_CUSTOMERS:
        if root := _root(delivery, desk):
            mail["References"] = root
        return
    begins = _acknowledgement_id(delivery, about, desk)
    is_reply = delivery.kind is DeliveryKind.REPLY
    theirs = identifiers([ticket.message_id])
    if answered := theirs or (begins if is_reply else None):
        mail["In-Reply-To"] = answered
        mail["References"] = identifiers([begins if is_reply else None, theirs])
    if tokens is not None and delivery.ticket is not None and ticket.requester is not None:
        mail["Reply-To"] = tokens.address(delivery.ticket, ticket.requester)


def _message_id(delivery: Delivery, about: About, desk: Desk) -> str:
    requester = about.ticket.requester
    is_for_customer = delivery.kind in TO_CUSTOMERS
    if is_for_customer and desk.tokens and delivery.ticket and requester is not None:
        return desk.tokens.message_id(delivery.id, delivery.ticket, requester)
    return f"<{delivery.id}@{desk.domain}>"


def _acknowledgement_id(delivery: Delivery, about: About, desk: Desk) -> str:
    """Of the mail with which this ticket's began; its id follows from the ticket's first event."""
    id_ = derive_id(delivery.correlation, DeliveryKind.ACKNOWLEDGEMENT)
    if desk.tokens and delivery.ticket and about.ticket.requester is not None:
        return desk.tokens.message_id(id_, delivery.ticket, about.ticket.requester)
    return f"<{id_}@{desk.domain}>"


def _root(delivery: Delivery, desk: Desk) -> str | None:
    """A name that all alerts about one promise share: mail programs show them as one thread."""
    if delivery.ticket is None or delivery.clock is None:
        return None
    return f"<{delivery.ticket}.{delivery.clock.value}.{delivery.cycle}@{desk.domain}>"


def _mark(mail: EmailMessage, delivery: Delivery, desk: Desk) -> None:
    """So that no vacation notice answers what a machine wrote, and two desks never talk (RFC 3834).

    What an agent wrote is a person's mail, and says nothing of the kind.
    """
    mail[LOOP_MARK] = desk.mark
    if delivery.kind is DeliveryKind.REPLY:
        return
    answers = delivery.kind is DeliveryKind.ACKNOWLEDGEMENT
    mail["Auto-Submitted"] = "auto-replied" if answers else "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
