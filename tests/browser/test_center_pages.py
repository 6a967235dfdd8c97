"""Customers' pages in a real browser: live, offline, by keyboard, without scripts, on a phone."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect
from playwright.async_api import Route as Intercepted
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from services.messaging.live import Typists
from shared.events import TicketCreated, TicketStatus
from tests.support import said
from tests.support.center_browsers import customer
from tests.support.center_desk import (
    AGENT,
    CenterDesk,
    serving_center,
    set_status,
    ticket_path,
)
from tests.support.databases import Databases
from tests.support.inbox import shown
from tests.support.served import serving

MIGRATIONS = Path(__file__).parents[2] / "services" / "messaging" / "migrations"

pytestmark = pytest.mark.timeout(270)


@pytest_asyncio.fixture(loop_scope="session")
async def desk(databases: Databases) -> AsyncIterator[CenterDesk]:
    """Customers' pages."""
    async with databases.fresh(MIGRATIONS) as dsn, serving_center(dsn) as serving:
        yield serving


async def texts(desk: CenterDesk, created: TicketCreated) -> list[str]:
    """What stands in a thread."""
    return (await shown(desk.database, said.ticket_of(created))).texts


async def test_a_chat_goes_both_ways_while_it_is_open(browser: Browser, desk: CenterDesk) -> None:
    """What either side writes is there at once, with who is typing; only the other is announced."""
    created = await desk.open_ticket()
    await desk.slot(created)
    async with customer(browser, desk) as context:
        page, second = await context.new_page(), await context.new_page()
        await page.goto(ticket_path(created, "/chat"))
        await second.goto(ticket_path(created))
        await expect(page.locator("#here")).to_contain_text("Nobody is here right now.")
        await page.get_by_label("Your message").fill("First line")
        await page.keyboard.press("Shift+Enter")
        await page.keyboard.type("second line")
        await page.keyboard.press("Enter")
        await expect(page.locator("#messages .own").last).to_contain_text("second line")
        await expect(page.locator("#waiting")).to_be_hidden()
        await expect(second.locator("#messages .own").last).to_contain_text("second line")
        assert await page.locator("#announcer").inner_text() == ""
        await Typists(desk.database).tell(AGENT, said.ticket_of(created), is_note=False)
        await expect(page.locator("#typing")).to_have_text("Agent Smith is writing …")
        await desk.answer(created, "I look into it.")
        await expect(page.locator("#messages li").last).to_contain_text("I look into it.")
        await expect(page.locator("#announcer")).to_have_text("Agent Smith writes: I look into it.")
        await expect(page.locator("#typing")).to_be_empty()
    assert await texts(desk, created) == ["Help!", "First line\nsecond line", "I look into it."]


async def test_the_framing_page_hears_of_the_slot(browser: Browser, databases: Databases) -> None:
    """As soon as it is known: plan and due time in the customer's zone; and one writes in there."""
    thanks = Starlette(routes=[Route("/thanks", _thanks)])
    async with (
        databases.fresh(MIGRATIONS) as dsn,
        serving(thanks) as intake,
        serving_center(dsn, intake=intake) as desk,
        customer(browser, desk) as context,
    ):
        created = await desk.open_ticket()
        page = await context.new_page()
        await page.goto(f"{intake}/thanks?{urlencode({'chat': desk.url + _chat(created)})}")
        chat = page.frame_locator("iframe")
        await expect(chat.locator("#slot")).to_contain_text("We are looking up your plan.")
        assert await page.evaluate("told") == []
        due = said.now() + timedelta(hours=3)
        await desk.slot(created, "basic", due=due)
        await expect(chat.locator("#slot")).to_contain_text("Platform Care Basic")
        # Its clock is moved just after it was first heard of: the last word counts.
        wanted = due.isoformat().replace("+00:00", "Z")
        await page.wait_for_function("due => told.at(-1)?.[1].due === due", arg=wanted)
        origin, data = await page.evaluate("told.at(-1)")
        await chat.get_by_label("Your message").fill("From the frame")
        await page.keyboard.press("Enter")
        await expect(chat.locator("#messages .own").last).to_contain_text("From the frame")
    assert origin == desk.url
    assert (data["careline"], data["plan"]) == ("slot", "basic")
    assert re.search(r"\d\d:\d\d CET$", data["dueText"])


def _chat(created: TicketCreated) -> str:
    return ticket_path(created, "/chat")


async def _thanks(request: Request) -> HTMLResponse:
    """A page of another service that shows the chat in a frame, and keeps what it is told."""
    return HTMLResponse(
        f"""<!doctype html><title>Thanks</title><script>
        window.told = [];
        addEventListener("message", (event) => told.push([event.origin, event.data]));
        </script><iframe src="{escape(request.query_params["chat"])}"></iframe>"""
    )


async def test_what_was_typed_survives_a_reload(browser: Browser, desk: CenterDesk) -> None:
    """A draft is there again, and gone once it was sent."""
    created = await desk.open_ticket()
    async with customer(browser, desk) as context:
        page = await context.new_page()
        await page.goto(ticket_path(created))
        await page.get_by_label("Your message").fill("Half a thought")
        await page.reload()
        await expect(page.get_by_label("Your message")).to_have_value("Half a thought")
        await page.get_by_role("button", name="Send").click()
        await expect(page.locator("#messages .own").last).to_contain_text("Half a thought")
        await page.reload()
        await expect(page.get_by_label("Your message")).to_have_value("")
    assert await texts(desk, created) == ["Help!", "Half a thought"]


async def test_what_is_sent_offline_arrives_once(browser: Browser, desk: CenterDesk) -> None:
    """It is shown as waiting, survives a closed page, and is one message however often it goes."""
    created = await desk.open_ticket()
    async with customer(browser, desk) as context:
        page, second = await context.new_page(), await context.new_page()
        await page.goto(ticket_path(created))
        await second.goto(ticket_path(created))
        await context.set_offline(True)
        await page.get_by_label("Your message").fill("From the tunnel")
        await page.keyboard.press("Control+Enter")
        await expect(page.locator("#waiting")).to_contain_text("You are offline.")
        await expect(page.get_by_label("Your message")).to_have_value("")
        await context.set_offline(False)
        await expect(page.locator("#messages .own").last).to_contain_text("From the tunnel")
        await expect(page.locator("#waiting")).to_be_hidden()
        # The answer to a message that was taken may be lost on its way.
        await page.route("**/messages", _lose_the_answer)
        await page.get_by_label("Your message").fill("Once more")
        await page.keyboard.press("Control+Enter")
        await expect(page.locator("#waiting")).to_contain_text("Once more")
        await expect(page.locator("#messages .own").last).to_contain_text("Once more")
        await page.unroute("**/messages")
        await page.reload()
        await expect(page.locator("#waiting")).to_be_hidden()
    assert await texts(desk, created) == ["Help!", "From the tunnel", "Once more"]


async def _lose_the_answer(route: Intercepted) -> None:
    await route.fetch()
    await route.abort()


async def test_what_is_refused_is_shown_and_kept(browser: Browser, desk: CenterDesk) -> None:
    """With the reason, and with ways to change it or to send it again."""
    created = await desk.open_ticket()
    async with customer(browser, desk) as context:
        page = await context.new_page()
        await page.goto(ticket_path(created))
        await page.get_by_label("Your message").fill("Too late?")
        await set_status(desk, created, TicketStatus.CLOSED)
        await page.get_by_role("button", name="Send").click()
        await expect(page.locator("#waiting")).to_contain_text("closed for good")
        await page.reload()
        await expect(page.locator("#reply")).to_contain_text("This is closed.")
        await set_status(desk, created, TicketStatus.OPEN)
        await page.get_by_role("button", name="Try again").click()
        await expect(page.locator("#messages .own").last).to_contain_text("Too late?")
    assert await texts(desk, created) == ["Help!", "Too late?"]


async def test_files_are_chosen_within_limits_and_sent(browser: Browser, desk: CenterDesk) -> None:
    """Too many are refused beside the field before anything is sent; one can be taken out."""
    created = await desk.open_ticket()
    files: Any = [
        {"name": f"{number}.txt", "mimeType": "text/plain", "buffer": b"x"} for number in range(11)
    ]
    async with customer(browser, desk) as context:
        page = await context.new_page()
        await page.goto(ticket_path(created))
        await page.get_by_label("Files (optional)").set_input_files(files)
        await expect(page.locator("#files-problem")).to_contain_text("more files than")
        await page.get_by_role("button", name="Remove 0.txt").click()
        await expect(page.locator("#files-problem")).to_be_hidden()
        await page.get_by_label("Your message").fill("With files")
        await page.get_by_role("button", name="Send").click()
        await expect(page.locator("#messages .own").last).to_contain_text("10.txt")
        async with page.expect_download() as download:
            await page.get_by_role("link", name="10.txt").click()
    assert (await download.value).suggested_filename == "10.txt"


async def test_everything_works_without_scripts(browser: Browser, desk: CenterDesk) -> None:
    """Reading, answering, solving, undoing, asking for a plan, searching."""
    created = await desk.open_ticket()
    await desk.slot(created, "basic")
    async with customer(browser, desk, scripts=False) as context:
        page = await context.new_page()
        await page.goto("/center")
        await page.get_by_role("link", name="It does not work").click()
        await page.get_by_label("Your message").fill("By hand")
        await page.get_by_role("button", name="Send").click()
        await expect(page.locator("#messages .own").last).to_contain_text("By hand")
        await page.get_by_role("button", name="My problem is solved").click()
        await page.get_by_role("button", name="Undo").click()
        await page.get_by_role("link", name="Ask for a higher plan").click()
        await page.get_by_label("Platform Care Advanced").check()
        await page.get_by_role("button", name="Ask for it").click()
        await expect(page.locator("#standing")).to_contain_text("You asked for the plan")
        await page.goto(ticket_path(created, "/chat"))
        await page.get_by_label("Your message").fill("In the chat")
        await page.get_by_role("button", name="Send").click()
        await expect(page.locator("#messages .own").last).to_contain_text("In the chat")
        await page.goto("/center")
        await page.get_by_label("Search your conversations").fill("hand")
        await page.get_by_role("button", name="Search").click()
        await expect(page.locator("mark").first).to_have_text("hand")


async def test_the_keyboard_is_enough(browser: Browser, desk: CenterDesk) -> None:
    """From the list into a ticket, an answer, and that it is solved."""
    created = await desk.open_ticket()
    async with customer(browser, desk) as context:
        page = await context.new_page()
        await page.goto("/center")
        await _tab_to(page, "It does not work")
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"**{ticket_path(created)}")
        await _tab_to(page, "Your message")
        await page.keyboard.type("Typed")
        await page.keyboard.press("Control+Enter")
        await expect(page.locator("#messages .own").last).to_contain_text("Typed")
        await page.locator("#main").focus()
        await _tab_to(page, "My problem is solved")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**?told=resolved")


async def _tab_to(page: Page, words: str) -> None:
    focused = "(document.activeElement.labels?.[0] ?? document.activeElement).innerText.trim()"
    for _ in range(40):
        await page.keyboard.press("Tab")
        if await page.evaluate(focused) == words:
            return
    pytest.fail(f"the keyboard does not reach {words!r}")
