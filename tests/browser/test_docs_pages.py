"""The documentation in a real browser: typing, keyboard, a phone, light and dark, no scripts."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect

from shared.database import Database
from tests.support.databases import Databases
from tests.support.documentation import HERE, Documented, keep, shipped
from tests.support.looks import each_look
from tests.support.served import serving

PAGES = (
    "/docs",
    "/docs/troubleshooting",
    "/docs/search",
    "/docs/search?q=mail+link",
    "/docs/search?q=atachment",
    "/docs/search?q=my+screenshot+is+green",
    "/docs/search?q=xylophone",
    "/docs/what-the-plans-promise",
    "/docs/agents-inbox",
    "/docs/no-such-article",
)
Scheme = Literal["light", "dark"]


@pytest_asyncio.fixture(loop_scope="session")
async def documented(databases: Databases) -> AsyncIterator[Documented]:
    """The pages with the shipped articles."""
    async with databases.fresh(HERE / "migrations") as dsn:
        database = Database(dsn, service="test", size=4)
        await database.start()
        await keep(database, shipped())
        yield Documented(database)
        await database.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def address(documented: Documented) -> AsyncIterator[str]:
    """Where they are served."""
    async with serving(documented.application) as address:
        yield address


@asynccontextmanager
async def opened(
    browser: Browser,
    address: str,
    *,
    width: int = 1280,
    scheme: Scheme = "light",
    scripts: bool = True,
    cookie: str | None = None,
) -> AsyncIterator[Page]:
    """A page of somebody; whatever the browser complains of fails the test."""
    context = await browser.new_context(
        base_url=address,
        viewport={"width": width, "height": 844},
        color_scheme=scheme,
        java_script_enabled=scripts,
    )
    if cookie is not None:
        await context.add_cookies([{"name": "careline", "value": cookie, "url": address}])
    page = await context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    yield page
    await context.close()
    # But for what a test has it ask for in vain.
    assert [each for each in wrong if "Failed to load resource" not in each] == []


async def test_results_come_while_somebody_types(browser: Browser, address: str) -> None:
    """In the same page, told to who does not see them, under an address that can be kept."""
    async with opened(browser, address) as page:
        await page.goto("/docs")
        await page.get_by_label("Search the documentation").press_sequentially("atachment")
        result = page.get_by_role("link", name="Attachments and their limits")
        await expect(
            page.locator("#results").get_by_text("Nothing has “atachment”.")
        ).to_be_visible()
        await expect(page.locator("#search-told")).to_have_text("2 articles found")
        await expect(page.locator("#all")).to_be_hidden()
        await expect(page).to_have_url(re.compile(r"/docs/search\?q=atachment$"))
        await expect(page).to_have_title(re.compile("atachment"))
        await result.click()
        await expect(page.get_by_role("heading", level=1)).to_have_text(
            "Attachments and their limits"
        )
        await page.go_back()
        await expect(
            page.locator("#results").get_by_role("link", name="Attachments")
        ).to_be_visible()
        await expect(page.get_by_label("Search the documentation")).to_have_value("atachment")


async def test_one_step_back_leads_to_all_articles(browser: Browser, address: str) -> None:
    """However many letters were typed; and an empty field does too."""
    async with opened(browser, address) as page:
        await page.goto("/docs")
        field = page.get_by_label("Search the documentation")
        await field.fill("mail")
        await expect(page.locator("#results h2")).to_be_visible()
        await field.fill("mail link")
        await expect(page).to_have_url(re.compile(r"q=mail\+link$"))
        await page.go_back()
        await expect(page.locator("#all")).to_be_visible()
        await expect(page.locator("#results")).to_be_hidden()
        await expect(field).to_have_value("")
        await field.fill("mail")
        await expect(page.locator("#all")).to_be_hidden()
        await field.fill("")
        await expect(page.locator("#all")).to_be_visible()


async def test_a_search_that_gets_no_answer_says_so(browser: Browser, address: str) -> None:
    """And is tried again on Enter."""
    async with opened(browser, address) as page:
        await page.goto("/docs")
        await page.context.route("**/docs/search*", lambda route: route.abort())
        field = page.get_by_label("Search the documentation")
        await field.fill("mail")
        await expect(page.locator("#search-told")).to_have_text(re.compile("does not answer"))
        await page.context.unroute("**/docs/search*")
        await field.press("Enter")
        await expect(page.locator("#results h2")).to_be_visible()


async def test_all_of_it_works_without_scripts(browser: Browser, address: str) -> None:
    """Searching, reading, and saying that it did not help."""
    async with opened(browser, address, scripts=False) as page:
        await page.goto("/docs")
        await page.get_by_label("Search the documentation").fill("no acknowlegement")
        await page.get_by_role("button", name="Search").click()
        await page.get_by_role("link", name="No acknowledgement mail came").click()
        await page.get_by_role("button", name="No, not really").click()
        await expect(page.get_by_role("heading", name="Thank you for telling us")).to_be_visible()
        await expect(page.get_by_role("link", name="Write a request")).to_have_attribute(
            "href", "/request"
        )


async def test_the_keyboard_is_enough(browser: Browser, address: str) -> None:
    """From the field to an article, to its end, and a voice given."""
    async with opened(browser, address) as page:
        await page.goto("/docs")
        await _tab_to(page, "Search the documentation")
        await page.keyboard.type("upgrade")
        await expect(page.locator("#results h2")).to_be_visible()
        await _tab_to(page, "Upgrading your plan")
        outline = "getComputedStyle(document.activeElement).outlineStyle"
        assert await page.evaluate(outline) == "solid"
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/docs/upgrading")
        await _tab_to(page, "Yes, it did")
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("You said that this helped.")).to_be_visible()


async def _tab_to(page: Page, words: str) -> None:
    focused = "(document.activeElement.labels?.[0] ?? document.activeElement).innerText.trim()"
    for _ in range(60):
        await page.keyboard.press("Tab")
        if await page.evaluate(focused) == words:
            return
    pytest.fail(f"the keyboard does not reach {words!r}")


async def test_contents_stand_beside_an_article_on_a_wide_screen(
    browser: Browser, address: str
) -> None:
    """They lead to its headings; on a phone they would only be in the way."""
    async with opened(browser, address, width=1440) as page:
        await page.goto("/docs/chat")
        contents = page.get_by_role("navigation", name="On this page")
        await contents.get_by_role("link", name="If nobody is there").click()
        await expect(page).to_have_url(re.compile("#s-if-nobody-is-there$"))
        await page.set_viewport_size({"width": 390, "height": 844})
        await expect(contents).to_be_hidden()


async def test_who_signs_in_is_not_shown_a_page_of_before(
    browser: Browser, address: str, documented: Documented
) -> None:
    """Though browsers keep the page that is the same for everybody else."""
    async with opened(browser, address) as page:
        await page.goto("/docs/chat")
        await page.goto("/docs")
        cookie = await documented.sign_in("agent")
        await page.context.add_cookies([{"name": "careline", "value": cookie, "url": address}])
        await page.goto("/docs/chat")
        await expect(page.get_by_role("button", name="Sign out")).to_be_visible()


@pytest.mark.parametrize("width", [320, 390, 1440])
async def test_no_page_is_wider_than_its_screen(browser: Browser, address: str, width: int) -> None:
    """Tables are scrolled by themselves."""
    async with opened(browser, address, width=width) as page:
        for path in PAGES:
            await page.goto(path)
            assert await page.evaluate("document.documentElement.scrollWidth") <= width, path


@each_look()
async def test_everybody_can_read_and_use_the_pages(
    browser: Browser, address: str, documented: Documented, width: int, scheme: Scheme
) -> None:
    """Axe finds nothing on any: contrast, names, labels, headings, tables, landmarks."""
    async with opened(browser, address, width=width, scheme=scheme) as page:
        found = [each for path in PAGES for each in await _violations(page, path)]
        await page.goto("/docs/chat")
        await page.get_by_role("button", name="No, not really").click()
        found += await _violations(page, "/docs/chat")
    cookie = await documented.sign_in("lead")
    async with opened(browser, address, width=width, scheme=scheme, cookie=cookie) as page:
        found += await _violations(page, "/docs")
        found += await _violations(page, "/docs/chat")
    assert found == []


async def _violations(page: Page, path: str) -> list[str]:
    await page.goto(path)
    results: dict[str, Any] = (await Axe().run(page)).response
    assert results["passes"], "axe has looked at nothing"
    return [
        f"{path}: {each['id']}: {node['target']} {node['failureSummary']}"
        for each in results["violations"]
        for node in each["nodes"]
    ]
