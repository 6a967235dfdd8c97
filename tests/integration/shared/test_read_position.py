"""A position never claims to have heard what was not handled, and goes on when all was."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from aiokafka import AIOKafkaProducer
from confluent_kafka import Message, Producer

from shared import events
from shared.consumer import Consumer, Heard
from shared.database import Connection
from shared.envelope import Topic
from shared.publisher import Outgoing
from shared.read_position import Lag
from tests.support.listener import HEARS, Listener, owned
from tests.support.samples import ticket_created
from tests.support.waiting import until

GOOD = ticket_created("good")
ALL = {0, 1, 2}
"""The partition numbers of a listener's topics."""


def now() -> datetime:
    """The present."""
    return datetime.now(UTC)  # noqa: TID251 - positions are instants of the real clock


def record(listener: Listener, name: str = "good") -> Outgoing:
    """A ticket as it stands on the stream."""
    event = ticket_created(name)
    return Outgoing(listener.topic(), event.subject.encode(), events.write(event))


async def heard_past(consumer: Consumer, instant: datetime, partitions: set[int] = ALL) -> None:
    """Wait until these partitions, and no other, were heard past an instant."""

    async def there() -> bool:
        heard = await consumer.position.heard_until()
        return heard.keys() == partitions and min(heard.values()) > instant

    await until(there, what=f"partitions {partitions} are heard")


async def append_times(listener: Listener, names: Sequence[str]) -> list[datetime]:
    """Put tickets on partition 0 and tell when the broker appended them."""
    times: list[datetime] = []
    async with AIOKafkaProducer(bootstrap_servers=listener.bootstrap_servers) as producer:
        for name in names:
            sent = record(listener, name)
            kept = await producer.send_and_wait(sent.topic, sent.value, sent.key, partition=0)
            times.append(datetime.fromtimestamp(kept.timestamp / 1000, UTC))
            await asyncio.sleep(0.01)  # so that no two are appended in the same millisecond
    return times


class Held:
    """A handler's trouble that holds it up until it is let, at the ticket of a name."""

    def __init__(self, name: str) -> None:
        self.subject = ticket_created(name).subject
        self.entered = asyncio.Event()
        self.let = asyncio.Event()

    async def __call__(self, _: Connection, heard: Sequence[Heard]) -> None:
        """Wait if this is the one."""
        if self.subject in [item.event.subject for item in heard]:
            self.entered.set()
            await self.let.wait()


@pytest.fixture
async def consumer(listener: Listener) -> AsyncIterator[Consumer]:
    """The only member of the group."""
    async with listener.listening() as member:
        yield member


async def test_nothing_is_heard_before_there_is_a_consumer(listener: Listener) -> None:
    """Neither before the start nor after the stop can anything be said."""
    consumer = listener.member()
    assert await consumer.position.heard_until() == {}
    await consumer.start()
    await heard_past(consumer, now())
    await consumer.stop()
    assert await consumer.position.heard_until() == {}


async def test_an_idle_partition_is_heard_ever_further(consumer: Consumer) -> None:
    """With nothing on the stream the position moves on with the clock, and not ahead of it."""
    await heard_past(consumer, now() - timedelta(hours=1))
    for _ in range(3):
        await heard_past(consumer, now())
        heard = await consumer.position.heard_until()
        assert max(heard.values()) <= now()


async def test_a_record_in_hand_is_not_heard(listener: Listener) -> None:
    """While a handler works on a record, its partition stands; the other goes on."""
    held = Held("held")
    listener.trouble = held
    async with listener.listening() as consumer:
        await heard_past(consumer, now())
        (appended,) = await append_times(listener, ["held"])
        await held.entered.wait()
        for _ in range(20):
            heard = await consumer.position.heard_until()
            assert heard.get(0, appended) <= appended
            await asyncio.sleep(0.02)
        await until(lambda: _is_heard(consumer, 1, past=appended))
        held.let.set()
        await heard_past(consumer, now())


async def _is_heard(consumer: Consumer, partition: int, *, past: datetime) -> bool:
    heard = await consumer.position.heard_until()
    return partition in heard and heard[partition] > past


@pytest.mark.timeout(240)
async def test_behind_it_is_heard_as_far_as_the_last_handled_record(listener: Listener) -> None:
    """With records waiting, the position is when the broker appended the last that was handled."""
    held = Held("third")
    listener.trouble = held
    async with listener.listening() as consumer:
        await heard_past(consumer, now())
        first, second = await append_times(listener, ["first", "second"])
        await listener.until_heard(*(ticket_created(name).subject for name in ("first", "second")))
        (third,) = await append_times(listener, ["third"])
        await held.entered.wait()
        assert first < second < third
        await until(lambda: _is_heard(consumer, 0, past=first))
        await until(lambda: _is_heard(consumer, 1, past=third))
        heard = await consumer.position.heard_until()
        assert heard[0] == second
        held.let.set()
        await heard_past(consumer, third)


async def test_one_that_stops_at_its_first_record_is_not_forgotten(listener: Listener) -> None:
    """It stays heard up to when it was last seen at its end, though no record was handled yet."""
    held = Held("first")
    listener.trouble = held
    async with listener.listening() as consumer:
        await heard_past(consumer, now())
        before = (await consumer.position.heard_until())[0]
        (first,) = await append_times(listener, ["first"])
        await held.entered.wait()
        await until(lambda: _is_heard(consumer, 1, past=first))
        assert before <= (await consumer.position.heard_until())[0] <= first
        held.let.set()
        await heard_past(consumer, first)


async def test_markers_of_transactions_do_not_hold_it_up(
    listener: Listener, consumer: Consumer, namespace: str
) -> None:
    """Offsets that hold no record, left by somebody's transaction, are known for what they are."""
    await heard_past(consumer, now())
    producer = AIOKafkaProducer(
        bootstrap_servers=listener.bootstrap_servers, transactional_id=namespace
    )
    await producer.start()
    sent = record(listener)
    async with producer.transaction():
        await producer.send_and_wait(sent.topic, sent.value, sent.key, partition=0)
    await producer.stop()
    await listener.until_heard(GOOD.subject)
    await heard_past(consumer, now())


@pytest.mark.timeout(240)
async def test_revoked_partitions_are_not_spoken_of(listener: Listener) -> None:
    """What another member reads is left out, and is back when that member leaves."""
    async with listener.listening() as first:
        await heard_past(first, now())
        async with listener.listening() as second:
            await until(lambda: len(owned(first)) == len(owned(second)) == len(HEARS))
            mine, yours = (owned(member)[listener.topic()] for member in (first, second))
            await heard_past(first, now(), mine)
            await heard_past(second, now(), yours)
            assert mine | yours == ALL
            assert not mine & yours
        await heard_past(first, now())


async def test_a_partition_counts_only_with_all_its_topics(
    listener: Listener, consumer: Consumer
) -> None:
    """A member that owns a number of one topic alone, says nothing about it."""
    await heard_past(consumer, now())
    other = type(consumer.position)([listener.topic(), listener.topic(Topic.MESSAGES), "a third"])
    other.follow(lambda: consumer.position.consumer)
    inner = consumer.position.consumer
    assert inner is not None
    await other.on_partitions_assigned(inner.assignment())
    for _ in range(10):
        assert await other.heard_until() == {}
        await asyncio.sleep(0.05)


@pytest.mark.timeout(240)
async def test_an_answer_read_late_is_not_taken_for_the_present(
    listener: Listener, consumer: Consumer
) -> None:
    """A process that was frozen has not heard what was said meanwhile, whatever it reads first."""
    await heard_past(consumer, now())
    appended: list[datetime] = []

    def kept(_: object, message: Message) -> None:
        appended.append(datetime.fromtimestamp(message.timestamp()[1] / 1000, UTC))

    producer = Producer({"bootstrap.servers": listener.bootstrap_servers, "linger.ms": 0})
    sent = record(listener)
    for _ in range(3):
        # The loop stands still, as under SIGSTOP, long enough for the fetch at the broker to be
        # answered with nothing; then the record comes, and only then may the loop go on.
        time.sleep(0.3)  # noqa: ASYNC251 - the freeze itself
        producer.produce(sent.topic, sent.value, sent.key, partition=0, on_delivery=kept)
        producer.flush()
        time.sleep(0.3)  # noqa: ASYNC251 - the freeze itself
        while len(listener.batches) < len(appended):
            heard = await consumer.position.heard_until()
            assert heard.get(0, appended[-1]) <= appended[-1]
            await asyncio.sleep(0)
        await heard_past(consumer, appended[-1])
    assert len(appended) == 3


def lag(consumer: Consumer) -> dict[str, int]:
    """By topic, how many records it is behind."""
    return {topic: lag.records for topic, lag in consumer.position.lag(time.time()).items()}


async def test_the_lag_is_what_the_broker_has_and_nobody_has_handled(listener: Listener) -> None:
    """Records in hand count as behind until their transaction has committed."""
    held = Held("held")
    listener.trouble = held
    async with listener.listening() as consumer:
        await heard_past(consumer, now())
        topic, other = map(listener.topic, HEARS)
        assert consumer.position.lag(time.time()) == {topic: Lag(0, 0.0), other: Lag(0, 0.0)}
        # It was last seen at its end when the test began, which is no matter.
        await asyncio.sleep(0.5)
        appended, _ = await append_times(listener, ["held", "behind it"])
        await held.entered.wait()
        await until(lambda: lag(consumer) == {topic: 2, other: 0}, what="two behind")
        late = time.time() + 3600
        waited = late - appended.timestamp()
        assert consumer.position.lag(late)[topic].seconds == pytest.approx(waited)
        assert consumer.position.lag(late)[other].seconds == 0
        held.let.set()
        await until(lambda: lag(consumer) == {topic: 0, other: 0}, what="none behind")
        assert consumer.position.lag(late)[topic].seconds == 0
