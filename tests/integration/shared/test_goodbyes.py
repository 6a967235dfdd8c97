"""Lines on which the server says goodbye while nobody asks it anything."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import asyncpg
import pytest

from shared.database import Database
from shared.faults import is_passing
from tests.support.peers import listening


@asynccontextmanager
async def _held_open(dsn: str, goodbye: asyncio.Event) -> AsyncIterator[str]:
    """The same database behind a line that stays when the server hangs up."""
    address = urlsplit(dsn)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(address.hostname, address.port)
        asking = asyncio.create_task(_pump(reader, back))
        await _pump(there, writer)
        goodbye.set()
        await asking
        back.close()

    async with listening(talk) as port:
        yield dsn.replace(f":{address.port}", f":{port}")


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()


async def test_a_statement_after_the_goodbye_may_be_tried_again(
    dsn: str, database: Database
) -> None:
    """The driver takes none between the goodbye and the end of the line: nobody is at fault."""
    goodbye = asyncio.Event()
    async with _held_open(dsn, goodbye) as address:
        line = await asyncpg.connect(address)
        async with database.connection() as connection:
            await connection.execute("SELECT pg_terminate_backend($1)", line.get_server_pid())
        await goodbye.wait()
        await asyncio.sleep(0.2)  # what was passed on is read by the driver
        with pytest.raises(asyncpg.InternalClientError) as raised:
            await line.execute("SELECT 1", timeout=20)
        line.terminate()
    assert is_passing(raised.value)
