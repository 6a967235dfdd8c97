"""`make dead`: what could not be handled is listed, shown and put back for its service alone."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete

from shared import events
from shared.consumer import Heard
from shared.database import Connection
from shared.publisher import Outgoing
from shared.topics import declared_dead_letters, declared_topics, ensure_topics
from tests.support.listener import Listener, headers_of, no_trouble
from tests.support.operators import Said, command
from tests.support.samples import ticket_created, tickets
from tests.support.stream import read_all
from tests.support.waiting import until

BAD = ticket_created("bad")
LARGEST = 1_048_400
"""Bytes of a value that just fits into a record as brokers and clients take it."""
HOSTILE = "\x1b]0;stolen\x07\x1b[2J\x9b31m\u202e\r\n"


async def ask(listener: Listener, *arguments: str) -> Said:
    """Run the command."""
    return await asyncio.to_thread(
        command,
        "deploy.dead",
        *arguments,
        KAFKA=listener.bootstrap_servers,
        NAMESPACE=listener.namespace,
    )


@pytest.fixture
async def troubled(listener: Listener) -> Listener:
    """A group that can't handle one ticket."""

    async def trouble(_: Connection, heard: Sequence[Heard]) -> None:
        if BAD.subject in [item.event.subject for item in heard]:
            raise ValueError

    listener.trouble = trouble
    return listener


@pytest.fixture
async def another(listener: Listener) -> AsyncIterator[Listener]:
    """Another service, which can handle everything, and which listens."""
    made = Listener(
        listener.bootstrap_servers,
        listener.namespace,
        listener.database,
        listener.publisher,
        service="another",
    )
    await made.prepare(partitions=3)
    async with made.listening():
        yield made


async def on(listener: Listener, *topics: str) -> list[ConsumerRecord]:
    """What stands on topics."""
    records = await read_all(listener.bootstrap_servers, *topics)
    return sorted(records, key=lambda record: (record.topic, record.partition, record.offset))


def times(listener: Listener, subject: str) -> int:
    """How often a service was handed a ticket."""
    return sum(batch.count(subject) for batch in listener.batches)


async def buried(listener: Listener, *records: Outgoing) -> ConsumerRecord:
    """Have records handled, of which one ends as a dead letter."""
    await listener.send(*records)
    async with listener.listening():
        (letter,) = await listener.dead_letters(1)
        await listener.until_committed(len(records))
    return letter


@pytest.mark.timeout(240)
async def test_from_the_fault_to_its_end(troubled: Listener, another: Listener) -> None:
    """Buried, listed, shown, tried dry, put back once the cause is mended: by its service alone."""
    await buried(troubled, *map(troubled.record, [*tickets(3), BAD]))
    await until(lambda: times(another, BAD.subject) == 1)
    (line,) = (await ask(troubled, "--json")).lines
    assert line["service"] == "listener"
    assert (line["id"], line["state"], line["tries"]) == (0, "waiting", 2)
    assert line["reason"] == "handler failed: ValueError"
    assert line["origin"]["topic"] == troubled.topic()
    assert line["key"] == {"text": BAD.subject}
    listed = await ask(troubled)
    assert listed.status == 0
    assert "listener 0  waiting" in listed.out
    assert "1 dead letters: 1 waiting, 0 replayed." in listed.out
    shown = await ask(troubled, "--show", "listener", "0")
    assert "handler failed: ValueError" in shown.out
    assert '"type": "careline.ticket.created.v1"' in shown.out
    assert "in trouble" in shown.out

    before = await on(troubled, troubled.topic(), troubled.dead)
    dry = await ask(troubled, "--replay", "listener", "0", "--dry-run")
    assert dry.status == 0
    assert f"Would put back listener 0 on {troubled.topic()}" in dry.out
    assert await on(troubled, troubled.topic(), troubled.dead) == before

    troubled.trouble = no_trouble
    handed = times(troubled, BAD.subject)
    async with troubled.listening():
        done = await ask(troubled, "--replay", "listener", "0")
        assert done.status == 0, done.err
        await troubled.until_heard(BAD.subject)
        await troubled.until_committed(5)
    assert times(troubled, BAD.subject) == handed + 1
    await another.until_committed(5)
    assert times(another, BAD.subject) == 1, "the other service was handed it, too"
    (back,) = [r for r in await on(troubled, troubled.topic()) if "careline-for" in headers_of(r)]
    assert (back.key, back.value) == (BAD.subject.encode(), events.write(BAD))
    told = headers_of(back)
    assert told["careline-for"] == b"listener"
    assert told["careline-letter"] == f"{troubled.dead}/0/0".encode()
    assert told["content-type"] == b"application/cloudevents+json"
    assert not [name for name in told if name.startswith("dead-")]

    (line,) = (await ask(troubled, "--json")).lines
    assert line["state"] == "replayed"
    assert line["replayed"]["by"].startswith("operator")
    assert (await ask(troubled, "--waiting", "--json")).lines == []


@pytest.mark.timeout(180)
async def test_twice_is_harmless(troubled: Listener) -> None:
    """What was put back is not put back again unless that is asked for; then it changes nothing."""
    await buried(troubled, troubled.record(BAD))
    troubled.trouble = no_trouble
    async with troubled.listening():
        assert (await ask(troubled, "--replay", "listener", "0")).status == 0
        await troubled.until_committed(2)
        again = await ask(troubled, "--replay", "listener", "0")
        assert (again.status, "replayed" in again.out) == (0, True)
        assert len(await on(troubled, troubled.topic())) == 2
        meant = await ask(troubled, "--replay", "listener", "0", "--again")
        assert meant.status == 0
        await troubled.until_committed(3)
    assert await troubled.heard() == [BAD.subject]


@pytest.mark.timeout(180)
@pytest.mark.long
async def test_what_fails_again_is_a_new_letter_that_names_the_earlier(troubled: Listener) -> None:
    """Tries go on counting, and nothing piles up in its headers."""
    await buried(troubled, troubled.record(BAD))
    async with troubled.listening():
        for count in (2, 4):
            latest = (await ask(troubled, "--waiting", "--json")).lines[-1]["id"]
            assert (await ask(troubled, "--replay", "listener", str(latest))).status == 0
            await troubled.dead_letters(count + 1)
    letters = (await ask(troubled, "--json")).lines
    assert [letter["tries"] for letter in letters] == [2, 4, 6]
    assert letters[0]["earlier"] is None
    earlier = [f"{troubled.dead}/0/{letter['id']}" for letter in letters]
    assert [letter["earlier"] for letter in letters[1:]] == earlier[:-1]
    assert [letter["state"] for letter in letters] == ["replayed", "replayed", "waiting"]
    last = (await ask(troubled, "--show", "listener", str(letters[-1]["id"]), "--json")).json
    names = [header["name"] for header in last["headers"]]
    assert sorted(names) == sorted(set(names))


@pytest.mark.timeout(180)
@pytest.mark.long
async def test_all_that_the_filters_leave(troubled: Listener) -> None:
    """By reason and by topic; what new letters come of it is left for the next time."""
    garbage = [Outgoing(troubled.topic(), b"key", b"unreadable") for _ in range(3)]
    await troubled.send(*garbage, troubled.record(BAD))
    async with troubled.listening():
        await troubled.dead_letters(4)
        troubled.trouble = no_trouble
        chosen = (await ask(troubled, "--reason", "Handler", "--json")).lines
        assert [line["reason"] for line in chosen] == ["handler failed: ValueError"]
        assert (await ask(troubled, "--topic", "messages", "--json")).lines == []
        assert len((await ask(troubled, "--topic", "tickets", "--json")).lines) == 4
        dry = await ask(troubled, "--replay", "--all", "--dry-run")
        assert "4 would be put back, 0 refused, 0 replayed already." in dry.out
        some = await ask(troubled, "--replay", "--all", "--reason", "handler failed")
        assert "1 put back, 0 refused, 0 replayed already." in some.out
        await troubled.until_heard(BAD.subject)
        rest = await ask(troubled, "--replay", "--all", "--service", "listener")
        assert rest.status == 0
        assert "3 put back, 0 refused, 1 replayed already." in rest.out
        await until(lambda: _waiting(troubled, 3))


async def _waiting(listener: Listener, count: int) -> bool:
    return len((await ask(listener, "--waiting", "--json")).lines) == count


async def test_nothing_in_a_letter_steers_a_terminal(listener: Listener) -> None:
    """Keys, headers, values and reasons that hold control sequences are spelled out."""
    raw = HOSTILE.encode()
    header = (f"name {HOSTILE}", raw)
    await listener.send(
        Outgoing(listener.topic(), raw, raw, (header,)),
        Outgoing(listener.topic(), b"\xff\x1b", b"\xff\xfe\x1b[2J", (("dead-reason", raw),)),
        Outgoing(listener.topic(), b"json", b'["\\u001b[2J \xc2\x9b \xe2\x80\xae"]'),
    )
    async with listener.listening():
        letters = await listener.dead_letters(3)
    for arguments in ((), *(("--show", "listener", str(one.offset)) for one in letters)):
        for more in ((), ("--json",)):
            said = await ask(listener, *arguments, *more)
            assert said.status == 0, said.err
            odd = {char for char in said.out if not (char.isprintable() or char == "\n")}
            assert not odd, (arguments, odd)
    (text,) = [one.offset for one in letters if one.key == raw]
    assert "\\x1b]0;stolen\\x07" in (await ask(listener, "--show", "listener", str(text))).out
    (binary,) = [one.offset for one in letters if one.key == b"\xff\x1b"]
    assert "ff fe 1b 5b 32 4a" in (await ask(listener, "--show", "listener", str(binary))).out


@pytest.mark.timeout(180)
async def test_content_that_was_left_out_is_fetched_from_where_it_stands(
    troubled: Listener,
) -> None:
    """While it stands there it is put back whole; after that the reason is said."""
    value = events.write(BAD).ljust(LARGEST - 300)
    large = Outgoing(troubled.topic(), BAD.subject.encode(), value, events.HEADERS)
    letter = await buried(troubled, large)
    assert headers_of(letter)["dead-value"] == b"left out"
    assert "left out" in (await ask(troubled, "--show", "listener", "0")).out
    troubled.trouble = no_trouble
    async with troubled.listening():
        done = await ask(troubled, "--replay", "listener", "0")
        assert done.status == 0, done.out + done.err
        await troubled.until_heard(BAD.subject)
    first, second = await on(troubled, troubled.topic())
    assert (second.key, second.value) == (first.key, first.value)
    assert headers_of(second)["content-type"] == b"application/cloudevents+json"
    admin = AIOKafkaAdminClient(bootstrap_servers=troubled.bootstrap_servers)
    await admin.start()
    place = TopicPartition(first.topic, first.partition)
    await admin.delete_records({place: RecordsToDelete(before_offset=first.offset + 1)})
    await admin.close()
    gone = await ask(troubled, "--replay", "listener", "0", "--again")
    assert gone.status == 1
    assert f"{first.topic}/{first.partition}/{first.offset} is gone" in gone.out


async def test_what_is_too_large_to_say_whom_it_is_for_is_refused(listener: Listener) -> None:
    """A record that just fits has no room for more headers; its letter goes on waiting."""
    await listener.send(Outgoing(listener.topic(), b"key", b"x" * LARGEST), partition=0)
    async with listener.listening():
        await listener.dead_letters(1)
    said = await ask(listener, "--replay", "listener", "0", "--json")
    assert said.status == 1
    assert said.json["outcome"] == "refused"
    assert "larger than the broker takes" in said.json["refusal"]
    assert len((await ask(listener, "--waiting", "--json")).lines) == 1


async def test_what_would_do_harm_is_refused(listener: Listener) -> None:
    """From compacted topics, from what is no topic of events, from nowhere: nothing is written."""
    namespace = listener.namespace
    declared = (*declared_topics(namespace, 1), declared_dead_letters(namespace, "sla"))
    await ensure_topics(listener.bootstrap_servers, declared, 1)
    origins = [f"{namespace}.accounts/0/0", f"{namespace}.keys/0/0", f"{namespace}.sla.dead/0/0"]
    for origin in (*origins, "other.tickets/0/0", "nowhere", f"{namespace}.tickets/x/0"):
        told = (("dead-reason", b"r"), ("dead-stack", b""), ("dead-origin", origin.encode()))
        await listener.send(Outgoing(listener.dead, b"key", b"value", told))
    said = await ask(listener, "--replay", "--all")
    assert said.status == 1
    assert "0 put back, 6 refused, 0 replayed already." in said.out
    assert said.out.count("each key's last record is what holds") == 2
    assert said.out.count("no topic of this desk") == 4
    topics = [topic.name for topic in declared]
    assert await on(listener, *topics) == []


async def test_wrong_use_is_said(listener: Listener) -> None:
    """No such service, no such letter, no number, half a command; and no letters at all is fine."""
    empty = await ask(listener)
    assert (empty.status, empty.out) == (0, "No dead letters.\n")
    unknown = await ask(listener, "--show", "nobody", "0")
    assert (unknown.status, "those that may are listener" in unknown.err) == (1, True)
    missing = await ask(listener, "--show", "listener", "7")
    assert (missing.status, "has no dead letter 7" in missing.err) == (1, True)
    for arguments in (
        ("--show", "listener", "x"),
        ("--replay", "listener"),
        ("--replay",),
        ("--all",),
        ("--replay", "listener", "0", "--all"),
        ("--show", "listener", "0", "--reason", "text"),
    ):
        assert (await ask(listener, *arguments)).status == 2, arguments
