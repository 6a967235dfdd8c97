"""sla as a real process: fed by hand, killed where it hurts, and asked what it said."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from shared.envelope import Topic
from shared.events import (
    DeadlineAtRisk,
    DeadlineBreached,
    DeadlineMet,
    DeadlineScheduled,
    Event,
    TicketSlotted,
    Visibility,
)
from tests.support import said
from tests.support.desk import Desk, running_desk
from tests.support.stack import Stack
from tests.support.stream import publish, read_events
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(360)  # more than all waits of a test together

ANSWERED = [TicketSlotted, DeadlineScheduled, DeadlineMet]
OVERTAKEN = [TicketSlotted, DeadlineScheduled, DeadlineBreached]
"""Nobody was there to warn in time: a warning that is overtaken by its breach is dropped."""
BREACHED = [TicketSlotted, DeadlineScheduled, DeadlineAtRisk, DeadlineBreached]


@pytest.fixture
def desk(stack: Stack, tmp_path: Path) -> Iterator[Desk]:
    """A desk of which nothing runs yet."""
    with running_desk(stack, tmp_path) as made:
        yield made


async def test_inputs_delivered_twice_come_to_the_same_as_once(desk: Desk) -> None:
    """Every event that sla hears comes twice: one slot, one deadline, one end of it."""
    desk.start("sla")
    await desk.ready("sla")
    await _put_plan(desk, "an-account", "centurion")
    created = said.ticket_created(account="an-account")
    answer = said.message_posted(created)
    await _publish(desk, created, created, answer, answer)
    assert await _said_of(desk, created, until_there=DeadlineMet) == ANSWERED


@pytest.mark.parametrize(
    "place",
    [
        "sla.before_commit",
        "sla.committed",
        "consumer.handled",
        "outbox.before_publish",
        "outbox.published",
    ],
)
async def test_killed_on_the_way_comes_to_the_same_as_unharmed(desk: Desk, place: str) -> None:
    """SIGKILL before and after the commit, the publish and the offsets changes nothing."""
    desk.start("sla")
    await desk.ready("sla")
    await _put_plan(desk, "an-account", "starter")
    created = said.ticket_created(account="an-account")
    desk.stop("sla")

    desk.start("sla", CARELINE_FAILPOINT=place)
    await desk.ready("sla")
    await _publish(desk, created, said.message_posted(created))
    assert await desk.died("sla") == -9

    desk.start("sla")
    await desk.ready("sla")
    assert await _said_of(desk, created, until_there=DeadlineMet) == ANSWERED


@pytest.mark.parametrize("place", ["timer.before_commit", "timer.committed"])
async def test_a_timer_that_is_killed_while_firing_fires_once(desk: Desk, place: str) -> None:
    """SIGKILL while a deadline fires: it is neither lost nor said twice."""
    desk.start("sla", CARELINE_FAILPOINT=place)
    await desk.ready("sla")
    await _put_plan(desk, "an-account", "centurion")
    created = said.ticket_created(account="an-account")
    await _publish(desk, created)
    assert await desk.died("sla") == -9

    desk.start("sla")
    came_to = await _said_of(desk, created, until_there=DeadlineBreached)
    assert came_to in (BREACHED, OVERTAKEN)


async def test_an_answer_that_lay_in_the_log_during_an_outage_raises_no_alarm(desk: Desk) -> None:
    """Those that were answered in time while sla was away are met, the others are breached."""
    desk.start("sla")
    await desk.ready("sla")
    await _put_plan(desk, "an-account", "centurion")
    answered = [said.ticket_created(f"a{n}", account="an-account") for n in range(20)]
    silent = [said.ticket_created(f"s{n}", account="an-account") for n in range(20)]
    await _publish(desk, *answered, *silent)
    await until(lambda: _rows(desk, 40), what="all deadlines are kept")
    desk.kill("sla")

    in_time = [
        said.message_posted(event, at=event.time + timedelta(seconds=1)) for event in answered
    ]
    await _publish(desk, *in_time)
    due = max(event.time for event in silent) + timedelta(seconds=4)
    await until(lambda: said.now() > due, what="all are due")
    desk.start("sla")

    assert await _said_of(desk, *silent, until_there=DeadlineBreached) == OVERTAKEN * 20
    assert await _said_of(desk, *answered, until_there=DeadlineMet) == ANSWERED * 20


async def test_an_answer_heard_before_its_ticket_ends_the_clock_at_once(desk: Desk) -> None:
    """Topics have no order among them: the answer may be heard first."""
    desk.start("sla")
    await desk.ready("sla")
    await _put_plan(desk, "an-account", "starter")
    created = said.ticket_created(account="an-account")
    await _publish(desk, said.message_posted(created))
    await until(
        lambda: desk.query("sla", "SELECT 1 FROM tickets WHERE answered_at IS NOT NULL"),
        what="the answer is kept",
    )
    await _publish(desk, created)
    assert await _said_of(desk, created, until_there=DeadlineMet) == ANSWERED


async def test_notes_and_customers_words_are_no_response(desk: Desk) -> None:
    """Only a public message by a person of ours ends the first response; others let it run out."""
    desk.start("sla")
    await desk.ready("sla")
    await _put_plan(desk, "an-account", "centurion")
    created = said.ticket_created(account="an-account")
    note = said.message_posted(created, visibility=Visibility.NOTE)
    await _publish(desk, created, note)
    came_to = await _said_of(desk, created, until_there=DeadlineBreached)
    assert came_to in (BREACHED, OVERTAKEN)


async def test_two_replicas_split_the_deadlines_and_survive_the_death_of_one(desk: Desk) -> None:
    """One of two replicas is killed while deadlines are pending: each fires exactly once."""
    desk.start("sla")
    await desk.ready("sla")
    await _put_plan(desk, "an-account", "professional")
    first = desk.processes.pop("sla")
    desk.start("sla", CARELINE_HTTP_PORT=str(desk.ports.mail_web))
    desk.processes["sla-one"] = first
    tickets = [said.ticket_created(f"t{n}", account="an-account") for n in range(40)]
    await _publish(desk, *tickets)
    await until(lambda: _rows(desk, 40), what="all deadlines are kept")
    desk.kill("sla-one")
    came_to = await _said_of(desk, *tickets, until_there=DeadlineBreached)
    # While the group waits for the dead member, its warnings may be overtaken.
    assert [kind for kind in came_to if kind is not DeadlineAtRisk] == OVERTAKEN * 40


async def _put_plan(desk: Desk, account: str, plan: str) -> None:
    async with httpx.AsyncClient() as client:
        answer = await client.put(
            f"{desk.url('sla')}/v1/accounts/{account}/plan",
            json={"plan": plan},
            headers=desk.bearer("admin"),
        )
    assert answer.status_code == 200, answer.text


async def _publish(desk: Desk, *events: Event) -> None:
    await publish(desk.stack.bootstrap_servers, desk.namespace, events)


async def _rows(desk: Desk, wanted: int) -> bool:
    (row,) = await desk.query("sla", "SELECT count(*) FROM deadlines")
    return bool(row["count"] == wanted)


async def _said_of(desk: Desk, *created: Event, until_there: type[Event]) -> list[type[Event]]:
    """What sla said of these tickets, ticket by ticket, repeats of one id left out."""
    subjects = [event.subject for event in created]

    async def complete() -> list[Event] | None:
        known: dict[object, Event] = {}
        for event in await read_events(desk.stack.bootstrap_servers, desk.namespace, Topic.SLA):
            known.setdefault(event.id, event)
        ours = [event for event in known.values() if event.subject in subjects]
        ended = Counter(event.subject for event in ours if isinstance(event, until_there))
        return ours if len(ended) == len(subjects) else None

    events = await until(complete, within=60, what=f"{until_there.__name__} of each")
    return [type(e) for subject in subjects for e in events if e.subject == subject]
