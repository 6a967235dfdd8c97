"""Which addresses a webhook may go to."""

import asyncio

import httpcore2
import pytest

from services.notifier.channels.guard import CheckedBackend, ForbiddenAddressError, is_public

PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "93.184.215.14",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.1",
    "169.253.255.255",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.255",
    "192.0.3.0",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "2001:4860:4860::8888",
    "2a00:1450:4001:82a::200e",
    "2001:200::1",
    "2003::1",
]
SPECIAL = [
    # this network, and unspecified
    "0.0.0.0",  # noqa: S104 - one of the addresses
    "0.1.2.3",
    "::",
    # loopback
    "127.0.0.1",
    "127.255.255.254",
    "::1",
    # private
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "fc00::1",
    "fd12:3456:789a::1",
    # link-local and site-local; clouds give out credentials at the first
    "169.254.169.254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "feff::1",
    # shared by carriers' customers
    "100.64.0.1",
    "100.127.255.255",
    # protocol assignments
    "192.0.0.1",
    "192.0.0.8",
    "192.0.0.170",
    "2001::1",
    "2001:1::1",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:1ff:ffff::1",
    # documentation and benchmarking
    "192.0.2.1",
    "198.51.100.1",
    "203.0.113.1",
    "198.18.0.1",
    "198.19.255.255",
    "2001:db8::1",
    "3fff::1",
    # relays and sinks
    "192.31.196.1",
    "192.52.193.1",
    "192.88.99.1",
    "192.175.48.1",
    "2620:4f:8000::1",
    # multicast, reserved, broadcast
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "ff02::1",
    "ff0e::1",
    # IPv4 inside IPv6: mapped, compatible, translated, 6to4, Teredo, ISATAP's link-local
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::ffff:0:10.0.0.1",
    "::10.0.0.1",
    "::8.8.8.8",
    "64:ff9b::7f00:1",
    "64:ff9b::808:808",
    "64:ff9b:1::1",
    "64:ff9b:1:fffe::a00:1",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "2002:808:808::1",
    "2001:0:4136:e378:8000:63bf:f5ff:fffe",
    "fe80::5efe:a00:1",
    # discard only, segment routing, what nobody has given out, and the old test network
    "100::1",
    "5f00::1",
    "4000::1",
    "8000::1",
    "1::1",
    "3ffe::1",
]
WRITTEN_OTHERWISE = [
    "localhost",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "::ffff:7f00:1",
    "0:0:0:0:0:0:0:1",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_what_is_anyone_s_to_reach_may_be_posted_to(address: str) -> None:
    """Also right beside what is special."""
    assert is_public(address)


@pytest.mark.parametrize("address", SPECIAL)
def test_what_is_special_is_not_posted_to(address: str) -> None:
    """Whatever the Python at hand thinks of it."""
    assert not is_public(address)


@pytest.mark.parametrize("host", [*WRITTEN_OTHERWISE, "10.1.2.3", "fe80::1", "64:ff9b::a00:1"])
async def test_names_and_literals_pass_the_same_check(host: str) -> None:
    """It is made on what is connected to, however the destination is written."""
    async with asyncio.timeout(10):
        with pytest.raises((ForbiddenAddressError, httpcore2.ConnectError)) as raised:
            await CheckedBackend().connect_tcp(host, 443)
    # Some resolvers don't know the odd spellings of IPv4 at all: that is as good.
    assert raised.type is ForbiddenAddressError or host in WRITTEN_OTHERWISE


async def test_one_special_address_among_public_ones_is_enough(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A name with a public and an inner address is refused before anything is connected to."""

    def resolve(*_: object, **__: object) -> list[tuple[object, ...]]:
        return [(0, 0, 0, "", ("1.1.1.1", 443)), (0, 0, 0, "", ("10.0.0.1", 443))]

    monkeypatch.setattr("socket.getaddrinfo", resolve)
    with pytest.raises(ForbiddenAddressError):
        await CheckedBackend().connect_tcp("rebinding.example", 443)


async def test_a_name_without_an_address_is_no_forbidden_one() -> None:
    """It may have one later: nothing is decided for good."""
    with pytest.raises(httpcore2.ConnectError):
        await CheckedBackend().connect_tcp("nowhere.invalid", 443)


async def test_a_unix_socket_is_not_connected_to() -> None:
    """Nothing but TCP goes through the guard."""
    with pytest.raises(NotImplementedError):
        await CheckedBackend().connect_unix_socket("/run/docker.sock")
