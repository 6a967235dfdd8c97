"""TLS in front of a Postgres that was built without it, as the one from the wheel was.

A client sees what a server with `ssl=on` shows: it asks for TLS, hears yes, and goes on behind it.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

ASKS_FOR_TLS = (80877103).to_bytes(4, "big")
"""PostgreSQL's own number for that, behind the length of the message."""


@asynccontextmanager
async def tls_in_front(port: int, chain: Path, key: Path) -> AsyncIterator[int]:
    """Serve until the end of the block, on the port that it gives; connections without TLS end."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(chain, key)
    under_way: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        under_way.add(task)
        try:
            if (await reader.readexactly(8))[4:] == ASKS_FOR_TLS:
                writer.write(b"S")
                await writer.start_tls(context)
                await _pass_on(reader, writer, port)
        except (OSError, EOFError):
            pass
        finally:
            under_way.discard(task)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    behind, to_behind = await asyncio.open_connection("127.0.0.1", port)
    try:
        await asyncio.wait(
            {
                asyncio.create_task(_copy(reader, to_behind)),
                asyncio.create_task(_copy(behind, writer)),
            },
            return_when=asyncio.FIRST_COMPLETED,
        )
    finally:
        to_behind.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while held := await reader.read(65536):
            writer.write(held)
            await writer.drain()
    except OSError:
        return
