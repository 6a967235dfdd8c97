"""The pages, who looks at each, and how pictures are taken of them."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from uuid import UUID

from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from deploy.local.people import STAFF, Person
from deploy.screenshots.scene import TICKETS, Scene, customer, lead

UNKNOWN = UUID(int=0)
SETTLE_MILLISECONDS = 400
"""For what comes live right after a page has opened."""


@dataclass(frozen=True, slots=True)
class View:
    """One way to look at a page."""

    name: str
    width: int
    """In CSS pixels."""
    height: int
    scheme: Literal["light", "dark"]


VIEWS = (
    View("wide-light", 1440, 900, "light"),
    View("wide-dark", 1440, 900, "dark"),
    View("phone-light", 390, 844, "light"),
    View("phone-dark", 390, 844, "dark"),
)


@dataclass(frozen=True, slots=True)
class Shot:
    """A page that somebody looks at; `then` does something on it first."""

    name: str
    who: Person | None
    url: str
    then: Callable[[Page], Awaitable[None]] | None = None
    whole: bool = True
    """All of it, and not only what fits into the window."""


def shots(scene: Scene) -> Sequence[Shot]:
    """Every page of the desk."""
    intake, center = scene.desk.url("intake"), scene.desk.url("messaging")
    tickets = [scene.tickets[written.subject] for written in TICKETS]
    gold, free, agent = customer("advanced"), customer("self-service"), STAFF[0]
    return (
        Shot("request", None, f"{intake}/request"),
        Shot("request-errors", None, f"{intake}/request", _send_nothing),
        Shot("request-signed-in", gold, f"{center}/request"),
        Shot("request-chat", None, f"{intake}/chat"),
        Shot("thanks", gold, f"{center}/request", _send_request),
        Shot("thanks-guest", None, f"{intake}/request", _send_request),
        Shot("sign-in", None, f"{center}/sign-in"),
        Shot("cookies", None, f"{center}/cookies"),
        Shot("center", gold, f"{center}/center"),
        Shot("center-search", gold, f"{center}/center?q=report"),
        Shot("conversation", gold, f"{center}/center/{tickets[2]}"),
        Shot("conversation-self-service", free, f"{center}/center/{tickets[5]}"),
        Shot("upgrade", gold, f"{center}/center/{tickets[2]}/plans"),
        Shot("chat", gold, f"{center}/center/{tickets[2]}/chat"),
        Shot("no-such-ticket", gold, f"{center}/center/{UNKNOWN}"),
        Shot("docs", None, f"{center}/docs"),
        Shot("docs-search", None, f"{center}/docs/search?q=acknowlegement"),
        Shot("docs-nothing", None, f"{center}/docs/search?q=zeppelin"),
        Shot("docs-article", None, f"{center}/docs/due-times"),
        Shot("docs-troubleshooting", None, f"{center}/docs/troubleshooting"),
        Shot("inbox", agent, f"{center}/inbox"),
        Shot("inbox-keys", agent, f"{center}/inbox", _show_keys, whole=False),
        Shot("inbox-empty", agent, f"{center}/inbox?tag=nothing-has-this"),
        Shot("ticket", agent, f"{center}/inbox/{tickets[2]}"),
        Shot("ticket-new", agent, f"{center}/inbox/{tickets[3]}"),
        Shot("search", agent, f"{center}/search?q=report"),
        Shot("views", agent, f"{center}/views"),
        Shot("answers", lead(), f"{center}/answers"),
        Shot("lead", lead(), f"{center}/lead"),
    )


@asynccontextmanager
async def running_browser(executable: str) -> AsyncIterator[Browser]:
    """A browser without a window; it ends with the block."""
    # Chromium's sandbox can't be set up by root, as whom builds often run; it opens our pages only.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable, args=arguments)
        try:
            yield browser
        finally:
            await browser.close()


async def take(browser: Browser, scene: Scene, folder: Path, only: str) -> int:
    """Take a picture of each page in each view; says how many there are."""
    wanted = [shot for shot in shots(scene) if only in shot.name]
    for view in VIEWS:
        rooms: dict[Person | None, BrowserContext] = {}
        for shot in wanted:
            if shot.who not in rooms:
                rooms[shot.who] = await _enter(browser, scene, view, shot.who)
            await _take(rooms[shot.who], shot, folder / f"{shot.name}.{view.name}.png")
        for room in rooms.values():
            await room.close()
    return len(VIEWS) * len(wanted)


async def _enter(browser: Browser, scene: Scene, view: View, who: Person | None) -> BrowserContext:
    """A browser of its own for somebody, who signs in as at a real provider."""
    room = await browser.new_context(
        viewport={"width": view.width, "height": view.height},
        color_scheme=view.scheme,
        locale="en-GB",
        timezone_id="Europe/Berlin",
        reduced_motion="reduce",
    )
    if who is not None:
        await sign_in(room, scene.desk.url("messaging"), who)
    return room


async def sign_in(room: BrowserContext, center: str, who: Person) -> None:
    """Sign in as one of the ready people."""
    page = await room.new_page()
    await page.goto(f"{center}/sign-in/start")
    await page.get_by_role("button", name=who.subject, exact=True).first.click()
    await page.wait_for_url(f"{center}/**")
    await page.close()


async def _take(room: BrowserContext, shot: Shot, path: Path) -> None:
    page = await room.new_page()
    await page.goto(shot.url)
    if shot.then is not None:
        await shot.then(page)
    await page.wait_for_timeout(SETTLE_MILLISECONDS)
    await page.screenshot(path=path, full_page=shot.whole)
    await page.close()


async def _send_nothing(page: Page) -> None:
    await page.locator("#send").click()


async def _send_request(page: Page) -> None:
    if not await page.locator("#field-address").input_value():
        await page.locator("#field-address").fill("guest@customer.example")
    await page.locator("#field-subject").fill("The dashboard does not load")
    await page.locator("#field-text").fill("It shows a white page since the update of last night.")
    await page.locator("#send").click()
    await page.wait_for_url("**/thanks/**")
    # The chat stands in a frame of another service, and knows the slot a moment later.
    await page.wait_for_timeout(2500)


async def _show_keys(page: Page) -> None:
    await page.keyboard.press("?")
