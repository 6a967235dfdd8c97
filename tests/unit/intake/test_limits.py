"""How many mails an hour somebody may send."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

import pytest

from services.intake.limits import Caps, HourlyCap

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def test_what_is_over_the_cap_waits_for_the_window_to_slide() -> None:
    """Not for the next full hour: what came in the last one still counts in part."""
    cap = HourlyCap(4)
    for minute in range(50, 54):
        assert cap.allows("somebody", START + timedelta(minutes=minute))
        cap.add("somebody", START + timedelta(minutes=minute))
    assert not cap.allows("somebody", START + timedelta(minutes=59))
    assert not cap.allows("somebody", START + timedelta(minutes=60))
    assert cap.allows("somebody", START + timedelta(minutes=76))
    assert cap.allows("somebody else", START + timedelta(minutes=59))


def test_after_two_hours_all_is_forgotten() -> None:
    """As if nobody had ever written."""
    cap = HourlyCap(1)
    cap.add("somebody", START)
    assert not cap.allows("somebody", START + timedelta(minutes=59))
    assert cap.allows("somebody", START + timedelta(hours=2))


def test_a_clock_that_is_set_back_lets_nobody_through() -> None:
    """It counts on where it was."""
    cap = HourlyCap(1)
    cap.add("somebody", START)
    assert not cap.allows("somebody", START - timedelta(hours=3))


def test_memory_is_bounded_and_who_wrote_last_is_remembered() -> None:
    """However many senders there are."""
    cap = HourlyCap(1, keys=10)
    for number in range(1000):
        cap.add(str(number), START)
    assert len(cap) == 10
    assert not cap.allows("999", START)


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("192.0.2.7", "192.0.2.0/24"),
        ("::ffff:192.0.2.7", "192.0.2.0/24"),
        ("2001:db8:1:2ff:3::4", "2001:db8:1:200::/56"),
        ("fe80::1%eth0", "fe80::/56"),
        ("127.0.0.1", None),
        ("10.1.2.3", None),
        ("", None),
        (None, None),
    ],
)
def test_hosts_are_counted_by_network_but_for_our_own(
    host: str | None, network: str | None
) -> None:
    """Whoever has many addresses has them next to one another."""
    trusted = (ip_network("127.0.0.0/8"), ip_network("10.0.0.0/8"))
    caps = Caps(HourlyCap(1), HourlyCap(1), HourlyCap(1), trusted)
    assert caps.network(host) == network
