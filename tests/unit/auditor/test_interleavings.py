"""In which order partitions are read, and in what pieces, makes no difference to what is found."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.auditor.checks import Checks
from deploy.auditor.promises import Violation
from deploy.auditor.record import Record
from tests.support.audited import TERMS, Answered, Unanswered, at, broken, found, records

pytestmark = pytest.mark.hypothesis

PARTITIONS = 3
GOOD = [
    line
    for number in range(2)
    for line in (
        *Unanswered.of(f"unanswered {number}", number * 2.5).lines(),
        *Answered.of(f"answered {number}", number * 4).lines(),
    )
]
BAD = [line for line in GOOD if "slotted" not in line.event.type]


@st.composite
def interleavings(draw: st.DrawFn, heard: Sequence[Record]) -> list[Record]:
    """The records in some order that keeps each partition's."""
    logs: dict[tuple[str, int], list[Record]] = defaultdict(list)
    for record in heard:
        logs[record.place[:2]].append(record)
    left = [log[::-1] for log in logs.values()]
    order: list[Record] = []
    while left:
        log = draw(st.sampled_from(left))
        taken = draw(st.integers(1, 5))
        order += log[: -taken - 1 : -1]
        del log[-taken:]
        left = [each for each in left if each]
    return order


def in_steps(order: Sequence[Record]) -> Iterator[Violation]:
    """What is found if it is judged after each record, as far as all partitions were heard."""
    checks, front, fronts = Checks(TERMS, at(-60)), at(7200), []
    for record in reversed(order):
        fronts.append(front)
        front = min(front, record.appended)
    for record, heard_until in zip(order, reversed(fronts), strict=True):
        checks.hear(record)
        yield from checks.judge(heard_until).found


@given(st.data())
def test_no_interleaving_of_a_good_stream_breaks_anything(data: st.DataObject) -> None:
    """Partitions and topics run ahead of one another as they like."""
    order = data.draw(interleavings(records(GOOD, partitions=PARTITIONS)))
    assert list(in_steps(order)) == []


@given(st.data())
def test_every_interleaving_of_a_bad_stream_gives_the_same(data: st.DataObject) -> None:
    """What is broken is found once, whichever way it is read."""
    heard = records(BAD, partitions=PARTITIONS)
    order = data.draw(interleavings(heard))
    one_by_one = sorted(violation.key for violation in in_steps(order))
    assert one_by_one == sorted(violation.key for violation in found(heard))
    assert len(one_by_one) == len(set(one_by_one)) == 4


@given(st.data())
def test_repeats_of_a_good_stream_break_nothing(data: st.DataObject) -> None:
    """Any of it may come again later in its partition."""
    heard = records(GOOD, partitions=PARTITIONS)
    again = data.draw(st.lists(st.sampled_from(heard), max_size=20))
    assert broken([*heard, *again]) == set()
