"""A customer's conversation over a real database: read, written, solved, framed, followed."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from services.messaging import doing
from services.messaging.pages import tickets
from shared.database import Database
from shared.events import TicketStatus
from shared.messages import Channel
from tests.support import said
from tests.support.center_desk import (
    AGENT,
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
from tests.support.inbox import hear, shown
from tests.support.waiting import until

SCRIPT = {"X-Careline": "script"}
PAGES = ("", "/chat", "/plans", "/live")
FORMS = ("/messages", "/status", "/read")


@pytest.fixture
async def desk(dsn: str) -> AsyncIterator[CenterDesk]:
    """Customers' pages."""
    async with serving_center(dsn) as serving:
        yield serving


async def test_a_long_thread_is_read_from_its_end(desk: CenterDesk) -> None:
    """The newest messages first; earlier ones page by page, each once."""
    created = await desk.open_ticket(text="Message 1.")
    for number in range(2, 2 * tickets.PAGE + 12):
        await desk.answer(created, f"Message {number}.")
    path, seen = ticket_path(created), list[int]()
    async with desk.client() as client:
        while path:
            page = await client.get(path)
            seen = [int(each) for each in re.findall(r"Message ([0-9]+)\.", page.text)] + seen
            earlier = re.search(r'href="([^"]+\?before=[0-9]+)"', page.text)
            path = earlier[1] if earlier else ""
    assert seen == list(range(1, 2 * tickets.PAGE + 12))


async def test_a_message_sent_twice_is_one(desk: CenterDesk, database: Database) -> None:
    """By a script under its key; by a form that was sent again as it was."""
    created = await desk.open_ticket()
    async with desk.client() as client:
        sent = [
            await post(client, created, headers=SCRIPT, key="a-key", text="Once.") for _ in range(2)
        ]
        forms = [await post(client, created, key="a-form", text="Line\r\nline") for _ in range(2)]
        other = await post(client, created, key="a-form", text="Other words, by Back")
    kept = await shown(database, said.ticket_of(created))
    assert kept.texts == ["Help!", "Once.", "Line\nline", "Other words, by Back"]
    assert [each.status_code for each in sent] == [204, 204]
    assert len({each.headers["x-careline-message"] for each in sent}) == 1
    assert [each.status_code for each in (*forms, other)] == [303, 303, 303]
    assert forms[0].headers["location"] == ticket_path(created)


async def test_other_files_by_back_are_another_message(
    desk: CenterDesk, database: Database
) -> None:
    """Without a script: the same form with the same file is one message, with another file two."""
    created = await desk.open_ticket()
    async with desk.client() as client:
        data = {"proof": proof_in(await client.get(ticket_path(created))), "key": "k", "text": ""}
        for content in (b"first", b"first", b"second"):
            files = [("files", ("a.txt", content, "text/plain"))]
            await client.post(ticket_path(created, "/messages"), data=data, files=files)
    assert (await shown(database, said.ticket_of(created))).texts == ["Help!", "", ""]


async def test_what_is_refused_stays_in_the_form(desk: CenterDesk) -> None:
    """Without a script, the page says why, and has what was typed; a script is told the reason."""
    created = await desk.open_ticket()
    async with desk.client() as client:
        page = await client.get(ticket_path(created))
        await set_status(desk, created, TicketStatus.CLOSED)
        data = {"proof": proof_in(page), "key": "k", "text": "Wait, <one> more!"}
        path = ticket_path(created, "/messages")
        plain = await client.post(path, data=data)
        told = await client.post(path, data=data, headers=SCRIPT)
        await set_status(desk, created, TicketStatus.OPEN)
        asked = await client.post(path, data={**data, "asks_for_plan": "nonsense"})
    assert plain.status_code == 409
    assert "closed for good" in plain.text
    assert told.json()["status"] == 409
    assert asked.status_code == 422
    assert "Wait, &lt;one&gt; more!" in asked.text


async def test_files_go_along_and_can_be_fetched(desk: CenterDesk) -> None:
    """What was added to a message is on the page, for who may read it and nobody else."""
    created = await desk.open_ticket()
    async with desk.client() as client:
        proof = proof_in(await client.get(ticket_path(created)))
        answer = await client.post(
            ticket_path(created, "/messages"),
            data={"proof": proof, "key": "k", "text": "See the file."},
            files=[("files", ("a <b>.txt", b"content", "text/plain"))],
        )
        page = await client.get(ticket_path(created))
        link = re.search(r'href="(/files/[^"]+)"', page.text)
        assert link, page.text
        file = await client.get(link[1])
    async with desk.client(STRANGER) as client:
        refused = await client.get(link[1])
    assert answer.status_code == 303
    assert "<b>.txt" not in page.text
    assert file.content == b"content"
    assert refused.status_code == 404


async def test_solved_is_said_and_undone(desk: CenterDesk, database: Database) -> None:
    """The page says that it was noted, with a button that takes it back."""
    created = await desk.open_ticket()
    async with desk.client() as client:
        solved = await post(client, created, "status", status="resolved")
        page = await client.get(solved.headers["location"])
        first = (await shown(database, said.ticket_of(created))).thread.status
        await post(client, created, "status", status="open")
        wrong = await post(client, created, "status", status="on_hold")
    again = (await shown(database, said.ticket_of(created))).thread.status
    assert "Undo" in page.text
    assert "It is not solved" in page.text
    assert (first, again) == (TicketStatus.RESOLVED, TicketStatus.OPEN)
    assert wrong.status_code == 422


async def test_an_upgrade_is_asked_for_and_moves_the_promise(
    desk: CenterDesk, database: Database
) -> None:
    """Plans above theirs are shown; the wish is a message; the new time comes by itself."""
    created = await desk.open_ticket()
    slotted = await desk.slot(created, "basic", due=said.now() + timedelta(hours=20))
    async with desk.client() as client:
        plans = await client.get(ticket_path(created, "/plans"))
        asked = await post(
            client, created, key="k", text="Please!", asks_for_plan="advanced", from_="chat"
        )
        page = await client.get(asked.headers["location"])
        async with following(client, ticket_path(created, "/chat")) as reader:
            await desk.upgrade("advanced")
            sooner = said.now() + timedelta(hours=2)
            await hear(database, said.moved(slotted.scheduled, sooner, revision=5))
            due = f'data-due="{sooner.isoformat().replace("+00:00", "Z")}"'
            await until(lambda: due in patched(reader), what="the new time arrives")
    kept = await shown(database, said.ticket_of(created))
    assert 'value="advanced"' in plans.text
    assert 'value="starter"' not in plans.text
    assert kept.messages[-1].asks_for_plan == "advanced"
    assert kept.messages[-1].channel is Channel.CHAT
    assert "You asked for the plan Platform Care Advanced." in page.text
    assert 'data-plan="advanced"' in patched(reader)
    assert "You asked for" not in reader.patches("slot")[-1]


async def test_only_the_chat_is_framed_and_only_by_intake(desk: CenterDesk) -> None:
    """The policy of each page says who may frame it."""
    created = await desk.open_ticket()
    framed = {}
    async with desk.client() as client:
        for rest in ("", "/chat", "/plans", "/plans?from=chat"):
            policy = (await client.get(ticket_path(created, rest))).headers[
                "content-security-policy"
            ]
            framed[rest] = re.search(r"frame-ancestors ([^;]+)", policy)[1]  # type: ignore[index]  # each page has one
    intake = "http://127.0.0.1:9"
    nobody = "'none'"
    assert framed == {"": nobody, "/chat": intake, "/plans": nobody, "/plans?from=chat": intake}


async def test_a_merged_ticket_says_where_it_goes_on(desk: CenterDesk) -> None:
    """Its page leads to the other, and has nothing to write into."""
    created = await desk.open_ticket()
    other = await desk.open_ticket("other", subject="The other one")
    async with desk.as_agent() as on:
        gone, into = said.ticket_of(created), said.ticket_of(other)
        await doing.merge(on.connection, AGENT, gone, into, now=on.now)
    async with desk.client() as client:
        page = await client.get(ticket_path(created))
    assert f'href="{ticket_path(other)}"' in page.text
    assert "<textarea" not in page.text


async def test_a_page_that_was_cut_off_gets_what_it_missed_once(desk: CenterDesk) -> None:
    """What is sent live begins behind what the page says that it has shown."""
    created = await desk.open_ticket()
    async with desk.client() as client:
        path = ticket_path(created)
        seen = shows(await client.get(path))
        await desk.answer(created, "Missed.")
        async with following(client, path, seen=seen) as reader:
            await until(lambda: "Missed." in patched(reader), what="it arrives")
            await desk.answer(created, "Live.")
            await until(lambda: "Live." in patched(reader), what="it arrives, too")
            last = reader.seen
        async with following(client, path, seen=last) as reader_again:
            await desk.answer(created, "Later.")
            await until(lambda: "Later." in patched(reader_again), what="the last one arrives")
    assert patched(reader).count("Missed.") == 1
    assert "Missed." not in patched(reader_again)
    assert "Help!" not in patched(reader)
