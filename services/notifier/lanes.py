"""Lanes: how many tries each way out may have at once, and when it is left alone. Pure state.

Each way out has a lane of its own, so that one whose other side hangs or refuses keeps nothing but
its own places. After several failures in a row it is left alone for a while (a circuit breaker):
what waits for it is not claimed meanwhile, so that it uses up no tries. Then one try shows whether
the other side is back.
"""

from typing import assert_never
from uuid import UUID

from services.notifier.deliveries import Accepted, Answer, Lost, Refused
from shared.notifications import NotificationChannel

FAILURES = 5
"""In a row, after which a lane is left alone."""
FIRST_REST = 10.0
LONGEST_REST = 300.0
"""Seconds; each rest is twice as long as the one before, as long as nothing gets through."""

_MAIL_SERVER_CLOSES = 421
_ABOUT_ONE_POST = range(400, 500)
_WHOLE_SERVER = {408, 425, 429}


class Lane:
    """One way out. All instants are seconds of one clock that never goes back.

    Args:
        places: How many tries it may have under way at once.
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self._under_way: set[UUID] = set()
        self._failures = 0
        self._rest = FIRST_REST
        self._rests_until: float | None = None
        self._probe: UUID | None = None

    @property
    def in_flight(self) -> int:
        """Tries under way."""
        return len(self._under_way)

    @property
    def is_open(self) -> bool:
        """Whether its breaker is open: it rests, or one try shows whether it works again."""
        return self._rests_until is not None

    def free(self, now: float) -> int:
        """How many tries may begin."""
        places = max(0, self._places - len(self._under_way))
        if self._rests_until is None:
            return places
        is_time = now >= self._rests_until and self._probe is None
        return min(places, 1) if is_time else 0

    def begin(self, delivery: UUID) -> None:
        """A try begins."""
        self._under_way.add(delivery)
        if self._rests_until is not None:
            self._probe = delivery

    def end(self, delivery: UUID, *, works: bool | None, now: float) -> None:
        """A try has ended.

        Args:
            delivery: Of what.
            works: Whether the other side works as a whole; None if the try doesn't tell.
            now: When.
        """
        self._under_way.discard(delivery)
        was_probe, self._probe = self._probe == delivery, self._left_probe(delivery)
        if works:
            self._failures, self._rest, self._rests_until = 0, FIRST_REST, None
        elif works is False:
            self._failures += 1
            if was_probe or (self._rests_until is None and self._failures >= FAILURES):
                # Spread by the id: lanes that failed together don't come back together.
                self._rests_until = now + self._rest * (0.75 + delivery.int % 1000 / 2000)
                self._rest = min(self._rest * 2, LONGEST_REST)

    def _left_probe(self, ended: UUID) -> UUID | None:
        return None if self._probe == ended else self._probe


def works(kind: NotificationChannel, answer: Answer) -> bool:
    """Whether an answer shows that the other side works, if perhaps not for this delivery.

    A mail server's no to a recipient or to a mail's content is about that mail. An HTTP server's
    "too many" or 5xx is about all that is posted there; so is a redirect, or a page that says 200,
    and that its name stands for an address where we don't post.
    """
    match answer:
        case Accepted():
            return True
        case Lost():
            return False
        case Refused(code):
            if kind is NotificationChannel.EMAIL:
                return code != _MAIL_SERVER_CLOSES
            return code in _ABOUT_ONE_POST and code not in _WHOLE_SERVER
        case _:
            assert_never(answer)
