"""Nothing is lost, doubled or blocked: one test per way in which a consumer can lose records."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from confluent_kafka import Producer
from structlog.testing import capture_logs

from shared import events
from shared.consumer import Heard
from shared.database import Connection, Database
from shared.events import Event
from shared.publisher import Outgoing, Publisher
from tests.support.gate import gate_to
from tests.support.listener import HEARS, Listener, headers_of, owned
from tests.support.samples import message_posted, ticket_created
from tests.support.stack import Stack
from tests.support.stream import read_all
from tests.support.waiting import until

GOOD = ticket_created("good")
WRITTEN = "what a customer wrote"
LARGEST = 1_048_400
"""Bytes of a value that just fits into a record as brokers and clients take it."""


def record(listener: Listener, event: Event) -> Outgoing:
    """An event as a service puts it on the stream."""
    return Outgoing(
        listener.topic(event.TOPIC), event.subject.encode(), events.write(event), events.HEADERS
    )


def tickets(count: int) -> list[Event]:
    """Tickets with subjects of their own."""
    return [ticket_created(f"ticket {number}") for number in range(count)]


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
    await listener.send(*(record(listener, event) for event in said))
    async with listener.listening():
        await entered.wait()
        assert await listener.committed() == 0
        go_on.set()
        await listener.until_heard(*(event.subject for event in said))
        await listener.until_committed(len(said))
    assert len(await listener.heard()) == len(said)
    assert await read_all(listener.bootstrap_servers, listener.dead) == []


async def test_one_record_at_fault_is_put_aside_alone(listener: Listener) -> None:
    """A record that its handler never takes ends as a dead letter; those around it are handled."""
    said = tickets(6)
    bad = said[3]

    async def trouble(_: Connection, heard: Sequence[Heard]) -> None:
        if bad.subject in [item.event.subject for item in heard]:
            raise ValueError(WRITTEN)

    listener.trouble = trouble
    await listener.send(*(record(listener, event) for event in said), partition=1)
    async with listener.listening():
        (letter,) = await listener.dead_letters(1)
        await listener.until_committed(len(said))
    assert await listener.heard() == [event.subject for event in said if event is not bad]
    assert (letter.key, letter.value) == (bad.subject.encode(), events.write(bad))
    told = headers_of(letter)
    assert told["content-type"] == b"application/cloudevents+json"
    assert told["dead-reason"] == b"handler failed: ValueError"
    assert told["dead-origin"] == f"{listener.topic()}/1/3".encode()
    assert told["dead-tries"] == b"2"
    assert b"trouble" in told["dead-stack"]
    assert WRITTEN.encode() not in b"".join(told.values())


@pytest.mark.parametrize(
    ("statement", "value", "reason"),
    [
        (
            "INSERT INTO heard (id, subject, partition) VALUES (gen_random_uuid(), $1, NULL)",
            WRITTEN,
            b"handler failed: NotNullViolationError 23502",
        ),
        (
            "INSERT INTO outbox (topic, key, value) VALUES ($1, $1, '')",
            f"{WRITTEN}\x00",
            b"handler failed: CharacterNotInRepertoireError 22021",
        ),
        ("SELECT $1::integer", 2**40, b"handler failed: DataError 22000"),
    ],
)
async def test_what_the_database_refuses_is_told_by_its_state(
    listener: Listener, statement: str, value: object, reason: bytes
) -> None:
    """What can never be saved is put aside with the kind of refusal, and without content."""

    async def trouble(connection: Connection, _: Sequence[Heard]) -> None:
        await connection.execute(statement, value)

    listener.trouble = trouble
    await listener.send(record(listener, GOOD))
    async with listener.listening():
        (letter,) = await listener.dead_letters(1)
    told = headers_of(letter)
    assert told["dead-reason"] == reason
    assert WRITTEN.encode() not in b"".join(told.values())


async def test_a_batch_that_fails_as_a_whole_is_handled_one_by_one(listener: Listener) -> None:
    """If each record alone can be handled, none is put aside, and their order stays."""

    async def trouble(_: Connection, heard: Sequence[Heard]) -> None:
        if len(heard) > 1:
            raise ValueError

    listener.trouble = trouble
    said = tickets(5)
    await listener.send(*(record(listener, event) for event in said), partition=0)
    async with listener.listening():
        await listener.until_heard(*(event.subject for event in said))
        await listener.until_committed(len(said))
    assert await listener.heard() == [event.subject for event in said]
    assert await read_all(listener.bootstrap_servers, listener.dead) == []


BROKEN: dict[str, Any] = {
    "no JSON": b"\xff\xfe{",
    "nothing": b"",
    "no object": b"[]",
    "no event": b'{"hello": "world"}',
    "a type that is no name": b'{"type": 5}',
    "a field missing": b'{"type": "careline.ticket.created.v1"}',
    "nested too deeply": b'{"type":' + b"[" * 100_000,
    "before the year 1": events.write(GOOD).replace(
        b"2026-03-02T09:30:15.250001Z", b"0001-01-01T00:00:00+14:00"
    ),
    "a tombstone": None,
}


async def test_what_cannot_be_read_is_put_aside_and_the_stream_goes_on(listener: Listener) -> None:
    """Each unreadable record ends as it came in the dead letters; good ones between are handled."""
    said = tickets(len(BROKEN))
    headers = (("bytes", b"\xff\xfe\x00"), ("twice", b"1"), ("twice", b"2"))
    async with listener.listening():
        for event, value in zip(said, BROKEN.values(), strict=True):
            bad = Outgoing(listener.topic(), b"\xff a key", value, headers)
            await listener.send(bad, record(listener, event), partition=0)
        await listener.until_heard(*(event.subject for event in said))
        letters = await listener.dead_letters(len(BROKEN))
        await listener.until_committed(2 * len(BROKEN))
    assert [letter.value for letter in letters] == list(BROKEN.values())
    for number, letter in enumerate(letters):
        assert letter.key == b"\xff a key"
        assert letter.headers[:3] == headers
        told = headers_of(letter)
        assert told["dead-origin"] == f"{listener.topic()}/0/{2 * number}".encode()
        assert told["dead-reason"].startswith(b"unreadable: ")
        assert told["dead-tries"] == b"1"


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


async def test_a_tombstone_without_a_key_is_put_aside(listener: Listener) -> None:
    """A record with neither key nor value, which Kafka takes from some clients, stops nobody."""
    producer = Producer({"bootstrap.servers": listener.bootstrap_servers})
    producer.produce(listener.topic(), partition=0)
    await asyncio.to_thread(producer.flush)
    await listener.send(record(listener, GOOD), partition=0)
    async with listener.listening():
        await listener.until_heard(GOOD.subject)
        (letter,) = await listener.dead_letters(1)
    assert headers_of(letter)["dead-reason"] == b"unreadable: a tombstone: the record has no value"


async def test_a_record_too_large_for_the_dead_letters_stops_nobody(listener: Listener) -> None:
    """With the reason it would no longer fit: its letter says where it stands instead."""
    large = Outgoing(listener.topic(), b"key", b"x" * LARGEST)
    await listener.send(large, Outgoing(listener.topic(), b"key", b"small"), partition=0)
    await listener.send(record(listener, GOOD), partition=0)
    async with listener.listening():
        await listener.until_heard(GOOD.subject)
        letters = await listener.dead_letters(2)
    assert [letter.value for letter in letters] == [b"", b"small"]
    told = headers_of(letters[0])
    assert told["dead-origin"] == f"{listener.topic()}/0/0".encode()
    assert told["dead-value"] == b"left out"


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
    await listener.send(later, record(listener, GOOD), partition=0)
    async with listener.listening():
        await listener.until_heard(GOOD.subject)
        await listener.until_committed(2)
    assert listener.batches == [[GOOD.subject]]
    assert await read_all(listener.bootstrap_servers, listener.dead) == []


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
            await listener.send(*(record(listener, event) for event in said))
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


async def test_a_stop_lets_the_batch_at_hand_finish(listener: Listener) -> None:
    """What was begun is saved and its offsets are committed before the member leaves."""
    entered, go_on = asyncio.Event(), asyncio.Event()

    async def trouble(_: Connection, __: Sequence[Heard]) -> None:
        entered.set()
        await go_on.wait()

    listener.trouble = trouble
    await listener.send(record(listener, GOOD))
    consumer = listener.member()
    await consumer.start()
    await entered.wait()
    stopping = asyncio.create_task(consumer.stop())
    await until(lambda: consumer.ready() == "not subscribed")
    go_on.set()
    await stopping
    assert await listener.heard() == [GOOD.subject]
    assert await listener.committed() == 1


async def test_two_members_split_the_partitions_alike_for_both_topics(listener: Listener) -> None:
    """A partition number has one owner for all topics; nothing is lost while they change hands."""
    said = tickets(40)
    topics = [listener.topic(topic) for topic in HEARS]
    whole = {topic: {0, 1, 2} for topic in topics}
    async with listener.listening() as first:
        await until(lambda: owned(first) == whole)
        await listener.send(*(record(listener, event) for event in said[:20]))
        async with listener.listening() as second:
            sending = asyncio.create_task(
                listener.send(*(record(listener, event) for event in said[20:]))
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
        await listener.send(*(record(listener, event) for event in said[:30]))
        async with listener.listening():
            await listener.send(*(record(listener, event) for event in said[30:]))
            await listener.until_heard(*(event.subject for event in said))
    async with listener.database.connection() as connection:
        rows = await connection.fetch("SELECT id FROM heard ORDER BY place")
    kept = [row["id"] for row in rows]
    for name in names:
        own = [event.id for event in said if event.subject == message_posted(name).subject]
        assert [id_ for id_ in kept if id_ in own] == own


async def test_dead_letters_wait_for_the_commit(listener: Listener) -> None:
    """However often the rest of a batch is tried again, its unreadable record is told once."""
    failing = asyncio.Event()

    async def trouble(_: Connection, __: Sequence[Heard]) -> None:
        if not failing.is_set():
            raise ConnectionResetError

    listener.trouble = trouble
    bad = Outgoing(listener.topic(), b"key", b"unreadable")
    await listener.send(bad, record(listener, GOOD), partition=0)
    async with listener.listening():
        await until(lambda: len(listener.batches) >= 3)
        assert await read_all(listener.bootstrap_servers, listener.dead) == []
        failing.set()
        await listener.until_committed(2)
    assert len(await read_all(listener.bootstrap_servers, listener.dead)) == 1
    assert await listener.heard() == [GOOD.subject]


async def test_a_dead_letter_waits_for_the_broker(listener: Listener, stack: Stack) -> None:
    """While dead letters can't be published, their records stay uncommitted."""
    away = Publisher(stack.bootstrap_servers, deadline=5, client_id="test")
    listener.publisher = away
    bad = Outgoing(listener.topic(), b"key", b"unreadable")
    await listener.send(bad, record(listener, GOOD), partition=0)
    async with listener.listening():
        await listener.until_heard(GOOD.subject)
        assert await listener.committed() == 0
        await away.start()
        await listener.dead_letters(1)
        await listener.until_committed(2)
    await away.stop()


async def test_a_member_says_whether_it_reads(listener: Listener) -> None:
    """Before it has joined, and after it has left, readiness says so."""
    consumer = listener.member()
    assert consumer.ready() == "not subscribed"
    await consumer.start()
    await until(lambda: consumer.ready() is None)
    await consumer.stop()
    assert consumer.ready() == "not subscribed"
