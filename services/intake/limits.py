"""How much somebody may send in an hour: counted in this process, and soon forgotten.

A loop between two machines dies by its own queue, since over the cap its mails are only put off; a
person who is over it comes back an hour later. The counts are each replica's own: more replicas
let more through, which is no harm for a brake.

The well-known libraries for this read the clock themselves and keep every key until a timer thread
removes it; here the clock is passed in and the number of keys has a limit.
"""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

HOUR_SECONDS = 3600
MOST_KEYS = 20_000
"""Of each kind; beyond that those that were silent for longest are forgotten."""
IPV4_PREFIX, IPV6_PREFIX = 24, 56
"""What one operator usually holds, and whoever is a nuisance can move about in."""

Network = IPv4Network | IPv6Network


@dataclass(slots=True)
class _Count:
    hour: int
    now: int = 0
    before: int = 0
    """In the hour before."""


class HourlyCap:
    """At most so many an hour for each key, over a window that slides.

    Of the hour before, as much counts as the window still covers, as if what came then had come
    evenly.

    Args:
        most: How many an hour.
        keys: How many keys are remembered.
    """

    def __init__(self, most: int, *, keys: int = MOST_KEYS) -> None:
        self._most = most
        self._keys = keys
        self._counts: OrderedDict[str, _Count] = OrderedDict()

    def allows(self, key: str, now: datetime) -> bool:
        """Whether one more is below the cap."""
        count = self._counts.get(key)
        if count is None:
            return self._most > 0
        _move_on(count, now)
        gone = now.timestamp() % HOUR_SECONDS / HOUR_SECONDS
        return count.before * (1 - gone) + count.now < self._most

    def add(self, key: str, now: datetime) -> None:
        """Count one."""
        count = self._counts.setdefault(key, _Count(_hour(now)))
        _move_on(count, now)
        count.now += 1
        self._counts.move_to_end(key)
        while len(self._counts) > self._keys:
            self._counts.popitem(last=False)

    def __len__(self) -> int:
        """How many keys are remembered."""
        return len(self._counts)


@dataclass(frozen=True, slots=True)
class Caps:
    """The caps on mail that comes in."""

    addresses: HourlyCap
    """By pseudonym and network of senders who prove nothing: From alone can be anybody's."""
    threads: HourlyCap
    """By ticket."""
    networks: HourlyCap
    """By the network that mail comes from, whatever becomes of it."""
    trusted: tuple[Network, ...] = ()
    """Networks of our own mail servers: through them the mail of everybody comes."""

    def network(self, host: str | None) -> str | None:
        """The network that a host's mails are counted for, or None for one of our own."""
        return network_of(host, self.trusted)


def network_of(host: str | None, trusted: tuple[Network, ...]) -> str | None:
    """The network that a host is in, or None for one of our own and for what is no address."""
    address = read_host(host)
    if address is None or is_within(address, trusted):
        return None
    prefix = IPV4_PREFIX if address.version == 4 else IPV6_PREFIX  # noqa: PLR2004 - IP's versions
    return str(ip_network(f"{address}/{prefix}", strict=False))


def read_host(host: str | None) -> IPv4Address | IPv6Address | None:
    """The address in a peer's name, or None where it has none, such as on a local socket."""
    try:
        address = ip_address((host or "").partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address


def is_within(address: IPv4Address | IPv6Address, networks: tuple[Network, ...]) -> bool:
    """Whether an address is in one of these networks."""
    return any(address in network for network in networks)


def _hour(now: datetime) -> int:
    return int(now.timestamp()) // HOUR_SECONDS


def _move_on(count: _Count, now: datetime) -> None:
    """A clock that is set back counts on in the hour that it was in."""
    hour = _hour(now)
    if hour <= count.hour:
        return
    count.before = count.now if hour == count.hour + 1 else 0
    count.now, count.hour = 0, hour
