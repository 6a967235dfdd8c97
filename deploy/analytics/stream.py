"""The stream as librdkafka reads it: which partitions there are, up to where, and their records."""

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from confluent_kafka import (
    TIMESTAMP_NOT_AVAILABLE,
    Consumer,
    KafkaError,
    KafkaException,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient

from deploy.analytics.errors import AnalyticsError
from deploy.analytics.layout import TOPICS, Partition
from deploy.analytics.records import Record

ANSWER_SECONDS = 10
SILENCE_SECONDS = 30
AT_ONCE = 2_000
CHANGING_HANDS = (
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
)
"""What a broker says of a partition that has just been made, or has another leader by now."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Extent:
    """What a partition holds at one moment: offsets from `low` up to and without `end`."""

    partition: Partition
    topic_id: str
    low: int
    end: int


class Stream:
    """The topics of one namespace on one Kafka.

    It is in no group and commits nothing: the files say how far it has read.

    Args:
        bootstrap_servers: `host:port`, comma separated.
        namespace: Stands before the names of topics.
        security: What librdkafka is told beside that, as `security_from` reads it.
    """

    def __init__(
        self, bootstrap_servers: str, namespace: str, security: Mapping[str, str] | None = None
    ) -> None:
        self._servers, self._namespace = bootstrap_servers, namespace
        quiet = logging.getLogger("confluent_kafka.analytics")
        quiet.setLevel(logging.CRITICAL)  # librdkafka's own lines; what counts is raised below
        address: dict[str, str | int | float | bool] = {
            "bootstrap.servers": bootstrap_servers,
            **(security or {}),
        }
        self._admin = AdminClient(address, logger=quiet)
        self._consumer = Consumer(
            {
                **address,
                "group.id": "careline-analytics",  # asked for, and never joined
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "error",
                "check.crcs": True,
                "queued.max.messages.kbytes": 16_384,
            },
            logger=quiet,
        )

    def close(self) -> None:
        """Let go of the broker."""
        self._consumer.close()

    def extents(self) -> list[Extent]:
        """What every partition of the stream holds now; topics that are not there are left out.

        Raises:
            AnalyticsError: No broker answers, or it has no topic of ours.
        """
        with self._answering():
            there = self._consumer.list_topics(timeout=ANSWER_SECONDS).topics
            names = [name for name in map(self._name, TOPICS) if name in there]
            if not names:
                raise AnalyticsError(
                    f"Kafka at {self._servers} has no topics of {self._namespace!r}: is it the "
                    "right namespace, and has the desk been started?"
                )
            ids = self._topic_ids(names)
            return [
                self._extent(Partition(topic, number), ids[self._name(topic)])
                for topic in TOPICS
                if self._name(topic) in there
                for number in sorted(there[self._name(topic)].partitions)
            ]

    def records(self, partition: Partition, start: int, end: int) -> Iterator[Record]:
        """The records of a partition from `start` up to and without `end`, in order.

        Raises:
            AnalyticsError: The broker has gone, or has deleted what was about to be read.
        """
        at = TopicPartition(self._name(partition.topic), partition.number, start)
        self._consumer.assign([at])
        heard = time.monotonic()
        position = start
        try:
            while position < end:
                # It waits until it has so many, or for a second: no more are asked for than come.
                messages = self._consumer.consume(min(AT_ONCE, end - position), timeout=1)
                if messages:
                    heard = time.monotonic()
                elif time.monotonic() - heard > SILENCE_SECONDS:
                    raise AnalyticsError(self._gone())
                for message in messages:
                    if self._is_end(message, end):
                        return
                    if message.error() is None:
                        record = _record(partition, message)
                        yield record
                        position = record.offset + 1
        finally:
            self._consumer.unassign()

    def _is_end(self, message: Any, end: int) -> bool:  # noqa: ANN401 - the client has no types
        """Whether no record before `end` comes: what lies there may be none.

        Raises:
            AnalyticsError: It is an error instead.
        """
        error = message.error()
        if error is None:
            return bool(message.offset() >= end)
        if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - its only name
            return bool(message.offset() >= end)
        if error.code() == KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001 - the same
            raise AnalyticsError("Kafka deleted what was about to be read. Run it again.")
        if error.fatal() or not error.retriable():
            raise AnalyticsError(f"Kafka at {self._servers} refuses to be read: {error.str()}.")
        return False

    def _extent(self, partition: Partition, topic_id: str) -> Extent:
        at = TopicPartition(self._name(partition.topic), partition.number)
        low, end = self._watermarks(at)
        return Extent(partition, topic_id, low, end)

    def _watermarks(self, at: TopicPartition) -> tuple[int, int]:
        """A partition's first offset and its end; one that is just changing hands is waited for."""
        patience = time.monotonic() + ANSWER_SECONDS
        while True:
            try:
                low, end = self._consumer.get_watermark_offsets(at, timeout=ANSWER_SECONDS)
            except KafkaException as error:
                passing = error.args[0].code() in CHANGING_HANDS
                if not passing or time.monotonic() > patience:
                    raise
                time.sleep(0.2)
            else:
                return low, end

    def _topic_ids(self, names: list[str]) -> dict[str, str]:
        """By which Kafka tells a topic from an earlier one of the same name."""
        futures = self._admin.describe_topics(
            TopicCollection(names), request_timeout=ANSWER_SECONDS
        )
        return {name: str(futures[name].result().topic_id) for name in names}

    def _name(self, topic: str) -> str:
        return f"{self._namespace}.{topic}"

    def _gone(self) -> str:
        return f"No Kafka answers at {self._servers}."

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except KafkaException as error:
            said = error.args[0].str()
            raise AnalyticsError(f"{self._gone()} ({said})") from None


def _record(partition: Partition, message: Any) -> Record:  # noqa: ANN401 - the client has no types
    kind, stamp = message.timestamp()
    appended_at = None if kind == TIMESTAMP_NOT_AVAILABLE else _instant(stamp)
    return Record(partition.topic, partition.number, message.offset(), appended_at, message.value())


def _instant(milliseconds: int) -> datetime | None:
    """None for a stamp that no calendar has: a producer may have set it."""
    try:
        return EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return None
