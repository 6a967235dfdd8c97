"""Sender and retraction want the same alert at once: real rows, real locks, either one first."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from services.notifier import domain, handlers, store
from services.notifier.deliveries import Delivery, Refused
from shared import events
from shared.consumer import Heard
from shared.database import Connection, Database
from shared.events import Event
from shared.notifications import NotificationSuppressed
from tests.support import said
from tests.support.locks import somebody_waits
from tests.support.waiting import until

BREACHED = said.breach(said.slot(said.ticket_created()))
RETRACTED = said.retraction(BREACHED)
HOLD = timedelta(minutes=1)


async def hear(connection: Connection, *heard: Event) -> None:
    """One batch, in the transaction that is open."""
    rules = handlers.Rules(patience=timedelta(0))
    handle = handlers.handle_with(lambda: said.CATALOGUE, said.now, rules=rules)
    await handle(connection, [Heard(event, 0) for event in heard])


async def hear_alone(database: Database, *heard: Event) -> None:
    """One batch in a transaction of its own, as the consumer has it."""
    async with database.transaction() as connection:
        await hear(connection, *heard)


async def claim(connection: Connection) -> list[Delivery]:
    """What a sender takes now."""
    now = said.now()
    return await store.claim(connection, now=now, held_until=now + HOLD, free={"email": 10})


async def deliveries(database: Database) -> list[asyncpg.Record]:
    """All of them; the alert first."""
    async with database.connection() as connection:
        return await connection.fetch("SELECT * FROM deliveries ORDER BY kind")


async def suppressions(database: Database) -> list[Event | None]:
    """What the outbox holds."""
    async with database.connection() as connection:
        rows = await connection.fetch("SELECT value FROM outbox ORDER BY id")
    return [events.read(row["value"]) for row in rows]


async def test_while_a_retraction_is_handled_no_sender_takes_its_alert(database: Database) -> None:
    """It passes it over instead of waiting, and finds it suppressed afterwards."""
    await hear_alone(database, BREACHED)
    async with database.transaction() as hearing, database.transaction() as sending:
        await hear(hearing, RETRACTED)
        assert await claim(sending) == []
    async with database.transaction() as sending:
        assert await claim(sending) == []
    (alert,) = await deliveries(database)
    assert (alert["state"], alert["attempts"]) == ("suppressed", 0)
    (event,) = await suppressions(database)
    assert isinstance(event, NotificationSuppressed)


async def test_a_retraction_waits_for_a_sender_that_takes_the_alert(database: Database) -> None:
    """It then knows that the alert is under way: its reader is to be told."""
    await hear_alone(database, BREACHED)
    async with database.transaction() as sending:
        (taken,) = await claim(sending)
        hearing = asyncio.create_task(hear_alone(database, RETRACTED))
        await until(lambda: somebody_waits(database), what="the retraction waits for the sender")
    await hearing
    alert, mail = await deliveries(database)
    assert (alert["state"], alert["attempts"], alert["not_before"]) == (
        "sending",
        1,
        taken.not_before,
    )
    assert alert["withdrawn_by"] == RETRACTED.id
    assert (mail["kind"], mail["state"], mail["address"]) == (
        "breach_retraction",
        "planned",
        taken.address,
    )
    assert await suppressions(database) == []


async def test_a_retraction_waits_for_an_outcome_that_is_being_kept(database: Database) -> None:
    """The try was refused for now: the retraction sees it planned again, and ends it."""
    await hear_alone(database, BREACHED)
    async with database.transaction() as sending:
        (taken,) = await claim(sending)
    async with database.transaction() as sending:
        held = await store.lock_tried(sending, taken)
        assert held is not None
        hearing = asyncio.create_task(hear_alone(database, RETRACTED))
        await until(lambda: somebody_waits(database), what="the retraction waits for the sender")
        outcome = domain.conclude(
            held,
            Refused(451, "later", for_good=False),
            now=said.now(),
            give_up_after=timedelta(days=2),
        )
        await store.save(sending, [outcome.delivery])
    await hearing
    alert, mail = await deliveries(database)
    assert (alert["state"], mail["kind"]) == ("suppressed", "breach_retraction")


async def test_an_outcome_waits_for_a_retraction_that_is_being_handled(database: Database) -> None:
    """The sender sees that the alert was retracted while it tried, and tries no more."""
    await hear_alone(database, BREACHED)
    async with database.transaction() as sending:
        (taken,) = await claim(sending)
    async with database.transaction() as hearing:
        await hear(hearing, RETRACTED)
        concluding = asyncio.create_task(_held(database, taken))
        await until(lambda: somebody_waits(database), what="the sender waits for the retraction")
    held = await concluding
    assert held is not None
    assert held.withdrawn_by == RETRACTED.id


async def test_a_retraction_is_of_its_own_breach_alone(database: Database) -> None:
    """An acknowledgement, and the alert of another breach of the ticket, go their way."""
    created = said.ticket_created()
    other = said.breach(said.slot(created), revision=5)
    await hear_alone(database, created, BREACHED, other)
    await hear_alone(database, RETRACTED)
    rows = [(row["kind"], row["caused_by"], row["state"]) for row in await deliveries(database)]
    assert ("breach_alert", BREACHED.id, "suppressed") in rows
    assert ("breach_alert", other.id, "planned") in rows
    assert ("acknowledgement", created.id, "planned") in rows
    assert len(rows) == 3


@pytest.mark.parametrize("batches", [[(BREACHED, RETRACTED)], [(BREACHED,), (RETRACTED,)]])
async def test_a_replay_changes_nothing(
    database: Database, batches: Sequence[Sequence[Event]]
) -> None:
    """Everything comes again, in whatever batches: the same rows, and nothing more is said."""
    for batch in batches:
        await hear_alone(database, *batch)
    before: list[Any] = [await deliveries(database), await suppressions(database)]
    for batch in (*batches, (BREACHED, RETRACTED, RETRACTED)):
        await hear_alone(database, *batch)
    assert [await deliveries(database), await suppressions(database)] == before
    assert len(before[1]) == 1


async def _held(database: Database, taken: Delivery) -> Delivery | None:
    async with database.transaction() as connection:
        return await store.lock_tried(connection, taken)
