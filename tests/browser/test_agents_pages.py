"""Agents' pages in a real browser: by keyboard, live, on a phone, light and dark, scriptless."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, Page, expect

from services.messaging import doing
from services.messaging.doing import Words
from services.messaging.guarded import Guarded
from services.messaging.store.answers import Canned, save_canned
from services.messaging.store.views import View, save_view
from services.messaging.visitors import Visitor
from shared.messages import Visibility
from tests.support import agents, said
from tests.support.agents import AGENT, COLLEAGUE, LEAD, Agents, served_agents
from tests.support.databases import Databases
from tests.support.looks import each_look

pytestmark = pytest.mark.timeout(240)  # a page opens slowly while other tests run

MIGRATIONS = Path(__file__).parents[2] / "services" / "messaging" / "migrations"
MINUTE = timedelta(minutes=1)
Scheme = Literal["light", "dark"]


@dataclass
class Filled:
    """The desk, with tickets in all states."""

    desk: Agents
    tickets: list[UUID]


PATIENCE = 20_000
"""Milliseconds for what comes live: the machine may have other tests at work."""


@pytest_asyncio.fixture(loop_scope="session")
async def filled(databases: Databases) -> AsyncIterator[Filled]:
    """The pages over four tickets: breached, soon due, later due, paused."""
    async with databases.fresh(MIGRATIONS) as dsn, served_agents(dsn) as desk:
        yield Filled(desk, [each async for each in _tickets(desk)])


async def _tickets(desk: Agents) -> AsyncIterator[UUID]:
    now = said.now()
    wanted = [("breached", -5), ("running", 20), ("running", 40), ("paused", None)]
    for number, (state, minutes) in enumerate(wanted):
        subject = f"Ticket {number} " + "abcdefghij" * 8 * (number == 1)
        ticket = await agents.open_ticket(desk.database, f"t{number}", subject=subject)
        due = None if minutes is None else now + minutes * MINUTE
        left = 5400.0 if due is None else None
        await agents.run_clock(desk.database, ticket, due, state=state, left=left)
        yield ticket


@asynccontextmanager
async def signed_in(
    browser: Browser,
    desk: Agents,
    subject: str = AGENT,
    **more: Any,  # noqa: ANN401 - whatever Playwright takes
) -> AsyncIterator[BrowserContext]:
    """A browser of somebody."""
    options = {"viewport": {"width": 1440, "height": 900}} | more
    context = await browser.new_context(base_url=desk.url, **options)
    value = await desk.sign_in(subject)
    await context.add_cookies([{"name": agents.COOKIE, "value": value, "url": desk.url}])
    yield context
    await context.close()


async def _open(context: BrowserContext, path: str, *, live: bool = True) -> Page:
    page = await context.new_page()
    await page.goto(path)
    if live:
        await expect(page.locator("#live")).to_have_attribute("data-state", "live", timeout=20_000)
    return page


async def _order(page: Page) -> list[str]:
    found: list[str] = await page.locator("#inbox-list [data-ticket]").evaluate_all(
        "rows => rows.map(row => row.dataset.ticket)"
    )
    return found


async def test_the_inbox_reorders_by_itself_and_keeps_where_one_is(
    browser: Browser, filled: Filled
) -> None:
    """A clock becomes at risk: its ticket moves up, without a reload, and focus and ticks stay."""
    first, second, third, paused = filled.tickets
    async with signed_in(browser, filled.desk) as context:
        page = await _open(context, "/inbox")
        assert await _order(page) == [str(each) for each in filled.tickets]
        await page.evaluate("window.sameDocument = true")
        for key in ("j", "j", "j", "k", "x", "j"):
            await page.keyboard.press(key)
        focused = "document.activeElement.closest('[data-ticket]')?.dataset.ticket"
        assert await page.evaluate(focused) == str(third)
        due = said.now() + 40 * MINUTE
        await agents.run_clock(filled.desk.database, third, due, state="at_risk", revision=2)
        row = page.locator("#inbox-list [data-ticket]").nth(1)
        await expect(row).to_have_attribute("data-ticket", str(third))
        assert await _order(page) == [str(each) for each in (first, third, second, paused)]
        assert await page.evaluate(focused) == str(third)
        assert await page.locator(f"#select-{second}").is_checked()
        assert await page.evaluate("window.sameDocument")
        news = page.locator("#inbox-news")
        await expect(news).to_have_text("The list has changed: 1 breached, 1 at risk.")


async def test_a_whole_answer_by_keys_alone(browser: Browser, filled: Filled) -> None:
    """From the inbox to a ticket, to a note and an answer, to a status, and back."""
    ticket = filled.tickets[0]
    async with signed_in(browser, filled.desk) as context:
        page = await _open(context, "/inbox")
        await page.keyboard.press("j")
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"**/inbox/{ticket}")
        await expect(page.locator("#live")).to_have_attribute("data-state", "live")
        await page.keyboard.press("a")
        await expect(page.locator("#told")).to_contain_text("assigned to Alex Agent")
        await page.keyboard.press("n")
        await page.keyboard.type("just a note: jkras?")
        await page.keyboard.press("Control+Enter")
        note = page.locator("#messages .message.note")
        await expect(note).to_contain_text("just a note: jkras?")
        await expect(page.locator("#composer-text")).to_have_value("")
        await page.keyboard.press("Escape")
        await page.evaluate("document.activeElement.blur()")
        await page.keyboard.press("r")
        await page.keyboard.type("The report is back.")
        await page.keyboard.press("Control+Enter")
        answer = page.locator("#messages .message.agent:not(.note)")
        await expect(answer).to_contain_text("The report is back.")
        await page.evaluate("document.activeElement.blur()")
        await page.keyboard.press("s")
        await page.keyboard.type("Res")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await expect(page.locator("#told")).to_contain_text("The status is now")
        await expect(page.locator("#ticket-head .status")).to_contain_text("Resolved")
        await page.locator("#told").get_by_role("button", name="Undo").press("Enter")
        await expect(page.locator("#ticket-head .status")).to_contain_text("Open")
        await page.evaluate("document.activeElement.blur()")
        await page.keyboard.press("g")
        await page.keyboard.press("i")
        await page.wait_for_url("**/inbox")


async def test_keys_can_be_turned_off_and_stay_so(browser: Browser, filled: Filled) -> None:
    """The list of keys says so; nothing but keys is lost."""
    async with signed_in(browser, filled.desk) as context:
        page = await _open(context, "/inbox")
        await page.keyboard.press("?")
        dialog = page.get_by_role("dialog", name="Keys")
        await dialog.get_by_label("Single keys work on these pages").uncheck()
        await dialog.get_by_role("button", name="Close").click()
        await page.reload()
        await page.keyboard.press("?")
        await page.keyboard.press("j")
        assert not await dialog.is_visible()
        assert await page.evaluate("document.activeElement === document.body")
        await page.get_by_role("button", name="Keys").click()
        await dialog.get_by_label("Single keys work on these pages").check()
        await dialog.get_by_role("button", name="Close").click()
        await page.evaluate("document.activeElement.blur()")
        await page.keyboard.press("?")
        await expect(dialog).to_be_visible()


async def test_two_agents_on_one_ticket_see_each_other(browser: Browser, filled: Filled) -> None:
    """Who is here, what they write as it comes, and that an answer crossed with another one."""
    ticket = filled.tickets[0]
    async with (
        signed_in(browser, filled.desk) as mine,
        signed_in(browser, filled.desk, COLLEAGUE) as theirs,
    ):
        page = await _open(mine, f"/inbox/{ticket}")
        other = await _open(theirs, f"/inbox/{ticket}")
        await expect(page.locator("#ticket-here")).to_contain_text("Kim Colleague is here")
        await expect(other.locator("#ticket-here")).to_contain_text("Alex Agent is here")
        await page.locator("#composer-text").fill("My own answer.")
        await other.locator("#composer-text").fill("Their answer.")
        await other.get_by_role("button", name="Send").click()
        await expect(page.locator("#messages")).to_contain_text("Their answer.")
        await page.get_by_role("button", name="Send", exact=True).click()
        held = page.locator("#waiting")
        await expect(held).to_contain_text("Kim Colleague has answered in the meantime")
        await held.get_by_role("button", name="Send anyway").click()
        await expect(page.locator("#messages")).to_contain_text("My own answer.")
        await expect(other.locator("#messages")).to_contain_text("My own answer.")


async def test_a_plan_change_is_one_click_and_the_clocks_move_live(
    browser: Browser, filled: Filled
) -> None:
    """What the customer asks for appears by itself; once sla has moved the clock, so does that."""
    ticket = filled.tickets[1]
    async with signed_in(browser, filled.desk) as context:
        page = await _open(context, f"/inbox/{ticket}")
        customer = agents.visitor("a-customer")
        asking = Visitor(customer.caller, requester=said.REQUESTER)
        async with Guarded(filled.desk.database).transaction(asking) as connection:
            words = Words("Faster, please.", asks_for_plan="centurion")
            await doing.post(connection, asking, ticket, words, key="k", now=said.now())
        await page.get_by_role("button", name="Change plan to Platform Care Centurion").click()
        asked = page.locator("#ticket-asks")
        await expect(asked).to_contain_text("The change is asked for", timeout=PATIENCE)
        before = await page.locator("#ticket-clocks [data-countdown]").get_attribute("data-left")
        due = said.now() + 5 * MINUTE
        await agents.run_clock(filled.desk.database, ticket, due, revision=2)
        clock = page.locator("#ticket-clocks .countdown")
        await expect(clock).to_contain_text(re.compile(r"^[45] min"), timeout=PATIENCE)
        after = await page.locator("#ticket-clocks [data-countdown]").get_attribute("data-left")
        assert before is not None
        assert after is not None
        assert int(after) < int(before)


async def test_an_answer_without_any_script(browser: Browser, filled: Filled) -> None:
    """Links and forms: to the ticket, a canned answer, sent, and a status with its undo."""
    await _canned(filled.desk)
    async with signed_in(browser, filled.desk, java_script_enabled=False) as context:
        page = await _open(context, "/inbox", live=False)
        await page.get_by_role("link", name=re.compile("Ticket 0")).click()
        await page.get_by_text("Canned answers").click()
        await page.get_by_role("link", name="Which browser?").click()
        text = page.locator("#composer-text")
        await expect(text).to_have_value("Hello A Customer, which browser is it? Alex Agent")
        await page.get_by_role("button", name="Send").click()
        await expect(page.locator("#messages")).to_contain_text("which browser is it?")
        await page.locator("#set-status").select_option("pending")
        await page.get_by_role("button", name="Set status").click()
        await expect(page.locator("#ticket-head .status")).to_contain_text("Waiting")
        await page.get_by_role("button", name="Undo").click()
        await expect(page.locator("#ticket-head .status")).to_contain_text("Open")


async def test_a_canned_answer_is_searched_and_put_in_where_one_writes(
    browser: Browser, filled: Filled
) -> None:
    """By keyboard: open, search, Enter; what was written before stays."""
    await _canned(filled.desk)
    async with signed_in(browser, filled.desk) as context:
        page = await _open(context, f"/inbox/{filled.tickets[0]}")
        await page.locator("#composer-text").fill("Good morning. ")
        await page.get_by_text("Canned answers").click()
        await page.keyboard.type("elephants")
        await expect(page.get_by_text("No answer has these words.")).to_be_visible()
        await page.keyboard.press("Control+a")
        await page.keyboard.type("browser")
        await page.keyboard.press("Enter")
        await expect(page.locator("#composer-text")).to_have_value(
            "Good morning. Hello A Customer, which browser is it? Alex Agent"
        )
        assert await page.evaluate("document.activeElement.id") == "composer-text"


async def _canned(desk: Agents) -> None:
    text = "Hello {name}, which browser is it? {agent}"
    async with desk.database.transaction() as connection:
        await save_canned(
            connection, Canned(agents.new_id(), "Which browser?", text, LEAD, said.now())
        )


def _paths(filled: Filled) -> dict[str, str]:
    """Every page in every state that it has, and who looks at it."""
    first, second = filled.tickets[:2]
    return {
        "/inbox": AGENT,
        "/inbox?assignee=nobody&urgency=breached&text=nothing+like+this": AGENT,
        "/inbox?assignee=nobody&queue=support": AGENT,
        f"/inbox/{first}": AGENT,
        f"/inbox/{second}?told=status&was=pending": AGENT,
        f"/inbox/{first}/merge?into={second}": AGENT,
        "/views": AGENT,
        "/views?told=deleted&id=x&name=Gone": AGENT,
        "/answers": LEAD,
        "/answers?q=elephants": LEAD,
        "/answers/new": LEAD,
        "/search": AGENT,
        "/search?q=report": AGENT,
        "/search?q=elephants": AGENT,
        "/lead": LEAD,
        f"/inbox/{agents.new_id()}": AGENT,
    }


async def _fill_more(filled: Filled) -> None:
    """Words of all kinds, a view, an answer, tags, a plan that is asked for."""
    desk, (first, second, third, _) = filled.desk, filled.tickets
    agent = agents.visitor()
    asking = Visitor(agents.visitor("a-customer").caller, requester=said.REQUESTER)
    guarded, now = Guarded(desk.database), said.now()
    async with guarded.transaction(agent) as connection:
        for key, visibility in (("a", Visibility.PUBLIC), ("b", Visibility.NOTE)):
            words = Words("Look at https://logs.example/ " + "long" * 40, visibility)
            await doing.post(connection, agent, second, words, key=key, now=now)
        await doing.set_tags(connection, agent, first, ["billing", "vip"], now=now)
        await doing.assign(connection, agent, third, assignee=AGENT, now=now)
        query = "assignee=nobody"
        await save_view(connection, View(agents.new_id(), AGENT, True, "A view", query), now=now)
    async with guarded.transaction(asking) as connection:
        words = Words("Faster.", asks_for_plan="centurion")
        await doing.post(connection, asking, first, words, key="c", now=now)
    await _canned(desk)


@each_look(at_a_desk=True)
async def test_everybody_can_read_and_use_the_pages(
    browser: Browser, filled: Filled, width: int, scheme: Scheme
) -> None:
    """Axe finds nothing in any state, dialogs and menus open too; none is wider than its screen."""
    await filled.desk.sign_in(AGENT)
    await _fill_more(filled)
    found: list[str] = []
    for path, who in _paths(filled).items():
        options: dict[str, Any] = {"viewport": {"width": width, "height": 900}}
        async with signed_in(browser, filled.desk, who, color_scheme=scheme, **options) as context:
            page = await _open(context, path, live=False)
            for details in await page.locator("main details > summary:visible").all():
                await details.evaluate("each => { each.parentElement.open = true; }")
            found += await _wrong(page, path, width)
            if path == "/inbox":
                await page.get_by_role("button", name="Keys").click()
                found += await _wrong(page, f"{path} with its keys", width)
    assert found == []


async def _wrong(page: Page, path: str, width: int) -> list[str]:
    results: dict[str, Any] = (await Axe().run(page)).response
    assert results["passes"], "axe has looked at nothing"
    found = [
        f"{path}: {each['id']}: {node['target']} {node['failureSummary']}"
        for each in results["violations"]
        for node in each["nodes"]
    ]
    wide = await page.evaluate("document.documentElement.scrollWidth")
    return [*found, f"{path} is {wide} wide"] if wide > width else found
