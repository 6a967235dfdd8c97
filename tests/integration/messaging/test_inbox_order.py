"""The list of the inbox on a real Postgres: its order, its pages, its filters, and its speed."""

import asyncio
import json
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from services.messaging import doing
from services.messaging.filters import Filter, Place
from services.messaging.guarded import Guarded
from services.messaging.store import board, listing
from shared.database import Database
from shared.events import TicketStatus
from tests.support import agents, said
from tests.support.agents import AGENT

MINUTE = timedelta(minutes=1)


async def _list(
    database: Database, wanted: Filter | None = None, *, limit: int = 50, after: Place | None = None
) -> list[listing.Listed]:
    async with database.connection() as connection:
        return await listing.list_inbox(
            connection, wanted or Filter(), reader=AGENT, limit=limit, after=after
        )


def _ids(rows: Sequence[listing.Listed]) -> list[UUID]:
    return [row.ticket for row in rows]


async def _fill(database: Database, tickets: int) -> None:
    """Many tickets at once, as they are kept: a tenth of each urgency above the last."""
    async with database.transaction() as connection:
        await connection.execute(
            """
            INSERT INTO threads (ticket, account, requester, subject, channel, queue, automatic,
                priority, status, opened_at, correlation, assignee, urgency, next_due_at)
            SELECT gen_random_uuid(), 'account-' || n % 1000, 'r', 'subject ' || n, 'web',
                'queue-' || n % 7, false, 'normal',
                CASE WHEN n % 5 = 0 THEN 'open' ELSE 'closed' END, now(), gen_random_uuid(),
                CASE WHEN n % 3 = 0 THEN 'an-agent' END,
                least(n / 5 % 10, 3), CASE WHEN n / 5 % 10 < 3 THEN now() + n * interval '1 s' END
            FROM generate_series(1, $1) AS n
            """,
            tickets,
        )
    async with database.connection() as connection:
        await connection.execute("ANALYZE threads")


async def test_what_is_due_next_comes_first(database: Database) -> None:
    """Breached before at risk, before what runs, before what doesn't; in each what is due first."""
    now = said.now()
    wanted = [
        ("breached", now - 20 * MINUTE),
        ("breached", now - 10 * MINUTE),
        ("at_risk", now + 30 * MINUTE),
        ("running", now + 10 * MINUTE),
        ("running", now + 20 * MINUTE),
        ("paused", None),
    ]
    made: list[UUID] = []
    for number in (3, 0, 5, 2, 4, 1):
        state, due = wanted[number]
        ticket = await agents.open_ticket(database, f"ticket {number}")
        left = 60.0 if state == "paused" else None
        await agents.run_clock(database, ticket, due, state=state, left=left)
        made.append(ticket)
    order = [made[(3, 0, 5, 2, 4, 1).index(number)] for number in range(6)]
    rows = await _list(database)
    assert _ids(rows) == order
    assert [row.clock.state.value for row in rows if row.clock] == [state for state, _ in wanted]


async def test_customers_who_wait_come_before_those_who_have_our_answer(
    database: Database,
) -> None:
    """Where no clock runs, whoever waits longest stands first, on every page of the list."""
    agent, now = agents.visitor(), said.now()
    tickets = [
        await agents.open_ticket(database, f"ticket {number}", at=now - (9 - number) * MINUTE)
        for number in range(4)
    ]
    answered, *waiting = tickets
    async with Guarded(database).transaction(agent) as connection:
        words = doing.Words("Here it is.")
        await doing.post(connection, agent, answered, words, key="k", now=said.now())
    clocked = await agents.open_ticket(database, "with a clock")
    await agents.run_clock(database, clocked, said.now() + MINUTE, state="running")
    order = [clocked, *waiting, answered]
    assert _ids(await _list(database)) == order
    seen: list[UUID] = []
    after: Place | None = None
    while rows := await _list(database, limit=1, after=after):
        seen += _ids(rows)
        after = rows[-1].place
    assert seen == order


async def test_what_is_over_leaves_the_list(database: Database) -> None:
    """Resolved, closed and merged tickets are found by their status alone."""
    tickets = [await agents.open_ticket(database, f"ticket {number}") for number in range(3)]
    agent = agents.visitor()
    async with Guarded(database).transaction(agent) as connection:
        now = said.now()
        await doing.set_status(connection, agent, tickets[0], TicketStatus.RESOLVED, now=now)
        await doing.merge(connection, agent, tickets[1], tickets[2], now=now)
    assert _ids(await _list(database)) == [tickets[2]]
    assert _ids(await _list(database, Filter(status="resolved"))) == [tickets[0]]
    assert _ids(await _list(database, Filter(status="closed"))) == []


async def test_pages_have_every_ticket_once_while_others_change(database: Database) -> None:
    """Between any two pages some tickets of pages to come become urgent, and new ones come."""
    await _fill(database, 1000)
    before = {row.ticket for row in await _list(database, limit=1000)}
    assert len(before) == 200
    seen: list[UUID] = []
    moved: set[UUID] = set()
    after: Place | None = None
    while rows := await _list(database, limit=7, after=after):
        seen += _ids(rows)
        after = rows[-1].place
        coming = await _list(database, limit=3, after=after)
        async with database.transaction() as connection:
            moved |= {row.ticket for row in coming[2:]}
            await connection.execute(
                "UPDATE threads SET urgency = 0, next_due_at = now() WHERE ticket = ANY($1)",
                [row.ticket for row in coming[2:]],
            )
    assert len(seen) == len(set(seen))
    assert before - set(seen) <= moved
    assert set(seen) <= before


async def test_a_page_is_read_by_the_index_however_many_there_are(database: Database) -> None:
    """With 100,000 tickets, of any page and of a filter: no sort, no look at all of the table."""
    await _fill(database, 100_000)
    place = (await _list(database, limit=500))[-1].place
    for wanted, after in (
        (Filter(), None),
        (Filter(), place),
        (Filter(queue="queue-3"), None),
        (Filter(assignee="nobody"), place),
        (Filter(urgency="at-risk"), None),
        (Filter(status="closed"), None),
    ):
        names = await _nodes(database, wanted, after)
        index = "threads_done" if wanted.is_done else "threads_to_do"
        assert ("Index Scan", index) in names, (wanted, names)
        assert not any(kind == "Seq Scan" and on == "threads" for kind, on in names), names


async def _nodes(
    database: Database, wanted: Filter, after: Place | None
) -> set[tuple[str, str | None]]:
    """What Postgres does for a page: kinds of its steps, with their index or table."""
    asked: list[tuple[str, tuple[object, ...]]] = []
    async with database.connection() as connection:
        connection.add_query_logger(lambda record: asked.append((record.query, record.args)))
        await listing.list_inbox(connection, wanted, reader=AGENT, limit=51, after=after)
        await asyncio.sleep(0)  # the logger is told a turn later
        query, values = next(each for each in asked if "FROM threads" in each[0])
        plan = await connection.fetchval(f"EXPLAIN (FORMAT JSON) {query}", *values)
    found: set[tuple[str, str | None]] = set()
    waiting = [json.loads(plan)[0]["Plan"]]
    while waiting:
        node = waiting.pop()
        found.add((node["Node Type"], node.get("Index Name") or node.get("Relation Name")))
        waiting += node.get("Plans", [])
    return found


async def test_counts_stop_where_nobody_needs_them(database: Database) -> None:
    """One more than is shown, for the list and for each queue."""
    await _fill(database, 50_000)
    async with database.connection() as connection:
        counted = await listing.count_inbox(connection, Filter(), reader=AGENT)
        queues = await listing.count_queues(connection)
    assert counted == listing.MOST_COUNTED + 1
    assert queues == {f"queue-{number}": listing.MOST_COUNTED + 1 for number in range(7)}


async def test_the_board_adds_up(database: Database) -> None:
    """Agents together have what is to do, and so have queues."""
    await _fill(database, 1000)
    async with database.connection() as connection:
        totals = await board.read_totals(connection)
        loads = await board.list_loads(connection)
        queues = await board.list_queue_loads(connection)
        due = await board.count_due_by_hour(connection, said.now(), hours=8)
    assert totals.to_do == 200
    for name in ("to_do", "breached", "at_risk", "unassigned"):
        assert sum(getattr(load, name) for load in loads) == getattr(totals, name)
        assert sum(getattr(load, name) for load in queues) == getattr(totals, name)
    assert sum(due) <= totals.to_do - totals.breached
    assert due[0] > 0


async def test_the_next_clock_is_the_one_that_the_urgency_comes_from(database: Database) -> None:
    """What was breached and has been answered since is no longer shown as due."""
    now = said.now()
    ticket = await agents.open_ticket(database, "one")
    await agents.run_clock(database, ticket, now - MINUTE, state="breached")
    agent = agents.visitor()
    async with Guarded(database).transaction(agent) as connection:
        words = doing.Words("Here it is.")
        await doing.post(connection, agent, ticket, words, key="k", now=said.now())
    [row] = await _list(database)
    assert (row.urgency, row.clock) == (3, None)
