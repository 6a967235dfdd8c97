"""Reads the stream outside every group, from a while back, and hands it to the checks."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from deploy.auditor.checks import Checks
from deploy.auditor.promises import Findings, Terms
from deploy.auditor.record import Place, read
from shared.envelope import Topic
from shared.kafka_security import OPEN, KafkaSecurity, reaching
from shared.read_position import ReadPosition
from shared.topics import partitions_of, topic_name

log = structlog.get_logger(__name__)

TOPICS = (Topic.TICKETS, Topic.MESSAGES, Topic.SLA, Topic.NOTIFICATIONS)
FETCH_WAIT_MS = 500
"""How often an idle partition's read position moves on."""
POLL_MS = 500
BATCH = 2_000
MOST_PENDING = 20_000
"""Records that wait for other partitions; beyond that those wait that are ahead."""
LOOK_FOR_PARTITIONS = 60
"""Seconds between looks for partitions that were added."""


class Reader:
    """The stream, as far as the auditor has read it.

    Args:
        bootstrap_servers: `host:port`, comma separated.
        namespace: Stands before the names of topics.
        terms: How long things may take.
        look_back: From how long ago on it reads.
        clock: The present, with a zone.
        security: How the brokers are spoken to.
    """

    name = "stream"

    def __init__(
        self,
        bootstrap_servers: str,
        namespace: str,
        *,
        terms: Terms,
        look_back: timedelta,
        clock: Callable[[], datetime],
        security: KafkaSecurity = OPEN,
    ) -> None:
        self._servers = bootstrap_servers
        self._security = security
        self._topics = [topic_name(namespace, topic) for topic in TOPICS]
        self._terms = terms
        self._look_back = look_back
        self._clock = clock
        self._consumer: AIOKafkaConsumer | None = None
        self._position = ReadPosition(self._topics)
        self._fronts: dict[TopicPartition, int] = {}
        self._looked = 0.0
        self.checks = Checks(terms, clock())
        self.records = 0
        """Read since the start."""

    async def start(self) -> None:
        """Connect, and go to where it begins.

        Raises:
            KafkaError: no broker answers, or a topic is not there yet.
        """
        async with reaching(self._servers, self._security):
            await self._open()

    async def _open(self) -> None:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._servers,
            group_id=None,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=FETCH_WAIT_MS,
            **self._security.for_aiokafka(),
        )
        try:
            await consumer.start()
            await self._begin(consumer)
        except BaseException:
            await consumer.stop()
            raise
        self._consumer = consumer

    async def _begin(self, consumer: AIOKafkaConsumer) -> None:
        since = self._clock() - self._look_back
        partitions = await partitions_of(consumer, self._topics)
        since_ms = int(since.timestamp() * 1000)
        found = await consumer.offsets_for_times(dict.fromkeys(partitions, since_ms))
        ends = await consumer.end_offsets(partitions)
        # Only now: if the broker goes away before, what was read goes on from where it was.
        consumer.assign(partitions)
        for partition in partitions:
            at = found.get(partition)
            consumer.seek(partition, at.offset if at else ends[partition])
        self._position, self._fronts = ReadPosition(self._topics), {}
        self._position.follow(lambda: consumer)
        await self._position.on_partitions_assigned(partitions)
        # A restart of the reading, since partitions were added, forgets what is known.
        self.checks = Checks(self._terms, since)
        self._looked = time.monotonic()
        log.info("reading", since=since.isoformat(), partitions=len(partitions))

    async def stop(self) -> None:
        """Leave."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.stop()

    def ready(self) -> str | None:
        """Why it reads nothing, or None."""
        if self._consumer is None:
            return "not connected"
        silent = self._position.silent_seconds(time.time())
        return (
            f"no answer from the broker for {silent:.0f} s"
            if silent > LOOK_FOR_PARTITIONS
            else None
        )

    async def read(self) -> Findings:
        """Read what there is, for half a second at the most, and judge it."""
        consumer = self._consumer
        if consumer is None:
            return Findings()
        if time.monotonic() - self._looked > LOOK_FOR_PARTITIONS:
            await self._look_for_partitions(consumer)
        batches = await consumer.getmany(timeout_ms=POLL_MS, max_records=BATCH)
        for partition, records in batches.items():
            self._hear(partition, records)
        heard = await self._position.heard_until()
        numbers = {partition.partition for partition in consumer.assignment()}
        findings = Findings()
        if len(heard) == len(numbers):
            findings = self.checks.judge(min(heard.values()))
        await self._hold_back(consumer)
        return findings

    def _hear(self, partition: TopicPartition, records: list[ConsumerRecord]) -> None:
        self._position.handed_out(records)
        for record in records:
            place = Place(record.topic, record.partition, record.offset)
            event = read(place, record.timestamp, record.value)
            if event is not None:
                self.checks.hear(event)
        self._fronts[partition] = records[-1].timestamp
        self.records += len(records)
        self._position.handled(records)

    async def _hold_back(self, consumer: AIOKafkaConsumer) -> None:
        """Let those wait that are ahead, while there is too much to keep."""
        paused = consumer.paused()
        if self.checks.pending <= MOST_PENDING / 2 and paused:
            consumer.resume(*paused)
        if self.checks.pending <= MOST_PENDING:
            return
        behind = {
            partition: self._fronts.get(partition, 0)
            for partition in consumer.assignment()
            if await consumer.position(partition) < (consumer.highwater(partition) or 0)
        }
        if not behind:
            return
        slowest = min(behind.values()) + 1_000
        consumer.pause(*(each for each, front in behind.items() if front > slowest))
        if free := [each for each, front in behind.items() if front <= slowest]:
            consumer.resume(*free)

    async def _look_for_partitions(self, consumer: AIOKafkaConsumer) -> None:
        self._looked = time.monotonic()
        found = set(await partitions_of(consumer, self._topics))
        if found != consumer.assignment():
            log.warning("partitions_were_added", partitions=len(found))
            await self._begin(consumer)
