"""What can't be handled is put aside as it came, with its reason; everything else goes on."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from confluent_kafka import Producer

from shared import events
from shared.consumer import Heard
from shared.database import Connection
from shared.publisher import Outgoing, Publisher
from tests.support.listener import Listener, headers_of
from tests.support.samples import ticket_created, tickets
from tests.support.stack import Stack
from tests.support.stream import read_all
from tests.support.waiting import until

GOOD = ticket_created("good")
WRITTEN = "what a customer wrote"
LARGEST = 1_048_400
"""Bytes of a value that just fits into a record as brokers and clients take it."""


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


async def test_one_record_at_fault_is_put_aside_alone(listener: Listener) -> None:
    """A record that its handler never takes ends as a dead letter; those around it are handled."""
    said = tickets(6)
    bad = said[3]

    async def trouble(_: Connection, heard: Sequence[Heard]) -> None:
        if bad.subject in [item.event.subject for item in heard]:
            raise ValueError(WRITTEN)

    listener.trouble = trouble
    await listener.send(*(listener.record(event) for event in said), partition=1)
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
    await listener.send(listener.record(GOOD))
    async with listener.listening():
        (letter,) = await listener.dead_letters(1)
    told = headers_of(letter)
    assert told["dead-reason"] == reason
    assert WRITTEN.encode() not in b"".join(told.values())


async def test_what_cannot_be_read_is_put_aside_and_the_stream_goes_on(listener: Listener) -> None:
    """Each unreadable record ends as it came in the dead letters; good ones between are handled."""
    said = tickets(len(BROKEN))
    headers = (("bytes", b"\xff\xfe\x00"), ("twice", b"1"), ("twice", b"2"))
    async with listener.listening():
        for event, value in zip(said, BROKEN.values(), strict=True):
            bad = Outgoing(listener.topic(), b"\xff a key", value, headers)
            await listener.send(bad, listener.record(event), partition=0)
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


async def test_a_tombstone_without_a_key_is_put_aside(listener: Listener) -> None:
    """A record with neither key nor value, which Kafka takes from some clients, stops nobody."""
    producer = Producer({"bootstrap.servers": listener.bootstrap_servers})
    producer.produce(listener.topic(), partition=0)
    await asyncio.to_thread(producer.flush)
    await listener.send(listener.record(GOOD), partition=0)
    async with listener.listening():
        await listener.until_heard(GOOD.subject)
        (letter,) = await listener.dead_letters(1)
    assert headers_of(letter)["dead-reason"] == b"unreadable: a tombstone: the record has no value"


async def test_a_record_too_large_for_the_dead_letters_stops_nobody(listener: Listener) -> None:
    """With the reason it would no longer fit: its letter says where it stands instead."""
    large = Outgoing(listener.topic(), b"key", b"x" * LARGEST)
    await listener.send(large, Outgoing(listener.topic(), b"key", b"small"), partition=0)
    await listener.send(listener.record(GOOD), partition=0)
    async with listener.listening():
        await listener.until_heard(GOOD.subject)
        letters = await listener.dead_letters(2)
    assert [letter.value for letter in letters] == [b"", b"small"]
    told = headers_of(letters[0])
    assert told["dead-origin"] == f"{listener.topic()}/0/0".encode()
    assert told["dead-value"] == b"left out"


async def test_dead_letters_wait_for_the_commit(listener: Listener) -> None:
    """However often the rest of a batch is tried again, its unreadable record is told once."""
    failing = asyncio.Event()

    async def trouble(_: Connection, __: Sequence[Heard]) -> None:
        if not failing.is_set():
            raise ConnectionResetError

    listener.trouble = trouble
    bad = Outgoing(listener.topic(), b"key", b"unreadable")
    await listener.send(bad, listener.record(GOOD), partition=0)
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
    await listener.send(bad, listener.record(GOOD), partition=0)
    async with listener.listening():
        await listener.until_heard(GOOD.subject)
        assert await listener.committed() == 0
        await away.start()
        await listener.dead_letters(1)
        await listener.until_committed(2)
    await away.stop()
