"""Customers' pages in German and Spanish, in a real browser: nothing is left in English."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from playwright.async_api import Browser, Page

from shared import pages, plan_words
from shared.database import Database
from shared.events import TicketStatus
from tests.support import said
from tests.support.center_desk import OWNER, CenterDesk, serving_center, set_status, ticket_path
from tests.support.databases import Databases
from tests.support.documentation import Documented, article, keep
from tests.support.inbox import hear
from tests.support.request_desk import CATALOGUE, SOMEBODY, Center, RequestDesk
from tests.support.served import serving

SERVICES = Path(__file__).parents[2] / "services"
MIGRATIONS = SERVICES / "messaging" / "migrations"
PHONE = 390
each_language = pytest.mark.parametrize(
    "language",
    ["de", pytest.param("es", marks=pytest.mark.long)],
)
"""One in each run of the tests, all of them with `make long`."""
TEXTS = """() => {
  const texts = [document.title];
  const walker = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const { data, parentElement } = walker.currentNode;
    if (!parentElement.closest("script, style")) texts.push(data);
  }
  for (const each of document.querySelectorAll("*")) {
    for (const { name, value } of each.attributes) {
      if (/^(aria-label|alt|placeholder|title|content)$/.test(name)) texts.push(value);
      else if (name.startsWith("data-") && value.includes(" ")) texts.push(value);
    }
  }
  const found = texts.map((each) => each.replace(/\\s+/g, " ").trim());
  return found.filter((each) => /\\p{L}{3}/u.test(each));
}"""
"""All words of a page: what is seen, what is heard, and what its scripts say later."""
TYPED = ("A Customer", "Ann Customer", "ann@customer.example", "Agent Smith", "Careline")
"""What people and the organisation are called."""
NO_WORDS = ("careline_", "careline.", "noindex", "width=", "light dark", "CL-", "Chat: ")

pytestmark = pytest.mark.timeout(270)


@asynccontextmanager
async def reading(
    browser: Browser, address: str, locale: str, cookie: str = ""
) -> AsyncIterator[Page]:
    """A page on the phone of somebody who reads this language."""
    context = await browser.new_context(
        base_url=address, viewport={"width": PHONE, "height": 844}, locale=locale
    )
    context.set_default_timeout(10_000)
    if cookie:
        await context.add_cookies([{"name": "careline", "value": cookie, "url": address}])
    yield await context.new_page()
    await context.close()


def alike(language: str) -> set[str]:
    """Words that a language has as English has them, and names."""
    names = {text for plan in CATALOGUE.plans for text in (plan.name, f"{plan.name}: ")}
    folders = [plan_words.WORDS, pages.WORDS]
    folders += [SERVICES / service / "words" for service in ("messaging", "intake")]
    for folder in folders:
        with (folder / f"{language}.po").open("rb") as source:
            words = read_po(source, locale=language)
        names |= {str(each.id) for each in words if each.id and each.id == each.string}
    return names


async def read(page: Page, path: str) -> list[str]:
    """All words of a page that is no wider than the phone."""
    await page.goto(path)
    wide = await page.evaluate("document.documentElement.scrollWidth")
    assert wide <= PHONE, (path, wide)
    found: list[str] = await page.evaluate(TEXTS)
    return found


async def left_in_english(
    browser: Browser, address: str, paths: Sequence[str], *, language: str, cookie: str = ""
) -> list[tuple[str, str]]:
    """What stands on a page in this language just as it does in English."""
    known = alike(language)
    left = []
    async with (
        reading(browser, address, "en-GB", cookie) as english,
        reading(browser, address, language, cookie) as other,
    ):
        for path in paths:
            same = set(await read(english, path)) & set(await read(other, path))
            assert await other.locator("html").get_attribute("lang") == language
            left += [(path, each) for each in sorted(same - known) if not _is_name(each)]
    return left


def _is_name(text: str) -> bool:
    return text.startswith(NO_WORDS) or any(name in text for name in TYPED)


async def _tickets(desk: CenterDesk) -> list[str]:
    """Tickets in each state, without words of their own; the paths of their pages."""
    now = said.now()
    due = await desk.open_ticket("due", subject="1", text="1")
    await desk.slot(due, "basic", due=now + timedelta(hours=5))
    await desk.answer(due, "2")
    late = await desk.open_ticket("late", subject="2", text="1")
    slotted = await desk.slot(late, "starter", due=now - timedelta(hours=1))
    await hear(desk.database, said.breach(slotted, revision=4))
    tickets = [due, late, await desk.open_ticket("new", subject="3", text="1")]
    for status in ("resolved", "closed", "pending", "on_hold"):
        tickets.append(await desk.open_ticket(status, subject="4", text="1"))
        await set_status(desk, tickets[-1], TicketStatus(status))
    shown = [ticket_path(each, rest) for each in tickets for rest in ("", "/chat")]
    return [*shown, ticket_path(due, "/plans"), ticket_path(tickets[2], "/plans")]


@each_language
async def test_the_messaging_center_speaks_it(
    browser: Browser, databases: Databases, language: str
) -> None:
    """Its list, tickets in each state as pages and as chats, plans to ask for, and refusals."""
    async with databases.fresh(MIGRATIONS) as dsn, serving_center(dsn) as desk:
        empty = await left_in_english(browser, desk.url, ["/sign-in"], language=language)
        cookie = (await desk.sign_in(OWNER))["careline"]
        empty += await left_in_english(
            browser, desk.url, ["/center"], language=language, cookie=cookie
        )
        paths = await _tickets(desk)
        told = [f"{paths[0]}?told={each}" for each in ("resolved", "open", "asked")]
        others = ["/center", "/center?show=all", "/center?q=1", "/center?q=nothing", "/cookies"]
        refused = ["/center/1", "/open/" + "A" * 43, "/open/1"]
        everything = [*others, *paths, *told, *refused]
        left = await left_in_english(
            browser, desk.url, everything, language=language, cookie=cookie
        )
    assert empty + left == []


@each_language
async def test_the_request_form_speaks_it(browser: Browser, language: str) -> None:
    """The form, the chat's form, what has to be mended, and the thanks for it."""
    async with serving(Center().application) as center:
        desk = RequestDesk(center=center)
        async with serving(desk.application) as address:
            left = await left_in_english(
                browser, address, ["/request", "/chat", "/thanks/1"], language=language
            )
            async with (
                reading(browser, address, "en-GB") as english,
                reading(browser, address, language) as other,
            ):
                known = alike(language)
                for fill in (_send_nothing, _send):
                    same = set(await fill(english)) & set(await fill(other))
                    left += [("sent", each) for each in same - known if not _is_name(each)]
    assert left == []


async def _send_nothing(page: Page) -> list[str]:
    await page.goto("/request")
    await page.locator("#send").click()
    await page.locator("#error-summary").wait_for()
    found: list[str] = await page.evaluate(TEXTS)
    return found


async def _send(page: Page) -> list[str]:
    await page.goto("/request")
    await page.locator("#field-address").fill(str(SOMEBODY.address))
    for name in ("subject", "text"):
        await page.locator(f"#field-{name}").fill("1")
    await page.locator("#send").click()
    await page.wait_for_url("**/thanks/**")
    assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE
    found: list[str] = await page.evaluate(TEXTS)
    return found


@each_language
async def test_the_documentation_speaks_it_around_its_articles(
    browser: Browser, databases: Databases, language: str
) -> None:
    """Sections, search and the question whether it helped; articles are in their own language."""
    async with databases.fresh(MIGRATIONS) as dsn:
        database = Database(dsn, service="test", size=4)
        await database.start()
        bare = {"summary": "2", "keywords": (), "source": "## 3\n\n4\n\n## 5\n\n6"}
        articles = [
            article("one", title="1001", **bare),
            article("two", title="1002", section="troubleshooting", **bare),
        ]
        await keep(database, articles)
        documented = Documented(database)
        async with serving(documented.application) as address:
            paths = ["/docs", "/docs/troubleshooting", "/docs/search", "/docs/search?q=1001"]
            paths += ["/docs/search?q=xylophone", "/docs/one", "/docs/no-such-article"]
            left = await left_in_english(browser, address, paths, language=language)
        await database.stop()
    assert [each for each in left if "xylophone" not in each[1]] == []


async def test_agents_read_english_whatever_their_browser_asks_for(
    browser: Browser, databases: Databases
) -> None:
    """Their pages are in no other language: a page is never half of one and half of another."""
    async with databases.fresh(MIGRATIONS) as dsn:
        database = Database(dsn, service="test", size=4)
        await database.start()
        documented = Documented(database)
        value = await documented.sign_in("agent")
        async with (
            serving(documented.application) as address,
            reading(browser, address, "de-AT", value) as page,
        ):
            found = await read(page, "/docs")
            assert await page.locator("html").get_attribute("lang") == "en"
        await database.stop()
    assert {"Sign out", "Documentation"} <= set(found)
