"""What was said of a delivery tells a new database what became of it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.notifier import customers, domain, outcomes
from services.notifier.deliveries import (
    Accepted,
    Answer,
    Delivery,
    DeliveryKind,
    DeliveryState,
    HalfHeard,
    Refused,
)
from services.notifier.notices import Notification
from services.notifier.outcomes import Settling
from shared.envelope import STAFF
from shared.notifications import SuppressionReason
from tests.support import alerts, said

NOW = said.now()
DAYS = timedelta(days=1)
CREATED = said.ticket_created(at=NOW - timedelta(minutes=1))
YES, NO = Accepted(250), Refused(550, "5.1.1 who?", for_good=True)


def acknowledgement() -> Delivery:
    """As it is planned."""
    planned = customers.acknowledge(CREATED, not_before=CREATED.time)
    assert planned is not None
    return planned


def said_of(delivery: Delivery, answer: Answer) -> tuple[Delivery, Notification]:
    """How it ends by its second try, and what is said of that."""
    tried = replace(delivery, attempts=2, uncertain=True, state=DeliveryState.SENDING)
    outcome = domain.conclude(tried, answer, now=NOW, give_up_after=DAYS)
    assert outcome.event is not None
    return outcome.delivery, outcome.event


@pytest.mark.parametrize("answer", [YES, NO])
@pytest.mark.parametrize("round_", [0, 2])
def test_what_was_said_tells_how_it_ended(answer: Answer, round_: int) -> None:
    """State, reason, tries, whose it is and where it went."""
    again = {"round": round_, "again_at": NOW - timedelta(seconds=5)} if round_ else {}
    ended, event = said_of(replace(acknowledgement(), **again), answer)  # type: ignore[arg-type] # as named
    known = outcomes.outcome_of(event)
    for name in ("id", "ticket", "kind", "channel", "lane", "address", "person", "state", "reason"):
        assert getattr(known, name) == getattr(ended, name), name
    assert (known.attempts, known.round, known.ended_at) == (2, round_, NOW)
    assert known.half_heard is HalfHeard.OUTCOME


def test_of_what_was_held_back_it_is_known_by_what() -> None:
    """And that there was no try."""
    reason = SuppressionReason.TOO_MANY
    outcome = domain.withdraw(acknowledgement(), by=CREATED.id, reason=reason, now=NOW)
    assert outcome.event is not None
    known = outcomes.outcome_of(outcome.event)
    assert (known.state, known.reason) == (DeliveryState.SUPPRESSED, "too_many")
    assert (known.withdrawn_by, known.attempts) == (CREATED.id, 0)


def test_customers_deliveries_are_sealed_for_them_and_all_others_for_staff() -> None:
    """Whose key it is decides with whom it is lost."""
    people = []
    for delivery in (acknowledgement(), alerts.breach_alert()):
        _, event = said_of(delivery, YES)
        assert event.data.private is not None
        people.append(event.data.private.person)
    assert people == [said.REQUESTER, STAFF]


def test_nothing_is_sealed_for_whoever_was_forgotten() -> None:
    """What was in flight to them ends without an address."""
    _, event = said_of(replace(acknowledgement(), address=""), YES)
    assert event.data.private is None


def test_a_digest_is_known_by_what_it_carried() -> None:
    """Nothing is said of itself."""
    alert = alerts.breach_alert(channel=alerts.MAIL, lane="email", address="lead@careline.example")
    digest = alerts.digest(alert)
    _, event = said_of(replace(alert, digest=digest.id), YES)
    known = outcomes.digest_of(outcomes.outcome_of(event))
    assert known is not None
    assert (known.id, known.kind, known.ticket) == (digest.id, DeliveryKind.DIGEST, None)
    assert (known.state, known.address) == (DeliveryState.SENT, "lead@careline.example")


@pytest.mark.parametrize("was_here", [True, False])
def test_what_is_not_due_yet_stays_planned(was_here: bool) -> None:  # noqa: FBT001 - a case
    """A later step of an alert; it can't have gone out."""
    step = outcomes.recalled(replace(alerts.breach_alert(), not_before=NOW + DAYS))
    settled = Settling(NOW, DAYS, was_here).settle(step, needed=True)
    assert settled is not None
    assert (settled.state, settled.uncertain) == (DeliveryState.PLANNED, False)


def test_what_no_longer_holds_is_let_be() -> None:
    """It was marked on the way; nothing tells that it went out."""
    alert = outcomes.recalled(alerts.breach_alert())
    reason = SuppressionReason.OVERTAKEN
    marked = domain.withdraw(alert, by=CREATED.id, reason=reason, now=NOW)
    assert marked.event is None
    settled = Settling(NOW, DAYS, was_here=True).settle(marked.delivery, needed=True)
    assert settled is not None
    assert (settled.state, settled.reason) == (DeliveryState.SUPPRESSED, "overtaken")


def test_what_would_never_have_been_planned_goes() -> None:
    """Somebody had reacted before; or nobody was told what would be taken back."""
    settling = Settling(NOW, DAYS, was_here=True)
    assert settling.settle(outcomes.never_meant(alerts.breach_alert()), needed=True) is None
    assert settling.settle(outcomes.recalled(alerts.breach_alert()), needed=False) is None
