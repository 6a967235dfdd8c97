"""What the plumbing's tests share."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from shared.database import Database
from shared.publisher import Publisher
from tests.support import small_service
from tests.support.listener import Listener
from tests.support.lone_broker import LoneBroker, running_broker
from tests.support.stack import Stack


@pytest.fixture(scope="session")
def migrations() -> Path:
    """The table in which the tests' consumers keep what they hear."""
    return Path(small_service.__file__).parent / "migrations"


@pytest.fixture(scope="session")
def lone_broker() -> Iterator[LoneBroker]:
    """A broker that may be frozen and killed; each test leaves it running."""
    with running_broker() as lone:
        yield lone


@pytest.fixture
async def publisher(stack: Stack) -> AsyncIterator[Publisher]:
    """A connected publisher."""
    connected = Publisher(stack.bootstrap_servers, deadline=10, client_id="test")
    await connected.start()
    yield connected
    await connected.stop()


@pytest.fixture
async def listener(
    stack: Stack, namespace: str, database: Database, publisher: Publisher
) -> Listener:
    """A group that nobody has joined yet, with topics of three partitions."""
    made = Listener(stack.bootstrap_servers, namespace, database, publisher)
    await made.prepare(partitions=3)
    return made
