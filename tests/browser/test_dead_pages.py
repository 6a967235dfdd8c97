"""The operators' pages of dead letters in a real browser."""

import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Literal

import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page

from shared.database import Database
from shared.publisher import Publisher
from tests.support.databases import Databases
from tests.support.dead_desk import Served, bury
from tests.support.looks import each_look
from tests.support.register import Operated, token
from tests.support.served import serving
from tests.support.stack import Stack

MIGRATIONS = Path(__file__).parents[2] / "services" / "notifier" / "migrations"
PAGES = (
    "/dead-letters",
    "/dead-letters?whole=1",
    "/dead-letters?service=notifier",
    "/dead-letters/sla/0",
    "/dead-letters/sla/1/replay",
    "/dead-letters/sla/2/replay",
)
Scheme = Literal["light", "dark"]


@pytest_asyncio.fixture(loop_scope="session")
async def address(stack: Stack, databases: Databases) -> AsyncIterator[str]:
    """Where they are served."""
    sent = Publisher(stack.bootstrap_servers, deadline=10, client_id="test")
    await sent.start()
    namespace = f"test-{secrets.token_hex(4)}"
    await bury(stack, namespace, sent)
    async with databases.fresh(MIGRATIONS) as dsn:
        database = Database(dsn, service="test", size=4)
        await database.start()
        served = Served(stack, namespace, Operated(database), sent)
        async with serving(served.application) as address:
            yield address
        await database.stop()
    await sent.stop()


async def admin(browser: Browser, address: str, *, width: int, scheme: Scheme = "light") -> Page:
    """The page of an administrator who has signed in."""
    context = await browser.new_context(
        base_url=address, viewport={"width": width, "height": 844}, color_scheme=scheme
    )
    page = await context.new_page()
    await page.goto("/dead-letters")
    await page.get_by_label("Bearer token").fill(token("admin"))
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_role("heading", name="Dead letters", exact=True).wait_for()
    return page


async def test_an_administrator_puts_a_letter_back(browser: Browser, address: str) -> None:
    """From the list over the letter and a last question to a letter that waits no more."""
    page = await admin(browser, address, width=1280)
    await page.get_by_role("link", name="sla 0").click()
    await page.get_by_role("link", name="Put back…").click()
    await page.get_by_role("button", name="Put it back").click()
    await page.get_by_text("It was put back.").wait_for()
    assert await page.locator(".standing").inner_text() == "Put back"
    await page.get_by_role("link", name="All dead letters").click()
    assert await page.get_by_role("link", name="sla 1").count() == 1
    assert await page.get_by_role("link", name="sla 0").count() == 0


@each_look(wide=1280, at_a_desk=True)
async def test_everybody_can_read_and_use_them(
    browser: Browser, address: str, width: int, scheme: Scheme
) -> None:
    """Axe finds nothing, and none is wider than its screen, long words without a space or not."""
    page = await admin(browser, address, width=width, scheme=scheme)
    found = []
    for path in PAGES:
        await page.goto(path)
        assert await page.evaluate("document.documentElement.scrollWidth") <= width, path
        results: dict[str, Any] = (await Axe().run(page)).response
        assert results["passes"], "axe has looked at nothing"
        found += [f"{path}: {each['id']}" for each in results["violations"]]
    assert found == []
