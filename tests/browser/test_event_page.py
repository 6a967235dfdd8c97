"""The page of the stream in a real browser: from the file alone, for eyes, ears and keyboard."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect

from tests.support.looks import each_look
from tests.support.schemas import EXAMPLES, FOLDER

PAGE = (FOLDER / "index.html").as_uri()
EXAMPLE = "0.482113"
Scheme = Literal["light", "dark"]


@asynccontextmanager
async def opened(
    browser: Browser, *, width: int = 1280, scheme: Scheme = "light"
) -> AsyncIterator[Page]:
    """The page, without scripts and without a network; whatever else it asks for fails the test."""
    context = await browser.new_context(
        viewport={"width": width, "height": 844}, color_scheme=scheme, java_script_enabled=False
    )
    page = await context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.goto(PAGE)
    yield page
    await context.close()
    assert {url.partition("#")[0] for url in asked} == {PAGE}


@each_look(at_a_desk=True)
async def test_everybody_can_read_it(browser: Browser, width: int, scheme: Scheme) -> None:
    """Axe finds nothing: contrast, names, headings, tables, landmarks; and it fits its screen."""
    context = await browser.new_context(
        viewport={"width": width, "height": 844}, color_scheme=scheme
    )
    page = await context.new_page()
    await page.goto(PAGE)
    # What is folded can be read by everybody too.
    await page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    results: dict[str, Any] = (await Axe().run(page)).response
    assert results["passes"], "axe has looked at nothing"
    found = [(each["id"], each["nodes"][0]["failureSummary"]) for each in results["violations"]]
    assert found == []
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    await context.close()


@pytest.mark.parametrize("width", [320, 390, 1440])
async def test_no_part_of_it_is_wider_than_its_screen(browser: Browser, width: int) -> None:
    """What is wider is scrolled in a box of its own, which the keyboard reaches."""
    context = await browser.new_context(viewport={"width": width, "height": 844})
    page = await context.new_page()
    await page.goto(PAGE)
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    unreachable = """Array.from(document.querySelectorAll('main *')).filter(each =>
        ['auto', 'scroll'].includes(getComputedStyle(each).overflowX)
        && each.scrollWidth > each.clientWidth && each.tabIndex < 0).length"""
    assert await page.evaluate(unreachable) == 0
    await context.close()


async def test_the_contents_lead_to_every_topic_and_type(browser: Browser) -> None:
    """Each link of the page leads to a place of it, or to a file beside it."""
    async with opened(browser) as page:
        contents = page.get_by_role("navigation", name="On this page")
        await contents.get_by_role("link", name="DeadlineBreached", exact=True).click()
        await expect(page).to_have_url(re.compile("#deadlinebreached$"))
        await expect(page.get_by_role("heading", name="DeadlineBreached")).to_be_in_viewport()
        text = await page.content()
    ids = re.findall(r' id="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    for link in re.findall(r' href="([^"]+)"', text):
        assert link[1:] in ids if link.startswith("#") else (FOLDER / link).is_file(), link
    for kind in EXAMPLES:
        assert f"<code>{kind}</code>" in text


async def test_a_type_is_shown_with_its_fields_and_its_example(browser: Browser) -> None:
    """With meaning, unit and example of each; the example is folded until somebody asks for it."""
    async with opened(browser) as page:
        event = page.get_by_role("article", name="DeadlineBreached", exact=True)
        row = event.get_by_role("row", name="overdue_seconds")
        await expect(row).to_contain_text("number, seconds")
        await expect(row).to_contain_text("in seconds of real time")
        await expect(row.get_by_role("cell").last).to_have_text(EXAMPLE)
        record = event.locator("details.record").first
        await expect(record.locator("pre")).to_be_hidden()
        await record.locator("summary").press("Enter")
        await expect(record.locator("pre")).to_contain_text(f'"overdue_seconds": {EXAMPLE}')


async def test_the_picture_says_in_words_what_it_shows(browser: Browser) -> None:
    """The table below it has who says and who hears what, for who does not see it."""
    async with opened(browser) as page:
        await expect(page.get_by_role("img", name="Services and topics")).to_be_visible()
        row = page.get_by_role("table").first.get_by_role("row", name="careline.sla ")
        await expect(row.get_by_role("cell").nth(1)).to_have_text("sla")
        await expect(row.get_by_role("cell").nth(2)).to_have_text("messaging, notifier")
