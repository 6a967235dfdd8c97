"""messaging's SQL against a real database: what comes late, twice, or at once."""

import asyncio
from uuid import UUID

from services.messaging import changes, handlers, store
from services.messaging.clocks import ClockState, ClockView
from shared.consumer import Heard
from shared.database import Connection, Database
from shared.deadlines import DeadlineEvent, DeadlineState
from shared.events import Event, TicketStatus, TicketStatusChanged
from tests.support import said
from tests.support.locks import somebody_waits
from tests.support.waiting import until

CREATED = said.ticket_created()
TICKET = UUID(CREATED.subject)
SLOT = said.slot(CREATED)


async def hear(database: Database, *events: Event) -> None:
    """One batch."""
    async with database.transaction() as connection:
        await handlers.handle(connection, [Heard(event, 0) for event in events])


async def clock(database: Database) -> ClockView:
    """The one clock of the ticket."""
    async with database.connection() as connection:
        (view,) = (await store.read_standing(connection, TICKET)).clocks
    return view


def every_event() -> list[DeadlineEvent]:
    """A clock that is warned, breached, and was met in truth; paused in between."""
    paused = said.paused(SLOT.scheduled, CREATED.time, revision=3)
    breached = said.breach(SLOT, revision=6)
    return [
        SLOT.scheduled,
        said.at_risk(SLOT.scheduled, revision=2),
        paused,
        said.resumed(paused, CREATED.time, revision=4),
        said.moved(SLOT.scheduled, CREATED.time, revision=5),
        breached,
        said.retraction(breached, state=DeadlineState.RUNNING, revision=7),
        said.met(SLOT.scheduled, revision=8),
    ]


async def test_a_clock_follows_what_is_said_of_it(database: Database) -> None:
    """State and due time after each event; none is due while it is paused."""
    shown = []
    for event in every_event():
        await hear(database, event)
        view = await clock(database)
        assert (view.revision, view.due_at) == (event.data.revision, event.data.due)
        assert view.changed_at == event.time
        shown.append(view.state)
    assert shown == [
        ClockState.RUNNING,
        ClockState.AT_RISK,
        ClockState.PAUSED,
        ClockState.RUNNING,
        ClockState.RUNNING,
        ClockState.BREACHED,
        ClockState.RUNNING,
        ClockState.MET,
    ]


async def test_what_comes_again_or_late_changes_nothing(database: Database) -> None:
    """The highest revision says how a clock stands, in whatever order it was heard."""
    events = every_event()
    await hear(database, *events)
    latest = await clock(database)
    await hear(database, *events)
    assert await clock(database) == latest
    for event in reversed(events):
        await hear(database, event)
    assert await clock(database) == latest


async def test_a_cancelled_clock_is_shown_as_such(database: Database) -> None:
    """Also if that is the first that is heard of it."""
    await hear(database, said.cancelled(SLOT.scheduled, CREATED.time))
    assert (await clock(database)).state is ClockState.CANCELLED


async def test_hearing_of_the_ticket_again_does_not_open_it(database: Database) -> None:
    """A replay from the first offset leaves status and priority as people set them."""
    await hear(database, CREATED)
    async with database.transaction() as connection:
        await _set(connection, TicketStatus.CLOSED)
    await hear(database, CREATED)
    async with database.connection() as connection:
        thread = await store.read_thread(connection, TICKET)
    assert thread is not None
    assert thread.status is TicketStatus.CLOSED


async def test_changes_at_once_come_one_after_the_other(database: Database) -> None:
    """The second waits for the first, sees what it left, and is an event of its own behind it."""
    await hear(database, CREATED)
    async with database.transaction() as connection:
        first = await _set(connection, TicketStatus.PENDING)
        waiting = asyncio.create_task(_set_alone(database, TicketStatus.ON_HOLD))
        await until(lambda: somebody_waits(database), what="the second waits for the first")
    second = await waiting
    assert first is not None
    assert second is not None
    assert isinstance(second.event, TicketStatusChanged)
    assert second.event.data.previous is TicketStatus.PENDING
    assert second.event.id != first.event.id
    assert second.event.time > first.event.time


async def _set_alone(database: Database, status: TicketStatus) -> changes.Change | None:
    async with database.transaction() as connection:
        return await _set(connection, status)


async def _set(connection: Connection, status: TicketStatus) -> changes.Change | None:
    thread = await store.lock_thread(connection, TICKET)
    assert thread is not None
    by = said.actor(said.AGENT, thread)
    change = changes.set_status(thread, status, by, now=said.now())
    if change is not None:
        await store.update_status(connection, change.thread)
    return change
