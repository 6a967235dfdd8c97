"""Two replicas of messaging over a Kafka and a Postgres of their own, and what befalls them."""

import asyncio
import contextlib
import signal
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

import httpx

from shared.topics import dead_letter_name
from tests.support.desk import Desk
from tests.support.lone_broker import LoneBroker
from tests.support.lone_postgres import LonePostgres, Stop
from tests.support.order_faults import REPLICAS, Fault, Kind
from tests.support.stream import read_all
from tests.support.waiting import until

FAILPOINT = "at a failpoint"
AT_WORK_WITHIN = 15.0
BROKER_WITHIN = 240.0
"""Seconds: a machine on which others are at work as well takes its time."""


@dataclass
class OrderDesk:
    """The desk."""

    desk: Desk
    broker: LoneBroker
    postgres: LonePostgres
    ended: Counter[str] = field(default_factory=Counter)
    """How replicas ended that nobody ended."""
    happened: list[str] = field(default_factory=list)
    """Faults, as they came about."""

    @property
    def urls(self) -> tuple[str, ...]:
        """Where the replicas listen."""
        return tuple(f"http://127.0.0.1:{self._port(name)}" for name in REPLICAS)

    def start(self, name: str, point: str = "") -> None:
        """Start a replica; at the point, if one is given, it dies."""
        port = str(self._port(name))
        self.desk.start("messaging", name=name, CARELINE_HTTP_PORT=port, CARELINE_FAILPOINT=point)

    @asynccontextmanager
    async def kept_up(self) -> AsyncIterator[None]:
        """Inside the block, whatever replica dies by itself is started again, as a pod would be."""
        keeping = asyncio.create_task(self._keep_up())
        try:
            yield
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)

    async def ready(self) -> None:
        """Wait until both replicas are ready."""
        async with httpx.AsyncClient() as client:
            for url in self.urls:
                await until(partial(_is_ready, client, url), within=120, what=f"{url} is ready")

    async def suffer(self, rows: Sequence[Sequence[Fault]]) -> None:
        """Let faults happen, row beside row."""
        async with asyncio.TaskGroup() as group:
            for row in rows:
                group.create_task(self._suffer(row))

    async def is_all_said(self) -> bool:
        """Whether nothing waits to be published."""
        return not await self.desk.query("messaging", "SELECT FROM outbox LIMIT 1")

    async def dead_letters(self) -> list[bytes | None]:
        """What was put aside; nothing should be."""
        topic = dead_letter_name(self.desk.namespace, "messaging")
        return [each.value for each in await read_all(self.broker.bootstrap_servers, topic)]

    async def _suffer(self, row: Sequence[Fault]) -> None:
        for fault in row:
            if fault.replica:
                await self._at_work(fault.replica)
            await asyncio.sleep(fault.after)
            self.happened.append(str(fault))
            match fault.kind:
                case Kind.REPLICA_KILLED:
                    self.desk.kill(fault.replica)
                    await asyncio.sleep(fault.lasts)
                    self.start(fault.replica, fault.point)
                case Kind.REPLICA_FROZEN:
                    await self._freeze(fault)
                case Kind.BROKER_KILLED | Kind.BROKER_STOPPED:
                    await self._break_broker(fault)
                case Kind.POSTGRES_FAST | Kind.POSTGRES_IMMEDIATE:
                    await self._break_postgres(fault)

    async def _at_work(self, replica: str) -> None:
        """Wait for a replica that was started just now; what else is away may hold it up."""
        async with httpx.AsyncClient() as client:
            url = self.urls[REPLICAS.index(replica)]
            with contextlib.suppress(AssertionError):
                await until(partial(_is_ready, client, url), within=AT_WORK_WITHIN)

    async def _freeze(self, fault: Fault) -> None:
        process = self.desk.processes[fault.replica]
        process.send_signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(fault.lasts)
        finally:
            process.send_signal(signal.SIGCONT)

    async def _break_broker(self, fault: Fault) -> None:
        if fault.kind is Kind.BROKER_STOPPED:
            await self.broker.stop()
        else:
            self.broker.kill()
        await asyncio.sleep(fault.lasts)
        await self.broker.start(within=BROKER_WITHIN)

    async def _break_postgres(self, fault: Fault) -> None:
        is_fast = fault.kind is Kind.POSTGRES_FAST
        await self.postgres.stop(Stop.FAST if is_fast else Stop.IMMEDIATE)
        await asyncio.sleep(fault.lasts)
        await self.postgres.start()

    async def _keep_up(self) -> None:
        while True:
            for name, process in list(self.desk.processes.items()):
                code = process.poll()
                if code is not None:
                    self.ended[FAILPOINT if code == -signal.SIGKILL else f"status {code}"] += 1
                    self.start(name)
            await asyncio.sleep(0.2)

    def _port(self, name: str) -> int:
        # No other service runs on this desk.
        return self.desk.ports.messaging if name == REPLICAS[0] else self.desk.ports.notifier


async def _is_ready(client: httpx.AsyncClient, url: str) -> bool:
    try:
        answer = await client.get(f"{url}/health/ready")
    except httpx.TransportError:
        return False
    return answer.status_code == httpx.codes.OK
