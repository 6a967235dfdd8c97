"""The request form and its thanks in a real browser: sent once, never lost, readable by all."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, FilePayload, Page, expect

from shared.events import TicketCreated
from tests.support.looks import each_look
from tests.support.request_desk import NOW, Center, RequestDesk
from tests.support.served import serving

Scheme = Literal["light", "dark"]
REPORT = FilePayload(name="report.csv", mimeType="text/csv", buffer=b"a,b\n")
SLOT = {
    "careline": "slot",
    "plan": "advanced",
    "due": "2026-11-24T14:30:00Z",
    "dueText": "Tue 24 Nov, 15:30 CET",
}


@pytest.fixture
def center() -> Center:
    """A stand-in for messaging."""
    return Center()


@pytest_asyncio.fixture(loop_scope="session")
async def desk(center: Center) -> AsyncIterator[RequestDesk]:
    """Intake's pages beside it."""
    async with serving(center.application) as address:
        yield RequestDesk(center=address)


@pytest_asyncio.fixture(loop_scope="session")
async def address(desk: RequestDesk) -> AsyncIterator[str]:
    """Where they are served."""
    async with serving(desk.application) as address:
        yield address


@asynccontextmanager
async def visiting(
    browser: Browser,
    address: str,
    *,
    width: int = 1280,
    scheme: Scheme = "light",
    scripts: bool = True,
) -> AsyncIterator[BrowserContext]:
    """Somebody's browser."""
    context = await browser.new_context(
        base_url=address,
        viewport={"width": width, "height": 844},
        color_scheme=scheme,
        java_script_enabled=scripts,
        timezone_id="Europe/Berlin",
        locale="en-GB",
    )
    context.set_default_timeout(10_000)
    yield context
    await context.close()


async def fill(page: Page) -> None:
    """What must be filled in."""
    await page.get_by_label("E-mail address").fill("customer@customer.example")
    await page.get_by_label("Subject").fill("The report is empty")
    await page.get_by_label("Description").fill("Since this morning it has no rows.")


def tickets(desk: RequestDesk) -> list[TicketCreated]:
    """What was put on the stream."""
    return [event for event in desk.stream.events if isinstance(event, TicketCreated)]


def _send(page: Page) -> "asyncio.Future[None]":
    button = page.get_by_role("button", name="Send the request")
    return asyncio.ensure_future(button.click())


async def test_from_the_form_to_the_thanks(
    browser: Browser, address: str, desk: RequestDesk
) -> None:
    """Filled in and sent, with a file: one ticket in the browser's zone, and a page that thanks."""
    async with visiting(browser, address) as context:
        page = await context.new_page()
        await page.goto("/request")
        await fill(page)
        await page.get_by_label("Files").set_input_files(REPORT)
        await _send(page)
        await page.wait_for_url("**/thanks/**")
        await expect(page.get_by_role("heading", level=1)).to_contain_text("Thank you")
    (ticket,) = tickets(desk)
    assert ticket.data.time_zone == "Europe/Berlin"
    assert ticket.data.locale == "en-GB"
    assert ticket.data.private is not None
    assert [file.name for file in ticket.data.private.attachments] == ["report.csv"]


async def test_what_is_wrong_stands_beside_its_field_and_takes_the_focus(
    browser: Browser, address: str
) -> None:
    """A summary that leads to the fields; what was right stays, the file too."""
    async with visiting(browser, address) as context:
        page = await context.new_page()
        await page.goto("/request")
        await page.get_by_label("Subject").fill("The report is empty")
        await page.get_by_label("Files").set_input_files(REPORT)
        await _send(page)
        await expect(page.locator("#error-summary")).to_be_focused()
        field = page.get_by_label("E-mail address")
        await expect(field).to_have_attribute("aria-invalid", "true")
        await expect(field).to_have_accessible_description(re.compile("so that we can answer"))
        await page.get_by_role("link", name=re.compile("so that we can answer")).click()
        await expect(field).to_be_focused()
        assert await page.get_by_label("Files").evaluate("field => field.files.length") == 1
        await fill(page)
        await _send(page)
        await page.wait_for_url("**/thanks/**")


@pytest.mark.parametrize("scripts", [True, False])
async def test_a_double_click_is_one_ticket(
    browser: Browser, address: str, desk: RequestDesk, *, scripts: bool
) -> None:
    """With or without scripts: the form's id makes both the same."""
    async with visiting(browser, address, scripts=scripts) as context:
        page = await context.new_page()
        await page.goto("/request")
        await fill(page)
        await page.get_by_role("button", name="Send the request").dblclick()
        await page.wait_for_url("**/thanks/**")
        await page.go_back()
        await page.get_by_role("button", name="Send the request").click()
        await page.wait_for_url("**/thanks/**")
    assert len({event.id for event in tickets(desk)}) == 1


async def test_while_it_is_sent_it_cannot_be_sent_again(
    browser: Browser, address: str, desk: RequestDesk
) -> None:
    """The button says what goes on and is off; Enter in a field does nothing either."""
    desk.stream.held = asyncio.Event()
    async with visiting(browser, address) as context:
        page = await context.new_page()
        await page.goto("/request")
        await fill(page)
        await _send(page)
        await expect(page.get_by_role("button", name="Sending …")).to_be_disabled()
        await page.get_by_label("Subject").press("Enter")
        desk.stream.held.set()
        await page.wait_for_url("**/thanks/**")
    assert len(tickets(desk)) == 1


async def test_what_could_not_be_sent_is_kept_and_sent_by_itself(
    browser: Browser, address: str, desk: RequestDesk
) -> None:
    """While the broker is away it is kept through a reload; back again, one ticket comes of it."""
    desk.stream.away = True
    async with visiting(browser, address) as context:
        page = await context.new_page()
        await page.goto("/request")
        await fill(page)
        form = await page.locator("[name=form]").input_value()
        await _send(page)
        await expect(page.get_by_text("Not sent yet: we could not be reached")).to_be_visible()
        await page.goto("/request")
        await expect(page.get_by_text("What you had written before")).to_be_visible()
        assert await page.get_by_label("Subject").input_value() == "The report is empty"
        assert await page.locator("[name=form]").input_value() == form
        await page.get_by_label("E-mail address").fill("customer@customer.example")
        await _send(page)
        await expect(page.get_by_role("button", name="Try again now")).to_be_enabled()
        desk.stream.away = False
        await page.wait_for_url("**/thanks/**")
        await page.get_by_role("link", name="New request").click()
        assert await page.get_by_label("Subject").input_value() == ""
    assert len(tickets(desk)) == 1


async def test_offline_it_waits_until_the_browser_is_online(
    browser: Browser, address: str, desk: RequestDesk
) -> None:
    """Nobody has to press anything."""
    async with visiting(browser, address) as context:
        page = await context.new_page()
        await page.goto("/request")
        await fill(page)
        await context.set_offline(True)
        await _send(page)
        await expect(page.get_by_text("Not sent yet: we could not be reached")).to_be_visible()
        await context.set_offline(False)
        await page.wait_for_url("**/thanks/**")
    assert len(tickets(desk)) == 1


async def test_without_scripts_what_was_typed_comes_back_while_the_broker_is_away(
    browser: Browser, address: str, desk: RequestDesk
) -> None:
    """The same form with the same id, and the reason; sent again it is taken."""
    desk.stream.away = True
    async with visiting(browser, address, scripts=False) as context:
        page = await context.new_page()
        await page.goto("/request")
        await fill(page)
        await _send(page)
        await expect(page.get_by_role("alert")).to_contain_text("Nothing is lost")
        desk.stream.away = False
        await page.get_by_role("button", name="Send again").click()
        await page.wait_for_url("**/thanks/**")
    assert len(tickets(desk)) == 1


async def test_documentation_is_suggested_while_one_types(
    browser: Browser, address: str, center: Center
) -> None:
    """Once typing pauses, what may answer it is named; it opens beside what was typed."""
    async with visiting(browser, address) as context:
        page = await context.new_page()
        await page.goto("/request")
        await page.get_by_label("Subject").press_sequentially("The report is empty", delay=10)
        link = page.get_by_role("link", name="Why a report is empty")
        await expect(link).to_have_attribute("href", re.compile("/docs/empty-reports$"))
        assert await link.get_attribute("target") == "_blank"
        assert center.asked == ["The report is empty"]
        await page.get_by_label("Subject").fill("Something else")
        await expect(page.get_by_role("link", name="Search the documentation")).to_be_visible()


async def test_the_thanks_show_the_slot_as_soon_as_the_chat_knows_it(
    browser: Browser, address: str, center: Center
) -> None:
    """The row of the plan is marked, and the due time stands above it, said politely."""
    center.slot = SLOT
    async with visiting(browser, address) as context:
        page = await context.new_page()
        await page.goto("/request")
        await fill(page)
        await _send(page)
        await page.wait_for_url("**/thanks/**")
        await expect(page.locator("tr.own")).to_contain_text("Platform Care Advanced")
        await expect(page.locator("#promise")).to_contain_text("an answer by Tue 24 Nov, 15:30 CET")
        await expect(page.locator("#promise")).to_have_attribute("role", "status")


async def test_the_thanks_believe_nobody_but_the_chat(
    browser: Browser, address: str, center: Center
) -> None:
    """What another window says about the slot changes nothing."""
    async with visiting(browser, address) as context:
        page = await context.new_page()
        await page.goto("/request")
        await fill(page)
        await _send(page)
        await page.wait_for_url("**/thanks/**")
        await page.evaluate(
            """async slot => {
                postMessage(slot, "*");
                await new Promise(done => setTimeout(done, 100));
            }""",
            SLOT,
        )
        assert await page.locator("tr.own").count() == 0
    assert center.slot is None


@each_look()
async def test_nothing_keeps_anybody_from_reading_and_using_it(
    browser: Browser, address: str, desk: RequestDesk, width: int, scheme: Scheme
) -> None:
    """Axe finds nothing on any page, and none is wider than its window."""
    desk.now = NOW
    async with visiting(browser, address, width=width, scheme=scheme) as context:
        page = await context.new_page()
        state = "s" * 43
        await context.add_cookies(
            [{"name": "careline_request_sign_in", "value": state, "url": address}]
        )
        signed_in = f"/request?pass={desk.pass_for(state=state)}"
        for path in ("/request", "/chat", signed_in, "/thanks/x"):
            await page.goto(path)
            await _look(page)
        await page.goto("/request")
        await _send(page)
        await expect(page.locator("#error-summary")).to_be_focused()
        await _look(page)
        await fill(page)
        await _send(page)
        await page.wait_for_url("**/thanks/**")
        await _look(page)


async def test_a_phone_of_320_pixels_shows_all_of_it(browser: Browser, address: str) -> None:
    """Nothing is cut off, and the menu opens and closes without a script."""
    async with visiting(browser, address, width=320, scripts=False) as context:
        page = await context.new_page()
        await page.goto("/request")
        menu = page.get_by_role("navigation", name="Pages")
        await expect(menu).to_be_hidden()
        await page.get_by_role("button", name="Menu").click()
        await expect(menu.get_by_role("link", name="Documentation")).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(menu).to_be_hidden()
        wide = await page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 320


async def test_the_keyboard_is_enough(browser: Browser, address: str) -> None:
    """From the skip link to the thanks with Tab, Enter and letters."""
    async with visiting(browser, address) as context:
        page = await context.new_page()
        await page.goto("/request")
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        await page.keyboard.press("Enter")
        words = {"E-mail address": "a@customer.example", "Subject": "It", "Description": "Help"}
        for label, text in words.items():
            await _tab_to(page, label)
            await page.keyboard.type(text)
        await _tab_to(page, "Send the request")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/thanks/**")


async def _tab_to(page: Page, words: str) -> None:
    focused = "(document.activeElement.labels?.[0] ?? document.activeElement).innerText.trim()"
    for _ in range(30):
        await page.keyboard.press("Tab")
        if await page.evaluate(focused) == words:
            return
    pytest.fail(f"Tab never comes to {words!r}")


async def _look(page: Page) -> None:
    found = await Axe().run(page, options=_RULES)
    assert found.violations_count == 0, found.generate_report()
    width = await page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width[0] <= width[1]


_RULES = {
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    }
}
STATIC = Path(__file__).parents[2] / "services" / "intake" / "static"


def test_no_page_brings_more_than_100_kb() -> None:
    """Sheets and scripts of ours, as they are sent."""
    look = Path(__file__).parents[2] / "shared" / "look"
    sizes = [
        path.stat().st_size
        for folder in (STATIC, look)
        for path in folder.iterdir()
        if path.suffix in {".css", ".js"}
    ]
    assert sum(sizes) < 100_000
