"""What becomes of alerts whose breach does not hold, and what their readers are told."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from uuid import UUID

import pytest

from services.notifier import alerting, domain, mails
from services.notifier.alerting import Retraction
from services.notifier.domain import Accepted, Delivery, DeliveryKind, DeliveryState, Lost, Refused
from shared.deadlines import DeadlineState
from shared.notifications import NotificationKind, NotificationSent, NotificationSuppressed
from tests.support import said

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
BREACHED = said.breach(said.slot(said.ticket_created(at=NOON)))
RETRACTED = said.retraction(BREACHED)
LATER = BREACHED.time + timedelta(seconds=30)
LEAD = "Lead@careline.example"
DESK = mails.Desk("Careline", "support@careline.example", "https://desk.careline.example")
EVER_TRIED = [
    (DeliveryState.PLANNED, 1),
    (DeliveryState.SENDING, 1),
    (DeliveryState.SENT, 2),
    (DeliveryState.FAILED, 1),
]


def alert(state: DeliveryState = DeliveryState.PLANNED, attempts: int = 0) -> Delivery:
    """The alert of the breach to the lead."""
    (planned,) = alerting.alert(BREACHED, [LEAD], now=BREACHED.time)
    return replace(planned, state=state, attempts=attempts)


def retract(of: Delivery) -> Retraction:
    """What its retraction comes to."""
    return alerting.retract(of, RETRACTED, now=LATER)


def conclude(tried: Delivery, answer: domain.Answer) -> domain.Outcome:
    """What a try comes to."""
    return domain.conclude(tried, answer, now=LATER, give_up_after=timedelta(days=2))


def test_an_alert_that_was_never_tried_goes_out_to_nobody() -> None:
    """It is suppressed, that is said, and there is nothing to take back."""
    retraction = retract(alert())
    assert retraction.alert.state is DeliveryState.SUPPRESSED
    assert retraction.alert.ended_at == LATER
    assert retraction.mail is None
    event = retraction.event
    assert isinstance(event, NotificationSuppressed)
    assert (event.data.kind, event.data.reason) == (
        NotificationKind.BREACH_ALERT,
        "breach_retracted",
    )
    assert event.causationid == RETRACTED.id
    assert event.correlationid == RETRACTED.correlationid


@pytest.mark.parametrize(("state", "attempts"), EVER_TRIED)
def test_whose_alert_was_tried_is_told(state: DeliveryState, attempts: int) -> None:
    """Sent, on its way, or tried for nothing as far as we know: it may have arrived."""
    mail = retract(alert(state, attempts)).mail
    assert mail is not None
    assert (mail.kind, mail.address) == (DeliveryKind.BREACH_RETRACTION, LEAD)
    assert (mail.state, mail.not_before) == (DeliveryState.PLANNED, LATER)
    assert (mail.ticket, mail.caused_by) == (UUID(BREACHED.subject), RETRACTED.id)


def test_an_alert_that_waits_for_its_next_try_is_not_tried_again() -> None:
    """A false alarm must not come behind its own retraction."""
    retraction = retract(alert(attempts=3))
    assert retraction.alert.state is DeliveryState.SUPPRESSED
    assert isinstance(retraction.event, NotificationSuppressed)


def test_an_alert_that_is_being_sent_is_its_senders() -> None:
    """State, hold and tries stay; only that it does not hold is noted."""
    sending = alert(DeliveryState.SENDING, 1)
    retraction = retract(sending)
    assert retraction.alert == replace(
        sending, withdrawn_by=RETRACTED.id, reason="breach_retracted"
    )
    assert retraction.event is None


@pytest.mark.parametrize(
    "state", [DeliveryState.SENT, DeliveryState.FAILED, DeliveryState.SUPPRESSED]
)
def test_what_has_ended_stays_as_it_ended(state: DeliveryState) -> None:
    """And nothing more is said of it."""
    ended = replace(alert(state, 1), ended_at=BREACHED.time)
    retraction = retract(ended)
    assert retraction.alert == ended
    assert retraction.event is None


def test_hearing_it_twice_comes_to_the_same() -> None:
    """One mail, however its address is written; what was suppressed is not suppressed again."""
    first = retract(alert(attempts=1))
    again = retract(replace(first.alert, address=LEAD.lower()))
    assert first.mail is not None
    assert again.mail is not None
    assert first.mail.id == again.mail.id
    assert again.event is None


@pytest.mark.parametrize(
    "answer", [Refused(451, "later", for_good=False), Lost(after_data=False), Lost(after_data=True)]
)
def test_a_try_that_failed_for_now_is_the_last_of_what_was_retracted(
    answer: domain.Answer,
) -> None:
    """The sender lets go: suppressed instead of planned, and said so."""
    outcome = conclude(retract(alert(DeliveryState.SENDING, 1)).alert, answer)
    assert outcome.delivery.state is DeliveryState.SUPPRESSED
    assert isinstance(outcome.event, NotificationSuppressed)
    assert outcome.event.causationid == RETRACTED.id


def test_a_try_that_arrived_is_said_to_have_arrived() -> None:
    """The alert went out, because of the breach: a retraction doesn't undo that."""
    outcome = conclude(retract(alert(DeliveryState.SENDING, 1)).alert, Accepted())
    assert outcome.delivery.state is DeliveryState.SENT
    assert isinstance(outcome.event, NotificationSent)
    assert outcome.event.causationid == BREACHED.id


def mail(state: DeadlineState, due: datetime | None = None) -> EmailMessage:
    """The retraction as it goes out."""
    retracted = said.retraction(BREACHED, state=state, due=due)
    sent = alerting.retract(alert(DeliveryState.SENT, 1), retracted, now=LATER).mail
    assert sent is not None
    ticket = domain.Ticket(locale="en-GB", time_zone="Europe/Berlin")
    return mails.compose(sent, ticket, catalogue=said.CATALOGUE, desk=DESK, now=LATER)


def part(of: EmailMessage, kind: str) -> str:
    """One part of a mail, with its white space folded and without its markup's strong words."""
    body = of.get_body((kind,))
    assert body is not None
    text = str(body.get_content()).replace("<strong>", "").replace("</strong>", "")
    return " ".join(text.split())


@pytest.mark.parametrize("kind", ["plain", "html"])
@pytest.mark.parametrize(
    ("state", "due", "words"),
    [
        (DeadlineState.MET, None, "done in time; it was due by Monday 23 November 2026, 13:00:04"),
        (
            DeadlineState.RUNNING,
            NOON + timedelta(hours=2),
            "still running, due by Monday 23 November 2026, 15:00:00",
        ),
        (DeadlineState.PAUSED, None, "paused, without a due time until it runs on."),
        (DeadlineState.CANCELLED, None, "cancelled, nothing is owed for it any more."),
        (
            DeadlineState.BREACHED,
            NOON,
            "breached all the same, by another due time: Monday 23 November 2026, 13:00:00",
        ),
    ],
)
def test_a_retraction_says_what_does_not_hold_and_what_does(
    state: DeadlineState, due: datetime | None, words: str, kind: str
) -> None:
    """Which clock of which ticket, the due time of the breach, why, and how it stands now."""
    text = part(mail(state, due), kind)
    assert "first response of " in text
    assert "due by Monday 23 November 2026, 13:00:04 Central European Standard Time" in text
    assert "announced as breached. That does not hold" in text
    assert "such as an answer, reached us only afterwards" in text
    assert f"How it stands now: {words}" in text
    assert f"https://desk.careline.example/v1/tickets/{BREACHED.subject}" in text


def test_a_retraction_can_be_told_from_the_alert_by_its_subject() -> None:
    """In one line on a phone, with the same ticket and clock."""
    subject = str(mail(DeadlineState.MET)["Subject"])
    assert subject.startswith("Retracted: first response of CL-")
    assert subject.endswith(" (centurion)")
    assert len(f"Subject: {subject}") <= 78


def test_a_retraction_is_answered_by_no_machine_and_names_no_customer() -> None:
    """As the alert itself."""
    whole = mail(DeadlineState.MET)
    assert whole["Auto-Submitted"] == "auto-generated"
    assert said.ADDRESS not in whole.as_string()
