"""A new database hears everything up to its horizon, finishes once, and only then goes on."""

import asyncio
from collections.abc import Sequence

import pytest
from aiokafka.errors import KafkaError

from shared.consumer import Heard
from shared.database import Connection, Database
from shared.publisher import Publisher
from tests.support.rebuilder import HEARS, PARTITIONS, Gate, Rebuilder, own
from tests.support.samples import ticket_created, tickets
from tests.support.stack import Stack

PARTS = 3
"""How often finishing is called in tests that are about more than one call."""


@pytest.fixture
async def desk(stack: Stack, namespace: str, database: Database, publisher: Publisher) -> Rebuilder:
    """A service of which nothing runs, with topics of three partitions."""
    made = Rebuilder(stack.bootstrap_servers, namespace, database, publisher)
    await made.prepare()
    return made


async def test_a_desk_without_a_past_is_at_once_done(desk: Rebuilder) -> None:
    """With nothing on the topics it finishes, and hears what comes as it always does."""
    async with desk.running() as replica:
        await desk.until_finished(replica)
        assert replica.rebuilding.ready() is None
        (ticket,) = said = tickets(1)
        await desk.say(ticket, own("live"))
        await desk.until_heard(*said)
    assert await desk.heard() == {str(ticket.id): False}
    assert desk.finished == 1


async def test_it_hears_all_that_was_said_and_what_it_said_itself(desk: Rebuilder) -> None:
    """Up to the horizon nothing is passed over; beyond it, what others say alone."""
    past, mine = tickets(7), own("past")
    await desk.say(*past, mine)
    async with desk.running() as replica:
        await desk.until_finished(replica)
        assert await desk.heard() == {str(event.id): True for event in (*past, mine)}
        late = ticket_created("late")
        await desk.say(own("later"), late)
        await desk.until_heard(late)
    heard = await desk.heard()
    assert heard.pop(str(late.id)) is False
    assert heard.keys() == {str(event.id) for event in (*past, mine)}


async def test_nothing_beyond_the_horizon_is_heard_before_it_finished(desk: Rebuilder) -> None:
    """What comes meanwhile waits, in order, until finishing is done; then nothing of it is lost."""
    gate = Gate()

    async def finish(_: Connection) -> bool:
        await gate.wait()
        return False

    desk.finish = finish
    past = tickets(4)
    await desk.say(*past, partition=0)
    async with desk.running() as replica:
        await gate.entered.wait()
        late = [ticket_created(f"late {number}") for number in range(5)]
        await desk.say(*late, partition=0)
        await desk.say(own("late"), partition=1)
        await asyncio.sleep(1)
        assert (await desk.heard()).keys() == {str(event.id) for event in past}
        assert replica.rebuilding.ready() == "at 4 of 4 offsets"
        gate.let.set()
        await desk.until_heard(*late)
    assert await desk.heard() == {str(event.id): event in past for event in (*past, *late)}
    assert list(await desk.heard()) == [str(event.id) for event in (*past, *late)]


async def test_what_is_fetched_together_is_cut_at_the_horizon(desk: Rebuilder) -> None:
    """Records from both sides of the horizon in one answer of the broker: the later ones wait."""
    past = tickets(3)
    await desk.say(*past, partition=0)
    replica = desk.replica()
    await replica.rebuilding.start()
    late = [ticket_created(f"late {number}") for number in range(3)]
    await desk.say(*late, partition=0)
    await replica.consumer.start()
    try:
        await desk.until_heard(*past)
        await asyncio.sleep(1)
        assert (await desk.heard()).keys() == {str(event.id) for event in past}
        while replica.rebuilding.active:
            await replica.rebuilding.step()
        await desk.until_heard(*late)
    finally:
        await replica.consumer.stop()
    assert await desk.heard() == {str(event.id): event in past for event in (*past, *late)}


@pytest.mark.timeout(240)
async def test_two_replicas_share_the_way_and_one_finishes(desk: Rebuilder) -> None:
    """Each reads its partitions, finishing goes on part by part, and runs to its end once."""

    async def finish(_: Connection) -> bool:
        await asyncio.sleep(0.2)
        return desk.finished < PARTS

    desk.finish = finish
    past = tickets(60)
    await desk.say(*past)
    async with desk.running() as first, desk.running() as second:
        await desk.until_finished(first, second)
        assert desk.finished == PARTS
        late = ticket_created("late")
        await desk.say(late)
        await desk.until_heard(late)
    assert await desk.heard() == {str(event.id): event is not late for event in (*past, late)}


@pytest.mark.timeout(240)
async def test_a_replica_that_comes_in_the_middle_takes_its_share(desk: Rebuilder) -> None:
    """Partitions that change hands on the way are heard to the horizon by whoever has them."""
    gate = Gate()

    async def trouble(_: Connection, __: Sequence[Heard]) -> None:
        await gate.wait()

    desk.trouble = trouble
    past = tickets(60)
    await desk.say(*past)
    async with desk.running() as first:
        await gate.entered.wait()
        async with desk.running() as second:
            assert second.rebuilding.active
            gate.let.set()
            await desk.until_finished(first, second)
            assert await desk.heard() == {str(event.id): True for event in past}
            assert desk.finished == 1


async def test_offsets_of_a_lost_database_are_set_back(desk: Rebuilder) -> None:
    """A group that had read to the end begins anew once its database is empty."""
    past = tickets(12)
    await desk.say(*past)
    async with desk.running() as replica:
        await desk.until_finished(replica)
    assert await desk.committed() == len(past)
    await desk.lose_database()
    async with desk.running() as replica:
        await desk.until_finished(replica)
    assert await desk.heard() == {str(event.id): True for event in past}


@pytest.mark.timeout(240)
async def test_no_horizon_is_drawn_while_somebody_reads_for_a_lost_database(
    desk: Rebuilder,
) -> None:
    """A replica that is still at work would move the offsets: the new one waits for its end."""
    async with desk.running() as old:
        await desk.until_finished(old)
        await desk.lose_database()
        new = desk.replica()
        with pytest.raises(KafkaError):
            await new.rebuilding.start()
        assert await desk.horizon() == {}
    await new.rebuilding.start()
    assert (await desk.horizon()).keys() == {desk.topic(topic) for topic in HEARS}


@pytest.mark.parametrize("kept", [True, False], ids=["committed", "aborted"])
async def test_ends_of_transactions_do_not_keep_it_from_the_horizon(
    desk: Rebuilder, *, kept: bool
) -> None:
    """The last offset before the horizon holds no record, and counts as heard all the same."""
    await desk.say_in_transaction(*tickets(3), partition=0, kept=kept)
    async with desk.running() as replica:
        await desk.until_finished(replica)
        assert sum((await desk.horizon()).values()) == len(tickets(3)) + 1
    assert (await desk.heard()).keys() == {str(event.id) for event in tickets(3)}


@pytest.mark.parametrize("left", [0, 2])
async def test_what_retention_took_away_is_not_waited_for(desk: Rebuilder, left: int) -> None:
    """A topic whose beginning is gone, or all of it, is heard as far as it is there."""
    past = tickets(10)
    await desk.say(*past, partition=0)
    await desk.delete_before(0, len(past) - left)
    async with desk.running() as replica:
        await desk.until_finished(replica)
    assert (await desk.heard()).keys() == {str(event.id) for event in past[len(past) - left :]}


@pytest.mark.parametrize("left", [0, 2])
async def test_what_retention_takes_away_on_the_way_is_not_waited_for(
    desk: Rebuilder, left: int
) -> None:
    """Records that go between the horizon's drawing and their hearing hold up nothing."""
    past = tickets(10)
    await desk.say(*past, partition=0)
    await desk.replica().rebuilding.start()
    await desk.delete_before(0, len(past) - left)
    async with desk.running() as replica:
        await desk.until_finished(replica)
    assert (await desk.heard()).keys() == {str(event.id) for event in past[len(past) - left :]}


async def test_a_finish_that_fails_is_tried_again(desk: Rebuilder) -> None:
    """What it did is undone with its transaction; nothing is heard until it has succeeded."""

    async def finish(connection: Connection) -> bool:
        await connection.execute(
            "INSERT INTO outbox (topic, key, value) VALUES ('tickets', 'owed', '')"
        )
        if desk.finished < PARTS:
            raise RuntimeError
        return False

    desk.finish = finish
    await desk.say(*tickets(3))
    async with desk.running() as replica:
        await desk.until_finished(replica)
    assert desk.finished == PARTS
    async with desk.database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM outbox") == 1


async def test_partitions_that_are_added_on_the_way_wait(desk: Rebuilder) -> None:
    """They lie beyond the horizon, whatever their offsets: they are heard from their beginning."""
    past = tickets(6)
    await desk.say(*past)
    await desk.replica().rebuilding.start()
    await desk.add_partitions(PARTITIONS + 1)
    late = ticket_created("late")
    await desk.say(late, own("late"), partition=PARTITIONS)
    async with desk.running() as replica:
        await desk.until_finished(replica)
        await desk.until_heard(late)
    heard = await desk.heard()
    assert heard == {str(event.id): event is not late for event in (*past, late)}


async def test_stopped_in_the_middle_it_goes_on_where_it_was(desk: Rebuilder) -> None:
    """The horizon stays, and so does how far it has come; nothing later moves into it."""
    held = Gate()
    past = tickets(6)

    async def trouble(_: Connection, heard: Sequence[Heard]) -> None:
        if heard[0].partition == 1:
            raise ConnectionResetError
        held.entered.set()

    desk.trouble = trouble
    await desk.say(*past[:3], partition=0)
    await desk.say(*past[3:], partition=1)
    async with desk.running():
        await held.entered.wait()
        await desk.until_heard(*past[:3])
    late = ticket_created("late")
    await desk.say(late, partition=0)
    horizon = await desk.horizon()
    desk.trouble = _no_trouble
    async with desk.running() as replica:
        assert await desk.horizon() == horizon
        await desk.until_finished(replica)
        await desk.until_heard(late)
    assert await desk.heard() == {str(event.id): event is not late for event in (*past, late)}


async def _no_trouble(_: Connection, __: Sequence[Heard]) -> None:
    """All is well again."""


async def test_a_database_that_has_finished_is_not_rebuilt_again(desk: Rebuilder) -> None:
    """A further start goes on at the offsets of the group, and passes over its own words."""
    async with desk.running() as replica:
        await desk.until_finished(replica)
    said = [own("meanwhile"), *tickets(2)]
    await desk.say(*said)
    async with desk.running() as replica:
        assert not replica.rebuilding.active
        await desk.until_heard(*said[1:])
    assert await desk.heard() == {str(event.id): False for event in said[1:]}
    assert desk.finished == 1
