"""What tests on the real stack share: names of their own, topics, a database."""

import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from shared.database import Database
from tests.support.databases import Databases
from tests.support.desk import Desk, running_desk
from tests.support.stack import Stack


@pytest.fixture
def namespace() -> str:
    """What stands before this test's topics and groups, and before no other's."""
    return f"test-{secrets.token_hex(4)}"


@pytest.fixture(scope="session")
def databases(stack: Stack) -> Databases:
    """Makes databases; its templates last as long as the stack."""
    return Databases(stack.postgres_admin_dsn)


@pytest.fixture(scope="session")
def migrations() -> Path | None:
    """The service's own migrations; a service's tests put their folder here."""
    return None


@pytest.fixture
async def dsn(databases: Databases, migrations: Path | None) -> AsyncIterator[str]:
    """The address of a fresh, migrated database."""
    async with databases.fresh(migrations) as address:
        yield address


@pytest.fixture
async def database(dsn: str) -> AsyncIterator[Database]:
    """A fresh, migrated database, connected."""
    connected = Database(dsn, service="test", size=8)
    await connected.start()
    yield connected
    await connected.stop()


@pytest.fixture
def desk(stack: Stack, tmp_path: Path) -> Iterator[Desk]:
    """A desk of which nothing runs yet."""
    with running_desk(stack, tmp_path) as made:
        yield made
