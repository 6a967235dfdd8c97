"""Nothing is lost, doubled or blocked: one test per way in which a consumer can lose records."""

import asyncio
from collections.abc import Sequence

import pytest
from confluent_kafka import Producer
from structlog.testing import capture_logs

from shared import events
from shared.consumer import Heard
from shared.database import Connection, Database
from shared.publisher import Outgoing
from tests.support.gate import gate_to
from tests.support.listener import HEARS, Listener, owned
from tests.support.samples import message_posted, ticket_created, tickets
from tests.support.stream import read_all
from tests.support.waiting import until

GOOD = ticket_created("good")


async def test_a_passing_failure_loses_nothing_and_commits_nothing(listener: Listener) -> None:
    """A handler that fails for a passing reason is called again; offsets wait for its success."""
    entered, go_on = asyncio.Event(), asyncio.Event()

    async def trouble(_: Connection, __: Sequence[Heard]) -> None:
        if len(listener.batches) == 1:
            entered.set()
            await go_on.wait()
            raise ConnectionResetError

    listener.trouble = trouble
    said = tickets(20)
    await listener.send(*(listener.record(event) for event in said))
    async with listener.listening():
        await entered.wait()
        assert await listener.committed() == 0
        go_on.set()
        await listener.until_heard(*(event.subject for event in said))
        await listener.until_committed(len(said))
    assert len(await listener.heard()) == len(said)
    assert await read_all(listener.bootstrap_servers, listener.dead) == []


async def test_a_batch_that_fails_as_a_whole_is_handled_one_by_one(listener: Listener) -> None:
    """If each record alone can be handled, none is put aside, and their order stays."""

    async def trouble(_: Connection, heard: Sequence[Heard]) -> None:
        if len(heard) > 1:
            raise ValueError

    listener.trouble = trouble
    said = tickets(5)
    await listener.send(*(listener.record(event) for event in said), partition=0)
    async with listener.listening():
        await listener.until_heard(*(event.subject for event in said))
        await listener.until_committed(len(said))
    assert await listener.heard() == [event.subject for event in said]
    assert await read_all(listener.bootstrap_servers, listener.dead) == []


async def test_a_header_that_is_no_text_stops_nobody(listener: Listener) -> None:
    """Header values are bytes to us: an event whose headers can't be decoded is handled."""
    odd = Outgoing(
        listener.topic(),
        GOOD.subject.encode(),
        events.write(GOOD),
        (("content-type", b"\xff\xfe"), ("correlation_id", b"\xff")),
    )
    await listener.send(odd)
    async with listener.listening():
        await listener.until_heard(GOOD.subject)


@pytest.mark.parametrize("packing", ["gzip", "snappy", "lz4", "zstd"])
async def test_records_may_come_packed(listener: Listener, packing: str) -> None:
    """However a producer compresses, its records are read."""
    producer = Producer(
        {"bootstrap.servers": listener.bootstrap_servers, "compression.type": packing}
    )
    producer.produce(listener.topic(), events.write(GOOD) + b" " * 500, GOOD.subject)
    await asyncio.to_thread(producer.flush)
    async with listener.listening():
        await listener.until_heard(GOOD.subject)


async def test_unknown_types_are_passed_over(listener: Listener) -> None:
    """What a later version says is neither handled nor put aside."""
    unknown = events.write(GOOD).replace(b"ticket.created.v1", b"ticket.created.v2")
    later = Outgoing(listener.topic(), b"key", unknown)
    await listener.send(later, listener.record(GOOD), partition=0)
    async with listener.listening():
        await listener.until_heard(GOOD.subject)
        await listener.until_committed(2)
    assert listener.batches == [[GOOD.subject]]
    assert await read_all(listener.bootstrap_servers, listener.dead) == []


@pytest.mark.timeout(180)
async def test_the_database_away_for_a_while_is_waited_for(listener: Listener, dsn: str) -> None:
    """With the database gone the batch is tried again in place, and nothing is put aside."""
    said = tickets(5)
    async with gate_to(dsn) as gate:
        behind = Database(gate.dsn(dsn), service="test", size=4)
        await behind.start()
        here = listener.database
        listener.database = behind
        async with listener.listening() as consumer:
            listener.database = here
            await until(lambda: consumer.ready() is None)
            await gate.shut()
            await listener.send(*(listener.record(event) for event in said))
            await listener.send(Outgoing(listener.topic(), b"key", b"unreadable"))
            with capture_logs() as logged:
                await until(lambda: [line["event"] for line in logged].count("trying_again") > 3)
            assert await read_all(listener.bootstrap_servers, listener.dead) == []
            assert await listener.committed() == 0
            await gate.open()
            await listener.until_heard(*(event.subject for event in said))
            await listener.dead_letters(1)
            assert consumer.ready() is None
        await behind.stop()
    assert len(await listener.heard()) == len(said)


@pytest.mark.timeout(180)
async def test_what_is_dead_is_buried_once_however_long_the_database_is_away(
    listener: Listener, dsn: str
) -> None:
    """How far we are can't be noted then: that alone is tried again."""
    async with gate_to(dsn) as gate:
        behind = Database(gate.dsn(dsn), service="test", size=4)
        await behind.start()
        listener.database = behind
        async with listener.listening() as consumer:
            await until(lambda: consumer.ready() is None)
            await gate.shut()
            with capture_logs() as logged:
                await listener.send(Outgoing(listener.topic(), b"key", b"unreadable"))
                await until(lambda: [line["event"] for line in logged].count("trying_again") > 3)
            await gate.open()
            await listener.until_committed(1)
        await behind.stop()
    assert len(await read_all(listener.bootstrap_servers, listener.dead)) == 1


async def test_a_stop_lets_the_batch_at_hand_finish(listener: Listener) -> None:
    """What was begun is saved and its offsets are committed before the member leaves."""
    entered, go_on = asyncio.Event(), asyncio.Event()

    async def trouble(_: Connection, __: Sequence[Heard]) -> None:
        entered.set()
        await go_on.wait()

    listener.trouble = trouble
    await listener.send(listener.record(GOOD))
    consumer = listener.member()
    await consumer.start()
    await entered.wait()
    stopping = asyncio.create_task(consumer.stop())
    await until(lambda: consumer.ready() == "not subscribed")
    go_on.set()
    await stopping
    assert await listener.heard() == [GOOD.subject]
    assert await listener.committed() == 1


@pytest.mark.timeout(180)
async def test_two_members_split_the_partitions_alike_for_both_topics(listener: Listener) -> None:
    """A partition number has one owner for all topics; nothing is lost while they change hands."""
    said = tickets(40)
    topics = [listener.topic(topic) for topic in HEARS]
    whole = {topic: {0, 1, 2} for topic in topics}
    async with listener.listening() as first:
        await until(lambda: owned(first) == whole)
        await listener.send(*(listener.record(event) for event in said[:20]))
        async with listener.listening() as second:
            sending = asyncio.create_task(
                listener.send(*(listener.record(event) for event in said[20:]))
            )
            await until(lambda: len(owned(first)) == len(owned(second)) == len(HEARS))
            shares = [owned(first), owned(second)]
            await sending
            await listener.until_heard(*(event.subject for event in said))
        assert all(share[topics[0]] == share[topics[1]] for share in shares)
        assert sorted(number for share in shares for number in share[topics[0]]) == [0, 1, 2]
        await until(lambda: owned(first) == whole)
    assert len(await listener.heard()) == len(said)


async def test_order_per_ticket_holds_through_failures_and_rebalances(listener: Listener) -> None:
    """Events of one ticket are kept in the order in which they were said."""
    names = ["one", "two", "three"]
    said = [message_posted(name, sequence=number) for number in range(1, 31) for name in names]

    async def trouble(_: Connection, heard: Sequence[Heard]) -> None:
        await asyncio.sleep(0)
        if len(listener.batches) % 3 == 0:
            raise TimeoutError if len(heard) > 1 else ConnectionError

    listener.trouble = trouble
    async with listener.listening():
        await listener.send(*(listener.record(event) for event in said[:30]))
        async with listener.listening():
            await listener.send(*(listener.record(event) for event in said[30:]))
            await listener.until_heard(*(event.subject for event in said))
    async with listener.database.connection() as connection:
        rows = await connection.fetch("SELECT id FROM heard ORDER BY place")
    kept = [row["id"] for row in rows]
    for name in names:
        own = [event.id for event in said if event.subject == message_posted(name).subject]
        assert [id_ for id_ in kept if id_ in own] == own


async def test_a_member_says_whether_it_reads(listener: Listener) -> None:
    """Before it has joined, and after it has left, readiness says so."""
    consumer = listener.member()
    assert consumer.ready() == "not subscribed"
    await consumer.start()
    await until(lambda: consumer.ready() is None)
    await consumer.stop()
    assert consumer.ready() == "not subscribed"
