"""The look at causes finds what is wrong with a stream that was spoiled on purpose."""

from dataclasses import replace

import pytest

from tests.support.causality import Seen, find_reversed

ASKED = Seen("a", "created", "one", None, "tickets", 0, 10, 1_000)
SLOTTED = Seen("b", "slotted", "one", "a", "sla", 0, 3, 1_000)
SCHEDULED = Seen("c", "scheduled", "one", "b", "sla", 0, 4, 1_000)
STATUS = Seen("d", "status", "one", "a", "tickets", 0, 11, 1_002)
WHOLE = [ASKED, SLOTTED, SCHEDULED, STATUS]


def test_a_stream_in_order_has_nothing_to_tell() -> None:
    """In whichever order it is read, and though things are said again later."""
    again = replace(ASKED, offset=99, appended_ms=9_000)
    assert find_reversed([again, *reversed(WHOLE)]) == []


@pytest.mark.parametrize(
    ("spoiled", "problem"),
    [
        ([SLOTTED, SCHEDULED, STATUS], "a is not on the stream"),
        ([replace(ASKED, subject="two"), SLOTTED], "created is of two"),
        ([ASKED, SLOTTED, replace(SCHEDULED, offset=2)], "slotted stands behind it, at 3 to 2"),
        ([replace(ASKED, appended_ms=1_001), SLOTTED], "created was taken 1 ms after it"),
        (
            [ASKED, replace(STATUS, offset=9, appended_ms=1_000)],
            "created stands behind it, at 10 to 9",
        ),
    ],
)
def test_what_is_the_wrong_way_round_is_found(spoiled: list[Seen], problem: str) -> None:
    """A cause that is missing, another's, or behind its effect."""
    assert any(found.endswith(problem) for found in find_reversed(spoiled))
