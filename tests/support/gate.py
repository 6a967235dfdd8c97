"""A gate on the way to a server: shut, the server is away; ajar, it takes calls and never answers.

It forwards bytes between 127.0.0.1 and the server, on a port of its own that stays the same.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from deploy.local import ports


@dataclass
class Gate:
    """One gate, shut at first."""

    host: str
    port: int
    own_port: int = field(default_factory=lambda: ports.free_ports().sla)
    passed: int = 0
    """Connections that have come through."""
    _server: asyncio.Server | None = field(default=None, init=False)
    _passing: set[asyncio.Task[None]] = field(default_factory=set, init=False)
    _answering: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    @property
    def address(self) -> str:
        """`host:port`, where a client calls."""
        return f"127.0.0.1:{self.own_port}"

    def dsn(self, dsn: str) -> str:
        """The same database, by way of the gate."""
        return dsn.replace(urlsplit(dsn).netloc.rpartition("@")[2], self.address)

    async def open(self) -> None:
        """Let everything through."""
        self._answering.set()
        if self._server is None:
            self._server = await asyncio.start_server(self._pass, "127.0.0.1", self.own_port)

    def leave_ajar(self) -> None:
        """Take connections and keep them, but let nothing through any more."""
        self._answering.clear()

    async def shut(self) -> None:
        """Cut every connection and refuse new ones."""
        if self._server is not None:
            self._server.close()
            self._server = None
        passing = list(self._passing)
        for task in passing:
            task.cancel()
        await asyncio.gather(*passing, return_exceptions=True)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._passing.add(task)
        self.passed += 1
        with contextlib.closing(writer), contextlib.suppress(OSError, asyncio.CancelledError):
            there, back = await asyncio.open_connection(self.host, self.port)
            with contextlib.closing(back):
                await self._both_ways((reader, back), (there, writer))
        self._passing.discard(task)

    async def _both_ways(self, *ways: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> None:
        """Forward until one side hangs up; then the other is hung up on too."""
        pumps = [asyncio.create_task(self._pump(*way)) for way in ways]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            await self._answering.wait()
            writer.write(data)
            await writer.drain()


@asynccontextmanager
async def gate_to(address: str) -> AsyncIterator[Gate]:
    """An open gate to `host:port`, or to the server of an address with a scheme."""
    server = urlsplit(address if "//" in address else f"//{address}")
    assert server.hostname is not None
    assert server.port is not None
    gate = Gate(server.hostname, server.port)
    await gate.open()
    try:
        yield gate
    finally:
        await gate.shut()
