"""Mails as their readers get them."""

from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import pytest

from services.notifier import alerting, customers, domain, mails
from shared import plans
from tests.support import said

DEPLOY = Path(__file__).parents[3] / "deploy"
CATALOGUE = plans.load_catalogue(DEPLOY / "plans.toml")
DESK = mails.Desk(
    brand="Careline",
    sender="support@careline.example",
    messaging_center="https://desk.careline.example",
    terms="https://careline.example/terms",
)
DUE = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)


def acknowledgement(
    plan: str | None, *, time_zone: str = "Europe/Berlin", catalogue: plans.Catalogue = CATALOGUE
) -> EmailMessage:
    """The acknowledgement of a ticket of this plan, due on Tuesday at 09:30 UTC."""
    created = said.ticket_created()
    delivery = customers.acknowledge(created, not_before=created.time)
    assert delivery is not None
    due = None if plan in (None, "self-service") else DUE
    ticket = domain.Ticket(
        locale="en-GB",
        time_zone=time_zone,
        plan=plan,
        due_at=due,
        slotted_at=created.time if plan else None,
    )
    return mails.compose(delivery, ticket, catalogue=catalogue, desk=DESK, now=created.time)


def part(mail: EmailMessage, kind: str) -> str:
    """One part of a mail, with its white space folded."""
    body = mail.get_body((kind,))
    assert body is not None
    return " ".join(str(body.get_content()).split())


@pytest.mark.parametrize("kind", ["plain", "html"])
@pytest.mark.parametrize("plan", [None, "self-service", "basic", "centurion"])
def test_every_acknowledgement_says_what_customers_are_promised(
    plan: str | None, kind: str
) -> None:
    """Forwarded; all plans side by side; upgrade in the chat; one thread; documentation; tips."""
    text = part(acknowledgement(plan), kind).replace("&amp;", "&")
    assert "forwarded to our support team" in text
    for each in CATALOGUE.plans:
        assert each.name in text
        assert each.service_level in text
    assert "upgrade at any moment: ask for it in the chat" in text
    assert "All communication goes through your Messaging Center" in text
    assert "one conversation thread" in text
    assert "https://desk.careline.example/v1/tickets/" in text
    assert "documentation" in text
    assert "troubleshooting tips" in text
    assert "weekends and holidays" in text


@pytest.mark.parametrize("kind", ["plain", "html"])
def test_the_plans_promise_in_a_mail_what_they_promise(kind: str) -> None:
    """Every clock, every priority that differs, and the hours that count."""
    text = part(acknowledgement("basic"), kind)
    assert "within 8 hours of working time" in text
    assert "within 30 minutes, round the clock" in text
    assert "Mon to Fri 09:00 to 17:00 (UTC)" in text
    shipped = (DEPLOY / "plans.toml").read_text(encoding="utf-8")
    target = 'targets.default.first_response = "8h"'
    more = 'targets.default.resolution = "40h"\ntargets.urgent.first_response = "2h"'
    richer = plans.parse_catalogue(shipped.replace(target, f"{target}\n{more}"), "plans.toml")
    text = part(acknowledgement("basic", catalogue=richer), kind)
    words = "within 8 hours of working time (urgent: within 2 hours of working time)"
    assert words in text
    assert "Solution: within 40 hours of working time" in text


@pytest.mark.parametrize("kind", ["plain", "html"])
def test_the_due_time_is_in_the_customers_own_zone(kind: str) -> None:
    """09:30 UTC is half past ten in Berlin, and said so."""
    assert "Tuesday 24 November 2026, 10:30:00 Central European Standard Time" in part(
        acknowledgement("basic"), kind
    )


@pytest.mark.parametrize("kind", ["plain", "html"])
@pytest.mark.parametrize("plan", [None, "self-service"])
def test_without_a_plan_schedule_a_applies(plan: str | None, kind: str) -> None:
    """No plan, or none known yet: the self-service rules, with where to read them."""
    text = part(acknowledgement(plan), kind)
    assert (
        "Technical Support Delivery Rules for Self Service Plans (Schedule A of the Terms of "
        "Service)" in text
    )
    assert "https://careline.example/terms" in text


def test_no_word_of_the_requester_stands_in_it() -> None:
    """The address is not verified: what a stranger wrote is not mailed to whom they named."""
    whole = acknowledgement("basic").as_string()
    assert "Help!" not in whole
    assert "It does not work" not in whole
    assert "A Customer" not in whole


def test_no_automatic_mail_answers_it() -> None:
    """RFC 3834: it says that it is automatic."""
    mail = acknowledgement("basic")
    assert mail["Auto-Submitted"] == "auto-replied"
    assert mail["X-Auto-Response-Suppress"] == "All"


def test_every_try_has_the_same_message_id() -> None:
    """A second copy can be told as such by any mail client."""
    assert acknowledgement("basic")["Message-ID"] == acknowledgement("basic")["Message-ID"]


def test_an_alert_names_ticket_clock_and_due_time_but_not_the_customer() -> None:
    """Whoever is woken knows what to open, and reads no personal data on a lock screen."""
    breached = said.breach(said.slot(said.ticket_created()))
    (delivery,) = alerting.alert(breached, ["lead@careline.example"], now=breached.time)
    unknown = domain.Ticket()
    mail = mails.compose(delivery, unknown, catalogue=CATALOGUE, desk=DESK, now=breached.time)
    assert mail["Subject"].startswith("Breached: first response of CL-")
    assert len(f"Subject: {mail['Subject']}") <= 78
    assert "nobody had answered" in part(mail, "plain")
    assert said.ADDRESS not in mail.as_string()


@pytest.mark.parametrize("locale", ["tlh", "xx-YY", "de-AT", "zh-Hant-TW", "en"])
def test_no_locale_breaks_a_mail(locale: str) -> None:
    """What we don't know falls back to plain English dates."""
    assert "2026" in mails.local_time(DUE, "Asia/Kathmandu", locale)
