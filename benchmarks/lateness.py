"""How late sla says that a deadline is breached, at a steady rate and with a million pending.

Through the whole process. Late by: from the due time to the broker's stamp on the event.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from statistics import quantiles

from aiokafka import AIOKafkaProducer, ConsumerRecord

from benchmarks import servers, sla_process
from benchmarks.figures import Figure, progress
from shared import events
from shared.deadlines import DeadlineBreached
from shared.envelope import Topic
from shared.topics import topic_name
from tests.support import said
from tests.support.desk import CATALOGUE, Desk
from tests.support.stack import Stack
from tests.support.waiting import until

MARK = 1.0
"""Seconds, of 99 in 100 breaches."""
ACCOUNT, PLAN = "an-account", "centurion"


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured."""

    pending: int
    rate: int
    """Tickets a second."""
    seconds: int


FULL = Size(pending=1_000_000, rate=200, seconds=30)
QUICK = Size(pending=1_000, rate=5, seconds=3)


def measure(*, quick: bool) -> Iterator[Figure]:
    """Tickets that nobody answers, each with a target of seconds."""
    with servers.running() as stack:
        yield from figures(stack, QUICK if quick else FULL)


def figures(stack: Stack, size: Size) -> Iterator[Figure]:
    """The same on servers that run already."""
    with sla_process.desk(stack, CATALOGUE) as desk:
        late, rate = asyncio.run(_late(desk, size))
    percentiles = quantiles(late, n=100, method="inclusive")
    yield Figure("tickets opened, and never answered", rate, "/s")
    yield Figure(f"late among {size.pending:,} pending, half of them", percentiles[49], "s")
    name = f"late among {size.pending:,} pending, 99 in 100"
    yield Figure(name, percentiles[98], "s", at_most=MARK)


async def _late(desk: Desk, size: Size) -> tuple[Sequence[float], float]:
    """By how many seconds each breach is late, and how many tickets were opened a second."""
    await _prepare(desk, size.pending)
    desk.start("sla")
    await desk.ready("sla")
    count = size.rate * size.seconds
    progress(f"opening {size.rate} tickets a second for {size.seconds} s")
    took = await _open_tickets(desk, count, size.rate)
    breaches = await until(partial(_breaches, desk, count), within=120, what="all are breached")
    return [_late_by(record) for record in breaches], count / took


async def _prepare(desk: Desk, pending: int) -> None:
    async with sla_process.prepared(desk) as database, database.transaction() as connection:
        await sla_process.register(connection, [(ACCOUNT, PLAN)], datetime.now(UTC))
    await servers.fill(desk.dsn("sla"), pending)
    await servers.checkpoint(desk.stack)


async def _open_tickets(desk: Desk, count: int, rate: int) -> float:
    """Keep to a schedule, however long each send takes; returns how many seconds it took."""
    topic = topic_name(desk.namespace, Topic.TICKETS)
    clock = asyncio.get_running_loop().time
    async with AIOKafkaProducer(bootstrap_servers=desk.stack.bootstrap_servers) as producer:
        begun = clock()
        for number in range(count):
            await asyncio.sleep(begun + number / rate - clock())
            created = said.ticket_created(f"ticket {number}", account=ACCOUNT)
            await producer.send(topic, events.write(created), key=created.subject.encode())
        return clock() - begun


async def _breaches(desk: Desk, count: int) -> Sequence[ConsumerRecord] | None:
    """All breaches, once so many tickets have one; not looked for too often, since that is work."""
    await asyncio.sleep(1)
    found = await sla_process.said(desk, kind=DeadlineBreached.model_fields["type"].default)
    return found if len({record.key for record in found}) == count else None


def _late_by(record: ConsumerRecord) -> float:
    breached = events.read(record.value)
    if not isinstance(breached, DeadlineBreached):
        raise TypeError("a record of another type")
    appended: float = record.timestamp / 1000
    return appended - breached.data.due.timestamp()
