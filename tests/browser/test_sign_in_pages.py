"""Signing in, out, and what is kept of it: in a real browser, with a local desk's provider."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, Page, Route, expect

from tests.support.desk import SIGN_IN, Desk, running_desk
from tests.support.looks import each_look
from tests.support.stack import Stack

Scheme = Literal["light", "dark"]
ARTICLES = Path(__file__).parents[2] / "deploy" / "articles"
PAGES = ("/sign-in", "/cookies", "/open/nothing", "/open/" + "a" * 43, "/sign-in/back")


@pytest.fixture(scope="module")
def desk(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """The services with pages for customers and agents, and the provider."""
    with running_desk(stack, tmp_path_factory.mktemp("desk")) as made:
        started = (SIGN_IN, "intake", "messaging")
        for name in started:
            made.start(name, CARELINE_ARTICLES=str(ARTICLES))
        asyncio.run(made.ready(*started))
        yield made


@asynccontextmanager
async def opened(
    browser: Browser, desk: Desk, *, width: int = 1440, scheme: Scheme = "light"
) -> AsyncIterator[tuple[BrowserContext, Page]]:
    """A page of somebody who is not known."""
    context = await browser.new_context(
        base_url=desk.url("messaging"),
        viewport={"width": width, "height": 900},
        color_scheme=scheme,
    )
    yield context, await context.new_page()
    await context.close()


async def sign_in(page: Page, subject: str) -> None:
    """By two clicks, from the page that asks for it."""
    await page.get_by_role("main").get_by_role("link", name="Sign in").click()
    await page.get_by_role("button", name=subject, exact=True).click()


async def test_two_clicks_sign_in_and_one_signs_out(browser: Browser, desk: Desk) -> None:
    """On to where one wanted to go, and out at the provider as well; back shows nothing more."""
    async with opened(browser, desk) as (_, page):
        await page.goto("/inbox?queue=support")
        await sign_in(page, "agent-one")
        await expect(page).to_have_url(f"{desk.url('messaging')}/inbox?queue=support")
        await expect(page.get_by_text("Agent One").first).to_be_visible()
        await page.get_by_role("button", name="Sign out").click()
        await page.wait_for_url(f"{desk.url(SIGN_IN)}/**")
        await page.get_by_role("button", name="Back to the desk").click()
        await expect(page).to_have_url(f"{desk.url('messaging')}/sign-in")
        await page.goto("/inbox")
        await expect(page).to_have_url(f"{desk.url('messaging')}/sign-in?next=/inbox")


async def test_the_page_on_cookies_names_all_that_is_kept(browser: Browser, desk: Desk) -> None:
    """Nothing is in the browser after a walk through everything that is not named there."""
    async with opened(browser, desk) as (context, page):
        await page.goto("/docs/start" if (ARTICLES / "start.md").exists() else "/docs")
        await page.goto("/request")
        await sign_in(page, "customer-basic")
        await page.wait_for_url(f"{desk.url('intake')}/request")
        await page.get_by_label("Subject").fill("A subject that is not sent")
        stored = set(await page.evaluate("Object.keys({...localStorage, ...sessionStorage})"))
        await page.goto("/cookies")
        named = await page.locator("tbody th code").all_text_contents()
        stored |= set(await page.evaluate("Object.keys({...localStorage, ...sessionStorage})"))
        kept = {cookie["name"] for cookie in await context.cookies()}
    assert kept >= {"careline", "careline_sign_in", "careline_request"}
    assert any(name.startswith("careline.request.") for name in stored)
    for name in kept:
        assert name in named
    for name in stored:
        assert any(name.startswith(each.removesuffix("…")) for each in named), name


@each_look()
async def test_everybody_can_use_these_pages(
    browser: Browser, desk: Desk, width: int, scheme: Scheme
) -> None:
    """Axe finds nothing, and no page is wider than its screen."""
    async with opened(browser, desk, width=width, scheme=scheme) as (_, page):
        # A page that leaves by itself can't be looked at in peace.
        await page.route("**/open/*", _staying)
        for path in PAGES:
            await page.goto(path)
            results: dict[str, Any] = (await Axe().run(page)).response
            assert results["violations"] == [], path
            wide = await page.evaluate("document.documentElement.scrollWidth > innerWidth")
            assert not wide, path


async def _staying(route: Route) -> None:
    answer = await route.fetch()
    headers = {name: value for name, value in answer.headers.items() if name != "refresh"}
    await route.fulfill(response=answer, headers=headers)


async def test_without_scripts_and_by_keyboard_alone_one_signs_in_too(
    browser: Browser, desk: Desk
) -> None:
    """Links and forms do all of it."""
    context = await browser.new_context(base_url=desk.url("messaging"), java_script_enabled=False)
    page = await context.new_page()
    await page.goto("/sign-in?next=/cookies")
    link = page.get_by_role("main").get_by_role("link", name="Sign in")
    await link.focus()
    await page.keyboard.press("Enter")
    await page.get_by_role("button", name="lead", exact=True).focus()
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(f"{desk.url('messaging')}/cookies")
    await context.close()
