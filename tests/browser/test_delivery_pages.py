"""The operators' pages in a real browser: by mouse, by keyboard, on a phone, light and dark."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, Request

from shared.database import Database
from tests.support import register_rows as rows
from tests.support.databases import Databases
from tests.support.looks import each_look
from tests.support.register import Operated, token
from tests.support.served import serving

MIGRATIONS = Path(__file__).parents[2] / "services" / "notifier" / "migrations"
PAGES = (
    "/deliveries",
    "/deliveries?state=failed",
    f"/deliveries?digest={rows.DIGEST.id}&reason=attempts_exhausted",
    "/deliveries?address=nobody@customer.example",
    f"/deliveries/{rows.HOSTILE.id}",
    f"/deliveries/{rows.HOSTILE.id}?show=source",
    f"/deliveries/{rows.BREACH.id}",
    f"/deliveries/{rows.DIGEST.id}",
    f"/deliveries/{rows.SENT.id}/again",
    "/deliveries/again?state=failed",
    "/lanes",
    "/bounces",
    "/deliveries/x",
)
Scheme = Literal["light", "dark"]


@pytest_asyncio.fixture(loop_scope="session")
async def operated(databases: Databases) -> AsyncIterator[Operated]:
    """The pages over a register with a bit of everything."""
    async with databases.fresh(MIGRATIONS) as dsn:
        database = Database(dsn, service="test", size=4)
        await database.start()
        await rows.fill(database)
        yield Operated(database)
        await database.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def address(operated: Operated) -> AsyncIterator[str]:
    """Where they are served."""
    async with serving(operated.application) as address:
        yield address


@asynccontextmanager
async def opened(
    browser: Browser, address: str, *, width: int = 1280, scheme: Scheme = "light"
) -> AsyncIterator[Page]:
    """A page of somebody who is asked to sign in."""
    context = await browser.new_context(
        base_url=address,
        viewport={"width": width, "height": 844},
        color_scheme=scheme,
        java_script_enabled=True,
    )
    page = await context.new_page()
    await page.goto("/deliveries")
    yield page
    await context.close()


async def sign_in(page: Page, role: str = "lead") -> None:
    """As people do."""
    await page.get_by_label("Bearer token").fill(token(role))
    await page.get_by_role("button", name="Sign in").click()


async def test_an_operator_finds_what_failed_and_sends_it_again(
    browser: Browser, address: str
) -> None:
    """From the sign-in over filter, detail and a last question to the delivery that is planned."""
    async with opened(browser, address) as page:
        await sign_in(page)
        await page.get_by_role("link", name=re.compile("^Failed")).click()
        await page.get_by_label("Kind").select_option("acknowledgement")
        await page.get_by_role("button", name="Show").click()
        table = page.get_by_role("table", name="1 delivery, the newest first")
        await table.get_by_role("link", name="Acknowledgement").click()
        assert await page.locator("main").get_by_text("no such user here").count() > 0
        await page.get_by_role("link", name="Send again…").click()
        await page.get_by_role("button", name="Send it again").click()
        assert await page.get_by_role("status").inner_text() != ""
        assert await page.locator(".standing").inner_text() == "Planned"
        await page.get_by_role("button", name="Sign out").click()
        await page.goto("/deliveries")
        assert "/sign-in" in page.url


async def test_the_keyboard_is_enough(browser: Browser, address: str) -> None:
    """Signing in, skipping to the content, and opening a delivery, with Tab and Enter alone."""
    async with opened(browser, address) as page:
        await _tab_to(page, "Bearer token")
        await page.keyboard.type(token("lead"))
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/deliveries")
        await page.keyboard.press("Tab")
        assert await _focused(page) == "Skip to the content"
        await page.keyboard.press("Enter")
        await page.keyboard.press("Tab")
        assert await _focused(page) == "All"
        await _tab_to(page, "Acknowledgement")
        outline = "getComputedStyle(document.activeElement).outlineStyle"
        assert await page.evaluate(outline) == "solid"
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"**/deliveries/{rows.HOSTILE.id}")
        await _tab_to(page, "Send again…")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/again")
        await _tab_to(page, "Send it again")
        await page.keyboard.press("Enter")
        await page.wait_for_url(re.compile(r"\?told=again$"))


async def _focused(page: Page) -> str:
    words: str = await page.evaluate(
        "(document.activeElement.labels?.[0] ?? document.activeElement).innerText.trim()"
    )
    return words


async def _tab_to(page: Page, words: str) -> None:
    for _ in range(60):
        await page.keyboard.press("Tab")
        if await _focused(page) == words:
            return
    pytest.fail(f"the keyboard does not reach {words!r}")


@pytest.mark.parametrize("width", [320, 390, 1280])
async def test_no_page_is_wider_than_its_screen(browser: Browser, address: str, width: int) -> None:
    """On a phone, on a small one, on a desk; hostile words without a space among them."""
    async with opened(browser, address, width=width) as page:
        await sign_in(page)
        for path in PAGES:
            await page.goto(path)
            found = await page.evaluate("document.documentElement.scrollWidth")
            assert found <= width, path


@each_look(wide=1280, at_a_desk=True)
async def test_everybody_can_read_and_use_the_pages(
    browser: Browser, address: str, width: int, scheme: Scheme
) -> None:
    """Axe finds nothing on any: contrast, names, labels, headings, tables, landmarks."""
    async with opened(browser, address, width=width, scheme=scheme) as page:
        found = await _violations(page, "/sign-in")
        await sign_in(page)
        for path in PAGES:
            found += await _violations(page, path)
    assert found == []


async def _violations(page: Page, path: str) -> list[str]:
    await page.goto(path)
    # What stands in a mail is not ours to judge here.
    results: dict[str, Any] = (await Axe().run(page, context={"exclude": ["iframe"]})).response
    assert results["passes"], "axe has looked at nothing"
    return [
        f"{path}: {each['id']}: {node['target']} {node['failureSummary']}"
        for each in results["violations"]
        for node in each["nodes"]
    ]


async def test_a_mail_is_shown_light_and_shut_in(browser: Browser, address: str) -> None:
    """Its words are there; it runs nothing, loads nothing from elsewhere, leads nowhere."""
    asked: list[Request] = []
    async with opened(browser, address, scheme="dark") as page:
        page.on("request", lambda request: asked.append(request))  # noqa: PLW0108 - Playwright marks its handlers, which a built-in one does not allow
        await sign_in(page)
        await page.goto(f"/deliveries/{rows.SENT.id}")
        mail = page.frame_locator("iframe")
        await mail.get_by_text("We have your request.").wait_for()
        await mail.get_by_role("link", name="A link").click()
        await mail.get_by_role("button", name="Send").click()
        await mail.get_by_text("We have your request.").wait_for()
        title = await page.title()
        frame = await (await page.query_selector("iframe")).content_frame()  # type: ignore[union-attr]  # it is there
        assert frame is not None
        shown = "(body => [body.backgroundColor, body.color])(getComputedStyle(document.body))"
        colours = await frame.evaluate(shown)
        assert frame.url.endswith("content?part=html")
    assert title == "Acknowledgement, sent: Care & Line"
    assert colours == ["rgba(0, 0, 0, 0)", "rgb(0, 0, 0)"]
    elsewhere = [each for each in asked if not each.url.startswith(address)]
    # The page's policy lets none of them out, to whatever they ask for.
    assert {each.failure for each in elsewhere} == {"csp"}


async def test_pages_work_without_scripts(browser: Browser, address: str) -> None:
    """There is none to begin with."""
    context = await browser.new_context(base_url=address, java_script_enabled=False)
    page = await context.new_page()
    await page.goto("/bounces")
    await sign_in(page)
    await page.get_by_role("button", name="Mail again to gone@customer.example").click()
    await page.get_by_text("The address gets mail again.").wait_for()
    await context.close()
