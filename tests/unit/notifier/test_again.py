"""What may be sent again, and what becomes of it then."""

from datetime import timedelta

import pytest

from services.notifier import domain
from services.notifier.deliveries import (
    Accepted,
    Delivery,
    DeliveryKind,
    DeliveryState,
    DigestReason,
    Lost,
    Refused,
)
from services.notifier.register.again import Standing, refuse, refuse_stale
from shared.notifications import FailureReason, SuppressionReason
from tests.support.register import NOW, delivery

FAILED = delivery(state=DeliveryState.FAILED, reason="refused")
TWO_DAYS = timedelta(days=2)


def suppressed(reason: SuppressionReason) -> Delivery:
    """One that was held back."""
    return delivery(state=DeliveryState.SUPPRESSED, reason=reason.value)


def again(ended: Delivery) -> Delivery:
    """The next round of a delivery, in which it was taken by a sender."""
    return delivery(
        state=DeliveryState.SENDING,
        at=ended.caused_at,
        round=ended.round + 1,
        again_at=NOW,
        again_by="a-lead",
        tried_before=ended.attempts,
        attempts=ended.attempts + 1,
    )


@pytest.mark.parametrize("state", [DeliveryState.PLANNED, DeliveryState.SENDING])
def test_what_is_on_its_way_is_left_alone(state: DeliveryState) -> None:
    """Sending it again would only make two of it."""
    refusal = refuse(delivery(state=state), Standing(), even_if_sent=True)
    assert refusal is not None
    assert refusal.reason == "on_its_way"


def test_what_was_sent_needs_a_word_more() -> None:
    """A second copy is sent to nobody by mistake; what came back is no second copy."""
    refusal = refuse(delivery(), Standing(), even_if_sent=False)
    assert refusal is not None
    assert refusal.reason == "sent"
    assert refuse(delivery(), Standing(), even_if_sent=True) is None
    assert refuse(delivery(bounced_at=NOW), Standing(), even_if_sent=False) is None


@pytest.mark.parametrize("reason", list(SuppressionReason))
def test_what_no_longer_holds_is_not_sent(reason: SuppressionReason) -> None:
    """Nobody is told of a breach that is none; what was held back for caution may go."""
    refusal = refuse(suppressed(reason), Standing(), even_if_sent=True)
    hopeless = {
        SuppressionReason.BREACH_RETRACTED,
        SuppressionReason.OVERTAKEN,
        SuppressionReason.DEALT_WITH,
        SuppressionReason.REASSIGNED,
        SuppressionReason.ERASED,
    }
    assert (refusal.reason if refusal else None) == (reason.value if reason in hopeless else None)


@pytest.mark.parametrize(
    ("standing", "reason"),
    [
        (Standing("breach_retracted"), "breach_retracted"),
        (Standing("overtaken"), "overtaken"),
        (Standing("reassigned"), "reassigned"),
        (Standing("forgotten"), "forgotten"),
        (Standing(empty=True), "empty"),
    ],
)
def test_what_has_nothing_true_to_say_is_not_sent(standing: Standing, reason: str) -> None:
    """It was taken back since, its words are gone, or nothing is left of what it carried."""
    assert refuse(FAILED, Standing(), even_if_sent=False) is None
    refusal = refuse(FAILED, standing, even_if_sent=False)
    assert refusal is not None
    assert refusal.reason == reason


def test_a_digest_that_had_nothing_left_has_nothing_to_say() -> None:
    """Its reason is of digests alone; if something holds again, it may go."""
    nothing = DigestReason.NOTHING_LEFT.value
    ended = delivery(kind=DeliveryKind.DIGEST, state=DeliveryState.SUPPRESSED, reason=nothing)
    refusal = refuse(ended, Standing(empty=True), even_if_sent=False)
    assert refusal is not None
    assert refusal.reason == "empty"
    assert refuse(ended, Standing(), even_if_sent=False) is None


def test_what_a_digest_carried_goes_with_it() -> None:
    """By itself it would be told twice."""
    carried = delivery(state=DeliveryState.FAILED, reason="refused", digest=delivery("two").id)
    refusal = refuse(carried, Standing(), even_if_sent=True)
    assert refusal is not None
    assert refusal.reason == "in_digest"


def test_who_saw_an_earlier_round_is_told_so() -> None:
    """Two people at one failure send it once."""
    assert refuse_stale(FAILED, None) is None
    assert refuse_stale(FAILED, 0) is None
    refusal = refuse_stale(FAILED, 1)
    assert refusal is not None
    assert refusal.reason == "again_already"


def test_each_round_ends_with_an_event_of_its_own() -> None:
    """Readers drop events that they know by id: the second end must not be taken for the first."""
    first = delivery(state=DeliveryState.SENDING, attempts=1)
    rounds = [first, again(first), again(again(first))]
    ends = [
        domain.conclude(each, answer, now=NOW, give_up_after=TWO_DAYS).event
        for answer in (Accepted(), Refused(550, "no", for_good=True))
        for each in rounds
    ]
    assert len({end.id for end in ends if end}) == len(ends)


def test_a_new_round_counts_from_its_beginning() -> None:
    """It is not given up at once for its age, its pauses grow anew, and so does what it takes."""
    old = delivery(at=NOW - timedelta(days=9), state=DeliveryState.SENDING, attempts=40)
    later = NOW + timedelta(seconds=5)
    lost = domain.conclude(again(old), Lost(after_data=False), now=later, give_up_after=TWO_DAYS)
    assert lost.delivery.state is DeliveryState.PLANNED
    assert lost.delivery.not_before - later < timedelta(seconds=3)
    sent = domain.conclude(again(old), Accepted(), now=later, give_up_after=TWO_DAYS).event
    assert sent is not None
    assert sent.data.model_dump()["latency_seconds"] == 5
    given_up = domain.conclude(old, Lost(after_data=False), now=NOW, give_up_after=TWO_DAYS)
    assert given_up.delivery.reason == FailureReason.ATTEMPTS_EXHAUSTED


def test_a_digest_has_nothing_said_of_it() -> None:
    """Of what it carries, there is, by the round that each of them is in."""
    digest = delivery("digest", kind=DeliveryKind.DIGEST, state=DeliveryState.SENDING, attempts=1)
    outcome = domain.conclude(digest, Accepted(), now=NOW, give_up_after=TWO_DAYS)
    carried = [again(delivery(digest=digest.id)), delivery(digest=digest.id)]
    said = [each.event for each in domain.carry(outcome, carried, now=NOW)]
    assert outcome.event is None
    assert len({event.id for event in said if event}) == 2
