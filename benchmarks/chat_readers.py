"""Readers of many streams at once, as light as they can be: the server is what is measured."""

import asyncio
import json
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

MARKED = re.compile(r"message (\d+) of chat (\d+)\.")
AT_ONCE = 10
"""Streams that are being opened at one time."""
COME_BACK = 1.0
"""Seconds after which one that was told to come back later does."""


def marked(chat: int, number: int) -> str:
    """The text of a message, by which its reader knows it."""
    return f"This is message {number} of chat {chat}."


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message at its reader."""

    number: int
    at: float
    """By the event loop's clock."""


@dataclass
class Readers:
    """What arrived in each chat."""

    arrived: defaultdict[int, list[Arrived]] = field(default_factory=lambda: defaultdict(list))
    refused: int = 0
    """How often one was told to come back later, while it was opened."""
    ended: int = 0
    """Streams that did not last."""

    @property
    def count(self) -> int:
        """How many messages arrived."""
        return sum(map(len, self.arrived.values()))

    def take(self, line: bytes) -> None:
        """Note the message that a line of a stream brings, if it does."""
        if line.startswith(b"data: {"):
            html = json.loads(line[6:]).get("html", "")
            if (found := MARKED.search(html)) is not None:
                now = asyncio.get_running_loop().time()
                self.arrived[int(found[2])].append(Arrived(int(found[1]), now))


@asynccontextmanager
async def reading(url: str, streams: Sequence[tuple[str, str]]) -> AsyncIterator[Readers]:
    """Follow streams, given by path and cookie, until the end of the block.

    They have all been answered when it begins.
    """
    readers, tasks = Readers(), []
    gate = asyncio.Semaphore(AT_ONCE)

    async def opened(path: str, cookie: str) -> None:
        async with gate:
            while (both := await _open(url, path, cookie)) is None:
                readers.refused += 1
                await asyncio.sleep(COME_BACK)
        reader, writer = both
        tasks.append(asyncio.create_task(_read(reader, writer, readers)))

    await asyncio.gather(*(opened(path, cookie) for path, cookie in streams))
    try:
        yield readers
    finally:
        await _end(tasks)


async def _end(tasks: Iterable[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _open(
    url: str, path: str, cookie: str
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
    """A stream and its sender; None from a server that is too busy."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    asked = f"GET {path} HTTP/1.1\r\nHost: {address.netloc}\r\nCookie: {cookie}\r\n\r\n"
    writer.write(asked.encode())
    status = await reader.readline()
    if b" 503 " in status:
        writer.close()
        return None
    if b" 200 " not in status:
        raise RuntimeError(f"{path}: {status.decode().strip()}")
    # The first line of the stream itself: from now on it hears of everything.
    while not (await reader.readline()).startswith(b"retry:"):
        pass
    return reader, writer


async def _read(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, readers: Readers
) -> None:
    try:
        while line := await reader.readline():
            readers.take(line)
        readers.ended += 1
    finally:
        writer.close()
