"""Putting records on the stream: acknowledged by all replicas, or an error within the deadline.

An idempotent aiokafka producer repeats a send for ever and without an error while the broker is
away. A caller must hear of it in time, and what it was refused must not appear on the stream later.
So a send that misses its deadline ends the producer with all that it still holds; until a new one
stands, every publish is refused at once. A record that the broker rejects ends it too: it has taken
a sequence number that the broker never saw, and all that follow in its partition would be rejected.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, ProducerClosed

from shared import metrics, tracing
from shared.faults import AwayError, BrokerAwayError
from shared.kafka_security import OPEN, KafkaSecurity, reaching

log = structlog.get_logger(__name__)

REQUEST_TIMEOUT_MS = 10_000
"""Also how long a try to connect may hang before the next one, while the broker's machine is away.
"""

STOP_WITHIN = 2.0
"""Seconds to send what is held at the end, where a publish may take longer: other parts of a
service have to stop, too, and whoever was not told that it is published sends it again.
"""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A record on its way to the stream; records of one key keep their order."""

    topic: str
    key: bytes
    value: bytes | None
    """None for a tombstone."""
    headers: tuple[tuple[str, bytes], ...] = ()
    trace: str | None = None
    """The trace context in which it was said; else it is that of who publishes it."""


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
        security: How the brokers are spoken to.
    """

    name = "kafka"

    def __init__(
        self,
        bootstrap_servers: str,
        *,
        deadline: float,
        client_id: str,
        security: KafkaSecurity = OPEN,
    ) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._deadline = deadline
        self._client_id = client_id
        self._security = security
        self._away = "the broker is away"
        self._producer: AIOKafkaProducer | None = None
        self._reconnecting: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connect.

        Raises:
            KafkaConnectionError: when no broker answers.
            AwayError: when one answers and refuses us; the text says why.
        """
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap_servers,
            client_id=self._client_id,
            acks="all",
            enable_idempotence=True,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
            **self._security.for_aiokafka(),
        )
        try:
            async with reaching(self._bootstrap_servers, self._security):
                await producer.start()
        except BaseException:
            await producer.stop()
            raise
        self._producer = producer

    async def stop(self) -> None:
        """Send what is held, within the deadline and 2 s at the most, and disconnect."""
        if self._reconnecting is not None:
            self._reconnecting.cancel()
            await asyncio.gather(self._reconnecting, return_exceptions=True)
        producer, self._producer = self._producer, None
        if producer is None:
            return
        try:
            await asyncio.wait_for(producer.stop(), min(self._deadline, STOP_WITHIN))
        except TimeoutError:
            await _end(producer)

    def ready(self) -> str | None:
        """Why nothing can be published now, or None."""
        return None if self._producer else self._away

    async def probe(self) -> bool:
        """Ask the broker for a sign of life; run it in a worker.

        While nobody publishes, nothing else would notice that it is away.
        """
        producer = self._producer
        if producer is None:
            return False
        try:
            async with asyncio.timeout(self._deadline):
                await producer.client.fetch_all_metadata()
        except (TimeoutError, KafkaError):
            self._abandon(producer, "no sign of life")
        return False

    async def publish(self, records: Sequence[Outgoing]) -> None:
        """Put records on the stream; of one key in the order given.

        Raises:
            BrokerAwayError: when the deadline passes, or at once while the broker is known away.
            MessageSizeTooLargeError: when a record is larger than the broker takes.
        """
        began, broke = time.perf_counter(), ""
        try:
            with tracing.sending(records) as traced:
                await self._publish(traced)
        except Exception as error:
            broke = type(error).__name__
            raise
        finally:
            metrics.SEND_SECONDS.labels(broke).observe(time.perf_counter() - began)
        for record in records:
            metrics.SENT.labels(record.topic).inc()

    async def _publish(self, records: Sequence[Outgoing]) -> None:
        producer = self._producer
        if producer is None:
            raise BrokerAwayError("the broker is away")
        try:
            async with asyncio.timeout(self._deadline):
                await self._send(producer, records)
        except TimeoutError:
            self._abandon(producer, f"no acknowledgement within {self._deadline} s")
            raise BrokerAwayError(f"no acknowledgement within {self._deadline} s") from None
        except KafkaError as error:
            # Ended meanwhile, on behalf of somebody else or by stop().
            if producer is not self._producer and isinstance(error, ProducerClosed):
                raise BrokerAwayError("the broker is away") from error
            if error.retriable:
                raise BrokerAwayError(type(error).__name__) from error
            raise

    async def _send(self, producer: AIOKafkaProducer, records: Sequence[Outgoing]) -> None:
        pending = [
            await producer.send(
                record.topic, record.value, key=record.key, headers=list(record.headers)
            )
            for record in records
        ]
        try:
            await asyncio.gather(*pending)
        except KafkaError as error:
            self._abandon(producer, type(error).__name__)
            raise

    def _abandon(self, producer: AIOKafkaProducer, why: str) -> None:
        if producer is not self._producer:
            return
        log.warning("producer_ended", reason=why)
        self._producer = None
        _stop_sending(producer)
        self._reconnecting = asyncio.create_task(self._replace(producer))

    async def _replace(self, producer: AIOKafkaProducer) -> None:
        await _end(producer)
        while self._producer is None:
            try:
                await self.start()
            except Exception as error:  # noqa: BLE001 - whatever it is, it must not end the tries
                refused = isinstance(error, AwayError)
                self._away = str(error) if refused else "the broker is away"
                why = str(error) if refused else type(error).__name__
                log.warning("broker_still_away", error=why)
                await asyncio.sleep(0.5)
        log.info("broker_back")


# stop() would wait until everything held is sent. There is no public way to drop it instead
# (tests/integration/shared/test_publisher.py would notice a change).


def _stop_sending(producer: AIOKafkaProducer) -> None:
    """Let nothing more out, from now on."""
    producer._sender.sender_task.cancel()  # noqa: SLF001 - see above


async def _end(producer: AIOKafkaProducer) -> None:
    """Drop what a producer holds, cut its connections, and be done with it."""
    _stop_sending(producer)
    await producer.client.close()
    sending = producer._sender.sender_task  # noqa: SLF001 - see above
    while not sending.done():
        # A request that was cut waits for metadata, which a closed client does not fetch.
        waiting = producer.client._md_update_fut  # noqa: SLF001 - see above
        if waiting is not None and not waiting.done():
            waiting.set_result(False)
        await asyncio.wait([sending], timeout=0.05)
    producer._closed = True  # noqa: SLF001 - else it warns that nobody closed it
