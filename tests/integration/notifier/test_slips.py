"""Promises that slipped, over real rows: told once, of what holds, and to whom the queue says."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest

from services.notifier import handlers, planning, store
from services.notifier.deliveries import Refused
from services.notifier.handlers import Rules
from shared.consumer import Heard
from shared.database import Database
from shared.deadlines import DeadlineBreached
from shared.events import Event
from shared.plans import Catalogue, Priority
from tests.support import said
from tests.support.alert_rows import (
    HOLD,
    RULES,
    claim,
    conclude,
    plan_alone,
    rows,
    send,
    thicken,
)
from tests.support.alert_steps import BUSINESS, LEAD, ON_CALL, naming, step
from tests.support.locks import somebody_waits
from tests.support.register import Operated
from tests.support.waiting import until

NOON = datetime(2026, 11, 14, 8, 0, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
CREATED = said.ticket_created(at=NOON - MINUTE)
SLOT = said.slot(CREATED)
BREACHED = said.breach(SLOT)
BY_QUEUE = naming(
    step(LEAD),
    step("billing@careline.example", queues=("billing",)),
    step(ON_CALL, queues=("support",)),
)
LATER = BREACHED.time + HOUR


async def hear(database: Database, catalogue: Catalogue, *heard: Event) -> None:
    """One batch."""
    rules = Rules(alerts=RULES)
    handle = handlers.handle_with(lambda: catalogue, lambda: LATER, rules=rules)
    async with database.transaction() as connection:
        await handle(connection, [Heard(event, 0) for event in heard])


async def take_back(database: Database, breached: DeadlineBreached) -> None:
    """It is retracted."""
    async with database.transaction() as connection:
        retracted = [said.retraction(breached)]
        await planning.take_back(connection, retracted, now=LATER, rules=RULES)


async def told(database: Database) -> list[str]:
    """Whom alerts of breaches go to."""
    return sorted(row["address"] for row in await rows(database, "breach_alert"))


async def test_an_old_slip_is_not_told_to_who_is_named_only_now(database: Database) -> None:
    """Nobody was named when it was heard; a replay months later wakes nobody."""
    await hear(database, naming(step(LEAD, queues=("billing",))), CREATED, BREACHED)
    await plan_alone(database, [BREACHED], LATER + timedelta(days=90), step(LEAD))
    assert await told(database) == []


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["ticket first", "breach first"])
async def test_who_is_told_by_queue_is_told_of_their_queues_alone(
    database: Database, order: tuple[int, int]
) -> None:
    """Whatever is heard first; who is told of every queue does not wait for that."""
    for number in order:
        event: Event = (CREATED, BREACHED)[number]
        await hear(database, BY_QUEUE, event)
        if event is BREACHED and number == order[0]:
            assert await told(database) == [LEAD]
    assert await told(database) == [LEAD, ON_CALL]
    await hear(database, BY_QUEUE, CREATED, BREACHED)
    assert await told(database) == [LEAD, ON_CALL]


async def test_what_was_retracted_before_its_ticket_was_heard_of_is_told_to_nobody_more(
    database: Database,
) -> None:
    """It waited for the queue, and does not hold by then."""
    await hear(database, BY_QUEUE, BREACHED)
    await hear(database, BY_QUEUE, said.retraction(BREACHED))
    await hear(database, BY_QUEUE, CREATED)
    assert await told(database) == [LEAD]


async def test_an_alert_that_reached_nobody_is_not_sent_once_its_breach_was_retracted(
    database: Database,
) -> None:
    """Its destination was unknown: nobody need be told, and `send again` must not tell them."""
    await plan_alone(database, [BREACHED], LATER, step("caht"))
    await take_back(database, BREACHED)
    assert await rows(database, "breach_retraction") == []
    (failed,) = await rows(database, "breach_alert")
    operated = Operated(database)
    async with operated.client("lead") as lead:
        many = await lead.post("/v1/deliveries/again", json={})
        one = await lead.post(f"/v1/deliveries/{failed['id']}/again")
    assert many.json()["begun"] == 0
    assert one.json()["reason"] == "breach_retracted"


async def test_an_alert_says_how_urgent_its_ticket_is_by_then(database: Database) -> None:
    """Whichever of ticket and change was heard first."""
    urgent = said.priority_changed(CREATED, Priority.URGENT)
    await hear(database, naming(step(LEAD)), urgent)
    await hear(database, naming(step(LEAD)), CREATED)
    await hear(database, naming(step(LEAD)), BREACHED)
    (alert,) = await rows(database, "breach_alert")
    assert json.loads(alert["facts"])["priority"] == "urgent"
    low = said.priority_changed(CREATED, Priority.LOW, at=urgent.time + MINUTE)
    await hear(database, naming(step(LEAD)), low)
    await hear(database, naming(step(LEAD)), urgent)
    async with database.connection() as connection:
        tickets = await store.read_tickets(connection, [said.ticket_of(CREATED)])
    assert tickets[said.ticket_of(CREATED)].priority is Priority.LOW


async def test_a_weekend_in_wait_is_no_try(database: Database) -> None:
    """Breached on Friday evening, said on Monday: one refusal for now does not end it."""
    friday = datetime(2026, 11, 20, 16, 45, tzinfo=UTC)
    monday = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
    late = said.breach(said.slot(said.ticket_created(at=friday)))
    await plan_alone(database, [late], late.time, catalogue=naming(step(LEAD), calendar=BUSINESS))
    assert await send(database, monday - SECOND) == []
    await thicken(database, monday)
    taken = await claim(database, monday)
    assert len(taken) == 1
    await conclude(database, taken, monday + SECOND, Refused(450, "4.2.0 later", for_good=False))
    (row,) = await rows(database, "breach_alert")
    assert (row["state"], row["first_tried_at"]) == ("planned", monday)
    (again,) = await claim(database, monday + HOLD)
    assert again.first_tried_at == monday


async def test_sending_again_waits_for_who_takes_alerts_back(database: Database) -> None:
    """What is retracted at this moment is not begun anew behind the retraction's back."""
    await plan_alone(database, [BREACHED], LATER, step(LEAD))
    taken = await claim(database, LATER)
    await conclude(database, taken, LATER, Refused(550, "no", for_good=True))
    operated = Operated(database)
    async with database.transaction() as connection, operated.client("lead") as lead:
        await store.lock_alerting(connection)
        path = f"/v1/deliveries/{taken[0].id}/again"
        asked = asyncio.create_task(lead.post(path))
        await until(lambda: somebody_waits(database), what="sending again waits")
        retracted = [said.retraction(BREACHED)]
        await planning.take_back(connection, retracted, now=LATER, rules=RULES)
    async with asyncio.timeout(10):
        answer = await asked
    assert answer.json()["reason"] == "breach_retracted"
