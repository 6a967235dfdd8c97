"""Long threads and long lists: opened page by page, and no more is read than a page."""

import json
from typing import Any
from uuid import UUID

import pytest

from services.messaging import store
from services.messaging.guarded import Guarded
from services.messaging.store import After, Sieve
from services.messaging.store.threads import FROM_END
from services.messaging.store.tickets import OWN_LIST, STAFF_LIST
from services.messaging.visitors import Visitor
from shared.database import Connection, Database
from shared.events import TicketStatus
from tests.support import said
from tests.support.inbox import hear
from tests.support.visiting import ACCOUNT, AGENT, customer, guest

CREATED = said.ticket_created(account=ACCOUNT)
TICKET = said.ticket_of(CREATED)
LONG = """
    INSERT INTO messages (id, ticket, sequence, author_kind, author, visibility, channel, text,
        posted_at)
    SELECT md5('m' || place)::uuid, $1, place, 'agent', 'a-agent',
        CASE WHEN place % 5 = 0 THEN 'note' ELSE 'public' END, 'web', 'Words ' || place,
        now() + place * interval '1 second'
    FROM generate_series(2, 10000) AS place
"""
MANY = """
    INSERT INTO threads (ticket, account, requester, subject, channel, queue, automatic, priority,
        opened_at, correlation, tags, assignee, account_verified)
    SELECT md5('t' || n)::uuid, 'account-' || n % 500, 'r-' || n, 'Subject ' || n, 'web',
        CASE WHEN n % 2 = 0 THEN 'support' ELSE 'billing' END, false, 'normal',
        now() - (n / 3) * interval '1 minute', md5('t' || n)::uuid,
        CASE WHEN n % 7 = 0 THEN ARRAY['seven'] ELSE '{}' END,
        CASE WHEN n % 10 = 0 THEN 'a-agent' END, true
    FROM generate_series(1, 20000) AS n
"""


@pytest.mark.parametrize("who", [AGENT, customer(), guest(TICKET)])
async def test_a_thread_of_ten_thousand_messages_opens_in_pages(
    database: Database, who: Visitor
) -> None:
    """Backwards from its end: each message once, in order, and no page reads much more than it."""
    await hear(database, CREATED)
    async with database.transaction() as connection:
        await connection.execute(LONG, TICKET)
        await connection.execute("UPDATE threads SET last_sequence = 10000")
    async with database.connection() as connection:
        await connection.execute("ANALYZE messages")
    seen: list[int] = []
    before = store.LATEST
    async with Guarded(database).reading(who) as connection:
        while page := await store.list_messages(
            connection, TICKET, before=before, limit=500, notes=who.is_staff
        ):
            seen = [message.sequence for message in page] + seen
            before = page[0].sequence
        touched = await _touched(connection, store.LATEST, who)
    notes = 1 if who.is_staff else 5
    assert seen == [place for place in range(1, 10_001) if notes == 1 or place % 5]
    # Notes that a customer doesn't see lie between.
    assert touched <= 100 * 5 / 4


async def test_lists_go_on_where_they_ended(database: Database) -> None:
    """The newest first, of one moment too; what is sifted out is nowhere."""
    async with database.transaction() as connection:
        await connection.execute(MANY)
    async with Guarded(database).reading(AGENT) as connection:
        first = await store.list_tickets(connection, Sieve(), limit=7)
        second = await store.list_tickets(connection, Sieve(), limit=7, after=first[-1].place)
        both = await store.list_tickets(connection, Sieve(), limit=14)
        assert first + second == both
        assert [each.place.at for each in both] == sorted(
            (each.place.at for each in both), reverse=True
        )
        sieve = Sieve(TicketStatus.OPEN, "support", "a-agent", "seven")
        sifted = await store.list_tickets(connection, sieve, limit=500)
    assert len(sifted) == 20000 // 70
    assert {(each.queue, each.assignee, each.tags) for each in sifted} == {
        ("support", "a-agent", ("seven",))
    }


async def test_a_page_of_a_list_reads_a_page(database: Database) -> None:
    """Agents from the newest on, by an index; customers what is theirs, and no other's."""
    async with database.transaction() as connection:
        await connection.execute(MANY)
    async with database.connection() as connection:
        await connection.execute("ANALYZE threads")
    arguments = (None, None, None, None, None, said.now(), UUID(int=0), 50)
    async with Guarded(database).reading(AGENT) as connection:
        assert max(await _rows(connection, STAFF_LIST, *arguments)) <= 50
    async with Guarded(database).reading(customer("account-7")) as connection:
        assert max(await _rows(connection, OWN_LIST, *arguments)) <= 20000 // 500
        own = await store.list_tickets(connection, Sieve(), limit=100, own=True)
        none = await store.list_tickets(connection, Sieve(account="account-8"), limit=9, own=True)
    assert ({each.account for each in own}, len(own), none) == ({"account-7"}, 40, [])
    assert After.read(own[0].place.written) == own[0].place


async def _touched(connection: Connection, before: int, who: Visitor) -> float:
    """How many messages a page of a hundred reads, with those that it passes over."""
    page = (TICKET, 0, before, 100, who.is_staff)
    explained = await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {FROM_END}", *page)
    scans = [node for node in _nodes(explained) if node.get("Relation Name") == "messages"]
    assert [node["Node Type"] for node in scans] == ["Index Scan"]
    return float(scans[0]["Actual Rows"] + scans[0].get("Rows Removed by Filter", 0))


async def _rows(connection: Connection, statement: str, *arguments: object) -> list[float]:
    """How many rows the scans of a statement read, with those that they pass over."""
    explained = await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", *arguments)
    return [
        node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
        for node in _nodes(explained)
        if "Scan" in node["Node Type"]
    ]


def _nodes(explained: str) -> list[dict[str, Any]]:
    waiting, nodes = [json.loads(explained)[0]["Plan"]], []
    while waiting:
        node = waiting.pop()
        waiting += node.pop("Plans", [])
        nodes.append(node)
    return nodes
