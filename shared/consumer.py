"""Reading the stream so that nothing is lost, doubled or blocked.

One batch is one transaction; offsets are committed after it. FastStream hands over raw records,
since its own decoding would drop a whole batch for one bad record. What can't be read, or fails by
its own fault, goes to the service's dead-letter topic after the database's commit; what fails for a
passing reason is tried again in place; the partitions wait for it.
"""

import time
import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import stamina
import structlog
from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage
from faststream.kafka.message import FAKE_CONSUMER

from shared import events, metrics, outbox, telemetry, tracing
from shared.database import Connection, Database
from shared.dead_letters import Dead, DeadLetters
from shared.dead_record import is_for_another, is_put_back
from shared.envelope import Topic
from shared.failpoints import failpoint
from shared.faults import is_passing
from shared.group import marked
from shared.kafka_security import OPEN, KafkaSecurity
from shared.keyring import Keyring
from shared.positions import DatabaseOlderError, Offsets, Positions, behind
from shared.publisher import Publishes
from shared.read_position import ReadPosition
from shared.reading import Reading
from shared.rebuilding import Rebuilding
from shared.sealing import NO_KEYS, PersonKey, SealError, key_of
from shared.topics import dead_letter_name, topic_name

log = structlog.get_logger(__name__)

SESSION_MS = 6_000
"""How long the group waits for a member that is silent; the least that brokers allow by default."""
FINISH_WITHIN = 6
"""Seconds for the batch at hand when told to stop; less than the runtime's for all parts."""
SILENCE = 10.0
"""Seconds without an answer after which the broker is held to be away; it answers each fetch."""
FETCH_WAIT_MS = 100
"""How often an idle partition's read position moves on; see `shared/read_position.py`."""


@dataclass(frozen=True, slots=True)
class Heard:
    """An event, and the partition that it came through."""

    event: events.Event
    partition: int
    rebuilding: bool = False
    """Whether it lies before the horizon of a new database, and may be what we said ourselves."""


Handle = Callable[[Connection, Sequence[Heard]], Awaitable[None]]
"""Decides and saves a batch, in order, inside one transaction. It may be called again with the same
events, so its effects must be harmless to repeat; it lets every error out."""


class Consumer:
    """Subscribes one group to topics and hands every batch to `handle`.

    Args:
        service: Name of the service: the group and the dead-letter topic are called after it.
        topics: What it hears.
        handle: What it does with it.
        database: Where it saves.
        publisher: Where dead letters go.
        bootstrap_servers: `host:port`, comma separated.
        namespace: Stands before the names of topics and group.
        rebuilding: Whether a new database is on its way to its horizon.
        keyring: Opens personal parts; without it there are none.
        security: How the brokers are spoken to.
    """

    name = "stream"

    def __init__(  # noqa: PLR0913 - a service's whole way in
        self,
        *,
        service: str,
        topics: Sequence[Topic],
        handle: Handle,
        database: Database,
        publisher: Publishes,
        bootstrap_servers: str,
        namespace: str,
        rebuilding: Rebuilding | None = None,
        keyring: Keyring | None = None,
        security: KafkaSecurity = OPEN,
    ) -> None:
        self._service = service
        self._source = f"/services/{service}"
        self._rebuilding = rebuilding
        self._keyring = keyring
        self._namespace = namespace
        self._topics = tuple(topic_name(namespace, topic) for topic in topics)
        self._handle = handle
        self._database = database
        self._dead_letters = DeadLetters(dead_letter_name(namespace, service), publisher)
        self._bootstrap_servers, self._security = bootstrap_servers, security
        self._broker: KafkaBroker | None = None
        # Its own hooks repeat the error's text, which may be a customer's, and count by try.
        stamina.instrumentation.set_on_retry_hooks([_log_retry])
        self.position = ReadPosition(self._topics)
        self._positions = rebuilding.positions if rebuilding else Positions()
        until = rebuilding.until if rebuilding else _no_horizon
        self._reading = Reading(self.position.handed_out, until)

    async def start(self) -> None:
        """Join the group.

        Raises:
            KafkaConnectionError: when no broker answers.
        """
        broker = KafkaBroker(
            self._bootstrap_servers,
            client_id=f"{self._namespace}-{self._service}",
            consumer_only=True,
            allow_auto_create_topics=False,
            apply_types=False,
            graceful_timeout=FINISH_WITHIN,
            logger=None,
            security=self._security.for_faststream(),
        )
        subscriber = broker.subscriber(
            *self._topics,
            group_id=f"{self._namespace}.{self._service}",
            batch=True,
            fetch_max_wait_ms=FETCH_WAIT_MS,
            session_timeout_ms=SESSION_MS,
            heartbeat_interval_ms=SESSION_MS // 3,
            auto_offset_reset="earliest",
            ack_policy=AckPolicy.MANUAL,
            # Range gives partition n of every topic to one member: timers need to have read both.
            partition_assignment_strategy=(RangePartitionAssignor,),
            listener=self.position,
            parser=_unparsed,
            decoder=_undecoded,
        )
        subscriber(self._on_batch)
        subscriber.get_msg = self._reading.next_batch  # type: ignore[method-assign] # see there
        self.position.follow(lambda: subscriber.consumer)
        try:
            await broker.start()
        except BaseException:
            await broker.stop()
            raise
        self._broker = broker

    async def stop(self) -> None:
        """Finish the batch at hand, for 6 s at the most, and leave the group."""
        broker, self._broker = self._broker, None
        if broker is not None:
            await broker.stop()

    def ready(self) -> str | None:
        """Why it reads nothing, or None."""
        if self._broker is None:
            return "not subscribed"
        if not self.position.joined:
            return "waiting for partitions"
        silent = self.position.silent_seconds(time.time())
        return f"no answer from the broker for {silent:.0f} s" if silent > SILENCE else None

    async def _on_batch(self, records: tuple[ConsumerRecord, ...]) -> None:
        # FastStream goes on past a batch that raises, silently: nothing but a cancel may get out.
        async for attempt in stamina.retry_context(
            on=Exception, attempts=None, timeout=None, wait_max=5.0
        ):
            with attempt:
                await self._handle_batch(records)

    async def _handle_batch(self, records: tuple[ConsumerRecord, ...]) -> None:
        with metrics.BATCH_SECONDS.time():
            heard, dead = await self._sort(records)
            # What is to be buried yet is not done with: its place is noted after that.
            as_one = await self._apply(heard, () if dead else records)
            if not as_one:
                dead += await self._apply_each(heard)
            await self._dead_letters.bury(dead)
            if dead or not as_one:
                await self._note(records)
            failpoint("consumer.handled")
            self.position.handled(records)
            await self._commit(records)
        self._count(records, dead)

    async def _sort(
        self, records: tuple[ConsumerRecord, ...]
    ) -> tuple[list[tuple[ConsumerRecord, Heard]], list[Dead]]:
        """Tell readable records from unreadable ones.

        Types that we don't know are passed over, and what we said ourselves, unless our database
        has to learn it again; and what was put back for another service (`make dead`).
        """
        keys = await self._keys(records)
        rebuilding = self._rebuilding is not None and self._rebuilding.active
        heard: list[tuple[ConsumerRecord, Heard]] = []
        dead: list[Dead] = []
        for record in records:
            if is_for_another(record, self._service):
                continue
            try:
                event = events.read(record.value, keys)
            except events.UnreadableError as error:
                dead.append(Dead(record, f"unreadable: {error}"))
                continue
            if event is None:
                continue
            # What was put back for us was ours to handle then, whoever has said it.
            own = event.source == self._source
            if rebuilding or not own or is_put_back(record):
                heard.append((record, Heard(event, record.partition, rebuilding or own)))
        return heard, dead

    async def _keys(self, records: tuple[ConsumerRecord, ...]) -> Mapping[UUID, PersonKey]:
        if self._keyring is None:
            return NO_KEYS
        named = {key for record in records if (key := _named_key(record))}
        return await self._keyring.find(named)

    async def _apply(
        self, heard: list[tuple[ConsumerRecord, Heard]], noted: Sequence[ConsumerRecord]
    ) -> bool:
        """Handle a batch in one transaction; says whether that was done."""
        if not heard:
            return False
        try:
            with tracing.handling((record, item.event) for record, item in heard):
                await self._in_transaction([item for _, item in heard], noted)
        except DatabaseOlderError:
            raise
        except Exception:  # noqa: BLE001 - whichever record it was, it will be named by itself
            return False
        return True

    async def _apply_each(self, heard: list[tuple[ConsumerRecord, Heard]]) -> list[Dead]:
        """Handle each by itself, since a record of the batch is at fault; or all of it together."""
        return [dead for pair in heard for dead in await self._apply_alone(*pair)]

    async def _apply_alone(self, record: ConsumerRecord, item: Heard) -> list[Dead]:
        try:
            with tracing.handling([(record, item.event)]):
                await self._in_transaction([item], ())
        except Exception as error:  # noqa: BLE001 - it ends as a dead letter with its reason
            # Frames without the error's text, which may repeat what a customer wrote.
            stack = "".join(traceback.format_tb(error.__traceback__))
            return [Dead(record, f"handler failed: {_name(error)}", stack, tries=2)]
        return []

    async def _note(self, records: Sequence[ConsumerRecord]) -> None:
        """Note how far we are by itself, where no transaction of a whole batch has done so.

        It is tried again here for as long as what fails may pass: what was buried stays so.
        """
        async for attempt in stamina.retry_context(
            on=is_passing, attempts=None, timeout=None, wait_initial=0.1, wait_max=5.0
        ):
            with attempt:
                async with self._database.connection() as connection:
                    self._positions.keep(await self._positions.note(connection, records))

    async def _in_transaction(self, items: list[Heard], noted: Sequence[ConsumerRecord]) -> None:
        """One transaction, tried again for as long as what fails may pass."""
        reached: Offsets = {}
        with telemetry.about([item.event for item in items]):
            async for attempt in stamina.retry_context(
                on=is_passing, attempts=None, timeout=None, wait_initial=0.1, wait_max=5.0
            ):
                with attempt:
                    reached = await self._once(items, noted)
        self._positions.keep(reached)
        failpoint(f"{self._service}.committed")

    async def _once(self, items: list[Heard], noted: Sequence[ConsumerRecord]) -> Offsets:
        reached: Offsets = {}
        async with self._database.transaction() as connection:
            await self._handle(connection, items)
            if said := self._said(items):
                await outbox.take_out(connection, said)
            if noted:
                reached = await self._positions.note(connection, noted)
            failpoint(f"{self._service}.before_commit")
        return reached

    def _said(self, items: Sequence[Heard]) -> list[UUID]:
        """What we said ourselves, while our database learns that."""
        own = (item.event for item in items if item.rebuilding)
        return [event.id for event in own if event.source == self._source]

    async def _commit(self, records: tuple[ConsumerRecord, ...]) -> None:
        consumer = self.position.consumer
        if consumer is None:
            return
        try:
            await consumer.commit(marked(behind(records)))
        except KafkaError as error:
            # The broker is away, or the partition has another owner: the records come again, and
            # handling them again changes nothing.
            log.warning("offsets_not_committed", error=type(error).__name__)

    def _count(self, records: tuple[ConsumerRecord, ...], dead: list[Dead]) -> None:
        for record in records:
            outcome = "for_another" if is_for_another(record, self._service) else "read"
            metrics.RECORDS.labels(record.topic, outcome).inc()
        for letter in dead:
            metrics.RECORDS.labels(letter.record.topic, "dead").inc()


async def _unparsed(records: tuple[ConsumerRecord, ...]) -> KafkaMessage:
    return KafkaMessage(raw_message=records, body=b"", consumer=FAKE_CONSUMER)


async def _undecoded(message: KafkaMessage) -> object:
    return message.raw_message


def _named_key(record: ConsumerRecord) -> UUID | None:
    try:
        return key_of(record.value or b"")
    except SealError:
        return None  # it is dead, as reading it will tell


def _no_horizon(partition: TopicPartition) -> None:  # noqa: ARG001 - takes what `until` takes
    return None


def _name(error: Exception) -> str:
    state = getattr(error, "sqlstate", None)
    place = getattr(error, "constraint_name", None)
    return " ".join(str(part) for part in (type(error).__name__, state, place) if part)


def _log_retry(details: stamina.instrumentation.RetryDetails) -> None:
    metrics.BATCH_RETRIES.inc()
    log.warning("trying_again", retry=details.retry_num, error=type(details.caused_by).__name__)
