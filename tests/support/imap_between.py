"""Somebody between an IMAP server and who asks it, who has some commands refused.

What a full mailbox, or one with rights of its own, does can't be told a server of the tests.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from tests.support.imap_server import HOST

Answer = Callable[[bytes], bytes | None]


@dataclass
class Between:
    """Passes on all lines but those that `answer` has one for; the tag is put before it."""

    port: int = 0
    answer: Answer = lambda _: None
    answered: list[bytes] = field(default_factory=list)
    """The commands that never reached the server, without their tags."""


@contextlib.asynccontextmanager
async def somebody_between(server_port: int) -> AsyncIterator[Between]:
    """Listens on a port of its own until the end of the block."""
    between = Between()
    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(_pass_on(between, reader, writer, server_port))
        tasks.add(task)

    server = await asyncio.start_server(connected, HOST, 0)
    between.port = server.sockets[0].getsockname()[1]
    try:
        yield between
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _pass_on(
    between: Between, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int
) -> None:
    try:
        answers, commands = await asyncio.open_connection(HOST, port)
    except OSError:  # the server is away
        writer.close()
        return
    back = asyncio.create_task(_pump(answers, writer))
    try:
        while line := await reader.readline():
            tag, _, command = line.partition(b" ")
            told = between.answer(command)
            if told is None:
                commands.write(line)
                continue
            between.answered.append(command.strip())
            writer.write(tag + b" " + told + b"\r\n")
    finally:
        back.cancel()
        commands.close()
        writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
    writer.close()
