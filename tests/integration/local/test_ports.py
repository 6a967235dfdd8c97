"""The ports of a desk: chosen by one number, and explained when they are taken."""

import os
import socket
from dataclasses import astuple
from itertools import pairwise

import pytest

from deploy.local import ports
from deploy.local.errors import DeskError


def test_one_number_chooses_all_ports() -> None:
    """They follow the base in the order of their names, and none is used twice."""
    found = ports.from_environment({ports.VARIABLE: "9000"})
    assert astuple(found) == tuple(range(9001, 9013))
    assert ports.from_environment({}) == ports.from_base(ports.DEFAULT_BASE)


@pytest.mark.parametrize("text", ["eighty", "80", "65530", "-1", "8100.5"])
def test_a_base_that_cannot_be_is_refused(text: str) -> None:
    """The message names the variable, what it is and what it may be."""
    with pytest.raises(DeskError, match="must be a number from 1024 to 65500") as raised:
        ports.from_environment({ports.VARIABLE: text})
    assert repr(text) in str(raised.value)


def test_free_ports_are_free_and_different() -> None:
    """Somebody who asks for them can have them all at once."""
    found = astuple(ports.free_ports())
    assert len(set(found)) == len(found)
    assert all(ports.is_free(port) for port in found)


@pytest.mark.parametrize("workers", [1, 2, 3, 16])
def test_those_who_look_side_by_side_never_find_the_same(
    workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each has a share of the range, and finds all of its ports in there."""
    found: list[range] = []
    for number in range(workers):
        monkeypatch.setenv(ports.SHARE_VARIABLE, ports.share(number, workers))
        chosen = astuple(ports.free_ports())
        found.append(range(min(chosen), max(chosen) + 1))
    assert all(one.stop <= other.start for one, other in pairwise(found))
    assert set(found[0]) | set(found[-1]) <= set(ports.TEST_RANGE)


@pytest.mark.parametrize("text", ["15000", "a-b", "19999-15000", "15000-70000", "-"])
def test_a_share_that_cannot_be_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the variable and what it is."""
    monkeypatch.setenv(ports.SHARE_VARIABLE, text)
    with pytest.raises(DeskError, match=ports.SHARE_VARIABLE):
        ports.free_ports()


def test_a_taken_port_is_explained() -> None:
    """The message says which port, which part needs it, who has it, and how to choose others."""
    chosen = ports.free_ports()
    with socket.create_server(("127.0.0.1", chosen.sla)), pytest.raises(DeskError) as raised:
        ports.check(chosen)
    message = str(raised.value)
    assert f"{chosen.sla} (sla) by" in message
    assert f"process {os.getpid()}" in message
    assert str(chosen.intake) not in message.replace(str(chosen.sla), "")
    assert f"{ports.VARIABLE}=" in message


def test_a_port_taken_on_every_address_counts_as_taken() -> None:
    """A server on 0.0.0.0 is in the way as well."""
    chosen = ports.free_ports()
    with socket.create_server(("0.0.0.0", chosen.kafka)):  # noqa: S104 - that is what is tested
        assert not ports.is_free(chosen.kafka)


def test_free_ports_pass_the_check() -> None:
    """Nothing is said when nothing is in the way."""
    ports.check(ports.free_ports())
