"""People talk: from the form to the thanks, the chat, the agent's answer and the customer's reply.

Real browsers on four real services, real Kafka and Postgres, and a real sign-in.
"""

from collections.abc import AsyncIterator, Iterator
from typing import TypeVar

import httpx
import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from deploy.local import people
from deploy.local.commands import CATALOGUE
from deploy.local.people import STAFF
from deploy.screenshots.pictures import sign_in
from deploy.screenshots.scene import customer
from shared.envelope import Topic
from shared.events import TicketCreated
from shared.handling import PlanChangeRequested
from shared.messages import AuthorKind, Channel, MessagePosted
from tests.support.chromium import running_chromium
from tests.support.desk import SERVICES, SIGN_IN, Desk, running_desk
from tests.support.stack import Stack
from tests.support.stream import read_events

pytestmark = pytest.mark.timeout(420)  # more than all waits of a test together

SUBJECT = "The dashboard stays white"
OTHER_SUBJECT = "The report is empty"
EventT = TypeVar("EventT", TicketCreated, MessagePosted, PlanChangeRequested)

WITHIN = 30_000
"""Milliseconds in which the services have to have told one another."""
UNTOUCHED = "untouched"
"""Set on a page to see that it was never loaded anew."""


@pytest.fixture(scope="module")
def desk(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk with a sign-in, by the ordinary plans."""
    with running_desk(stack, tmp_path_factory.mktemp("desk")) as running:
        running.settings["CARELINE_CATALOGUE"] = str(CATALOGUE)
        running.start(SIGN_IN)
        for service in SERVICES:
            running.start(service)
        yield running


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """A browser in which several people have rooms of their own."""
    async with running_chromium() as running:
        yield running


async def test_from_the_form_to_the_customers_reply(desk: Desk, browser: Browser) -> None:
    """A guest's request becomes one conversation, live on both sides, with nothing to reload."""
    await desk.ready(*SERVICES, SIGN_IN)
    guest = await (await room(browser)).new_page()
    await guest.goto(f"{desk.url('intake')}/request")
    await guest.get_by_label("E-mail address").fill("guest@customer.example")
    await guest.get_by_label("Subject").fill(SUBJECT)
    await guest.get_by_label("Description").fill("It does so since last night.")
    await guest.get_by_role("button", name="Send the request").click()
    await guest.wait_for_url("**/thanks/**")
    chat = guest.frame_locator("#chat")
    await expect(chat.locator("#messages")).to_contain_text("since last night", timeout=WITHIN)
    # What the chat heard of the slot is marked in the table beside it.
    own = guest.locator("tr[data-plan=self-service]")
    await expect(own.locator(".mine")).to_be_visible(timeout=WITHIN)

    agent = await (await signed_in(desk, browser, STAFF[0])).new_page()
    await agent.goto(f"{desk.url('messaging')}/inbox")
    await agent.get_by_role("link", name=SUBJECT).click()
    await agent.wait_for_url("**/inbox/*-*")
    await mark(agent)
    await expect(chat.locator("#here")).to_contain_text("Agent One", timeout=WITHIN)
    await agent.get_by_label("Your words").fill("We see it too, and are at it.")
    await agent.get_by_role("button", name="Send", exact=True).click()
    await expect(chat.locator("#messages")).to_contain_text("are at it", timeout=WITHIN)

    await chat.locator("#composer-text").fill("Thank you, it is back.")
    await chat.locator("#composer-text").press("Enter")
    await expect(agent.locator("#messages")).to_contain_text("it is back", timeout=WITHIN)
    await expect(chat.locator("#messages .message")).to_have_count(3)
    await expect(agent.locator("#messages .message")).to_have_count(3)
    assert await is_untouched(agent)

    created = await said(desk, Topic.TICKETS, TicketCreated)
    (ticket,) = [
        event.subject
        for event in created
        if event.data.private and event.data.private.subject == SUBJECT
    ]
    posted = await said(desk, Topic.MESSAGES, MessagePosted)
    assert [(e.data.sequence, e.data.author_kind, e.data.channel) for e in posted] == [
        (2, AuthorKind.AGENT, Channel.WEB),
        (3, AuthorKind.CUSTOMER, Channel.CHAT),
    ]
    assert {e.subject for e in posted} == {ticket}


async def test_an_upgrade_in_the_chat_moves_the_clocks_of_both(
    desk: Desk, browser: Browser
) -> None:
    """The customer asks in the chat, the agent changes the plan, and both see the new due time."""
    await desk.ready(*SERVICES, SIGN_IN)
    await people.place(desk.url("sla"), desk.token("admin"))
    bronze = customer("starter")
    ticket = await write_in(desk, bronze.address, bronze.account or "")
    chat = await (await signed_in(desk, browser, bronze)).new_page()
    slot = chat.locator("#slot")
    await chat.goto(f"{desk.url('messaging')}/center/{ticket}/chat")
    await expect(slot).to_have_attribute("data-plan", "starter", timeout=WITHIN)
    due = await slot.get_attribute("data-due")
    agent = await (await signed_in(desk, browser, STAFF[0])).new_page()
    await agent.goto(f"{desk.url('messaging')}/inbox/{ticket}")
    clocks = agent.locator("#ticket-clocks")
    await expect(clocks).to_contain_text("Platform Care Starter")
    await mark(agent)

    await slot.get_by_text("More", exact=True).click()
    await slot.get_by_role("link", name="Ask for a higher plan").click()
    await chat.get_by_label("Platform Care Advanced").check()
    await chat.get_by_role("button", name="Ask for it").click()
    await expect(chat.locator("#slot")).to_contain_text("You asked for the plan")
    await mark(chat)
    change = agent.get_by_role("button", name="Change plan to Platform Care Advanced")
    await change.click(timeout=WITHIN)

    await expect(slot).to_have_attribute("data-plan", "advanced", timeout=WITHIN)
    await expect(slot).not_to_have_attribute("data-due", due or "", timeout=WITHIN)
    sooner = await slot.get_attribute("data-due")
    assert due
    assert sooner
    assert sooner < due
    await expect(clocks).to_contain_text("Platform Care Advanced", timeout=WITHIN)
    await expect(agent.locator("#ticket-asks .asks")).to_have_count(0)
    assert await is_untouched(agent)
    assert await is_untouched(chat)
    (request,) = await said(desk, Topic.TICKETS, PlanChangeRequested)
    assert (request.data.account, request.data.plan) == (bronze.account, "advanced")


async def room(browser: Browser) -> BrowserContext:
    """A browser of somebody's own."""
    return await browser.new_context(locale="en-GB", timezone_id="Europe/Berlin")


async def signed_in(desk: Desk, browser: Browser, person: people.Person) -> BrowserContext:
    """The same, of somebody who has signed in at the provider."""
    own = await room(browser)
    await sign_in(own, desk.url("messaging"), person)
    return own


async def write_in(desk: Desk, address: str, account: str) -> str:
    """A customer's request by the API; returns its ticket."""
    body = {"requester": {"address": address}, "subject": OTHER_SUBJECT, "text": "Please help."}
    async with httpx.AsyncClient(base_url=desk.url("intake")) as client:
        headers = desk.bearer("customer", account=account)
        answer = await client.post("/v1/tickets", json=body, headers=headers)
    assert answer.status_code == 202
    return str(answer.json()["ticket"])


async def mark(page: Page) -> None:
    """Note on a page that it is this very one."""
    await page.evaluate(f"document.body.dataset.mark = '{UNTOUCHED}'")


async def is_untouched(page: Page) -> bool:
    """Whether it is still that very page."""
    return bool(await page.evaluate("document.body.dataset.mark") == UNTOUCHED)


async def said(desk: Desk, topic: Topic, kind: type[EventT]) -> list[EventT]:
    """What was said of a kind, each event once."""
    heard = await read_events(desk.stack.bootstrap_servers, desk.namespace, topic)
    return list({event.id: event for event in heard if isinstance(event, kind)}.values())
