"""Mails as they go out: text and HTML from the templates, in the customer's zone and locale.

No text of the requester's stands in them: the address is not verified, and a desk that mails
what strangers write to whom strangers name is a mail bomb by proxy.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_datetime as format_local
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from services.notifier.domain import Delivery, DeliveryKind, Ticket
from shared.plan_words import LANGUAGE, rows
from shared.plans import Catalogue
from shared.tickets import ticket_number


@dataclass(frozen=True, slots=True)
class Desk:
    """What mails say about the organisation."""

    brand: str
    sender: str
    messaging_center: str
    portal: str | None = None
    documentation: str | None = None
    troubleshooting: str | None = None
    terms: str | None = None


_TEMPLATES = Environment(
    loader=PackageLoader("services.notifier"),
    autoescape=select_autoescape(["html.jinja"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def compose(
    delivery: Delivery, ticket: Ticket, *, catalogue: Catalogue, desk: Desk, now: datetime
) -> EmailMessage:
    """The mail of a delivery; its Message-ID is the same at every try."""
    facts = _facts(delivery, ticket, catalogue=catalogue, desk=desk)
    mail = EmailMessage(policy=SMTP)
    mail["From"] = Address(desk.brand, addr_spec=desk.sender)
    mail["To"] = delivery.address
    mail["Subject"] = _render(delivery.kind, "subject", facts).strip()
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = f"<{delivery.id}@{desk.sender.rpartition('@')[2]}>"
    # RFC 3834: nobody's vacation notice is to answer this, nor are we to answer such a notice.
    is_reply = delivery.kind is DeliveryKind.ACKNOWLEDGEMENT
    mail["Auto-Submitted"] = "auto-replied" if is_reply else "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail.set_content(_render(delivery.kind, "txt", facts))
    mail.add_alternative(_render(delivery.kind, "html", facts), subtype="html")
    return mail


def _render(kind: DeliveryKind, part: str, facts: dict[str, Any]) -> str:
    return _TEMPLATES.get_template(f"{kind.value}.{part}.jinja").render(facts)


def _facts(
    delivery: Delivery, ticket: Ticket, *, catalogue: Catalogue, desk: Desk
) -> dict[str, Any]:
    plan_id = delivery.facts.get("plan", ticket.plan)
    due_at = _instant(delivery, "due") or ticket.due_at
    due_now = _instant(delivery, "due_now")
    own = next((plan for plan in catalogue.plans if plan.id == plan_id), None)
    return {
        "desk": desk,
        "number": delivery.ticket and ticket_number(delivery.ticket),
        "thread": f"{desk.messaging_center}/v1/tickets/{delivery.ticket}",
        "plan": own,
        "is_self_service": own is not None and own.id == catalogue.default_plan,
        "due": due_at and local_time(due_at, ticket.time_zone, ticket.locale),
        "clock": str(delivery.clock or "").replace("_", " "),
        "state": delivery.facts.get("state"),
        "due_now": due_now and local_time(due_now, ticket.time_zone, ticket.locale),
        "plans": rows(catalogue, plan_id),
    }


def _instant(delivery: Delivery, fact: str) -> datetime | None:
    written = delivery.facts.get(fact)
    return datetime.fromisoformat(written) if written else None


def local_time(instant: datetime, time_zone: str | None, locale: str | None) -> str:
    """An instant as its reader would write it, with their zone's name."""
    zone = ZoneInfo(time_zone) if time_zone else UTC
    return format_local(
        instant, "EEEE d MMMM y, HH:mm:ss zzzz", tzinfo=zone, locale=_region(locale)
    )


def _region(locale: str | None) -> Locale:
    """The customer's region, in the templates' language."""
    try:
        asked = Locale.parse((locale or "en").replace("-", "_"))
        return Locale(LANGUAGE.language, asked.territory)
    except (UnknownLocaleError, ValueError):
        return LANGUAGE
