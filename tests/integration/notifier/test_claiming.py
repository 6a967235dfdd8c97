"""What a sender takes, and by which index the database finds it."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from services.notifier import store
from services.notifier.deliveries import MAIL_LANE, Delivery, DeliveryState
from shared.database import Connection, Database
from shared.envelope import derive_id
from tests.support import alerts, said

HOLD = timedelta(minutes=1)


def several(lane: str, amount: int) -> list[Delivery]:
    """Deliveries on a lane, the earliest first."""
    first = alerts.breach_alert(lane=lane, at=said.now() - timedelta(hours=1))
    return [
        replace(
            first,
            id=derive_id(first.id, f"{lane} {number}"),
            not_before=first.not_before + timedelta(seconds=number),
        )
        for number in range(amount)
    ]


async def claim(connection: Connection, **free: int) -> list[Delivery]:
    """What a sender with these free places takes now."""
    now = said.now()
    return await store.claim(connection, now=now, held_until=now + HOLD, free=free)


async def plan(database: Database, *deliveries: Delivery) -> None:
    """Have these to be sent."""
    async with database.transaction() as connection:
        await store.plan_deliveries(connection, deliveries)


async def test_each_lane_gives_as_many_as_it_has_places(database: Database) -> None:
    """The earliest of each; lanes that were not asked for give nothing."""
    chat, pager, mail = several("chat", 5), several("pager", 5), several(MAIL_LANE, 5)
    await plan(database, *chat, *pager, *mail)
    async with database.transaction() as connection:
        taken = await claim(connection, chat=2, pager=1)
        assert {each.id for each in taken} == {chat[0].id, chat[1].id, pager[0].id}
        again = await claim(connection, chat=10)
        assert {each.id for each in again} == {each.id for each in chat[2:]}
        assert {each.attempts for each in [*taken, *again]} == {1}


async def test_what_another_sender_takes_at_the_moment_is_passed_over(database: Database) -> None:
    """Neither waits for the other, and none is taken twice."""
    chat = several("chat", 4)
    await plan(database, *chat)
    async with database.transaction() as one, database.transaction() as other:
        first, second = await claim(one, chat=2), await claim(other, chat=4)
    assert {each.id for each in first} == {each.id for each in chat[:2]}
    assert {each.id for each in second} == {each.id for each in chat[2:]}


async def test_what_is_not_to_be_sent_by_itself_is_not_taken(database: Database) -> None:
    """Held by storm control, carried by a digest, not due, or over."""
    held, carried, later = several("chat", 3)
    digest = replace(alerts.digest(held), not_before=said.now() + HOLD)
    await plan(database, digest, replace(carried, digest=digest.id))
    await plan(database, replace(later, not_before=said.now() + HOLD), held)
    async with database.transaction() as connection:
        await store.save(connection, [replace(held, held=True)])
        assert await claim(connection, chat=10) == []


async def test_an_expired_hold_makes_a_try_uncertain(database: Database) -> None:
    """Its sender died, perhaps after it was taken."""
    await plan(database, *several("chat", 1))
    async with database.transaction() as connection:
        (taken,) = await claim(connection, chat=1)
        await store.save(connection, [replace(taken, not_before=said.now())])
        (again,) = await claim(connection, chat=1)
    assert (taken.attempts, taken.uncertain) == (1, False)
    assert (again.attempts, again.uncertain) == (2, True)


async def test_since_when_each_lane_is_waited_for(database: Database) -> None:
    """By its earliest; lanes on which nothing waits are not there."""
    chat, pager = several("chat", 3), several("pager", 2)
    await plan(database, *chat, *pager)
    async with database.transaction() as connection:
        assert await store.read_waiting(connection) == {
            "chat": chat[0].not_before,
            "pager": pager[0].not_before,
        }
        ended = replace(chat[0], state="suppressed", reason="x", ended_at=said.now())  # type: ignore[arg-type] # as written
        await store.save(connection, [ended])
        waiting = await store.read_waiting(connection)
    assert waiting["chat"] == chat[1].not_before


async def test_what_is_tried_again_is_waited_for_since_its_first_try(database: Database) -> None:
    """However often: a lane whose other side is away does not look like one that is swift."""
    await plan(database, *several("chat", 1))
    async with database.transaction() as connection:
        (taken,) = await claim(connection, chat=1)
        later = taken.not_before + timedelta(hours=1)
        again = replace(taken, state=DeliveryState.PLANNED, not_before=later)
        await store.save(connection, [again])
        assert await store.read_waiting(connection) == {"chat": taken.first_tried_at}


async def test_a_hundred_thousand_deliveries_are_not_looked_through(database: Database) -> None:
    """Claims go by the index of each lane: they read what they take, and little else."""
    async with database.connection() as connection:
        await _fill(connection, 100_000)
        plan = await _explain(connection)
    scans = list(_nodes(plan))
    assert [node for node in scans if node["Node Type"] == "Seq Scan"] == []
    by_index = [node for node in scans if node.get("Index Name") == "deliveries_to_send"]
    (found,) = by_index
    assert found["Actual Loops"] == 3
    assert "lane" in found["Index Cond"]
    assert "not_before" in found["Index Cond"]
    assert not [node for node in scans if node["Node Type"] == "Sort"]
    read = max(node["Actual Rows"] * node["Actual Loops"] for node in scans)
    assert read <= 20


async def _fill(connection: Connection, amount: int) -> None:
    """Rows on three lanes: a third of them over, the rest due or to come."""
    await connection.execute(
        """
        INSERT INTO deliveries (
            id, ticket, kind, channel, lane, address, state, not_before, caused_at, ended_at,
            caused_by, correlation, person
        )
        SELECT gen_random_uuid(), gen_random_uuid(), 'breach_alert', 'slack',
            (ARRAY['chat', 'pager', 'email'])[1 + n % 3], 'x',
            CASE WHEN n % 7 < 3 THEN 'sent' ELSE 'planned' END,
            now() + (n % 1000 - 500) * interval '1 second', now(),
            CASE WHEN n % 7 < 3 THEN now() END, gen_random_uuid(), gen_random_uuid(), 'staff'
        FROM generate_series(1, $1) AS n
        """,
        amount,
    )
    await connection.execute("ANALYZE deliveries")


async def _explain(connection: Connection) -> Mapping[str, Any]:
    """How the very statement of `claim` is run."""
    statements: list[tuple[str, Any]] = []
    async with connection.transaction():
        with connection.query_logger(lambda each: statements.append((each.query, each.args))):
            assert len(await claim(connection, chat=4, pager=4, email=8)) == 16
            await asyncio.sleep(0)  # the logger is called a moment later
        ((statement, values),) = [each for each in statements if "UPDATE" in each[0]]
        explained = await connection.fetchval(
            f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", *values
        )
    (found,) = json.loads(explained)
    return dict(found["Plan"])


def _nodes(plan: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [plan, *(node for each in plan.get("Plans", ()) for node in _nodes(each))]
