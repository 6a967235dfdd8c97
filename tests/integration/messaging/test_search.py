"""What people find: words in what they may read, and in nothing else."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.messaging import store
from services.messaging.guarded import Guarded
from services.messaging.store import After, Found
from services.messaging.store.search import OWN_SEARCH, STAFF_SEARCH
from services.messaging.visitors import Visitor
from shared.database import Connection, Database
from shared.messages import Visibility
from shared.tickets import ticket_number
from tests.support import said
from tests.support.inbox import hear
from tests.support.visiting import ACCOUNT, AGENT, customer, guest, neighbour, post

CREATED = said.ticket_created(account=ACCOUNT, text="The printer jams on every page.")
OTHER = said.ticket_created("other", account="another-account", text="My printer is on fire!")
TICKET, OTHERS = said.ticket_of(CREATED), said.ticket_of(OTHER)

MANY = """
    INSERT INTO threads (ticket, account, requester, requester_name, subject, channel, queue,
        automatic, priority, opened_at, correlation, last_sequence, account_verified)
    SELECT md5('t' || n)::uuid, 'account-' || n % 500, 'r-' || n, 'Person ' || n, 'Subject ' || n,
        'web', 'support', false, 'normal', now() - n * interval '1 minute', md5('t' || n)::uuid, 10,
        true
    FROM generate_series(1, 10000) AS n
"""
THEIRS = """
    INSERT INTO messages (id, ticket, sequence, author_kind, author, visibility, channel, text,
        posted_at)
    SELECT md5('m' || n || '/' || place)::uuid, md5('t' || n)::uuid, place, 'customer', 'r-' || n,
        'public', 'web', 'Words ' || md5(n || '/' || place) || ' and more of them, such as these.',
        now() - n * interval '1 minute' + place * interval '1 second'
    FROM generate_series(1, 10000) AS n, generate_series(1, 10) AS place
"""


async def find(
    database: Database, who: Visitor, text: str, *, limit: int = 20, after: After | None = None
) -> list[Found]:
    """What this visitor finds."""
    async with Guarded(database).reading(who) as connection:
        return await store.search(connection, who, text, limit=limit, after=after)


async def tickets(database: Database, who: Visitor, text: str) -> set[UUID]:
    """The tickets in which they find it."""
    return {found.ticket for found in await find(database, who, text)}


@pytest.fixture
async def opened(database: Database) -> None:
    """Two tickets of two accounts are there."""
    await hear(database, CREATED, OTHER)


@pytest.mark.usefixtures("opened")
async def test_each_finds_what_they_may_read(database: Database) -> None:
    """Agents in all tickets, customers in theirs: by account, by address, by link."""
    assert await tickets(database, AGENT, "printer") == {TICKET, OTHERS}
    assert await tickets(database, customer(), "printer") == {TICKET}
    assert await tickets(database, customer("another-account"), "printer") == {OTHERS}
    assert await tickets(database, guest(OTHERS), "printer") == {OTHERS}
    assert await tickets(database, neighbour(said.REQUESTER), "printer") == {TICKET, OTHERS}
    assert await tickets(database, customer(None), "printer") == set()
    assert await tickets(database, guest(), "printer") == set()


@pytest.mark.usefixtures("opened")
async def test_notes_are_found_by_agents_alone(database: Database) -> None:
    """They are not even counted for customers."""
    await post(database, AGENT, TICKET, "He is furious.", visibility=Visibility.NOTE)
    assert await tickets(database, AGENT, "furious") == {TICKET}
    assert await tickets(database, customer(), "furious") == set()


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ("jam", True),  # by its stem
        ("PRINTER pages", True),
        ('"every page"', True),
        ('"page every"', False),
        ("printer -jams", False),
        ("printer scanner", False),
        ("scanner or printer", True),
        ("-scanner", False),  # only what is not to be there
        ("the", True),  # words as they are are looked up too
        ("!!!", False),
        ("work", True),  # in the subject
        ("'); DROP TABLE threads; --", False),
    ],
)
@pytest.mark.usefixtures("opened")
@pytest.mark.parametrize("who", [AGENT, customer()])
async def test_words_are_found_as_people_write_them(
    database: Database, who: Visitor, text: str, *, is_found: bool
) -> None:
    """In any case, by their stems, in quotes, without others."""
    assert (TICKET in await tickets(database, who, text)) is is_found


@pytest.mark.usefixtures("opened")
async def test_tickets_are_found_by_number_and_by_who_asked(database: Database) -> None:
    """A number as people say it, or an id; by the name of who asked only agents look."""
    for text in (ticket_number(TICKET), ticket_number(TICKET).lower(), str(TICKET)):
        assert await tickets(database, AGENT, text) == {TICKET}
        assert await tickets(database, customer(), text) == {TICKET}
        assert await tickets(database, customer("another-account"), text) == set()
    assert await tickets(database, AGENT, "a customer") == {TICKET, OTHERS}
    assert await tickets(database, customer(), "a customer") == set()


@pytest.mark.usefixtures("opened")
async def test_a_headline_marks_words_and_escapes_what_people_wrote(database: Database) -> None:
    """Nobody can put marks, or markup, into what others see."""
    await post(database, customer(), TICKET, 'A <b title="x">strange</b> \ue000thing\ue001 & more')
    (found,) = await find(database, AGENT, "strange")
    assert found.html.count("<mark>") == 1
    assert "<mark>strange</mark>" in found.html
    assert "<b" not in found.html
    assert "\ue000" not in found.html
    assert "&amp; more" in found.html
    assert [passage.words for passage in found.passages if passage.is_found] == ["strange"]


@pytest.mark.usefixtures("opened")
async def test_each_ticket_stands_once_with_its_newest_words(database: Database) -> None:
    """The newest first; pages go on behind one another."""
    for number in range(3):
        await post(database, AGENT, TICKET, f"printer {number}")
    last = await post(database, AGENT, OTHERS, "printer again")
    first, second = await find(database, AGENT, "printer")
    assert (first.ticket, first.message, first.sequence) == (OTHERS, last.id, 2)
    assert (second.ticket, second.sequence) == (TICKET, 4)
    (page,) = await find(database, AGENT, "printer", limit=1)
    (rest,) = await find(database, AGENT, "printer", limit=1, after=page.place)
    assert (page.ticket, rest.ticket) == (OTHERS, TICKET)
    assert After.read(page.place.written) == page.place
    assert await find(database, AGENT, "printer", after=rest.place) == []


@pytest.mark.long
async def test_among_a_hundred_thousand_messages_indexes_find_them(database: Database) -> None:
    """Agents by words over all; customers by what is theirs first."""
    async with database.transaction() as connection:
        await connection.execute(MANY)
        await connection.execute(THEIRS)
    async with database.connection() as connection:
        await connection.execute("ANALYZE threads, messages")
    word = "c4ca4238a0b923820dcc509a6f75849b"  # nobody wrote it
    async with Guarded(database).reading(AGENT) as connection:
        plan = await _explain(connection, STAFF_SEARCH, word)
    used = {node.get("Index Name") for node in plan}
    assert {"messages_by_words", "threads_words", "threads_names", "threads_by_number"} <= used
    assert not [node for node in plan if node["Node Type"] == "Seq Scan"]
    who = customer("account-7")
    async with Guarded(database).reading(who) as connection:
        plan = await _explain(connection, OWN_SEARCH, "these")
    assert not [node for node in plan if node["Node Type"] == "Seq Scan"]
    assert max(node["Actual Rows"] * node["Actual Loops"] for node in plan) <= 20 * 10
    found = await find(database, who, "these", limit=50)
    assert len(found) == 20
    assert {each.account for each in found} == {"account-7"}


async def _explain(connection: Connection, statement: str, text: str) -> list[dict[str, Any]]:
    """The nodes of the plan that a search is run by."""
    after = said.now() + timedelta(days=1)
    explained = await connection.fetchval(
        f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", text, "", after, UUID(int=0), 20
    )
    waiting, nodes = [json.loads(explained)[0]["Plan"]], []
    while waiting:
        node = waiting.pop()
        waiting += node.pop("Plans", [])
        nodes.append(node)
    return nodes
