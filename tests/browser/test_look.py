"""Every piece of the design in a real browser: contrast, names, targets, and no shift."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.messaging.visitors import Visitor
from shared.identity import Caller, Role
from shared.languages import Languages
from shared.pages import Pages
from tests.support.looks import each_look
from tests.support.served import serving

FOLDER = Path(__file__).parents[1] / "support" / "look_pages"
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
SOMEBODY = Visitor(
    Caller("a", None, "Somebody With a Rather Long Name", frozenset({Role.AGENT})), proof="x"
)
NAV = [("Inbox", "/"), ("Search", "/search"), ("Lead", "/lead", 3)]


@pytest_asyncio.fixture(loop_scope="session")
async def address() -> AsyncIterator[str]:
    """Where a page with every piece is served."""
    pages = Pages(FOLDER, Languages())

    async def show(_: Request) -> Response:
        return pages.answer(
            "every_piece.html.jinja",
            language=pages.languages.of("en"),
            visitor=SOMEBODY,
            nav=NAV,
            here="/",
            now=NOW,
        )

    async with serving(Starlette(routes=[Route("/", show), *pages.routes()])) as address:
        yield address


@each_look(narrow=320)
async def test_every_piece_can_be_read_and_used(
    browser: Browser, address: str, width: int, scheme: Literal["light", "dark"]
) -> None:
    """Axe finds nothing, and nothing is wider than its window."""
    context = await browser.new_context(
        viewport={"width": width, "height": 844}, color_scheme=scheme
    )
    page = await context.new_page()
    await page.goto(address)
    found = await Axe().run(page, options={"rules": {"target-size": {"enabled": True}}})
    assert found.violations_count == 0, found.generate_report()
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    await context.close()


async def test_nothing_moves_once_it_is_there(browser: Browser, address: str) -> None:
    """Neither sheets nor scripts shift what is shown already."""
    page = await browser.new_page(viewport={"width": 390, "height": 844})
    await page.goto(address)
    await page.wait_for_load_state("networkidle")
    shift = await page.evaluate(
        """() => new Promise(done => {
            let sum = 0;
            new PerformanceObserver(list => {
                for (const entry of list.getEntries()) sum += entry.value;
            }).observe({ type: "layout-shift", buffered: true });
            requestAnimationFrame(() => requestAnimationFrame(() => done(sum)));
        })"""
    )
    assert shift < 0.01


async def test_marked_times_are_written_in_the_browsers_zone(
    browser: Browser, address: str
) -> None:
    """Also those that come in later; without a script they stand in UTC."""
    context = await browser.new_context(timezone_id="Asia/Tokyo", locale="en-GB")
    page = await context.new_page()
    await page.goto(address)
    await expect(page.locator("time[data-local]")).to_contain_text("18:00")
    await page.evaluate(
        """document.querySelector("main").insertAdjacentHTML("beforeend",
            '<p id="late"><time datetime="2026-11-24T01:00:00Z" data-local="time">x</time></p>')"""
    )
    await expect(page.locator("#late")).to_have_text("10:00")
    await context.close()
    context = await browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    await page.goto(address)
    await expect(page.locator("time[data-local]")).to_have_text("2026-11-24 09:00 UTC")
    await context.close()


async def test_who_wants_less_motion_gets_none(browser: Browser, address: str) -> None:
    """What pulses for others stands still."""
    names = []
    for wish in ("reduce", "no-preference"):
        context = await browser.new_context(reduced_motion=wish)
        page = await context.new_page()
        await page.goto(address)
        names.append(
            await page.evaluate(
                "getComputedStyle(document.querySelector('[data-state=connecting]'), '::before')"
                ".animationName"
            )
        )
        await context.close()
    assert names == ["none", "pulse"]
