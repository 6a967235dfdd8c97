"""What the tests of pages share: one browser, which each test finds empty, and databases.

All of them run in one event loop, since that is where the browser is spoken to.
"""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.support.chromium import running_chromium
from tests.support.databases import Databases
from tests.support.stack import Stack

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Put the tests of this folder into one loop."""
    for item in items:
        if HERE in item.path.parents and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.fixture(scope="session")
def databases(stack: Stack) -> Databases:
    """Makes databases; its templates last as long as the stack."""
    return Databases(stack.postgres_admin_dsn)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """A real browser."""
    async with running_chromium() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def browser(chromium: Browser) -> AsyncIterator[Browser]:
    """The same; what a test has opened in it is closed after it."""
    yield chromium
    for context in chromium.contexts:
        await context.close()
