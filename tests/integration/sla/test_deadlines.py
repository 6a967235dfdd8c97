"""sla as a real process: fed by hand, killed where it hurts, and asked what it said."""

from datetime import timedelta

import pytest

from shared.deadlines import (
    DeadlineAtRisk,
    DeadlineBreached,
    DeadlineBreachRetracted,
    DeadlineMet,
    DeadlineScheduled,
)
from shared.events import Event, TicketSlotted
from shared.messages import Visibility
from tests.support import said
from tests.support.desk import Desk
from tests.support.sla_desk import ANSWERED, OVERTAKEN, own_words_heard, put_plan, said_of, tell
from tests.support.stream import read_all
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(360)  # more than all waits of a test together

BREACHED = [TicketSlotted, DeadlineScheduled, DeadlineAtRisk, DeadlineBreached]


async def test_inputs_delivered_twice_come_to_the_same_as_once(desk: Desk) -> None:
    """Every event that sla hears comes twice: one slot, one deadline, one end of it."""
    desk.start("sla")
    await desk.ready("sla")
    await put_plan(desk, "an-account", "centurion")
    created = said.ticket_created(account="an-account")
    answer = said.message_posted(created)
    await tell(desk, created, created, answer, answer)
    assert await of_one(desk, created, until_each=DeadlineMet) == ANSWERED


@pytest.mark.parametrize(
    "place",
    [
        pytest.param("sla.before_commit", marks=pytest.mark.long),
        "sla.committed",
        pytest.param("consumer.handled", marks=pytest.mark.long),
        pytest.param("outbox.before_publish", marks=pytest.mark.long),
        "outbox.published",
    ],
)
async def test_killed_on_the_way_comes_to_the_same_as_unharmed(desk: Desk, place: str) -> None:
    """SIGKILL before and after the commit, the publish and the offsets changes nothing."""
    desk.start("sla")
    await desk.ready("sla")
    await put_plan(desk, "an-account", "starter")
    created = said.ticket_created(account="an-account")
    await own_words_heard(desk)  # else it would die of hearing them
    desk.stop("sla")

    desk.start("sla", CARELINE_FAILPOINT=place)
    await desk.ready("sla")
    await tell(desk, created, said.message_posted(created))
    assert await desk.died("sla") == -9

    desk.start("sla")
    await desk.ready("sla")
    assert await of_one(desk, created, until_each=DeadlineMet) == ANSWERED


@pytest.mark.parametrize(
    "place", [pytest.param("timer.before_commit", marks=pytest.mark.long), "timer.committed"]
)
async def test_a_timer_that_is_killed_while_firing_fires_once(desk: Desk, place: str) -> None:
    """SIGKILL while a deadline fires: it is neither lost nor said twice."""
    desk.start("sla", CARELINE_FAILPOINT=place)
    await desk.ready("sla")
    await put_plan(desk, "an-account", "centurion")
    created = said.ticket_created(account="an-account")
    await tell(desk, created)
    assert await desk.died("sla") == -9

    desk.start("sla")
    came_to = await of_one(desk, created, until_each=DeadlineBreached)
    assert came_to in (BREACHED, OVERTAKEN)


async def test_an_answer_that_comes_too_late_to_the_log_retracts_the_breach(desk: Desk) -> None:
    """It was given in time, and couldn't be published: the alarm is taken back."""
    desk.start("sla")
    await desk.ready("sla")
    await put_plan(desk, "an-account", "centurion")
    created = said.ticket_created(account="an-account")
    await tell(desk, created)
    await of_one(desk, created, until_each=DeadlineBreached)
    await tell(desk, said.message_posted(created, at=created.time + timedelta(seconds=1)))
    came_to = await of_one(desk, created, until_each=DeadlineMet)
    assert came_to[-3:] == [DeadlineBreached, DeadlineBreachRetracted, DeadlineMet]


async def test_an_answer_heard_before_its_ticket_ends_the_clock_at_once(desk: Desk) -> None:
    """Topics have no order among them: the answer may be heard first."""
    desk.start("sla")
    await desk.ready("sla")
    await put_plan(desk, "an-account", "starter")
    created = said.ticket_created(account="an-account")
    await tell(desk, said.message_posted(created))
    await until(
        lambda: desk.query("sla", "SELECT 1 FROM facts"),
        what="the answer is kept",
    )
    await tell(desk, created)
    assert await of_one(desk, created, until_each=DeadlineMet) == ANSWERED


async def test_notes_and_customers_words_are_no_response(desk: Desk) -> None:
    """Only a public message by a person of ours ends the first response; others let it run out."""
    desk.start("sla")
    await desk.ready("sla")
    await put_plan(desk, "an-account", "centurion")
    created = said.ticket_created(account="an-account")
    note = said.message_posted(created, visibility=Visibility.NOTE)
    await tell(desk, created, note)
    came_to = await of_one(desk, created, until_each=DeadlineBreached)
    assert came_to in (BREACHED, OVERTAKEN)


async def test_an_event_of_the_far_future_is_put_aside(desk: Desk) -> None:
    """A clock that is days ahead would have everything breached; the rest is heard all the same."""
    desk.start("sla")
    await desk.ready("sla")
    await put_plan(desk, "an-account", "starter")
    created = said.ticket_created(account="an-account")
    mad = said.message_posted(created, at=created.time + timedelta(days=3))
    await tell(desk, created, mad, said.message_posted(created))
    assert (await of_one(desk, created, until_each=DeadlineMet))[-1] is DeadlineMet
    (dead,) = await read_all(desk.stack.bootstrap_servers, f"{desk.namespace}.sla.dead")
    assert b"FutureEventError" in dict(dead.headers)["dead-reason"]


async def of_one(desk: Desk, created: Event, *, until_each: type[Event]) -> list[type[Event]]:
    """What sla said of one ticket."""
    return (await said_of(desk, [created], until_each=until_each))[created.subject]
