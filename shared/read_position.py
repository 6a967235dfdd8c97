"""How far a consumer has heard the stream, per partition and in time.

A breach says that nobody answered, so it may only be said by someone who has heard everything up
to that moment. Heard means: the record's transaction has committed. A partition whose records are
all handled was heard up to when the last answered fetch was sent; one that is behind, up to the
time at which the broker appended the last record that was handled (the topics stamp log append
time), or up to when all of it was handled, if that was asked later.
"""

import contextlib
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import IllegalStateError

SETTLED_LOOKS = 10
"""Looks at an unchanged position before offsets that hold no record are believed to be a gap."""


@dataclass(frozen=True, slots=True)
class Lag:
    """How far a topic's owned partitions are behind."""

    records: int
    """That are not handled yet, of all of them together."""
    seconds: float
    """For how long what is not handled yet has waited, of the one that is furthest behind."""


class ReadPosition(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka is untyped
    """Follows one consumer through assignment, hand-out and commit.

    Args:
        topics: All of them must be read before a partition counts as heard.
    """

    def __init__(self, topics: Sequence[str]) -> None:
        self._topics = tuple(topics)
        self._consumer: Callable[[], AIOKafkaConsumer | None] = lambda: None
        self._handled: dict[TopicPartition, int] = {}
        self._appended_ms: dict[TopicPartition, int] = {}
        self._in_hand: dict[TopicPartition, int] = {}
        self._still: dict[TopicPartition, tuple[int, int]] = {}
        self._polled: dict[TopicPartition, tuple[int, int | None]] = {}
        self._whole_ms: dict[TopicPartition, int] = {}
        """Up to when all was handled, when that was asked last."""
        self._caught_up: dict[TopicPartition, float] = {}
        self._joined_at = 0.0
        self.joined = False

    def follow(self, consumer: Callable[[], AIOKafkaConsumer | None]) -> None:
        """Take the positions from this consumer, once it exists."""
        self._consumer = consumer

    @property
    def consumer(self) -> AIOKafkaConsumer | None:
        """The consumer that is followed, while there is one."""
        return self._consumer()

    @property
    def owned(self) -> int:
        """How many partitions, of all topics together, this member reads."""
        consumer = self.consumer
        return 0 if consumer is None else len(consumer.assignment())

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Forget what another member may read from now on."""
        for partition in revoked:
            self._handled.pop(partition, None)
            self._appended_ms.pop(partition, None)
            self._still.pop(partition, None)
            self._polled.pop(partition, None)
            self._whole_ms.pop(partition, None)
            self._caught_up.pop(partition, None)
        self.joined = False

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Begin at the committed offset, unless records were handed out already."""
        consumer = self.consumer
        for partition in assigned:
            if consumer is not None:
                self._handled.setdefault(partition, await consumer.position(partition))
        self._joined_at = time.time()
        self.joined = True

    def handed_out(self, records: Iterable[ConsumerRecord]) -> None:
        """Records left the consumer and are not handled yet."""
        for record in records:
            if not self._in_hand:
                self._see_ends(time.time())
            partition = TopicPartition(record.topic, record.partition)
            self._in_hand.setdefault(partition, record.timestamp)
            self._handled.setdefault(partition, record.offset)

    def handled(self, records: Iterable[ConsumerRecord]) -> None:
        """Their transaction has committed."""
        for record in records:
            partition = TopicPartition(record.topic, record.partition)
            self._in_hand.pop(partition, None)
            if partition in self._handled:
                self._handled[partition] = max(self._handled[partition], record.offset + 1)
                self._appended_ms[partition] = record.timestamp

    async def reached(self) -> list[tuple[TopicPartition, int]]:
        """Of each owned partition, the offset before which everything was handled.

        Where nothing is in hand that is the position, which passes over offsets without a record.
        """
        consumer = self.consumer
        if consumer is None:
            return []
        found: list[tuple[TopicPartition, int]] = []
        for partition in list(self._handled):
            # It may go to another member, and come back, while the position is waited for.
            with contextlib.suppress(IllegalStateError):
                position = await consumer.position(partition)
                handled = self._handled.get(partition)
                if handled is not None:
                    found.append((partition, handled if partition in self._in_hand else position))
        return found

    def silent_seconds(self, now: float) -> float:
        """How long no fetch of the owned partitions was answered; 0 where there is none.

        Args:
            now: Seconds since the epoch.
        """
        consumer = self.consumer
        if consumer is None or not self._handled:
            return 0
        answers = [consumer.last_poll_timestamp(partition) or 0 for partition in self._handled]
        return now - max(self._joined_at, max(answers) / 1000)

    def lag(self, now: float) -> dict[str, Lag]:
        """Per topic, how far the owned partitions are behind.

        Seconds count from when the broker had appended the first record in hand; where none is in
        hand, see `_waits_since`.

        Args:
            now: Seconds since the epoch.
        """
        behind = dict.fromkeys(self._topics, Lag(0, 0.0))
        self._see_ends(now)
        for partition, records in self._waiting().items():
            found = behind[partition.topic]
            waited = now - self._waits_since(partition) if records else 0.0
            behind[partition.topic] = Lag(found.records + records, max(found.seconds, waited))
        return behind

    def _waits_since(self, partition: TopicPartition) -> float:
        """From when on a record of it has waited, in seconds since the epoch.

        Of one that was not handed out yet nobody knows its time: it came after the partition was
        last seen at its end, and after what was handled last.
        """
        if (in_hand := self._in_hand.get(partition)) is not None:
            return in_hand / 1000
        appended = self._appended_ms.get(partition, 0) / 1000
        return max(appended, self._caught_up.get(partition, self._joined_at))

    def _waiting(self) -> dict[TopicPartition, int]:
        """Of each owned partition, how many offsets are not handled yet."""
        consumer = self.consumer
        if consumer is None:
            return {}
        return {
            partition: max(0, (consumer.highwater(partition) or 0) - self._handled[partition])
            for partition in self._handled.keys() & consumer.assignment()
        }

    def _see_ends(self, now: float) -> None:
        """Remember which partitions have nothing that waits."""
        self._caught_up.update(
            (each, now) for each, records in self._waiting().items() if not records
        )

    async def heard_until(self, topics: Collection[str] = ()) -> dict[int, datetime]:
        """Per owned partition number, the instant up to which topics were heard.

        A partition of which nothing was heard yet, or of which one topic belongs to another
        member, is left out: nothing can be said about it.

        Args:
            topics: Those that matter, of which all have the same partitions; all, if none is named.
        """
        topics = topics or self._topics
        consumer = self.consumer
        if consumer is None:
            return {}
        heard: dict[int, list[int]] = defaultdict(list)
        for partition in (each for each in consumer.assignment() if each.topic in topics):
            until_ms = await self._until_ms(consumer, partition)
            if until_ms is not None:
                heard[partition.partition].append(until_ms)
        return {
            number: datetime.fromtimestamp(min(times) / 1000, UTC)
            for number, times in heard.items()
            if len(times) == len(topics)
        }

    async def _until_ms(self, consumer: AIOKafkaConsumer, partition: TopicPartition) -> int | None:
        high_water = consumer.highwater(partition)
        # Taken together with the high water mark: an await between them could tear them apart.
        polled_ms = consumer.last_poll_timestamp(partition)
        handled = self._handled.get(partition)
        if high_water is None or handled is None or not polled_ms:
            return None
        asked_ms = self._asked_ms(partition, int(polled_ms))
        if handled < high_water and not await self._is_gap(consumer, partition, high_water):
            known = (self._appended_ms.get(partition), self._whole_ms.get(partition))
            return max((each for each in known if each is not None), default=None)
        if asked_ms is not None:
            self._whole_ms[partition] = asked_ms
        return asked_ms

    def _asked_ms(self, partition: TopicPartition, polled_ms: int) -> int | None:
        """When the fetch that was answered last was sent, or a little before.

        The client stamps an answer when it comes to read it. A process that was stopped meanwhile
        would take an old answer for the present state. A fetch is sent after the answer to the one
        before was read: the stamp of an earlier answer is surely not later than the broker's last.
        """
        seen, before = self._polled.get(partition, (polled_ms, None))
        if seen != polled_ms:
            seen, before = polled_ms, seen
        self._polled[partition] = (seen, before)
        return before

    async def _is_gap(
        self, consumer: AIOKafkaConsumer, partition: TopicPartition, high_water: int
    ) -> bool:
        """Whether the offsets up to the high water mark hold no record for us.

        Markers of somebody's transaction take offsets that are never handed out. The position then
        stands at the high water mark while nothing is in hand, and goes on standing there.
        """
        position = await consumer.position(partition)
        if partition in self._in_hand or position < high_water:
            self._still.pop(partition, None)
            return False
        seen, looks = self._still.get(partition, (position, 0))
        looks = looks + 1 if seen == position else 0
        self._still[partition] = (position, looks)
        if looks < SETTLED_LOOKS:
            return False
        self._handled[partition] = position
        return True
