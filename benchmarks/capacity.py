"""What a ticket costs: processor time of each service and server, bytes on Kafka and in Postgres.

Requests come over HTTP at a steady rate, by turns from accounts on each of the six plans; each is
slotted, acknowledged by mail and threaded, and then answered by an agent. What the processes take
by themselves, while nobody writes, is taken off. `docs/capacity.md` says what follows from it.
"""

import asyncio
import math
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import psutil
from aiokafka import ConsumerRecord

from benchmarks import servers
from benchmarks.figures import Figure, progress
from benchmarks.tickets import Load
from shared.envelope import Topic
from shared.topics import topic_name
from tests.support.desk import SERVICES, WITH_DATABASE, Desk, running_desk
from tests.support.stack import Stack
from tests.support.stream import read_all

MIB = 1024 * 1024
SERVERS = ("java", "postgres")
"""Names of the processes of Kafka and Postgres, where they run beside us and not in containers."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured."""

    tickets: int
    rate: int
    """Requests, and then answers, a second."""
    warm: int
    """Tickets before anything is measured."""


FULL = Size(tickets=1_500, rate=15, warm=150)
QUICK = Size(tickets=20, rate=20, warm=2)
CATALOGUE = "deploy/plans.toml"
RATES = (10, 1_000, 10_000)
"""Tickets a second, each answered once, of which the sums are told."""
BUSY = 0.6
"""The share of a core that is meant to be used: the rest is for peaks and for catching up."""


def measure(*, quick: bool) -> Iterator[Figure]:
    """Tickets from the request to the agent's answer."""
    with servers.running() as stack:
        yield from figures(stack, QUICK if quick else FULL)


def figures(stack: Stack, size: Size) -> Iterator[Figure]:
    """The same on servers that run already."""
    with (
        tempfile.TemporaryDirectory(prefix="careline-bench-") as folder,
        running_desk(stack, Path(folder)) as desk,
    ):
        yield from asyncio.run(_measured(desk, size))


async def _measured(desk: Desk, size: Size) -> Sequence[Figure]:
    await _start(desk)
    load = Load(desk, size.rate)
    await load.begin()
    await load.open(size.warm)
    await load.answer(size.warm)
    seconds = size.tickets / size.rate
    progress(f"looking at an idle desk for {seconds:.0f} s")
    idle = await _cost(desk, seconds, lambda: asyncio.sleep(seconds))
    progress(f"{size.tickets:,} tickets, {size.rate} a second")
    opened = await _cost(desk, seconds, lambda: load.open(size.tickets))
    progress(f"an answer in each of them, {size.rate} a second")
    answered = await _cost(desk, seconds, lambda: load.answer(size.tickets))
    return [
        *_of("a ticket", size.tickets, opened, idle),
        *_of("an answer", size.tickets, answered, idle),
        *_sums(size.tickets, opened, answered, idle),
        *_standing(desk, idle, seconds),
        *[
            Figure(f"connections of {service} to Postgres", count, "")
            for service, count in (await _connections(desk)).items()
        ],
    ]


async def _start(desk: Desk) -> None:
    desk.settings["CARELINE_PARTITIONS"] = str(servers.PARTITIONS)
    desk.settings["CARELINE_CATALOGUE"] = CATALOGUE
    for service in SERVICES:
        desk.start(service)
    await desk.ready()


@dataclass(frozen=True, slots=True)
class _Cost:
    """What was used meanwhile."""

    seconds: float
    worked: Mapping[str, float]
    """Processor seconds by service or server."""
    stream: Mapping[str, int]
    """Bytes of records, by topic."""
    databases: Mapping[str, int]
    """Bytes that a service's database grew by."""
    log: int
    """Bytes of Postgres' write-ahead log."""


async def _cost(desk: Desk, seconds: float, do: Callable[[], Awaitable[None]]) -> _Cost:
    """What is used while something is done, and in as long as it should take at the least."""
    clock = asyncio.get_running_loop().time
    await _checkpoint(desk)
    begun, worked = clock(), _worked(desk)
    stream, databases, log = await _stream(desk), await _databases(desk), await _log(desk)
    await do()
    await asyncio.sleep(max(0.0, begun + seconds - clock()))
    worked_then = _worked(desk)
    took = clock() - begun
    return _Cost(
        seconds=took,
        worked={name: worked_then[name] - used for name, used in worked.items()},
        stream=_grown(stream, await _stream(desk)),
        databases=_grown(databases, await _databases(desk)),
        log=await _log(desk) - log,
    )


def _grown(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    return {name: size - before.get(name, 0) for name, size in after.items()}


def _worked(desk: Desk) -> dict[str, float]:
    """Processor seconds so far, of each service, and of Kafka and Postgres if they run here."""
    found = {name: _of_process(psutil.Process(p.pid)) for name, p in desk.processes.items()}
    for child in psutil.Process().children():
        name = child.name().partition("-")[0]
        if name in SERVERS:
            found[name] = found.get(name, 0) + _of_family(child)
    return found


def _of_process(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _of_family(process: psutil.Process) -> float:
    """With its children, those that have ended among them."""
    times = process.cpu_times()
    gone = times.children_user + times.children_system if hasattr(times, "children_user") else 0
    alive = sum(_of_process(child) for child in process.children(recursive=True))
    return float(times.user + times.system + gone + alive)


async def _stream(desk: Desk) -> dict[str, int]:
    topics = [topic_name(desk.namespace, topic) for topic in Topic]
    sizes: Counter[str] = Counter()
    for record in await read_all(desk.stack.bootstrap_servers, *topics):
        sizes[record.topic.removeprefix(f"{desk.namespace}.")] += _size(record)
    return dict(sizes)


def _size(record: ConsumerRecord) -> int:
    headers = sum(len(name) + len(value) for name, value in record.headers)
    return len(record.key or b"") + len(record.value or b"") + headers


async def _databases(desk: Desk) -> dict[str, int]:
    found = {}
    for service in WITH_DATABASE:
        (row,) = await desk.query(service, "SELECT pg_database_size(current_database()) AS size")
        found[service] = int(row["size"])
    return found


async def _connections(desk: Desk) -> dict[str, int]:
    counting = """
        SELECT count(*) AS connections FROM pg_stat_activity
        WHERE datname = current_database() AND application_name LIKE 'careline-%'
    """
    return {
        service: int((await desk.query(service, counting))[0]["connections"])
        for service in WITH_DATABASE
    }


async def _log(desk: Desk) -> int:
    connection = await asyncpg.connect(desk.stack.postgres_admin_dsn)
    try:
        return int(await connection.fetchval("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn"))
    finally:
        await connection.close()


async def _checkpoint(desk: Desk) -> None:
    await servers.checkpoint(desk.stack)


def _of(what: str, count: int, cost: _Cost, idle: _Cost) -> Iterator[Figure]:
    total = 0.0
    for name, used in cost.worked.items():
        own = used - idle.worked[name] * cost.seconds / idle.seconds
        total += own
        yield Figure(f"{what}: processor of {name}", 1000 * own / count, "ms")
    yield Figure(f"{what}: processor of all", 1000 * total / count, "ms")
    for topic, grown in sorted(cost.stream.items()):
        if grown:
            yield Figure(f"{what}: on {topic}", grown / count, "bytes")
    yield Figure(f"{what}: on all topics", sum(cost.stream.values()) / count, "bytes")
    for service, grown in cost.databases.items():
        yield Figure(f"{what}: in {service}'s database", grown / count, "bytes")
    yield Figure(f"{what}: Postgres' write-ahead log", cost.log / count, "bytes")


def _sums(count: int, opened: _Cost, answered: _Cost, idle: _Cost) -> Iterator[Figure]:
    """What a ticket and its answer come to at a rate, as cores that are busy for `BUSY`."""
    stream = sum(opened.stream.values()) + sum(answered.stream.values())
    for rate in RATES:
        for name in idle.worked:
            used = sum(
                cost.worked[name] - idle.worked[name] * cost.seconds / idle.seconds
                for cost in (opened, answered)
            )
            cores = max(1, math.ceil(rate * used / count / BUSY))
            yield Figure(f"{rate:,} a second: cores for {name}", cores, "")
        yield Figure(f"{rate:,} a second: onto Kafka", rate * stream / count / MIB, "MiB/s")
        log = (opened.log + answered.log) / count
        yield Figure(f"{rate:,} a second: Postgres' write-ahead log", rate * log / MIB, "MiB/s")


def _standing(desk: Desk, idle: _Cost, seconds: float) -> Iterator[Figure]:
    for name, used in idle.worked.items():
        yield Figure(f"idle: processor of {name}", 100 * used / seconds, "% of a core")
    for name, process in desk.processes.items():
        resident = psutil.Process(process.pid).memory_info().rss
        yield Figure(f"memory of {name} afterwards", resident / MIB, "MiB")
