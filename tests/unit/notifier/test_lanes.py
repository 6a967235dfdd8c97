"""When a lane lets tries begin, and when it is left alone."""

from uuid import UUID

import pytest

from services.notifier.deliveries import Accepted, Answer, Lost, Refused
from services.notifier.lanes import FAILURES, Lane, works
from shared.notifications import NotificationChannel


def numbered(number: int) -> UUID:
    """A delivery's id; those that end in 500 spread nothing."""
    return UUID(int=number * 1000 + 500)


def fail(lane: Lane, times: int, *, now: float = 0) -> None:
    """So many tries in a row that show that nothing gets through."""
    for number in range(times):
        lane.begin(numbered(number))
        lane.end(numbered(number), works=False, now=now)


def test_a_lane_has_as_many_places_as_it_was_given() -> None:
    """What is under way takes a place until it has ended."""
    lane = Lane(2)
    assert lane.free(0) == 2
    lane.begin(numbered(1))
    lane.begin(numbered(2))
    assert (lane.free(0), lane.in_flight) == (0, 2)
    lane.end(numbered(1), works=True, now=0)
    assert (lane.free(0), lane.in_flight) == (1, 1)


def test_a_lane_rests_after_five_failures_in_a_row() -> None:
    """Four are not enough; after the fifth it is left alone for ten seconds."""
    lane = Lane(8)
    fail(lane, FAILURES - 1)
    assert (lane.free(0), lane.is_open) == (8, False)
    fail(lane, 1)
    assert (lane.free(0), lane.free(9.9), lane.is_open) == (0, 0, True)


def test_a_success_in_between_starts_the_count_anew() -> None:
    """Only failures in a row count."""
    lane = Lane(8)
    fail(lane, FAILURES - 1)
    lane.begin(numbered(7))
    lane.end(numbered(7), works=True, now=0)
    fail(lane, FAILURES - 1)
    assert not lane.is_open


def test_a_try_that_shows_nothing_counts_neither_way() -> None:
    """A mistake of ours neither opens a lane nor closes it."""
    lane = Lane(8)
    fail(lane, FAILURES - 1)
    lane.begin(numbered(7))
    lane.end(numbered(7), works=None, now=0)
    assert not lane.is_open
    fail(lane, 1)
    assert lane.is_open


def test_after_its_rest_one_try_shows_whether_it_works_again() -> None:
    """One place only until that try has ended; if it went through, all of them."""
    lane = Lane(8)
    fail(lane, FAILURES)
    assert lane.free(10) == 1
    lane.begin(numbered(1))
    assert lane.free(10) == 0
    lane.end(numbered(1), works=True, now=11)
    assert (lane.free(11), lane.is_open) == (8, False)


def test_a_try_that_shows_nothing_is_followed_by_another() -> None:
    """The lane doesn't wait for ever for a try that told nothing."""
    lane = Lane(8)
    fail(lane, FAILURES)
    lane.begin(numbered(1))
    lane.end(numbered(1), works=None, now=10)
    assert lane.free(10) == 1


def test_each_rest_is_twice_as_long_up_to_five_minutes() -> None:
    """As long as nothing gets through; then it begins with ten seconds again."""
    lane, now, rests = Lane(8), 0.0, []
    fail(lane, FAILURES)
    for _ in range(7):
        began = now
        while not lane.free(now):
            now += 1
        rests.append(now - began)
        lane.begin(numbered(1))
        lane.end(numbered(1), works=False, now=now)
    assert rests == [10, 20, 40, 80, 160, 300, 300]
    lane.end(numbered(2), works=True, now=now)
    fail(lane, FAILURES, now=now)
    assert lane.free(now + 10) == 1


def test_rests_are_spread_by_the_delivery_that_failed() -> None:
    """By a quarter either way, and always alike for the same delivery."""
    shortest, longest = Lane(1), Lane(1)
    for lane, last in ((shortest, UUID(int=1000)), (longest, UUID(int=1999))):
        fail(lane, FAILURES - 1)
        lane.end(last, works=False, now=0)
    assert (shortest.free(7.4), shortest.free(7.5)) == (0, 1)
    assert (longest.free(12.4), longest.free(12.5)) == (0, 1)


def test_tries_that_were_under_way_when_it_opened_don_t_prolong_the_rest() -> None:
    """They fail as the others did, and tell nothing new."""
    lane = Lane(8)
    for number in range(8):
        lane.begin(numbered(number))
    for number in range(8):
        lane.end(numbered(number), works=False, now=number)
    assert lane.free(FAILURES - 1 + 10) == 1


@pytest.mark.parametrize(
    ("answer", "mail", "http"),
    [
        (Accepted(), True, True),
        (Lost(after_data=True), False, False),
        (Lost(after_data=False), False, False),
        (Refused(550, "no such user", for_good=True), True, False),
        (Refused(451, "grey", for_good=False), True, True),
        (Refused(421, "closing", for_good=False), False, True),
        (Refused(410, "gone", for_good=True), True, True),
        (Refused(429, "slowly", for_good=False), True, False),
        (Refused(503, "busy", for_good=False), True, False),
        (Refused(200, "a page", for_good=False), True, False),
        (Refused(302, "elsewhere", for_good=False), True, False),
        (Refused(None, "not sent", for_good=False), True, False),
    ],
)
def test_what_an_answer_tells_of_the_whole(answer: Answer, *, mail: bool, http: bool) -> None:
    """A no to one recipient is no failure of the mail server; a 5xx is one of an HTTP server."""
    assert works(NotificationChannel.EMAIL, answer) is mail
    assert works(NotificationChannel.WEBHOOK, answer) is http
