"""Who is told what, and what a try comes to: pure decisions."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.notifier import alerting, customers, domain
from services.notifier.domain import Accepted, DeliveryState, Lost, Refused
from shared.notifications import NotificationFailed, NotificationSent
from tests.support import said

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
TWO_DAYS = timedelta(days=2)


def tried(attempts: int = 1) -> domain.Delivery:
    """An acknowledgement that is being sent."""
    created = said.ticket_created(at=NOON)
    delivery = customers.acknowledge(created, not_before=created.time)
    assert delivery is not None
    return replace(delivery, state=DeliveryState.SENDING, attempts=attempts)


def conclude(
    delivery: domain.Delivery, answer: domain.Answer, *, after: timedelta = timedelta(seconds=1)
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
    answer: domain.Answer, *, uncertain: bool
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


def test_an_alert_goes_once_to_each_person_that_the_catalogue_names() -> None:
    """The same breach gives the same deliveries, also if an address is written otherwise."""
    breached = said.breach(said.slot(said.ticket_created()))
    now = breached.time
    once = alerting.alert(breached, ["a@careline.example", "b@careline.example"], now=now)
    again = alerting.alert(breached, ["A@careline.example"], now=now)
    assert len({delivery.id for delivery in once}) == 2
    assert again[0].id == once[0].id


def test_without_the_personal_part_there_is_nobody_to_write_to() -> None:
    """A ticket whose personal part was taken away is not acknowledged."""
    created = said.ticket_created()
    erased = created.model_copy(update={"data": created.data.model_copy(update={"private": None})})
    assert customers.acknowledge(erased, not_before=created.time) is None
