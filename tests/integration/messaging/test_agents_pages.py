"""Agents' pages over HTTP: who comes in, what the forms do, and that nothing needs a script."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import httpx
import pytest

from services.messaging import doing, store
from services.messaging.doing import Words
from services.messaging.domain import Thread
from services.messaging.guarded import Guarded
from shared.tickets import ticket_number
from tests.support import agents, said
from tests.support.agents import AGENT, COLLEAGUE, LEAD, Agents, served_agents

PAGES = ("/inbox", "/views", "/answers", "/search?q=report", "/inbox/{ticket}")
LEADS_PAGES = ("/lead", "/answers/new")


@pytest.fixture
async def desk(dsn: str) -> AsyncIterator[Agents]:
    """The pages on a fresh database."""
    async with served_agents(dsn) as made:
        yield made


@pytest.fixture
async def ticket(desk: Agents) -> UUID:
    """A ticket with a clock that runs."""
    made = await agents.open_ticket(desk.database, "one", subject="The report is empty")
    await agents.run_clock(desk.database, made, said.now() + timedelta(hours=2))
    return made


async def _post(
    desk: Agents, client: httpx.AsyncClient, path: str, subject: str = AGENT, **fields: str
) -> httpx.Response:
    return await client.post(path, data={"proof": desk.proof(subject)} | fields)


async def test_each_page_is_for_those_it_is_for(desk: Agents, ticket: UUID) -> None:
    """Strangers are sent to the sign-in, customers refused, leads' pages are for leads."""
    for page in (*PAGES, *LEADS_PAGES):
        path = page.format(ticket=ticket)
        async with httpx.AsyncClient(base_url=desk.url, trust_env=False) as stranger:
            answer = await stranger.get(path)
            assert (answer.status_code, answer.headers["location"][:13]) == (303, "/sign-in?next")
        async with desk.client("a-customer") as customer:
            assert (await customer.get(path)).status_code == 403, path
        async with desk.client(AGENT) as agent:
            wanted = 403 if page in LEADS_PAGES else 200
            assert (await agent.get(path)).status_code == wanted, path
        async with desk.client(LEAD) as lead:
            assert (await lead.get(path)).status_code == 200, path


async def test_the_inbox_shows_what_there_is_to_know_of_a_ticket(
    desk: Agents, ticket: UUID
) -> None:
    """Number, subject, requester, plan, clock, who has it, and that it is unread."""
    async with desk.client() as client:
        page = (await client.get("/inbox")).text
        assert ticket_number(ticket) in page
        assert "The report is empty" in page
        assert "Platform Care Advanced" in page
        assert "First response" in page
        assert re.search(r"1 h 59 min left|2 h left", page)
        assert "Unread:" in page
        await client.get(f"/inbox/{ticket}")
        assert "Unread:" not in (await client.get("/inbox")).text


@pytest.mark.parametrize(
    ("query", "is_there"),
    [
        ("text=report", True),
        ("text=elephants", False),
        ("assignee=nobody", True),
        ("assignee=me", False),
        ("status=pending", False),
        ("plan=advanced", True),
        ("plan=starter", False),
        ("urgency=running", True),
        ("urgency=breached", False),
        ("priority=normal", True),
        ("priority=urgent", False),
        ("tag=billing", False),
        ("queue=elsewhere", False),
        ("after=nonsense", True),
        ("status=nonsense", True),
    ],
)
async def test_filters_narrow_the_inbox_by_the_address_alone(
    desk: Agents, ticket: UUID, query: str, *, is_there: bool
) -> None:
    """Each by itself; what makes no sense narrows nothing, and breaks nothing."""
    async with desk.client() as client:
        page = (await client.get(f"/inbox?{query}")).text
    assert (f'id="row-{ticket}"' in page) is is_there


async def test_a_ticket_is_found_by_its_number(desk: Agents, ticket: UUID) -> None:
    """In the inbox and in the search, as people type it."""
    number = ticket_number(ticket).lower().replace("-", " ")
    async with desk.client() as client:
        assert f'id="row-{ticket}"' in (await client.get("/inbox", params={"text": number})).text
        assert f"/inbox/{ticket}" in (await client.get("/search", params={"q": number})).text


@pytest.mark.parametrize(
    ("path", "fields", "told", "back"),
    [
        ("status", {"status": "pending"}, "Waiting for customer", {"status": "open"}),
        ("priority", {"priority": "urgent"}, "Urgent", {"priority": "normal"}),
        ("assignment", {"assignee": "me"}, "assigned to Alex Agent", {"assignee": ""}),
        ("assignment", {"queue": "billing"}, "billing", {"queue": "support"}),
        ("tags", {"tags": "Billing, vip"}, "The tags are set", {"tags": ""}),
    ],
)
async def test_a_change_says_what_it_did_and_can_be_undone(
    desk: Agents, ticket: UUID, path: str, fields: dict[str, str], told: str, back: dict[str, str]
) -> None:
    """Form, page with a notice, its form, and all is as before; without any script."""
    before = await _thread(desk, ticket)
    async with desk.client() as client:
        answer = await _post(desk, client, f"/inbox/{ticket}/{path}", **fields)
        assert answer.status_code == 303
        page = (await client.get(answer.headers["location"])).text
        assert told in page
        name, value = next(iter(back.items()))
        assert f'name="{name}" value="{value or ""}"' in page or name == "queue"
        await _post(
            desk, client, f"/inbox/{ticket}/{path}", undo="yes", **_back(before, path, name)
        )
    after = await _thread(desk, ticket)
    assert _standing(after) == _standing(before)
    assert after.changes == 2


def _back(thread: object, path: str, name: str) -> dict[str, str]:
    value = getattr(thread, name)
    return {name: " ".join(value) if path == "tags" else str(value or "")}


def _standing(thread: object) -> tuple[object, ...]:
    names = ("status", "priority", "assignee", "queue", "tags")
    return tuple(getattr(thread, name) for name in names)


async def _thread(desk: Agents, ticket: UUID) -> Thread:
    async with desk.database.connection() as connection:
        found = await store.read_thread(connection, ticket)
    assert found is not None
    return found


async def test_scripts_are_told_where_to_look_and_what_is_wrong(desk: Agents, ticket: UUID) -> None:
    """204 with the page that shows the change, or a problem document; a form needs its proof."""
    script = {"X-Careline": "script"}
    async with desk.client() as client:
        data = {"proof": desk.proof(), "status": "on_hold"}
        answer = await client.post(f"/inbox/{ticket}/status", data=data, headers=script)
        assert answer.status_code == 204
        assert answer.headers["x-careline-next"].startswith(f"/inbox/{ticket}?told=status")
        data = {"proof": desk.proof(), "status": "nonsense"}
        answer = await client.post(f"/inbox/{ticket}/status", data=data, headers=script)
        assert (answer.status_code, answer.json()["detail"]) == (
            422,
            "Please choose a status from the list.",
        )
        answer = await client.post(f"/inbox/{ticket}/status", data={"status": "open"})
        assert answer.status_code == 403


async def test_an_answer_is_held_back_when_a_colleague_was_faster(
    desk: Agents, ticket: UUID
) -> None:
    """It is shown beside theirs, with its words; it goes out when its author says so."""
    async with desk.client() as client:
        await _answer(desk, ticket, COLLEAGUE, "I have looked into it.")
        fields = {"text": "My own answer.", "seen": "1", "key": "my-key", "visibility": "public"}
        held = await _post(desk, client, f"/inbox/{ticket}/messages", **fields)
        assert held.status_code == 409
        assert "Kim Colleague has answered in the meantime" in held.text
        assert "I have looked into it." in held.text
        assert "My own answer." in held.text
        assert 'name="anyway"' in held.text
        script = {"X-Careline": "script"}
        data = {"proof": desk.proof()} | fields
        refused = await client.post(f"/inbox/{ticket}/messages", data=data, headers=script)
        assert (refused.status_code, refused.json()["anyway"]["field"]) == (409, "anyway")
        sent = await _post(desk, client, f"/inbox/{ticket}/messages", **fields, anyway="1")
        assert sent.status_code == 303
        again = await _post(desk, client, f"/inbox/{ticket}/messages", **fields)
        assert again.status_code == 303
    assert (await _thread(desk, ticket)).last_sequence == 3


@pytest.mark.parametrize(("seen", "visibility"), [("2", "public"), ("1", "note")])
async def test_what_misses_nothing_is_not_held_back(
    desk: Agents, ticket: UUID, seen: str, visibility: str
) -> None:
    """Who has seen the colleague's answer, and who writes a note, is not asked."""
    async with desk.client() as client:
        await _answer(desk, ticket, COLLEAGUE, "I have looked into it.")
        fields = {"text": "More.", "seen": seen, "visibility": visibility}
        answer = await _post(desk, client, f"/inbox/{ticket}/messages", **fields)
    assert answer.status_code == 303


async def _answer(desk: Agents, ticket: UUID, subject: str, text: str) -> None:
    who = agents.visitor(subject)
    async with Guarded(desk.database).transaction(who) as connection:
        key = agents.new_id().hex
        await doing.post(connection, who, ticket, Words(text), key=key, now=said.now())


async def test_what_is_done_to_several_tickets_says_which_failed(
    desk: Agents, ticket: UUID
) -> None:
    """Each by itself: one that is gone holds up no other."""
    gone = agents.new_id()
    async with desk.client() as client:
        data = {
            "proof": desk.proof(),
            "do": "tag",
            "to_tag": "vip",
            "ticket": [str(ticket), str(gone)],
        }
        answer = await client.post("/inbox/bulk", data=data)
        assert answer.status_code == 200
        assert "1 ticket was changed" in answer.text
        assert ticket_number(gone) in answer.text
        data = {"proof": desk.proof(), "do": "assign", "to_assignee": "me", "ticket": str(ticket)}
        answer = await client.post("/inbox/bulk", data=data)
        assert answer.status_code == 303
    thread = await _thread(desk, ticket)
    assert (thread.tags, thread.assignee) == (("vip",), AGENT)


async def test_a_merge_says_first_what_happens_and_can_be_undone(
    desk: Agents, ticket: UUID
) -> None:
    """By the number of another ticket of the account; others are not to be found."""
    other = await agents.open_ticket(desk.database, "two", subject="Still empty")
    strange = await agents.open_ticket(desk.database, "three", account="another-account")
    async with desk.client() as client:
        path = f"/inbox/{ticket}/merge"
        page = await client.get(path, params={"number": ticket_number(other)})
        assert (page.status_code, "What happens then" in page.text) == (200, True)
        missing = await client.get(path, params={"number": ticket_number(strange)})
        assert missing.status_code == 404
        answer = await _post(desk, client, path, into=str(other))
        page = await client.get(answer.headers["location"])
        assert "The tickets are one now" in page.text
        assert (await _thread(desk, ticket)).merged_into == other
        assert "was merged into" in (await client.get(f"/inbox/{ticket}")).text
        await _post(desk, client, f"/inbox/{ticket}/unmerge")
    assert (await _thread(desk, ticket)).merged_into is None


async def test_what_a_customer_asks_for_stands_above_the_thread(desk: Agents, ticket: UUID) -> None:
    """Until an agent asks sla for it, or says that it is not now."""
    customer = agents.visitor("a-customer")
    customer = type(customer)(customer.caller, requester=said.REQUESTER)
    async with Guarded(desk.database).transaction(customer) as connection:
        words = Words("More speed, please.", asks_for_plan="professional")
        await doing.post(connection, customer, ticket, words, key="k", now=said.now())
    async with desk.client() as client:
        page = (await client.get(f"/inbox/{ticket}")).text
        assert "The customer asks for Platform Care Professional." in page
        await _post(desk, client, f"/inbox/{ticket}/plan", plan="professional")
        page = (await client.get(f"/inbox/{ticket}")).text
        assert "The change is asked for, and happens in a moment." in page
        await _post(desk, client, f"/inbox/{ticket}/plan", answer="not-now")
        assert (await _thread(desk, ticket)).asked_plan is None


@pytest.mark.usefixtures("ticket")
async def test_views_are_saved_begun_with_and_deleted_with_a_way_back(desk: Agents) -> None:
    """A shared one is everybody's to use, and its owner's to change."""
    async with desk.client() as client:
        fields = {"query": "assignee=nobody&nonsense=1", "name": "Nobody's here", "shared": "yes"}
        await _post(desk, client, "/views", **fields)
        page = (await client.get("/views")).text
        view = re.search(r'action="/views/([0-9a-f-]{36})"', page)
        assert view, page
        again = await _post(desk, client, "/views", query="", name="Nobody's here")
        assert again.status_code == 409
        await _post(desk, client, "/views/default", view=view[1])
        begun = await client.get("/inbox")
        assert (begun.status_code, begun.headers["location"]) == (303, "/inbox?assignee=nobody")
        async with desk.client(COLLEAGUE) as other:
            assert "Nobody&#39;s here" in (await other.get("/inbox?all=1")).text
            deleted = await _post(desk, other, f"/views/{view[1]}/delete", COLLEAGUE)
            assert deleted.headers["location"] == "/views"
        deleted = await _post(desk, client, f"/views/{view[1]}/delete")
        page = (await client.get(deleted.headers["location"])).text
        assert "is deleted" in page
        hidden = dict(re.findall(r'name="(id|name|query|shared)" value="([^"]*)"', page))
        assert hidden["id"] == view[1]
        await _post(desk, client, "/views", **(hidden | {"name": "Nobody's here"}))
        assert "Nobody&#39;s here" in (await client.get("/views")).text


async def test_canned_answers_are_leads_to_write_and_agents_to_use(
    desk: Agents, ticket: UUID
) -> None:
    """Placeholders are filled in by the server, for scripts and for those without."""
    async with desk.client(LEAD) as lead, desk.client(AGENT) as agent:
        text = "Hello {name}, {number} is with {agent}. {other}"
        refused = await _post(desk, agent, "/answers", title="Hello", text=text)
        assert refused.status_code == 403
        await _post(desk, lead, "/answers", LEAD, title="Hello", text=text)
        page = (await lead.get("/answers")).text
        answer = re.search(r'href="/answers/([0-9a-f-]{36})"', page)
        assert answer, page
        number = ticket_number(ticket)
        wanted = f"Hello A Customer, {number} is with Alex Agent. {{other}}"
        filled = await agent.get(f"/answers/{answer[1]}/text?ticket={ticket}")
        assert filled.text == wanted
        assert wanted in (await agent.get(f"/inbox/{ticket}?answer={answer[1]}")).text
        gone = await _post(desk, lead, f"/answers/{answer[1]}/delete", LEAD)
        assert "is deleted" in gone.text
        hidden = dict(re.findall(r'name="(id|title|text)" value="([^"]*)"', gone.text))
        await _post(desk, lead, "/answers", LEAD, **hidden)
        assert (await agent.get(f"/answers/{answer[1]}/text?ticket={ticket}")).text == wanted


async def test_a_long_thread_opens_in_pages(desk: Agents, ticket: UUID) -> None:
    """The newest first, older ones behind a link, to the very first."""
    async with desk.database.transaction() as connection:
        await connection.execute(
            """
            INSERT INTO messages (id, ticket, sequence, author_kind, author, visibility, channel,
                text, posted_at)
            SELECT gen_random_uuid(), $1, n, 'customer', 'r', 'public', 'api', 'words ' || n, now()
            FROM generate_series(2, 10000) AS n
            """,
            ticket,
        )
        await connection.execute(
            "UPDATE threads SET last_sequence = 10000 WHERE ticket = $1", ticket
        )
    seen: list[int] = []
    async with desk.client() as client:
        path: str | None = f"/inbox/{ticket}"
        while path and len(seen) < 150:
            page = (await client.get(path)).text
            found = [int(n) for n in re.findall(r'data-sequence="(\d+)"', page)]
            assert len(found) == 50
            seen = found + seen
            older = re.search(r'href="(/inbox/[^"]+\?before=\d+)', page)
            path = older[1] if older else None
        first = (await client.get(f"/inbox/{ticket}?before=51")).text
    assert seen == list(range(9851, 10001))
    assert "Older messages" not in first
    assert 'data-sequence="1"' in first


@pytest.mark.usefixtures("ticket")
async def test_a_lead_sees_numbers_that_lead_on(desk: Agents) -> None:
    """What is breached, at risk, nobody's and to do; by agent, by queue, by hour."""
    late = await agents.open_ticket(desk.database, "late")
    now = said.now()
    await agents.run_clock(desk.database, late, now - timedelta(minutes=5), state="breached")
    async with desk.client(LEAD) as lead:
        page = (await lead.get("/lead")).text
    totals = re.findall(r'<strong class="number">(\d+)</strong> ([a-z\' ]+|nobody&#39;s)</a>', page)
    assert {words: int(number) for number, words in totals} == {
        "breached": 1,
        "at risk": 0,
        "nobody's": 2,
        "to do": 2,
    }
    assert "2 to do, 0 of them at risk, 1 breached" in page
    assert 'href="/inbox?urgency=breached"' in page
