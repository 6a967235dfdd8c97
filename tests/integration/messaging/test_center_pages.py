"""Customers' pages over a real database: their tickets, nobody else's, and nothing of ours."""

import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from services.messaging.pages import center
from shared.database import Database
from shared.events import TicketStatus
from shared.messages import Visibility
from tests.support import said
from tests.support.center_desk import (
    STRANGER,
    CenterDesk,
    following,
    patched,
    post,
    proof_in,
    serving_center,
    set_status,
    shows,
    ticket_path,
)
from tests.support.inbox import shown
from tests.support.waiting import until

SCRIPT = {"X-Careline": "script"}
PAGES = ("", "/chat", "/plans", "/live")
FORMS = ("/messages", "/status", "/read")


@pytest.fixture
async def desk(dsn: str) -> AsyncIterator[CenterDesk]:
    """Customers' pages."""
    async with serving_center(dsn) as serving:
        yield serving


async def test_a_customer_sees_their_tickets_with_what_comes_next(desk: CenterDesk) -> None:
    """Newest activity first, with plan, by when, and how much is new; nobody else's."""
    quiet = await desk.open_ticket("quiet", subject="A quiet one", at=_ago(3))
    asked = await desk.open_ticket("asked", subject="A busy one", at=_ago(5))
    await desk.slot(quiet, due=said.now() + timedelta(hours=2))
    await desk.answer(asked, "An answer.")
    await desk.open_ticket("other", account="other", subject="Not theirs")
    async with desk.client() as client:
        page = await client.get("/center")
    assert page.status_code == 200
    assert page.text.index("A busy one") < page.text.index("A quiet one")
    assert page.text.count("1 new") == 1
    assert "Answer by " in page.text
    assert "Platform Care Professional" in page.text
    assert "Not theirs" not in page.text


async def test_a_list_goes_on_page_by_page_and_leaves_out_what_is_solved(
    desk: CenterDesk,
) -> None:
    """Each open ticket stands on one page; what is solved only where all are asked for."""
    for number in range(center.PAGE + 3):
        await desk.open_ticket(f"n{number}", subject=f"Ticket <{number}>", at=_ago(number))
    solved = await desk.open_ticket("solved", subject="Solved before", at=_ago(200))
    await set_status(desk, solved, TicketStatus.RESOLVED)
    async with desk.client() as client:
        first = await client.get("/center")
        older = re.search(r'rel="next" href="([^"]+)"', first.text)
        assert older
        second = await client.get(older[1].replace("&amp;", "&"))
        everything = await client.get("/center?show=all&after=" + _at(center.PAGE + 1, desk))
    seen = [re.findall(r"Ticket &lt;([0-9]+)&gt;", page.text) for page in (first, second)]
    assert [int(each) for each in seen[0] + seen[1]] == list(range(center.PAGE + 3))
    assert "Solved before" not in first.text + second.text
    assert "Solved before" in everything.text


async def test_somebody_without_tickets_is_led_to_the_form_and_the_documentation(
    desk: CenterDesk,
) -> None:
    """An empty list says what stands here one day."""
    async with desk.client() as client:
        page = await client.get("/center")
    assert "There is nothing here yet" in page.text
    assert 'href="/request"' in page.text
    assert 'href="/docs"' in page.text


async def test_what_was_read_is_new_no_more(desk: CenterDesk) -> None:
    """Opening the page is reading it; what comes later is new again, and begins with a line."""
    created = await desk.open_ticket()
    await desk.answer(created, "One.")
    async with desk.client() as client:
        before = await client.get("/center")
        await client.get(ticket_path(created))
        read = await client.get("/center")
        await desk.answer(created, "Two.")
        again = await client.get("/center")
        page = await client.get(ticket_path(created))
    assert ["1 new" in each.text for each in (before, read, again)] == [True, False, True]
    assert page.text.index("One.") < page.text.index('id="unread"') < page.text.index("Two.")


async def test_the_list_is_sent_anew_when_something_changes(desk: CenterDesk) -> None:
    """Somebody's answer moves its ticket to the top; other people's tickets change nothing."""
    created = await desk.open_ticket(subject="Mine")
    other = await desk.open_ticket("other", account="other", subject="Theirs")
    async with desk.client() as client, following(client, "/center") as reader:
        await desk.answer(other, "Not for them.")
        await desk.answer(created, "For them.")
        await until(lambda: "For them." in patched(reader), what="the list comes anew")
    assert "1 new" in patched(reader)
    assert "Not for them." not in patched(reader)
    assert "Theirs" not in patched(reader)


async def test_agents_are_led_to_their_own_pages(desk: CenterDesk) -> None:
    """The inbox is where they work."""
    created = await desk.open_ticket()
    agent = STRANGER.__class__("an-agent", "Agent Smith", None, False, None, ("agent",))
    async with desk.client(agent) as client:
        listed = await client.get("/center")
        page = await client.get(ticket_path(created))
    assert listed.headers["location"] == "/inbox"
    assert page.headers["location"] == f"/inbox/{said.ticket_of(created)}"


@pytest.mark.parametrize("rest", PAGES)
async def test_no_stranger_sees_a_ticket(desk: CenterDesk, rest: str) -> None:
    """Somebody of another account is told that there is none; nobody is asked to sign in."""
    created = await desk.open_ticket(text="Nobody else reads this.")
    async with desk.client(STRANGER) as client:
        answer = await client.get(ticket_path(created, rest))
        listed = await client.get("/center?show=all")
        found = await client.get("/center?q=reads")
    async with desk.client(None) as client:
        unknown = await client.get(ticket_path(created, rest))
    assert answer.status_code == 404
    assert "Nobody else" not in answer.text + listed.text + found.text
    assert unknown.status_code == 303
    assert unknown.headers["location"].startswith("/sign-in?next=")


@pytest.mark.parametrize("rest", FORMS)
async def test_no_stranger_changes_a_ticket(
    desk: CenterDesk, database: Database, rest: str
) -> None:
    """Their forms come to nothing, and so do forms without proof."""
    created = await desk.open_ticket()
    own = await desk.open_ticket("own", account="other")
    fields = {"text": "Mine!", "key": "k", "status": "resolved", "sequence": "1"}
    async with desk.client(STRANGER) as client:
        proof = proof_in(await client.get(ticket_path(own)))
        path = ticket_path(created, rest)
        refused = await client.post(path, data={**fields, "proof": proof})
    async with desk.client() as client:
        unproved = await client.post(path, data=fields)
    kept = await shown(database, said.ticket_of(created))
    assert refused.status_code == 404
    assert unproved.status_code == 403
    assert kept.texts == ["Help!"]
    assert kept.thread.status is TicketStatus.OPEN


async def test_notes_are_nowhere(desk: CenterDesk) -> None:
    """Not on the page, nor in the chat, the list, the search, or in what is sent live."""
    created = await desk.open_ticket()
    await desk.answer(created, "A secretly written note", visibility=Visibility.NOTE)
    async with desk.client() as client:
        pages = [await client.get(ticket_path(created, rest)) for rest in ("", "/chat", "/plans")]
        pages += [await client.get(path) for path in ("/center", "/center?q=secretly")]
        async with following(client, ticket_path(created)) as reader:
            await desk.answer(created, "Another secretly written one", visibility=Visibility.NOTE)
            await desk.answer(created, "This is for all.")
            await until(lambda: "for all" in patched(reader), what="the answer arrives")
    assert all(page.status_code == 200 for page in pages)
    assert "secretly written" not in " ".join(page.text for page in pages) + patched(reader)
    assert "Nothing was found" in pages[-1].text


async def test_that_a_note_was_written_is_told_to_nobody_outside(desk: CenterDesk) -> None:
    """What a page has shown is the same before and after it."""
    created = await desk.open_ticket()
    async with desk.client() as client:
        before = shows(await client.get(ticket_path(created)))
        await desk.answer(created, "A note", visibility=Visibility.NOTE)
        after = shows(await client.get(ticket_path(created)))
    assert before == after


async def test_a_link_opens_its_ticket_and_no_other(desk: CenterDesk, database: Database) -> None:
    """Somebody with a link reads and writes as who asked, and is invited to sign in."""
    created = await desk.open_ticket(link="a link")
    other = await desk.open_ticket("other", subject="Of the same account")
    async with desk.client(None) as client:
        opened = await client.get(f"/open/{desk.link('a link').token}?to=chat")
        listed = await client.get("/center")
        hidden = await client.get(ticket_path(other))
        sent = await post(client, created, key="k", text="By link.")
    kept = await shown(database, said.ticket_of(created))
    assert opened.headers["location"] == ticket_path(created, "/chat")
    assert "Sign in to see all of yours" in listed.text
    assert "Of the same account" not in listed.text
    assert hidden.status_code == 404
    assert sent.status_code == 303
    assert kept.messages[-1].author == kept.thread.requester


def _ago(hours: int) -> datetime:
    return said.now() - timedelta(hours=hours)


def _at(hours: int, desk: CenterDesk) -> str:
    at = desk.clock() - timedelta(hours=hours)
    return f"{at.isoformat().replace('+00:00', 'Z')}_{UUID(int=0)}"
