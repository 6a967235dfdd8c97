"""More partitions: refused while the order per ticket could break, and kept where it is done."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions

from shared.topic_survey import ends, survey
from shared.topics import Declared, declared_topics, ensure_topics, partition_of
from tests.support.operators import Said, command
from tests.support.stack import Stack
from tests.support.stream import read_all
from tests.support.waiting import until

BEFORE, AFTER = 3, 7
TICKETS = [f"ticket-{number}" for number in range(40)]
ORDER = "--intake-is-stopped", "--yes"


@pytest.fixture
async def topics(stack: Stack, namespace: str) -> tuple[Declared, ...]:
    """The topics of a desk whose services have all stopped."""
    made = declared_topics(namespace, BEFORE)
    await ensure_topics(stack.bootstrap_servers, made, 1)
    return made


@pytest.fixture
async def producer(stack: Stack) -> AsyncIterator[AIOKafkaProducer]:
    """Somebody who writes."""
    async with AIOKafkaProducer(bootstrap_servers=stack.bootstrap_servers) as made:
        yield made


async def ask(stack: Stack, namespace: str, partitions: int, *arguments: str) -> Said:
    """Run the command."""
    return await asyncio.to_thread(
        command,
        "deploy.topics",
        "--partitions",
        str(partitions),
        *arguments,
        KAFKA=stack.bootstrap_servers,
        NAMESPACE=namespace,
    )


async def counts(stack: Stack, namespace: str) -> dict[str, int]:
    """How many partitions each topic has."""
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.bootstrap_servers)
    await admin.start()
    try:
        names = [topic.name for topic in declared_topics(namespace, 1)]
        found = await survey(admin, names)
    finally:
        await admin.close()
    return {name.removeprefix(f"{namespace}."): each.partitions for name, each in found.items()}


async def say(producer: AIOKafkaProducer, topic: str, numbers: Iterable[int]) -> None:
    """Each ticket's events, one after the other."""
    for number in numbers:
        sent = [
            await producer.send(topic, str(number).encode(), key=ticket.encode())
            for ticket in TICKETS
        ]
        await asyncio.gather(*sent)


async def read(stack: Stack, group: str, topic: str, count: int) -> list[ConsumerRecord]:
    """What a group that goes on where it was reads next; at the end it has left."""
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=stack.bootstrap_servers,
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await consumer.start()
    try:
        records: list[ConsumerRecord] = []
        while len(records) < count:
            for batch in (await consumer.getmany(timeout_ms=200)).values():
                records += batch
        await consumer.commit()
    finally:
        await consumer.stop()
    return records


def by_ticket(records: Iterable[ConsumerRecord]) -> dict[str, list[int]]:
    """The numbers of each ticket's events as they were read."""
    heard: dict[str, list[int]] = defaultdict(list)
    for record in records:
        heard[record.key.decode()].append(int(record.value))
    return heard


async def test_the_partition_is_the_one_that_the_producer_takes(
    topics: tuple[Declared, ...], producer: AIOKafkaProducer
) -> None:
    """Whatever the key: ticket ids, none at all, every length, bytes above 127."""
    keys = [*TICKETS, "", "é", "5a1de1f0-0c1e-5c3b-9d1b-ca4e11e00001", *("k" * n for n in range(9))]
    for key in keys:
        sent = await producer.send_and_wait(topics[0].name, b"value", key=key.encode())
        assert sent.partition == partition_of(key.encode(), BEFORE), key


@pytest.mark.timeout(180)
async def test_order_per_ticket_holds_and_nothing_is_lost(
    stack: Stack, namespace: str, topics: tuple[Declared, ...], producer: AIOKafkaProducer
) -> None:
    """A reader that goes on meets each ticket's events once and in order, old ones and new."""
    tickets, group = f"{namespace}.tickets", f"{namespace}.sla"
    await say(producer, tickets, range(10))
    early = await read(stack, group, tickets, 10 * len(TICKETS))
    done = await ask(stack, namespace, AFTER, *ORDER)
    assert done.status == 0, done.out + done.err
    assert await counts(stack, namespace) == {
        topic.name.removeprefix(f"{namespace}."): AFTER if topic.grows else BEFORE
        for topic in topics
    }
    async with AIOKafkaProducer(bootstrap_servers=stack.bootstrap_servers) as started_again:
        await say(started_again, tickets, range(10, 20))
    late = await read(stack, group, tickets, 10 * len(TICKETS))
    heard = by_ticket([*early, *late])
    assert heard == {ticket: list(range(20)) for ticket in TICKETS}
    assert {record.partition for record in late} - {record.partition for record in early}
    assert all(record.partition == partition_of(record.key, AFTER) for record in late)


@pytest.mark.timeout(180)
async def test_who_reads_all_anew_has_the_order_by_time_stamps(
    stack: Stack, namespace: str, topics: tuple[Declared, ...], producer: AIOKafkaProducer
) -> None:
    """From offset 0 a ticket's events stand in two partitions; the broker's stamps order them."""
    tickets = topics[0].name
    await say(producer, tickets, range(5))
    assert (await ask(stack, namespace, AFTER, *ORDER)).status == 0
    async with AIOKafkaProducer(bootstrap_servers=stack.bootstrap_servers) as started_again:
        await say(started_again, tickets, range(5, 10))
    records = await read_all(stack.bootstrap_servers, tickets)
    places = defaultdict(set)
    for record in records:
        places[record.key].add(record.partition)
    assert any(len(partitions) > 1 for partitions in places.values())
    in_order = sorted(records, key=lambda record: (record.timestamp, record.offset))
    assert by_ticket(in_order) == {ticket: list(range(10)) for ticket in TICKETS}


@pytest.mark.long
async def test_nothing_changes_without_a_yes(
    stack: Stack, namespace: str, topics: tuple[Declared, ...]
) -> None:
    """What would be done is shown; intake needs somebody's word, since no broker can see it."""
    shown = await ask(stack, namespace, AFTER, "--intake-is-stopped")
    assert shown.status == 1
    assert f"{topics[0].name}: {BEFORE} partitions, then {AFTER}" in shown.out
    unsure = await ask(stack, namespace, AFTER, "--yes")
    assert unsure.status == 1
    assert "--intake-is-stopped" in unsure.err
    assert set((await counts(stack, namespace)).values()) == {BEFORE}


async def test_running_services_and_unread_records_stand_against_it(
    stack: Stack, namespace: str, topics: tuple[Declared, ...], producer: AIOKafkaProducer
) -> None:
    """All reasons are told at once: who runs, who is behind and by how much, foreign ones too."""
    tickets, foreign = topics[0].name, f"foreign-{namespace}"
    await say(producer, tickets, range(2))
    await read(stack, foreign, tickets, 2 * len(TICKETS))
    await say(producer, tickets, range(2, 3))
    running = AIOKafkaConsumer(
        tickets, bootstrap_servers=stack.bootstrap_servers, group_id=f"{namespace}.notifier"
    )
    await running.start()
    try:
        await until(lambda: bool(running.assignment()))
        said = await ask(stack, namespace, AFTER, *ORDER)
    finally:
        await running.stop()
    assert said.status == 1
    assert f"Group {namespace}.notifier has 1 members" in said.err
    assert f"Group {foreign} has not read {len(TICKETS)} records of {tickets}." in said.err
    assert set((await counts(stack, namespace)).values()) == {BEFORE}


@pytest.mark.long
async def test_somebody_who_writes_stands_against_it(
    stack: Stack, namespace: str, topics: tuple[Declared, ...], producer: AIOKafkaProducer
) -> None:
    """A producer belongs to no group: it is known by ends that go on growing."""
    writing = True

    async def write() -> None:
        while writing:
            await producer.send_and_wait(topics[1].name, b"value", key=b"key")
            await asyncio.sleep(0.1)

    task = asyncio.create_task(write())
    said = await ask(stack, namespace, AFTER, *ORDER)
    writing = False
    await task
    assert said.status == 1
    assert f"Somebody writes to {topics[1].name}" in said.err
    assert set((await counts(stack, namespace)).values()) == {BEFORE}


async def test_what_cannot_be_is_refused(
    stack: Stack, namespace: str, topics: tuple[Declared, ...]
) -> None:
    """Fewer partitions, topics that are not there, and the same number once more."""
    fewer = await ask(stack, namespace, BEFORE - 1, *ORDER)
    assert (fewer.status, "takes no partitions away" in fewer.err) == (1, True)
    same = await ask(stack, namespace, BEFORE, *ORDER)
    assert same.status == 0, same.err
    assert same.out == f"All topics of tickets have {BEFORE} partitions.\n"
    missing = await ask(stack, f"{namespace}-other", AFTER, *ORDER)
    assert (missing.status, "There is no topic" in missing.err) == (1, True)
    assert len(topics) == len(await counts(stack, namespace))


async def test_a_change_that_died_in_the_middle_is_ended_by_saying_it_again(
    stack: Stack, namespace: str, topics: tuple[Declared, ...]
) -> None:
    """Half of the topics have the new number: another number is refused, the same one goes on."""
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.bootstrap_servers)
    await admin.start()
    try:
        for topic in topics[:2]:
            await admin.create_partitions({topic.name: NewPartitions(AFTER)})
    finally:
        await admin.close()

    async def seen() -> bool:
        found = await counts(stack, namespace)
        return [found["tickets"], found["messages"]] == [AFTER, AFTER]

    await until(seen)
    for number in (BEFORE, AFTER + 1):
        other = await ask(stack, namespace, number, *ORDER)
        assert (other.status, f"say --partitions {AFTER}" in other.err) == (1, True)
    done = await ask(stack, namespace, AFTER, *ORDER)
    assert done.status == 0, done.err
    found = await counts(stack, namespace)
    growing = {topic.name for topic in topics if topic.grows}
    assert {found[name.removeprefix(f"{namespace}.")] for name in growing} == {AFTER}
    empty = await ends(stack.bootstrap_servers, dict.fromkeys(growing, AFTER))
    assert len(empty) == AFTER * len(growing)
