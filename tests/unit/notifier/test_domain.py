"""Who is told what, and what a try comes to: pure decisions."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.notifier import customers, domain
from services.notifier.deliveries import Accepted, Answer, Delivery, DeliveryState, Lost, Refused
from shared.notifications import NotificationFailed, NotificationSent
from tests.support import said

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
TWO_DAYS = timedelta(days=2)


def tried(attempts: int = 1) -> Delivery:
    """An acknowledgement that is being sent."""
    created = said.ticket_created(at=NOON)
    delivery = customers.acknowledge(created, not_before=created.time)
    assert delivery is not None
    return replace(delivery, state=DeliveryState.SENDING, attempts=attempts)


def conclude(
    delivery: Delivery, answer: Answer, *, after: timedelta = timedelta(seconds=1)
) -> domain.Outcome:
    """What the try comes to, so long after its cause."""
    return domain.conclude(delivery, answer, now=delivery.caused_at + after, give_up_after=TWO_DAYS)


def test_a_mail_that_was_taken_is_said_with_how_long_it_took() -> None:
    """250: sent, once, with its latency."""
    outcome = conclude(tried(), Accepted())
    assert outcome.delivery.state is DeliveryState.SENT
    assert isinstance(outcome.event, NotificationSent)
    assert outcome.event.data.latency_seconds == pytest.approx(1)
    assert not outcome.event.data.second_copy_possible


@pytest.mark.parametrize(
    ("answer", "uncertain"),
    [
        (Refused(451, "later", for_good=False), False),
        (Lost(after_data=False), False),
        (Lost(after_data=True), True),
    ],
)
def test_what_may_pass_is_tried_again_and_a_lost_answer_is_remembered(
    answer: Answer, *, uncertain: bool
) -> None:
    """After DATA nobody knows whether the mail was taken: a later copy is known as possible."""
    outcome = conclude(tried(), answer)
    assert outcome.event is None
    assert outcome.delivery.state is DeliveryState.PLANNED
    assert outcome.delivery.uncertain is uncertain
    again = conclude(replace(outcome.delivery, state=DeliveryState.SENDING), Accepted())
    assert isinstance(again.event, NotificationSent)
    assert again.event.data.second_copy_possible is uncertain


def test_pauses_grow_up_to_a_quarter_of_an_hour() -> None:
    """The first pause is about 2 s; no pause is longer than 15 minutes and a quarter of that."""
    pauses = [
        conclude(tried(attempts), Refused(451, "", for_good=False)).delivery.not_before
        - (NOON + timedelta(seconds=1))
        for attempts in (1, 4, 10, 50)
    ]
    assert pauses == sorted(pauses)
    assert pauses[0] < timedelta(seconds=3)
    assert pauses[-1] <= timedelta(minutes=15) * 1.25


def test_a_mail_is_given_up_in_the_end() -> None:
    """After two days of refusals for now the failure is said."""
    outcome = conclude(tried(99), Refused(451, "later", for_good=False), after=TWO_DAYS * 1.01)
    assert outcome.delivery.state is DeliveryState.FAILED
    assert isinstance(outcome.event, NotificationFailed)
    assert outcome.event.data.reason == "attempts_exhausted"


def test_what_waited_over_a_weekend_is_tried_for_as_long_as_any_other() -> None:
    """Caused on a Friday, first tried on Monday: one hiccup is not the end of it."""
    monday = NOON + timedelta(hours=64)
    waited = replace(tried(), first_tried_at=monday)
    later = Refused(451, "later", for_good=False)
    hiccup = conclude(waited, later, after=timedelta(hours=64, seconds=1))
    assert hiccup.delivery.state is DeliveryState.PLANNED
    given_up = conclude(waited, later, after=timedelta(hours=64) + TWO_DAYS * 1.01)
    assert given_up.delivery.state is DeliveryState.FAILED


def test_without_the_personal_part_there_is_nobody_to_write_to() -> None:
    """A ticket whose personal part was taken away is not acknowledged."""
    created = said.ticket_created()
    erased = created.model_copy(update={"data": created.data.model_copy(update={"private": None})})
    assert customers.acknowledge(erased, not_before=created.time) is None
