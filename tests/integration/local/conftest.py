"""What the tests of the local desk share."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local import jars, ports
from deploy.local.ports import Ports
from deploy.local.supervisor import Supervisor


@pytest.fixture(scope="session")
def classpath() -> list[Path]:
    """Kafka's jars, from this machine's cache."""
    return asyncio.run(jars.ensure(lambda _: None, os.environ))


@pytest.fixture
def chosen() -> Ports:
    """Ports that nobody uses."""
    return ports.free_ports()


@pytest.fixture
def told() -> list[str]:
    """What the desk said to whoever runs it."""
    return []


@pytest.fixture
def supervisor(tmp_path: Path, told: list[str]) -> Iterator[Supervisor]:
    """A supervisor in a folder of its own; what it started is gone afterwards."""
    with Supervisor(tmp_path, announce=told.append) as entered:
        yield entered
