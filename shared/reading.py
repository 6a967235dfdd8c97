"""Taking records from a consumer partition by partition, so that a bad one holds up only its own.

aiokafka unpacks records while it hands them out. What it can't unpack raises in the middle: packed
with a codec that isn't installed, a header whose name isn't UTF-8, a wrong checksum. Read together,
what had been taken from other partitions by then would be lost, and they would stand still too.

A partition with such a record is read up to it and then stands, loudly: nobody can tell where the
next good record begins. An operator takes it out with Kafka's `kafka-delete-records`.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import ConsumerStoppedError, IllegalStateError

from shared import metrics

log = structlog.get_logger(__name__)

BATCH = 500
BATCH_BYTES = 4 * 1024 * 1024
"""Of all values of a batch: parts of files are up to 700 KB each, and a batch is held several times
over, as records, as events and as rows. What one partition has at hand, about 1 MiB at the most, is
not divided; so there is always a record to go on with, however large it is.
"""
PAUSE = 0.02
"""Seconds between looks that find nothing."""
REST = 5.0
"""Seconds between tries at a record that can't be unpacked."""


@dataclass(frozen=True, slots=True)
class _Trouble:
    """A partition that failed: left alone for a while, then read record by record for a while."""

    rest_until: float
    careful_until: float


class Reading:
    """Collects the next batch; FastStream's subscriber asks for one after the other.

    Args:
        handed_out: Told of records as soon as they have left the consumer.
        until: Up to where a partition is read for now, or None: see `shared/rebuilding.py`.
    """

    def __init__(
        self,
        handed_out: Callable[[Iterable[ConsumerRecord]], None],
        until: Callable[[TopicPartition], int | None],
    ) -> None:
        self._handed_out = handed_out
        self._until = until
        self._troubles: dict[TopicPartition, _Trouble] = {}
        self._turn = 0

    async def next_batch(self, consumer: AIOKafkaConsumer) -> tuple[ConsumerRecord, ...]:
        """Up to 500 records, of one partition in order; after a short pause none.

        It ends with the partition by which it reaches 4 MiB.
        """
        records: list[ConsumerRecord] = []
        for partition in self._in_turn(consumer):
            records += await self._take(consumer, partition, BATCH - len(records))
            size = sum(len(record.value or b"") for record in records)
            if len(records) == BATCH or size >= BATCH_BYTES:
                break
        if not records:
            await asyncio.sleep(PAUSE)
        return tuple(records)

    def _in_turn(self, consumer: AIOKafkaConsumer) -> list[TopicPartition]:
        """Each time another partition is first, so that a busy one does not starve the others."""
        # With none, ask all the same: trouble with the group is told to whoever asks, once.
        partitions = sorted(consumer.assignment()) or [None]
        self._turn = (self._turn + 1) % len(partitions)
        return partitions[self._turn :] + partitions[: self._turn]

    async def _take(
        self, consumer: AIOKafkaConsumer, partition: TopicPartition | None, room: int
    ) -> list[ConsumerRecord]:
        if partition is not None and await self._is_at_the_horizon(consumer, partition):
            return []
        now = asyncio.get_running_loop().time()
        trouble = self._troubles.get(partition)
        if trouble is not None and now < trouble.rest_until:
            return []
        careful = trouble is not None and now < trouble.careful_until
        asked = () if partition is None else (partition,)
        try:
            found = await consumer.getmany(*asked, max_records=1 if careful else room)
        except ConsumerStoppedError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a record does to the one who unpacks it
            self._troubles[partition] = _Trouble(now + REST * careful, now + REST * (1 + careful))
            self._complain(partition, error)
            return []
        taken = [record for records in found.values() for record in self._cut(consumer, records)]
        self._handed_out(taken)
        return taken

    async def _is_at_the_horizon(
        self, consumer: AIOKafkaConsumer, partition: TopicPartition
    ) -> bool:
        until = self._until(partition)
        if until is None:
            return False
        try:
            return bool(await consumer.position(partition) >= until)
        except IllegalStateError:
            return True  # it went to another member while we asked; this one has nothing to read

    def _cut(
        self, consumer: AIOKafkaConsumer, records: Sequence[ConsumerRecord]
    ) -> Sequence[ConsumerRecord]:
        """Those that may be heard by now; the rest is read again later."""
        partition = TopicPartition(records[0].topic, records[0].partition)
        until = self._until(partition)
        if until is None or records[-1].offset < until:
            return records
        kept = [record for record in records if record.offset < until]
        consumer.seek(partition, records[len(kept)].offset)
        return kept

    def _complain(self, partition: TopicPartition | None, error: Exception) -> None:
        topic, number = partition or ("", None)
        metrics.READ_FAILURES.labels(topic=topic).inc()
        log.error("cannot_read", topic=topic, partition=number, error=type(error).__name__)
