"""A database is held against what the stream has told, and believed only when it says so twice."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from deploy.auditor.case import Case
from deploy.auditor.checks import Checks
from deploy.auditor.databases import Bounds, Databases, differences
from deploy.auditor.promises import Findings, Promise, Violation
from deploy.auditor.store import Row
from tests.support.audited import TERMS, Unanswered, at, judged, records

ONE = Unanswered.of("one")
NAME = "first_response/1"
KEY = (ONE.created.subject, NAME)
LATER = at(7200)


def case() -> Case:
    """The ticket as the stream tells it."""
    found = judged(records(ONE.lines())).case(ONE.created.subject)
    assert found is not None
    return found


def row() -> Row:
    """Its deadline as sla should have it."""
    return Row(2, "breached", ONE.breach.data.due)


def test_a_deadline_that_agrees_is_no_difference() -> None:
    """Revision, state and due time are those that were said."""
    assert list(differences([case()], {KEY: row()}, LATER)) == []


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda _: {}, id="lost"),
        pytest.param(lambda kept: {KEY: replace(kept, revision=1)}, id="behind"),
        pytest.param(lambda kept: {KEY: replace(kept, revision=3)}, id="ahead"),
        pytest.param(lambda kept: {KEY: replace(kept, state="met")}, id="another state"),
        pytest.param(lambda kept: {KEY: replace(kept, due=LATER)}, id="another due time"),
        pytest.param(
            lambda kept: {KEY: kept, (KEY[0], "update/1"): kept}, id="one that was never said"
        ),
    ],
)
def test_a_deadline_that_differs_is_named(
    spoil: Callable[[Row], dict[tuple[str, str], Row]],
) -> None:
    """Whatever is other than the stream says."""
    found = list(differences([case()], spoil(row()), LATER))
    assert [violation.promise for violation in found] == [Promise.DEADLINES_AGREE]


def test_what_was_said_just_now_is_not_held_against_a_database() -> None:
    """The database may have been read before it was said."""
    assert list(differences([case()], {}, at(ONE.due))) == []


def databases() -> Databases:
    """Of which none is ever reached."""
    bounds = Bounds(timedelta(hours=2), 100, timedelta(seconds=60))
    checks = Checks(TERMS, at(0))
    return Databases({}, lambda: checks, bounds, clock=lambda: LATER, tell=lambda _: None)


def seen(promise: Promise, service: str = "a ticket") -> Violation:
    """Something that a look has seen."""
    return Violation(promise, service, "seen", "", LATER)


def test_a_look_is_believed_when_the_next_one_says_the_same() -> None:
    """Once is nothing, twice is found, and not seen any more is mended."""
    looks, lost = databases(), seen(Promise.SLOT_KEPT)
    assert looks.confirm("sla", [lost]) == Findings()
    assert looks.confirm("sla", [lost]) == Findings(found=(lost,))
    assert looks.confirm("sla", [lost]) == Findings()
    assert looks.confirm("sla", []) == Findings(healed=(lost,))


def test_one_database_says_nothing_of_another() -> None:
    """What one has mended is not taken for mended elsewhere."""
    looks = databases()
    mine, other = seen(Promise.OUTBOX_MOVES, "sla"), seen(Promise.OUTBOX_MOVES, "notifier")
    for _ in range(2):
        looks.confirm("sla", [mine])
        looks.confirm("notifier", [other])
    assert looks.confirm("sla", []).healed == (mine,)
    assert looks.register.counts[Promise.OUTBOX_MOVES] == 1
