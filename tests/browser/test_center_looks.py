"""Customers' pages in every state: what axe finds, and whether they fit the screen."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page

from services.messaging import doing
from shared.events import TicketStatus
from shared.forms import SentFile
from tests.support import said
from tests.support.center_browsers import Scheme, customer
from tests.support.center_desk import (
    AGENT,
    CenterDesk,
    serving_center,
    set_status,
    ticket_path,
)
from tests.support.databases import Databases
from tests.support.inbox import hear
from tests.support.looks import each_look

MIGRATIONS = Path(__file__).parents[2] / "services" / "messaging" / "migrations"

pytestmark = pytest.mark.timeout(270)


@pytest_asyncio.fixture(loop_scope="session")
async def desk(databases: Databases) -> AsyncIterator[CenterDesk]:
    """Customers' pages."""
    async with databases.fresh(MIGRATIONS) as dsn, serving_center(dsn) as serving:
        yield serving


async def _fill(desk: CenterDesk) -> list[str]:
    """Tickets in each state; the paths of their pages."""
    now = said.now()
    due = await desk.open_ticket(subject="A" + "very" * 40 + "longword", text="x" * 300)
    await desk.slot(due, "basic", due=now + timedelta(hours=5))
    await desk.answer(due, "See https://careline.example/" + "a" * 200, sent=(_FILE,))
    late = await desk.open_ticket("late", subject="Late")
    slotted = await desk.slot(late, "starter", due=now - timedelta(hours=1))
    await hear(desk.database, said.breach(slotted, revision=4))
    tickets = {"late": late, "due": due}
    for status in ("resolved", "closed", "pending"):
        tickets[status] = await desk.open_ticket(status, subject=status)
        await set_status(desk, tickets[status], TicketStatus(status))
    merged = await desk.open_ticket("merged", subject="Merged")
    async with desk.as_agent() as on:
        gone, into = said.ticket_of(merged), said.ticket_of(due)
        await doing.merge(on.connection, AGENT, gone, into, now=on.now)
    pages = [ticket_path(each) for each in (*tickets.values(), merged)]
    chats = [ticket_path(each, "/chat") for each in (*tickets.values(), merged)]
    return [
        "/center",
        "/center?show=all",
        "/center?q=longword",
        "/center?q=nothing",
        ticket_path(due, "/plans"),
        ticket_path(due, "/plans?from=chat"),
        ticket_path(due) + "?told=resolved",
        *pages,
        *chats,
    ]


_FILE = SentFile("a-" + "long" * 30 + ".pdf", "application/pdf", b"%PDF")


@each_look()
async def test_everybody_can_read_and_use_the_pages(
    browser: Browser, desk: CenterDesk, width: int, scheme: Scheme
) -> None:
    """Axe finds nothing in any state, and no page is wider than its screen."""
    paths = await _fill(desk)
    async with customer(browser, desk, width=width, scheme=scheme) as context:
        page = await context.new_page()
        found = [wrong for path in paths for wrong in await _violations(page, path, width)]
    assert found == []


async def test_an_empty_list_is_for_everybody(browser: Browser, desk: CenterDesk) -> None:
    """Axe finds nothing where there is nothing else either."""
    async with customer(browser, desk) as context:
        assert await _violations(await context.new_page(), "/center", 1280) == []


async def _violations(page: Page, path: str, width: int) -> list[str]:
    await page.goto(path)
    results: dict[str, Any] = (await Axe().run(page)).response
    assert results["passes"], "axe has looked at nothing"
    wide = await page.evaluate("document.documentElement.scrollWidth")
    return [
        f"{path}: {each['id']}: {node['target']} {node['failureSummary']}"
        for each in results["violations"]
        for node in each["nodes"]
    ] + ([f"{path} is {wide} pixels wide"] if wide > width else [])
