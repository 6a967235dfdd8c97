"""What becomes of alerts whose breach does not hold, and what their readers are told."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from services.notifier import domain, retracting, storms
from services.notifier.deliveries import (
    Accepted,
    Answer,
    Delivery,
    DeliveryKind,
    DeliveryState,
    Lost,
    Refused,
)
from services.notifier.retracting import Retraction
from shared.notifications import NotificationKind, NotificationSent, NotificationSuppressed
from tests.support import said
from tests.support.alert_steps import LEAD, alerts, step

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
BREACHED = said.breach(said.slot(said.ticket_created(at=NOON)))
RETRACTED = said.retraction(BREACHED)
LATER = BREACHED.time + timedelta(seconds=30)
EVER_TRIED = [
    (DeliveryState.PLANNED, 1),
    (DeliveryState.SENDING, 1),
    (DeliveryState.SENT, 2),
    (DeliveryState.FAILED, 1),
]


def alert(state: DeliveryState = DeliveryState.PLANNED, attempts: int = 0) -> Delivery:
    """The alert of the breach to the lead."""
    (planned,) = alerts(BREACHED)
    return replace(planned, state=state, attempts=attempts, held=False)


def digest(state: DeliveryState = DeliveryState.PLANNED, attempts: int = 0) -> Delivery:
    """A digest that carries it."""
    opened = storms.open_digest(alert(), LEAD.lower(), now=BREACHED.time, leaves=LATER)
    return replace(opened, state=state, attempts=attempts)


def carried(by: Delivery) -> Delivery:
    """The alert in a digest."""
    return replace(alert(), digest=by.id)


def retract(of: Delivery, digest: Delivery | None = None) -> Retraction:
    """What its retraction comes to."""
    return retracting.retract(of, digest, RETRACTED, now=LATER)


def conclude(tried: Delivery, answer: Answer) -> domain.Outcome:
    """What a try comes to."""
    return domain.conclude(tried, answer, now=LATER, give_up_after=timedelta(days=2))


def test_an_alert_that_was_never_tried_goes_out_to_nobody() -> None:
    """It is suppressed, that is said, and there is nothing to take back."""
    retraction = retract(alert())
    assert retraction.alert.state is DeliveryState.SUPPRESSED
    assert retraction.alert.ended_at == LATER
    assert retraction.message is None
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
    message = retract(alert(state, attempts)).message
    assert message is not None
    assert (message.kind, message.address) == (DeliveryKind.BREACH_RETRACTION, LEAD)
    assert (message.state, message.not_before) == (DeliveryState.PLANNED, LATER)
    assert (message.ticket, message.caused_by) == (UUID(BREACHED.subject), RETRACTED.id)


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
    """One message, however its address is written; what was suppressed stays as it is."""
    first = retract(alert(attempts=1))
    again = retract(replace(first.alert, address=LEAD.lower()))
    assert first.message is not None
    assert again.message is not None
    assert first.message.id == again.message.id
    assert again.event is None


@pytest.mark.parametrize(
    "answer", [Refused(451, "later", for_good=False), Lost(after_data=False), Lost(after_data=True)]
)
def test_a_try_that_failed_for_now_is_the_last_of_what_was_retracted(
    answer: Answer,
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


@pytest.mark.parametrize(
    ("destination", "held"), [(LEAD, True), ("chat", True), ("pager", False), ("hook", False)]
)
def test_a_retraction_goes_the_way_of_its_alert(destination: str, *, held: bool) -> None:
    """At once, whatever the hour, and where people read it under the same storm control.

    A pager is told which incident it was.
    """
    (planned,) = alerts(BREACHED, (step(destination),))
    message = retract(replace(planned, attempts=1)).message
    assert message is not None
    assert (message.channel, message.lane, message.address) == (
        planned.channel,
        planned.lane,
        destination,
    )
    assert (message.held, message.not_before) == (held, LATER)
    assert message.facts["breach"] == str(planned.caused_by)


def test_an_alert_in_a_digest_that_was_not_tried_leaves_it() -> None:
    """It is suppressed as one by itself is, and its reader hears of neither."""
    retraction = retract(carried(digest()), digest())
    assert (retraction.alert.state, retraction.alert.digest) == (DeliveryState.SUPPRESSED, None)
    assert isinstance(retraction.event, NotificationSuppressed)
    assert retraction.event.data.template == "breach_alert"
    assert retraction.message is None


def test_an_alert_in_a_digest_that_waits_for_its_next_try_is_told_no_more() -> None:
    """An earlier try may have arrived: its reader is told, and the next try leaves it out."""
    tried = digest(attempts=1)
    retraction = retract(carried(tried), tried)
    assert (retraction.alert.state, retraction.alert.digest) == (
        DeliveryState.SUPPRESSED,
        tried.id,
    )
    assert retraction.message is not None


def test_an_alert_in_a_digest_that_is_being_sent_is_its_senders() -> None:
    """It is marked; once that try is over and did not end the digest, it is suppressed."""
    sending = digest(DeliveryState.SENDING, 1)
    retraction = retract(carried(sending), sending)
    assert retraction.event is None
    assert retraction.message is not None
    assert retraction.alert == replace(
        carried(sending),
        withdrawn_by=RETRACTED.id,
        withdrawn_during=1,
        reason="breach_retracted",
    )
    ended = retracting.end_withdrawn(retraction.alert, now=LATER)
    assert ended.delivery.state is DeliveryState.SUPPRESSED
    assert isinstance(ended.event, NotificationSuppressed)
    assert ended.event.causationid == RETRACTED.id


@pytest.mark.parametrize(
    ("attempts", "state"), [(1, DeliveryState.SENT), (2, DeliveryState.SUPPRESSED)]
)
def test_what_the_last_try_left_out_was_not_sent_by_it(attempts: int, state: DeliveryState) -> None:
    """Withdrawn while the first try had it; another sender's try, the second, came without it."""
    alert = retract(carried(digest(DeliveryState.SENDING, 1)), digest(DeliveryState.SENDING, 1))
    taken = conclude(digest(DeliveryState.SENDING, attempts), Accepted())
    (outcome,) = domain.carry(taken, [alert.alert], now=LATER)
    assert outcome.delivery.state is state
    assert isinstance(
        outcome.event,
        NotificationSent if state is DeliveryState.SENT else NotificationSuppressed,
    )


def test_a_mark_that_does_not_say_why_holds_nothing_back() -> None:
    """One odd row must not stop storm control for everybody."""
    odd = replace(carried(digest()), withdrawn_by=RETRACTED.id, reason="for a reason we forgot")
    ended = retracting.end_withdrawn(odd, now=LATER)
    assert (ended.delivery.withdrawn_by, ended.delivery.state) == (None, DeliveryState.PLANNED)
    assert ended.event is None


def test_what_was_not_withdrawn_goes_on() -> None:
    """The sweep behind a try leaves it alone."""
    waiting = carried(digest())
    assert retracting.end_withdrawn(waiting, now=LATER) == domain.Outcome(waiting, None)
