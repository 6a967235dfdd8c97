"""What is remembered is bounded, and what was not heard from its beginning is judged by halves."""

from dataclasses import replace

from deploy.auditor.checks import Checks
from deploy.auditor.promises import Promise
from tests.support import said
from tests.support.audited import (
    TERMS,
    Answered,
    Line,
    Unanswered,
    at,
    broken,
    found,
    judged,
    records,
)

FEW = replace(TERMS, tickets=10)


def settled(number: int) -> list[Line]:
    """A ticket that owes nothing in the end, an hour after the one before."""
    return Unanswered.of(f"ticket {number}", number * 3600).lines()


def test_tickets_that_owe_nothing_make_room_without_a_word() -> None:
    """A hundred come and are settled; ten are remembered, none is missed."""
    lines = [line for number in range(100) for line in settled(number)]
    checks = judged(records(lines), until=110 * 3600, terms=FEW)
    assert checks.tracked == 10
    assert checks.forgotten == 0
    assert not any(checks.open.values())


def test_tickets_that_owe_something_are_let_go_and_counted() -> None:
    """With room for ten, ninety of a hundred that come at once are forgotten, and told of."""
    lines = [Line(Answered.of(f"ticket {n}", n / 100).created, n / 100) for n in range(100)]
    checks = judged(records(lines), until=30, terms=FEW)
    assert (checks.tracked, checks.forgotten) == (10, 90)
    checks.judge(at(7200))
    assert checks.open[Promise.SLOTTED] == 10


def test_nothing_is_kept_that_was_judged() -> None:
    """Records wait only until all was heard up to them."""
    checks = Checks(TERMS, at(-60))
    for record in records(settled(0)):
        checks.hear(record)
    assert checks.pending == 7
    checks.judge(at(7200))
    assert checks.pending == 0


def test_what_began_before_the_look_back_owes_no_slot() -> None:
    """Of an old ticket, only what is said of its deadlines is judged."""
    old = Unanswered.of("old", -3600)
    late = Line(said.breach(old.slot), 10)
    assert found(records([late])) == []


def test_deadlines_of_old_tickets_are_judged_all_the_same() -> None:
    """What is said of a deadline tells all of it: two breaches are two breaches."""
    old = Unanswered.of("old", -3600)
    first = said.breach(old.slot)
    second = said.breach(old.slot, revision=3)
    assert broken(records([Line(first, 10), Line(second, 11)])) == {Promise.BREACHED_ONCE}


def test_a_ticket_that_comes_back_to_life_is_judged_by_what_is_known() -> None:
    """A day after it was settled its acknowledgement is sent again, which makes no second."""
    ticket = Unanswered.of("one")
    first = said.acknowledged(ticket.created)
    again = first.model_copy(
        update={
            "id": ticket.breach.id,
            "data": first.data.model_copy(update={"round": 1}),
        }
    )
    assert found(records([*ticket.lines(), Line(again, 24 * 3600)]), until=48 * 3600) == []


def test_a_second_acknowledgement_is_found_after_the_ticket_was_folded_away() -> None:
    """Details are put away after ten minutes; which acknowledgement it had is remembered."""
    ticket = Unanswered.of("one")
    first = said.acknowledged(ticket.created)
    other = first.model_copy(
        update={
            "id": ticket.breach.id,
            "data": first.data.model_copy(update={"delivery": ticket.breach.id}),
        }
    )
    heard = records([*ticket.lines(), Line(other, 3600)])
    assert broken(heard) == {Promise.ACKNOWLEDGED}


def test_nothing_is_judged_that_was_not_heard() -> None:
    """Without time passing on the stream, no ticket is late."""
    checks = Checks(TERMS, at(-60))
    for record in records([Line(Answered.of("one").created, 0)]):
        checks.hear(record)
    assert checks.judge(at(59)).found == ()
    assert len(checks.judge(at(61)).found) == 1
