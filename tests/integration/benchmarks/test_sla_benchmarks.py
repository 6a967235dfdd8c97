"""The benchmarks of sla run on real servers and find what they say; how fast is not judged here."""

import pytest

from benchmarks import firing, lateness, slotting
from tests.support.stack import Stack

pytestmark = pytest.mark.timeout(300)  # the waits of a whole process, more than one after another


def test_fires_are_counted_among_few_and_many_pending(stack: Stack) -> None:
    """Each size has its rate, one of them beside bare SQL; the last two figures are ratios."""
    *rates, cost, left = firing.figures(stack, firing.QUICK)
    assert [figure.unit for figure in rates] == ["/s"] * len(firing.QUICK.pending)
    assert all(figure.value > 0 for figure in rates)
    assert [figure.beside is not None for figure in rates] == [True, False, False]
    assert (cost.name, cost.unit) == ("cost of a fire among 1,000 to 100", "times")
    assert cost.value > 0
    assert (left.unit, left.at_least) == ("times", firing.NOT_COLLAPSED)


def test_tickets_and_answers_are_counted(stack: Stack) -> None:
    """By the handler beside bare SQL that says as much, and tickets through the whole process."""
    slotted, answered, through = slotting.figures(stack, slotting.QUICK)
    assert slotted.value > 0
    assert answered.value > 0
    assert slotted.beside == answered.beside == "the same SQL by itself"
    assert through.value > 0


@pytest.mark.long
def test_lateness_is_measured_on_the_stream(stack: Stack) -> None:
    """Nothing is said before it is due, and half of it no later than nearly all of it."""
    opened, half, most = lateness.figures(stack, lateness.QUICK)
    assert opened.unit == "/s"
    assert 0 < half.value <= most.value
    assert most.at_most == lateness.MARK
