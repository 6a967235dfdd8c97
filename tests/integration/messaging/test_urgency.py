"""How urgent a ticket is, by its clocks, and by what was done since they were over."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from services.messaging import doing, handlers, store
from services.messaging.doing import Words
from services.messaging.guarded import Guarded
from services.messaging.visitors import Visitor
from shared.consumer import Heard
from shared.database import Database
from shared.events import Event, TicketStatus
from shared.messages import Visibility
from tests.support import said
from tests.support.inbox import hear
from tests.support.live import AGENT, CUSTOMER

BREACHED, AT_RISK, RUNNING, NOTHING = range(4)
Do = Callable[[Database, UUID], Awaitable[object]]


async def _urgency(database: Database, ticket: UUID) -> tuple[int, datetime | None]:
    async with database.connection() as connection:
        thread = await store.read_thread(connection, ticket)
        assert thread is not None
        return thread.urgency, thread.next_due_at


async def _clock(database: Database, ticket: UUID, clock: str, state: str, at: datetime) -> None:
    async with database.transaction() as connection:
        await connection.execute(
            """
            INSERT INTO clocks (ticket, clock, cycle, revision, state, due_at, changed_at, plan,
                catalogue_version, calendar, started_at, target_seconds)
            VALUES ($1, $2, 1, 1, $3, $4, $4, 'basic', '1', 'always', $5, 60)
            """,
            ticket,
            clock,
            state,
            at + timedelta(minutes=1),
            at,
        )
        await store.refresh(connection, [ticket])


async def _opened(database: Database) -> UUID:
    created = said.ticket_created(at=said.now() - timedelta(hours=1))
    await hear(database, created)
    return said.ticket_of(created)


def _post(visitor: Visitor, visibility: Visibility = Visibility.PUBLIC) -> Do:
    async def post(database: Database, ticket: UUID) -> None:
        async with Guarded(database).transaction(visitor) as connection:
            words = Words("words", visibility)
            await doing.post(connection, visitor, ticket, words, key="k", now=said.now())

    return post


def _set(*statuses: TicketStatus) -> Do:
    async def set_status(database: Database, ticket: UUID) -> None:
        for status in statuses:
            async with Guarded(database).transaction(AGENT) as connection:
                await doing.set_status(connection, AGENT, ticket, status, now=said.now())

    return set_status


answer, note, ask = _post(AGENT), _post(AGENT, Visibility.NOTE), _post(CUSTOMER)


async def test_a_ticket_becomes_urgent_with_its_clock(database: Database) -> None:
    """It runs, is at risk, is breached: each is seen as soon as it is heard."""
    created = said.ticket_created()
    slotted = said.slot(created)
    due = slotted.scheduled.data.due
    seen = []
    steps: list[tuple[Event, ...]] = [
        (created,),
        slotted.events,
        (said.at_risk(slotted.scheduled),),
        (said.breach(slotted, revision=3),),
    ]
    for events in steps:
        await hear(database, *events)
        seen.append(await _urgency(database, said.ticket_of(created)))
    assert seen == [(NOTHING, None), (RUNNING, due), (AT_RISK, due), (BREACHED, due)]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
async def test_the_order_of_topics_makes_no_difference(
    database: Database, order: tuple[int, ...]
) -> None:
    """A clock that is heard of before its ticket counts once the ticket is there."""
    created = said.ticket_created()
    events = (created, *said.slot(created).events)
    for place in order:
        await hear(database, events[place])
    assert (await _urgency(database, said.ticket_of(created)))[0] == RUNNING


@pytest.mark.parametrize(
    ("clock", "do", "after"),
    [
        ("first_response", answer, NOTHING),
        ("first_response", note, BREACHED),
        ("first_response", ask, BREACHED),
        ("first_response", _set(TicketStatus.PENDING), BREACHED),
        ("next_response", answer, NOTHING),
        ("next_response", note, BREACHED),
        ("update", answer, NOTHING),
        ("update", _set(TicketStatus.PENDING), NOTHING),
        ("update", _set(TicketStatus.ON_HOLD), BREACHED),
        ("resolution", answer, BREACHED),
        ("resolution", _set(TicketStatus.PENDING), NOTHING),
        ("resolution", _set(TicketStatus.ON_HOLD), NOTHING),
        ("resolution", _set(TicketStatus.RESOLVED), NOTHING),
        ("resolution", _set(TicketStatus.RESOLVED, TicketStatus.OPEN), BREACHED),
        ("first_response", _set(TicketStatus.CLOSED), NOTHING),
    ],
)
async def test_a_breach_is_urgent_for_as_long_as_it_is_owed(
    database: Database, clock: str, do: Do, after: int
) -> None:
    """A breach stays on record; urgent it is until what was promised is done after all."""
    ticket = await _opened(database)
    await _clock(database, ticket, clock, "breached", said.now() - timedelta(minutes=50))
    assert (await _urgency(database, ticket))[0] == BREACHED
    await do(database, ticket)
    assert (await _urgency(database, ticket))[0] == after


async def test_an_answer_from_before_does_not_count(database: Database) -> None:
    """A customer who wrote again after our answer waits again."""
    ticket = await _opened(database)
    await answer(database, ticket)
    await _clock(database, ticket, "next_response", "breached", said.now())
    assert (await _urgency(database, ticket))[0] == BREACHED


async def test_the_clock_that_is_due_first_counts(database: Database) -> None:
    """Of several clocks the most urgent says how urgent, and the first due says when."""
    ticket, now = await _opened(database), said.now()
    await _clock(database, ticket, "resolution", "running", now)
    await _clock(database, ticket, "update", "at_risk", now + timedelta(minutes=5))
    await _clock(database, ticket, "first_response", "met", now - timedelta(minutes=5))
    assert await _urgency(database, ticket) == (AT_RISK, now + timedelta(minutes=1))


async def test_batches_and_posts_don_t_wait_in_a_circle(database: Database) -> None:
    """Whoever changes many tickets and whoever writes into them come all to an end."""
    made = [said.ticket_created(str(number)) for number in range(8)]
    await hear(database, *made)
    slots = [said.slot(created) for created in made]
    clocks: list[Event] = [event for slotted in slots for event in slotted.events]
    tickets = [said.ticket_of(created) for created in made]

    async def batch(partition: int, events: list[Event]) -> None:
        # Of different partitions, so that they don't take turns.
        async with database.transaction() as connection:
            await handlers.handle(connection, [Heard(event, partition) for event in events])

    async def write(visitor: Visitor, order: list[UUID]) -> None:
        for ticket in order:
            async with Guarded(database).transaction(visitor) as connection:
                words = Words(f"by {visitor.caller.subject}")
                await doing.post(connection, visitor, ticket, words, key="k", now=said.now())

    async with asyncio.timeout(30):
        await asyncio.gather(
            batch(1, clocks),
            batch(2, clocks[::-1]),
            write(AGENT, tickets),
            write(CUSTOMER, tickets[::-1]),
        )
    async with database.connection() as connection:
        rows = await connection.fetch("SELECT last_sequence, urgency FROM threads")
    # Answered each of them, so that no first response is owed.
    assert {(row["last_sequence"], row["urgency"]) for row in rows} == {(3, NOTHING)}


@pytest.mark.parametrize(
    ("steps", "waits"),
    [
        ([], True),
        ([note], True),
        ([answer], False),
        ([answer, ask], True),
        ([_set(TicketStatus.PENDING)], False),
        ([_set(TicketStatus.PENDING), ask], True),
        ([_set(TicketStatus.ON_HOLD)], False),
        ([_set(TicketStatus.ON_HOLD), ask], True),
        ([_set(TicketStatus.ON_HOLD), ask, answer], False),
        ([_set(TicketStatus.RESOLVED)], False),
        ([_set(TicketStatus.RESOLVED), ask], True),
        ([_set(TicketStatus.CLOSED)], False),
    ],
)
async def test_a_customer_waits_until_somebody_answers(
    database: Database, steps: list[Do], *, waits: bool
) -> None:
    """Whether a clock runs for it or not: notes don't count, and a status may say otherwise."""
    ticket = await _opened(database)
    for step in steps:
        await step(database, ticket)
    async with database.connection() as connection:
        thread = await store.read_thread(connection, ticket)
    assert thread is not None
    assert (thread.waiting_since is not None) == waits


async def test_they_wait_from_the_first_message_on(database: Database) -> None:
    """Whoever writes once more does not go to the end of the line."""
    ticket = await _opened(database)
    async with database.connection() as connection:
        before = await store.read_thread(connection, ticket)
        await ask(database, ticket)
        after = await store.read_thread(connection, ticket)
    assert before is not None
    assert after is not None
    assert before.waiting_since == after.waiting_since == before.opened_at


async def test_a_customer_s_post_counts_as_a_change(database: Database) -> None:
    """What customers do is seen on open pages too, though they run as a role of their own."""
    ticket = await _opened(database)
    async with database.connection() as connection:
        before = await connection.fetchval("SELECT revision FROM threads")
        await ask(database, ticket)
        assert await connection.fetchval("SELECT revision FROM threads") > before
