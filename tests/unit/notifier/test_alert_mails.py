"""What people of ours are mailed: alerts and digests."""

from dataclasses import replace

import pytest

from services.notifier.deliveries import DeliveryKind
from shared.plans import Clock
from tests.support.composed import DESK, PARTS, html, mail, part, sample

ALERTS = {
    "at-risk-first_response": ("At risk: first response of CL-", "There is still time"),
    "breach-first_response": ("Breached: first response of CL-", "Nobody had answered by then"),
    "breach-next_response": ("Breached: next response of CL-", "Nobody had answered by then"),
    "breach-update": ("Breached: update of CL-", "Nobody had written by then"),
    "breach-resolution": ("Breached: resolution of CL-", "It was not solved by then"),
}


@pytest.mark.parametrize("kind", PARTS)
@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_what_slips_when_and_where_to_look(name: str, kind: str) -> None:
    """In the subject ticket, clock, plan and queue; the due time in the zone of the calendar."""
    subject, words = ALERTS[name]
    of = sample(name)
    sent = mail(of)
    assert str(sent["Subject"]).startswith(subject)
    assert str(sent["Subject"]).endswith(" (advanced, support)")
    assert words in part(sent, kind)
    assert "Tuesday, 24 November 2026, 09:30:00 (Coordinated Universal Time)" in part(sent, kind)
    assert f"https://desk.careline.example/inbox/{of.delivery.ticket}" in (
        html(sent) if kind == "html" else part(sent, kind)
    )


@pytest.mark.parametrize("kind", PARTS)
def test_a_later_step_says_that_nobody_has_reacted(kind: str) -> None:
    """Which step, after how long, and how urgent it is where that is known."""
    sent = mail(sample("breach-second-step"))
    assert "Step 2: nobody has reacted for 30 minutes of working time." in part(sent, kind)
    assert str(sent["Subject"]).endswith(" (advanced, support, urgent)")
    assert len(f"Subject: {sent['Subject']}") <= 90


def test_an_alert_reads_in_the_language_of_the_desk() -> None:
    """Not in the customer's; and it says nothing of the customer."""
    of = sample("breach-first_response", "es-ES")
    assert "Nobody had answered" in part(mail(of), "plain")
    german = mail(of, replace(DESK, staff_locale="de-DE"))
    assert str(german["Subject"]).startswith("Überschritten: erste Antwort zu CL-")
    assert "customer@customer.example" not in german.as_string()


def test_the_zone_in_which_it_was_planned_goes_before_the_catalogues() -> None:
    """A catalogue may have changed since."""
    of = sample("breach-first_response")
    facts = {**of.delivery.facts, "zone": "Asia/Tokyo", "plan": "gone"}
    sent = mail(replace(of, delivery=replace(of.delivery, facts=facts)))
    assert "18:30:00 (Japan Standard Time)" in part(sent, "plain")
    assert str(sent["Subject"]).endswith(" (gone, support)")


@pytest.mark.parametrize("kind", PARTS)
def test_a_digest_says_how_many_which_and_where_the_list_is(kind: str) -> None:
    """Counts of all, at most fifty by plan, and the page with every one."""
    of = sample("digest")
    sent = mail(of)
    text = part(sent, kind)
    assert sent["Subject"] == "137 alerts: 91 breaches, 46 promises at risk"
    assert "91 breaches" in text
    assert "46 promises at risk" in text
    assert "These are the first 50 of 137." in text
    whole = html(sent) if kind == "html" else text
    assert f"https://notifier.careline.example/deliveries?digest={of.delivery.id}" in whole
    for each in of.about.carried:
        assert f"/inbox/{each.ticket}" in whole
    centurion, starter = (text.upper().index(f"PLATFORM CARE {name}") for name in _ENDS)
    assert centurion < starter


_ENDS = ("CENTURION", "STARTER")


@pytest.mark.parametrize(
    ("number", "locale", "subject"),
    [
        (1, "en", "1 alert: 1 breach"),
        (2, "en", "2 alerts: 2 breaches"),
        (1, "de", "1 Hinweis: 1 überschrittene Zusage"),
        (2, "de", "2 Hinweise: 2 überschrittene Zusagen"),
        (1, "es", "1 aviso: 1 incumplimiento"),
        (2, "es", "2 avisos: 2 incumplimientos"),
    ],
)
def test_plural_forms_are_right(number: int, locale: str, subject: str) -> None:
    """One alert is no alerts, in every language."""
    of = sample("digest")
    counts = {DeliveryKind.BREACH_ALERT: number}
    about = replace(of.about, carried=of.about.carried[:number], carried_by_kind=counts)
    sent = mail(replace(of, about=about), replace(DESK, staff_locale=locale))
    assert sent["Subject"] == subject


def test_all_clocks_have_a_name() -> None:
    """A new clock is named before it is alerted."""
    subjects = {str(mail(sample(f"breach-{clock}"))["Subject"])[:20] for clock in Clock}
    assert len(subjects) == len(Clock)
