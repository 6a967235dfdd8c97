"""How soon a message is on its reader's page, with a thousand chats open on one process.

Customers read by links, each its own chat; an agent writes into all of them at a steady rate.
Beside it the same on a bare loop (`benchmarks/bare_chats.py`).
"""

import asyncio
import contextlib
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import quantiles

import httpx
import psutil

from benchmarks import chat_readers, servers
from benchmarks.chat_readers import Readers, marked
from benchmarks.figures import Figure, progress
from deploy.local import ports
from shared.events import TicketCreated
from shared.links import MadeLink, make_link
from tests.support import said
from tests.support.desk import Desk, running_desk
from tests.support.stack import Stack
from tests.support.stream import publish
from tests.support.waiting import until

MARK = 2.0
"""Seconds, of 99 in 100 messages."""
BARE = "a bare loop"
ARRIVE_WITHIN = 60
IDLE = 0.2
"""Of a core: messaging's own rounds take some of it, whoever is there."""
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured."""

    chats: int
    messages: int
    """In each chat."""
    rate: int
    """Messages a second."""


FULL = Size(chats=1_000, messages=2, rate=20)
QUICK = Size(chats=10, messages=2, rate=10)


@dataclass(frozen=True, slots=True)
class Chat:
    """One chat: where its page is followed, and where one writes into it."""

    stream: str
    cookie: str
    posts: str
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Course:
    """What came of one course: how long each message took."""

    from_sending: Sequence[float]
    after_answer: Sequence[float]
    rate: float

    def percentile(self, number: int) -> float:
        """Of all messages, from their sending."""
        return quantiles(self.from_sending, n=100, method="inclusive")[number - 1]


def measure(*, quick: bool) -> Iterator[Figure]:
    """Chats that are open, and messages into them."""
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
    chats = await _open_tickets(desk, size.chats)
    pid = desk.processes["messaging"].pid
    before = _resident(pid)
    clock = asyncio.get_running_loop().time
    begun = clock()
    async with chat_readers.reading(desk.url("messaging"), _streams(chats)) as readers:
        opened, refused = clock() - begun, readers.refused
        await _settled(pid)
        after = _resident(pid)
        worked = _worked(pid)
        ours = await _course(desk.url("messaging"), chats, readers, size)
        worked = _worked(pid) - worked
    async with _bare() as url:
        chats = [Chat(f"/{chat}", "", f"/{chat}", {}) for chat in range(size.chats)]
        async with chat_readers.reading(url, _streams(chats)) as readers:
            bare = await _course(url, chats, readers, size)
    many = f"{size.chats:,}"
    half, nearly = bare.percentile(50), bare.percentile(99)
    return [
        Figure(f"{many} chats opened", opened, "s"),
        Figure("told to come back while that was", refused, "times"),
        Figure("messages written", ours.rate, "/s"),
        _beside("from sending to the reader, half of them", ours.percentile(50), half),
        _beside("from sending to the reader, 99 in 100", ours.percentile(99), nearly, MARK),
        Figure("from sending to the reader, the slowest", max(ours.from_sending), "s"),
        Figure(
            "from the answer to the reader, 99 in 100",
            quantiles(ours.after_answer, n=100, method="inclusive")[98],
            "s",
        ),
        Figure("processor of a message", 1000 * worked / size.chats / size.messages, "ms"),
        Figure("memory before", before / MIB, "MiB"),
        Figure(f"memory with {many} chats open", after / MIB, "MiB"),
        Figure("memory of a chat", (after - before) / 1024 / size.chats, "KiB"),
    ]


def _beside(name: str, value: float, bare: float, at_most: float | None = None) -> Figure:
    return Figure(name, value, "s", at_most=at_most, beside=BARE, ratio=value / bare)


async def _open_tickets(desk: Desk, count: int) -> list[Chat]:
    """Tickets whose customers have links, in messaging's database."""
    expires = datetime.now(UTC) + timedelta(hours=1)
    links = [make_link("a-secret", "chat", str(n), expires=expires) for n in range(count)]
    created = [_with_link(said.ticket_created(f"chat {n}"), link) for n, link in enumerate(links)]
    desk.settings["CARELINE_MOST_STREAMS"] = str(count)
    desk.settings["CARELINE_PARTITIONS"] = str(servers.PARTITIONS)
    desk.start("messaging")
    await desk.ready("messaging")
    progress(f"opening {count:,} tickets")
    await publish(desk.stack.bootstrap_servers, desk.namespace, created)

    async def all_there() -> bool:
        (row,) = await desk.query("messaging", "SELECT count(*) FROM threads")
        return bool(row["count"] == count)

    await until(all_there, within=120, what="all threads are there")
    agent, cookies = desk.bearer("agent"), await _use(links, desk.url("messaging"))
    return [
        Chat(
            f"/center/{ticket.subject}/live",
            cookie,
            f"/v1/tickets/{ticket.subject}/messages",
            agent,
        )
        for ticket, cookie in zip(created, cookies, strict=True)
    ]


async def _use(links: Sequence[MadeLink], url: str) -> list[str]:
    """Open each link as its customer's browser would; returns the cookies that they have then."""
    cookies = []
    async with httpx.AsyncClient(base_url=url) as client:
        for link in links:
            answer = await client.get(f"/open/{link.token}")
            cookies.append(answer.headers["set-cookie"].partition(";")[0])
            client.cookies.clear()
    return cookies


def _with_link(created: TicketCreated, link: MadeLink) -> TicketCreated:
    data = created.data.model_copy(update={"link": link.link})
    return created.model_copy(update={"data": data})


def _streams(chats: Sequence[Chat]) -> list[tuple[str, str]]:
    return [(chat.stream, chat.cookie) for chat in chats]


async def _course(url: str, chats: Sequence[Chat], readers: Readers, size: Size) -> Course:
    """Write into all chats by turns, and see when each message arrives."""
    count = size.chats * size.messages
    progress(f"writing {count:,} messages, {size.rate} a second")
    clock = asyncio.get_running_loop().time
    sent: dict[tuple[int, int], float] = {}
    answered: dict[tuple[int, int], float] = {}

    async def write(client: httpx.AsyncClient, chat: int, number: int) -> None:
        at = chats[chat]
        sent[chat, number] = clock()
        text = {"text": marked(chat, number)}
        answer = await client.post(at.posts, json=text, headers=at.headers)
        answered[chat, number] = clock()
        answer.raise_for_status()

    begun = clock()
    async with httpx.AsyncClient(base_url=url, timeout=30) as client, asyncio.TaskGroup() as group:
        for place in range(count):
            number, chat = divmod(place, size.chats)
            await asyncio.sleep(begun + place / size.rate - clock())
            group.create_task(write(client, chat, number))
    took = clock() - begun
    await until(lambda: readers.count >= count, within=ARRIVE_WITHIN, what="all have arrived")
    _judge(readers, size)
    arrived = {
        (chat, each.number): each.at for chat, all_ in readers.arrived.items() for each in all_
    }
    return Course(
        [at - sent[key] for key, at in arrived.items()],
        [max(0.0, at - answered[key]) for key, at in arrived.items()],
        count / took,
    )


def _judge(readers: Readers, size: Size) -> None:
    wanted = list(range(size.messages))
    wrong = [
        chat
        for chat in range(size.chats)
        if [each.number for each in readers.arrived[chat]] != wanted
    ]
    if wrong or readers.ended:
        raise RuntimeError(f"{len(wrong)} chats were not told just what was said in them, in order")


def _resident(pid: int) -> int:
    return int(psutil.Process(pid).memory_info().rss)


def _worked(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


async def _settled(pid: int) -> None:
    """Wait until the process has nothing to do for a second: all pages have been told once."""
    last = -1.0

    async def is_idle() -> bool:
        nonlocal last
        await asyncio.sleep(1)
        before, last = last, _worked(pid)
        return before >= 0 and last - before < IDLE

    await until(is_idle, within=60, what="messaging is done with opening them")


@asynccontextmanager
async def _bare() -> AsyncIterator[str]:
    """Where the bare loop answers, until the end of the block."""
    port = ports.free_ports().messaging
    command = [sys.executable, "-m", "benchmarks.bare_chats", str(port)]
    process = subprocess.Popen(command)  # noqa: ASYNC220, S603 - it only begins here; our own
    url = f"http://127.0.0.1:{port}"

    async def answers() -> bool:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return True
        return False

    try:
        await until(answers, what="the bare loop answers")
        yield url
    finally:
        process.terminate()
        process.wait(10)
