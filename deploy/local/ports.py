"""The ports of a desk: one number chooses them all."""

import os
import random
import socket
from collections.abc import Mapping
from dataclasses import astuple, dataclass, fields

import psutil

from deploy.local.errors import DeskError

DEFAULT_BASE = 8100
VARIABLE = "CARELINE_PORT_BASE"
HOST = "127.0.0.1"
LOWEST_BASE, HIGHEST_BASE = 1024, 65_500
HIGHEST_PORT = 65_535
# Below the range from which systems take ports for outgoing connections (32768 and up on Linux,
# 49152 and up elsewhere): what is free here stays free until somebody asks for it by number.
TEST_RANGE = range(15_000, 32_000)
SHARE_VARIABLE = "CARELINE_FREE_PORTS"
"""Narrows that range, such as to 15000-19999."""


@dataclass(frozen=True)
class Ports:
    """Where each part of a desk listens, on 127.0.0.1 only."""

    intake: int
    sla: int
    notifier: int
    messaging: int
    mail_web: int
    smtp: int
    postgres: int
    kafka: int
    kafka_controller: int
    smtp_in: int
    sign_in: int
    auditor: int


def from_base(base: int) -> Ports:
    """Number the parts upwards from the base: intake is base + 1, sla base + 2, and so on."""
    count = len(fields(Ports))
    return Ports(*range(base + 1, base + 1 + count))


def from_environment(environ: Mapping[str, str]) -> Ports:
    """Read CARELINE_PORT_BASE. Raises DeskError when it is not a usable number."""
    text = environ.get(VARIABLE) or str(DEFAULT_BASE)
    if not text.isdecimal() or not LOWEST_BASE <= int(text) <= HIGHEST_BASE:
        raise DeskError(
            f"{VARIABLE} is {text!r}: it must be a number from {LOWEST_BASE} to {HIGHEST_BASE}."
        )
    return from_base(int(text))


def free_ports() -> Ports:
    """Find ports that nobody uses, for desks that come and go: tests and the demo.

    Between looking and listening somebody else may find the same ones: those that look side by side
    have each a share of their own (`CARELINE_FREE_PORTS`).
    """
    found: list[int] = []
    among = _share(os.environ)
    for port in random.sample(among, len(among)):
        if is_free(port):
            found.append(port)
        if len(found) == len(fields(Ports)):
            return Ports(*found)
    raise DeskError(f"This machine has no free ports left from {among.start} to {among.stop - 1}.")


def share(number: int, of: int) -> str:
    """What `CARELINE_FREE_PORTS` is for one of several, numbered from 0."""
    size = len(TEST_RANGE) // of
    first = TEST_RANGE.start + number * size
    return f"{first}-{first + size - 1}"


def _share(environ: Mapping[str, str]) -> range:
    text = environ.get(SHARE_VARIABLE)
    if not text:
        return TEST_RANGE
    first, _, last = text.partition("-")
    if not (first.isdecimal() and last.isdecimal() and int(first) < int(last) <= HIGHEST_PORT):
        raise DeskError(f"{SHARE_VARIABLE} is {text!r}: it must be like 15000-19999.")
    return range(int(first), int(last) + 1)


def is_free(port: int) -> bool:
    """Try the port. Connections of an earlier desk that are still fading away don't count."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def check(ports: Ports) -> None:
    """Raise DeskError when a port is taken: which, by whom where that can be told, what to do."""
    taken = {
        port: field.name.replace("_", " ")
        for field, port in zip(fields(Ports), astuple(ports), strict=True)
        if not is_free(port)
    }
    if taken:
        lines = [f"  {port} ({name}) {_user_of(port)}" for port, name in taken.items()]
        raise DeskError("\n".join(["These ports are in use already:", *lines, _advice(ports)]))


def _advice(ports: Ports) -> str:
    for base in range(ports.intake - 1 + 100, HIGHEST_BASE, 100):
        if all(is_free(port) for port in astuple(from_base(base))):
            return f"Stop what uses them, or choose others: {VARIABLE}={base} make run"
    return f"Stop what uses them, or choose others with {VARIABLE}."


def _user_of(port: int) -> str:
    """Name the process that listens, as far as this system lets us look."""
    try:
        found = [
            connection.pid
            for connection in psutil.net_connections("tcp")
            if connection.status == psutil.CONN_LISTEN
            and connection.laddr[1:] == (port,)
            and connection.pid
        ]
        process = psutil.Process(found[0])
        return f"by {process.name()}, process {process.pid}"
    except (psutil.Error, OSError, IndexError):
        return "by a process that this system does not let us name"
