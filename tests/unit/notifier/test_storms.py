"""How much one recipient is told by itself, and when the rest comes as one: pure decisions."""

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier import storms
from services.notifier.deliveries import DeliveryKind, DeliveryState
from services.notifier.storms import HOUR, Lately, Limits
from tests.support import said
from tests.support.alert_steps import LEAD, alerts

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
LIMITS = Limits()


def lately(*seconds_ago: float, digests: int = 0) -> Lately:
    """Somebody who had alerts so long ago."""
    return Lately([NOW - seconds * SECOND for seconds in seconds_ago], digests)


@pytest.mark.parametrize(
    ("had", "places"),
    [
        (lately(), 5),
        (lately(1, 2), 3),
        (lately(1, 2, 3, 4, 59), 0),
        # A minute later they are forgotten, by the hour's limit not yet.
        (lately(1, 2, 3, 4, 60), 1),
        (lately(*range(100, 117)), 3),
        (lately(*range(100, 120)), 0),
        (lately(*range(100, 140)), 0),
        (lately(*range(3600, 3620)), 5),
    ],
)
def test_a_few_a_minute_and_an_hour_go_by_themselves(had: Lately, places: int) -> None:
    """Five within 60 seconds, and twenty within an hour."""
    assert storms.places(had, LIMITS, now=NOW) == places


def test_digests_come_further_and_further_apart() -> None:
    """From a minute up to a quarter of an hour, however long the storm lasts."""
    pauses = [storms.pause(Lately(digests=n), LIMITS) / SECOND for n in (0, 1, 2, 3, 4, 5, 5000)]
    assert pauses == [60, 120, 240, 480, 900, 900, 900]


def test_what_is_too_much_is_put_aside_by_recipient() -> None:
    """In the order in which it was to go; who is within their limits waits for nobody else."""
    ids = [UUID(int=n) for n in range(8)]
    due = {"lead": ids[:6], "desk": ids[6:]}
    alone, too_many = storms.sort_out(due, {"lead": lately(1, 2)}, LIMITS, now=NOW)
    assert alone == [*ids[:3], *ids[6:]]
    assert too_many == {"lead": ids[3:6]}


def test_a_digest_goes_to_whom_its_first_alert_was_to_go() -> None:
    """By the same way; it is about no ticket of its own, and the same alert opens the same one."""
    (first,) = alerts(said.breach(said.slot(said.ticket_created(at=NOW))))
    leaves = NOW + 60 * SECOND
    digest = storms.open_digest(first, LEAD.lower(), now=NOW, leaves=leaves)
    again = storms.open_digest(first, LEAD.lower(), now=leaves, leaves=leaves)
    assert digest.id == again.id != first.id
    assert (digest.kind, digest.state) == (DeliveryKind.DIGEST, DeliveryState.PLANNED)
    assert (digest.address, digest.channel, digest.lane) == (LEAD, first.channel, first.lane)
    assert (digest.not_before, digest.caused_at, digest.admitted_at) == (leaves, NOW, NOW)
    assert (digest.ticket, digest.clock, digest.cycle, digest.held) == (None, None, None, False)
    assert (digest.correlation, digest.caused_by, digest.facts) == (digest.id, first.caused_by, {})


class Recipient:
    """Somebody who is told things over time, as the database would have it."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.alone: list[datetime] = []
        self.digests: list[datetime] = []
        self.open_until: datetime | None = None
        self.carried: dict[datetime, int] = defaultdict(int)

    def tell(self, amount: int, now: datetime) -> None:
        """So many alerts come due at once."""
        had = Lately(
            [at for at in self.alone if now - at < HOUR],
            sum(now - at < HOUR for at in self.digests),
        )
        due = {"one": [UUID(int=n) for n in range(amount)]}
        alone, too_many = storms.sort_out(due, {"one": had}, self.limits, now=now)
        self.alone += [now] * len(alone)
        if not too_many:
            return
        if self.open_until is None or self.open_until <= now:
            self.digests.append(now)
            self.open_until = now + storms.pause(had, self.limits)
        self.carried[self.open_until] += len(too_many["one"])


@given(
    st.lists(st.tuples(st.floats(0, 600), st.integers(1, 3000)), max_size=60),
    st.builds(Limits, burst=st.integers(1, 9), hourly=st.integers(1, 40)),
)
def test_however_alerts_come_nobody_gets_more_than_the_limits_and_nothing_is_lost(
    arrivals: list[tuple[float, int]], limits: Limits
) -> None:
    """By themselves so many in any minute and any hour; everything else is in some digest."""
    recipient, now = Recipient(limits), NOW
    for gap, amount in arrivals:
        now += gap * SECOND
        recipient.tell(amount, now)
    for at in recipient.alone:
        after = [other - at for other in recipient.alone if other >= at]
        assert sum(gap < limits.burst_window for gap in after) <= limits.burst
        assert sum(gap < HOUR for gap in after) <= limits.hourly
    told = len(recipient.alone) + sum(recipient.carried.values())
    assert told == sum(amount for _, amount in arrivals)
    for at in recipient.digests:
        # 1 + 2 + 4 + 8 minutes, and then every quarter of an hour.
        assert sum(HOUR > other - at >= timedelta(0) for other in recipient.digests) <= 8


def test_a_digest_has_none_of_the_tries_of_what_opened_it() -> None:
    """Whatever became of that alert before, the digest itself was never tried."""
    (first,) = alerts(said.breach(said.slot(said.ticket_created(at=NOW))))
    tried = replace(first, attempts=3, uncertain=True, detail="450 later")
    digest = storms.open_digest(tried, LEAD.lower(), now=NOW, leaves=NOW)
    assert (digest.attempts, digest.uncertain, digest.detail) == (0, False, None)
