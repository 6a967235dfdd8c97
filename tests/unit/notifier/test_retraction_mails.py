"""What is said of a breach that does not hold."""

from dataclasses import replace
from datetime import datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest

from services.notifier import mails
from services.notifier.letters import samples
from shared import plans

CATALOGUE = plans.load_catalogue(Path(__file__).parents[3] / "deploy" / "plans.toml")
DESK = mails.Desk(mails.Brand(), "support@careline.example", "https://desk.careline.example")
LATER = samples.DUE + timedelta(seconds=30)
DUE_NOW = "Due time: Tuesday, 24 November 2026, 12:30:00 (Coordinated Universal Time)."


def mail(state: str, due_now: datetime | None = None) -> EmailMessage:
    """The retraction as it goes out."""
    name = f"retraction-{state}"
    of = next(each for each in samples.samples(CATALOGUE) if each.name == name)
    if due_now is not None:
        facts = {**of.delivery.facts, "due_now": due_now.isoformat()}
        of = replace(of, delivery=replace(of.delivery, facts=facts))
    return mails.compose(of.delivery, of.about, catalogue=CATALOGUE, desk=DESK, now=LATER)


def part(of: EmailMessage, kind: str) -> str:
    """One part of a mail, with its white space folded and without its markup's strong words."""
    body = of.get_body((kind,))
    assert body is not None
    text = str(body.get_content()).replace("<strong>", "").replace("</strong>", "")
    return " ".join(text.split())


@pytest.mark.parametrize("kind", ["plain", "html"])
@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("met", "done in time."),
        ("running", f"still running. {DUE_NOW}"),
        ("paused", "paused, without a due time until it runs on."),
        ("cancelled", "cancelled, nothing is owed for it any more."),
        ("breached", f"breached all the same, by another due time. {DUE_NOW}"),
    ],
)
def test_a_retraction_says_what_does_not_hold_and_what_does(
    state: str, words: str, kind: str
) -> None:
    """The due time of the breach, why it does not hold, and how it stands now."""
    text = part(mail(state), kind)
    assert "due by Tuesday, 24 November 2026, 09:30:00 (Coordinated Universal Time)" in text
    assert "announced as breached. That does not hold" in text
    assert "such as an answer, reached us only afterwards" in text
    assert f"How it stands now: {words}" in text
    assert "https://desk.careline.example/inbox/" in text


@pytest.mark.parametrize("kind", ["plain", "html"])
def test_what_is_cancelled_has_no_due_time(kind: str) -> None:
    """Even if it had one before."""
    assert "Due time" not in part(mail("cancelled", samples.DUE), kind)
    assert "Due time" in part(mail("met", samples.DUE), kind)


def test_a_retraction_can_be_told_from_the_alert_by_its_subject() -> None:
    """In one line on a phone, with the same ticket and clock."""
    subject = str(mail("met")["Subject"])
    assert subject.startswith("Retracted: first response of CL-")
    assert subject.endswith(" (advanced, support)")
    assert len(f"Subject: {subject}") <= 78


def test_a_retraction_is_answered_by_no_machine_and_names_no_customer() -> None:
    """As the alert itself."""
    whole = mail("met")
    assert whole["Auto-Submitted"] == "auto-generated"
    assert "customer@customer.example" not in whole.as_string()
