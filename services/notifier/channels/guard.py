"""Where webhooks may go: to public addresses alone, whatever a name resolves to.

A destination is written by an operator, but what its name resolves to is somebody else's to say: a
name that points inwards would have us speak to what trusts this network. So the check is made on
the addresses that are connected to, after resolving, and there is no second look-up in between.
"""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address

import httpcore2

_ALLOCATED = IPv6Network("2000::/3")
"""All that is given out of IPv6 for use by anyone: what is outside is special by itself, such as
loopback, link-local, site-local and unique local addresses, multicast, and what embeds IPv4."""
_SPECIAL_IPV6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments: Teredo (embeds IPv4), benchmarking, ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: embeds IPv4
        "2620:4f:8000::/48",  # AS112
        "3ffe::/16",  # the test network of the nineties
        "3fff::/20",  # documentation
    )
)
_SPECIAL_IPV4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared by carriers' customers
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local; clouds give out credentials here
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # automatic multicast tunnels
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarking
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)


class ForbiddenAddressError(Exception):
    """A destination's name stands for an address that is not public."""


def is_public(address: str) -> bool:
    """Whether an IP address is anyone's to reach: by the registries of special addresses.

    Not `ipaddress.is_global`, which differs from one Python to the next and knows no embedded IPv4.
    """
    parsed = ip_address(address)
    if isinstance(parsed, IPv4Address):
        return not any(parsed in network for network in _SPECIAL_IPV4)
    return parsed in _ALLOCATED and not any(parsed in network for network in _SPECIAL_IPV6)


def is_any(address: str) -> bool:  # noqa: ARG001 - has the shape of `is_public`
    """The check of a destination that may be inside: none."""
    return True


class CheckedBackend(httpcore2.AsyncNetworkBackend):
    """Connects to what a name resolves to, if all of that passes the check.

    Args:
        passes: Tells of one IP address whether it may be connected to.
    """

    def __init__(self, passes: Callable[[str], bool] = is_public) -> None:
        self._passes = passes
        self._network = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the shape is httpcore2's
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Resolve, check and connect; the first address that answers is taken.

        Raises:
            ForbiddenAddressError: even one of the addresses does not pass.
            httpcore2.ConnectError: there is no address, or none answers.
        """
        addresses = await _resolve(host, port)
        if not all(self._passes(address) for address in addresses):
            raise ForbiddenAddressError(host)
        for address in addresses[:-1]:
            with contextlib.suppress(httpcore2.ConnectError, httpcore2.ConnectTimeout):
                share = None if timeout is None else timeout / len(addresses)
                return await self._network.connect_tcp(
                    address, port, share, local_address, socket_options
                )
        return await self._network.connect_tcp(
            addresses[-1], port, timeout, local_address, socket_options
        )


async def _resolve(host: str, port: int) -> list[str]:
    """The addresses of a host, each once.

    In a thread of its own that nobody waits for: the event loop has only few to lend, and a name
    server that hangs would keep them from the mail server's name, and the service from its end.
    """
    loop = asyncio.get_running_loop()
    found: asyncio.Future[list[str]] = loop.create_future()

    def tell(addresses: list[str]) -> None:
        if not found.done():
            found.set_result(addresses)

    def look_up() -> None:
        addresses: list[str] = []
        with contextlib.suppress(OSError, UnicodeError):
            infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            addresses = [str(info[4][0]) for info in infos]
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(tell, addresses)

    threading.Thread(target=look_up, name="resolve", daemon=True).start()
    addresses = list(dict.fromkeys(await found))
    if not addresses:
        raise httpcore2.ConnectError("the name has no address")
    return addresses
