"""Where mails lead: customers by a link of their own, people of ours to the inbox.

A link opens its ticket for whoever has it. It stands in the mail that is sent and nowhere else:
what is kept of that mail, and shown to operators, has it without its secret part.
"""

import re
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from services.notifier.deliveries import (
    TO_CUSTOMERS,
    Accepted,
    Answer,
    Content,
    Delivery,
    Lost,
    Refused,
)
from services.notifier.letters.desk import Desk
from shared.links import UNSEEN, MadeLink, make_link

HOLDS = timedelta(days=30)
"""How long a link can be used, from when its mail was to go out."""
_SOFT_BREAK = rb"(?:=\r?\n)?"
"""By which quoted-printable ends a line within a word."""


def link_of(delivery: Delivery, desk: Desk) -> MadeLink | None:
    """The link in a mail to a customer: the same at every try, another one if it is sent again."""
    if desk.link_secret is None or delivery.kind not in TO_CUSTOMERS:
        return None
    again = (str(delivery.round),) if delivery.round else ()
    return make_link(
        desk.link_secret, "mail", str(delivery.id), *again, expires=delivery.counts_from + HOLDS
    )


def thread_of(delivery: Delivery, desk: Desk) -> str:
    """Where the reader of a delivery finds the conversation."""
    if delivery.kind not in TO_CUSTOMERS:
        return inbox_of(delivery.ticket, desk)
    made = link_of(delivery, desk)
    place = f"open/{made.token}" if made else f"center/{delivery.ticket}"
    return f"{desk.messaging_center}/{place}"


def inbox_of(ticket: UUID | None, desk: Desk) -> str:
    """Where agents find a conversation."""
    return f"{desk.messaging_center}/inbox/{ticket}"


def without_secret(content: Content) -> Content:
    """What was handed over, with nothing in it that opens a ticket."""
    if content.link is None:
        return content
    letters = (re.escape(letter.encode()) for letter in content.link.token)
    secret = re.compile(_SOFT_BREAK.join(letters))
    # As quoted-printable has it, which all our mails are in.
    unseen = "".join(f"={byte:02X}" for byte in UNSEEN.encode()).encode()
    return replace(content, body=secret.sub(unseen, content.body), link=None)


def answer_without_secret(answer: Answer | None, content: Content | None) -> Answer | None:
    """What the other side said: a filter that refuses a mail may repeat a link of it."""
    if content is None or content.link is None:
        return answer
    match answer:
        case Refused(detail=detail) | Lost(detail=str(detail)):
            return replace(answer, detail=detail.replace(content.link.token, UNSEEN))
        case Lost() | Accepted() | None:
            return answer
