"""Putting records on the stream: acknowledged by all replicas, or an error within the deadline.

An idempotent aiokafka producer repeats a send for ever and without an error while the broker is
away. A caller must hear of it in time, and what it was refused must not appear on the stream later.
So a send that misses its deadline ends the producer with all that it still holds; until a new one
stands, every publish is refused at once.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

log = structlog.get_logger(__name__)


class BrokerAwayError(Exception):
    """The broker did not take the records in time; they may or may not be on the stream."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A record on its way to the stream; records of one key keep their order."""

    topic: str
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()


class Publishes(Protocol):
    """Whoever can put records on the stream."""

    async def publish(self, records: Sequence[Outgoing]) -> None:
        """Return once every record is acknowledged by all in-sync replicas."""


class Publisher:
    """One idempotent producer with acks=all and a deadline on every publish.

    Args:
        bootstrap_servers: `host:port`, comma separated.
        deadline: Seconds that a publish may take.
        client_id: The name under which the broker's logs and metrics show it.
    """

    name = "kafka"

    def __init__(self, bootstrap_servers: str, *, deadline: float, client_id: str) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._deadline = deadline
        self._client_id = client_id
        self._producer: AIOKafkaProducer | None = None
        self._reconnecting: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connect.

        Raises:
            KafkaConnectionError: when no broker answers.
        """
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap_servers,
            client_id=self._client_id,
            acks="all",
            enable_idempotence=True,
        )
        try:
            await producer.start()
        except BaseException:
            await producer.stop()
            raise
        self._producer = producer

    async def stop(self) -> None:
        """Send what is held, within the deadline, and disconnect."""
        if self._reconnecting is not None:
            self._reconnecting.cancel()
            await asyncio.gather(self._reconnecting, return_exceptions=True)
        producer, self._producer = self._producer, None
        if producer is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(producer.stop(), self._deadline)

    def ready(self) -> str | None:
        """Why nothing can be published now, or None."""
        return None if self._producer else "the broker is away"

    async def publish(self, records: Sequence[Outgoing]) -> None:
        """Put records on the stream; of one key in the order given.

        Raises:
            BrokerAwayError: when the deadline passes, or at once while the broker is known away.
            MessageSizeTooLargeError: when a record is larger than the broker takes.
        """
        producer = self._producer
        if producer is None:
            raise BrokerAwayError("the broker is away")
        try:
            async with asyncio.timeout(self._deadline):
                await self._send(producer, records)
        except TimeoutError:
            self._abandon(producer)
            raise BrokerAwayError(f"no acknowledgement within {self._deadline} s") from None
        except KafkaError as error:
            if not error.retriable:
                raise
            raise BrokerAwayError(str(error)) from error

    async def _send(self, producer: AIOKafkaProducer, records: Sequence[Outgoing]) -> None:
        pending = [
            await producer.send(
                record.topic, record.value, key=record.key, headers=list(record.headers)
            )
            for record in records
        ]
        for acknowledgement in pending:
            await acknowledgement

    def _abandon(self, producer: AIOKafkaProducer) -> None:
        if producer is not self._producer:
            return
        log.warning("broker_away", deadline_seconds=self._deadline)
        self._producer = None
        self._reconnecting = asyncio.create_task(self._replace(producer))

    async def _replace(self, producer: AIOKafkaProducer) -> None:
        # stop() would wait until everything held is sent; without its sender it gives up at once,
        # and nothing that a caller was refused reaches the stream afterwards. There is no public
        # way to say so (tests/integration/shared/test_publisher.py would notice a change).
        producer._sender.sender_task.cancel()  # noqa: SLF001 - see above
        with contextlib.suppress(Exception):
            await producer.stop()
        while self._producer is None:
            try:
                await self.start()
            except KafkaError:
                await asyncio.sleep(0.5)
        log.info("broker_back")
