"""The keys that seal personal data, as a service with a database keeps them.

Whoever seals makes keys and says so on the topic of keys (`KeyMade`, wrapped with the desk's
secret) before anything that they seal; a tombstone under a key's id throws it away. Each replica
reads the whole topic by itself, beside the consumer's group: a batch that waits for a key must not
wait for a partition that it holds up itself.
"""

import asyncio
import contextlib
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from shared import events
from shared.database import Connection, Database
from shared.faults import BrokerAwayError
from shared.kafka_security import OPEN, KafkaSecurity
from shared.privacy import KeyMade, say_key
from shared.sealing import PersonKey, SealError, StreamSecret, make_key
from shared.topics import WRITE_DAYS, partitions_of

log = structlog.get_logger(__name__)

IDLE = 0.2
"""Seconds between looks: so late is a key that was thrown away elsewhere still one here."""
BATCH = 2000


@dataclass(frozen=True, slots=True)
class Minting:
    """How a service makes keys.

    Args:
        source: The service, for example `/services/messaging`.
        secret: What keys are wrapped with.
        clock: The present, with a zone.
        new_key: 64 random bytes.
    """

    source: str
    secret: StreamSecret
    clock: Callable[[], datetime]
    new_key: Callable[[], bytes]


class Keyring:
    """A service's keys; run its `step` in a worker.

    Args:
        database: Where they are kept, wrapped.
        topic: The topic of keys, with its namespace.
        bootstrap_servers: `host:port`, comma separated.
        minting: How keys are made.
        security: How the brokers are spoken to.
    """

    name = "keyring"

    def __init__(
        self,
        database: Database,
        topic: str,
        bootstrap_servers: str,
        minting: Minting,
        security: KafkaSecurity = OPEN,
    ) -> None:
        self._database = database
        self._topic = topic
        self._bootstrap_servers, self._security = bootstrap_servers, security
        self._minting = minting
        self._consumer: AIOKafkaConsumer | None = None
        self._is_shut_out = False
        self._turn = asyncio.Lock()

    async def start(self) -> None:
        """Go on reading where some replica of this service was.

        Raises:
            KafkaConnectionError: when no broker answers.
        """
        consumer = self._client("keys")
        try:
            await consumer.start()
            await self._follow_partitions(consumer)
            await self._try_youngest()
        except BaseException:
            await consumer.stop()
            raise
        self._consumer = consumer

    async def stop(self) -> None:
        """Read no more."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.stop()

    def ready(self) -> str | None:
        """Why it reads nothing, or can't use what it reads, or None."""
        if self._consumer is None:
            return "not reading keys"
        return _SHUT_OUT if self._is_shut_out else None

    async def step(self) -> bool:
        """Take up what was made and thrown away since; says whether there may be more."""
        async with self._turn:
            if self._consumer is None:
                return False
            found = await self._consumer.getmany(timeout_ms=0, max_records=BATCH)
            records = [record for each in found.values() for record in each]
            if records:
                try:
                    await self._take_up(records)
                except BaseException:
                    _read_again(self._consumer, records)
                    raise
            return bool(records)

    async def find(self, ids: Collection[UUID]) -> Mapping[UUID, PersonKey]:
        """Those of these keys that hold.

        A key that nobody here has heard of is waited for until the topic's present end: it was
        there before whatever it sealed. If it does not come then, it was thrown away.
        """
        if not ids:
            return {}
        async with self._database.connection() as connection:
            known = await _read(connection, ids)
        if missing := set(ids) - known.keys():
            # No connection is held meanwhile: who reads keys needs one.
            await self.catch_up()
            async with self._database.connection() as connection:
                known |= await _read(connection, missing)
                await throw_away(connection, missing - known.keys())
        return {id_: key for id_, row in known.items() if (key := self._unwrapped(id_, row))}

    async def catch_up(self) -> None:
        """Read to where the topic ends now."""
        consumer = self._consumer
        if consumer is None:
            raise BrokerAwayError("keys are not read yet")
        await self._follow_partitions(consumer)
        ends = await consumer.end_offsets(sorted(consumer.assignment()))
        for partition, end in ends.items():
            while await consumer.position(partition) < end:
                if not await self.step():
                    await asyncio.sleep(0.01)
        async with self._turn:
            pass  # whoever was handed the last of them has kept them now

    async def find_in_log(self, ids: Collection[UUID]) -> set[UUID]:
        """Which of these keys still stand in the topic, though they were thrown away.

        It reads the whole topic, which keeps keys of some months.
        """
        consumer = self._client("log")
        await consumer.start()
        try:
            partitions = await partitions_of(consumer, [self._topic])
            consumer.assign(partitions)
            await consumer.seek_to_beginning(*partitions)
            ends = await consumer.end_offsets(partitions)
            # By their records' keys: to read each of millions would keep everybody else waiting.
            wanted, found = {str(id_).encode() for id_ in ids}, set[bytes]()
            while any([await consumer.position(p) < end for p, end in ends.items()]):
                batches = await consumer.getmany(timeout_ms=200, max_records=BATCH)
                found |= {r.key for each in batches.values() for r in each if r.value} & wanted
            return {UUID(key.decode()) for key in found}
        finally:
            await consumer.stop()

    async def for_writing(
        self, connection: Connection, people: Collection[str]
    ) -> tuple[Mapping[str, PersonKey], list[KeyMade]]:
        """A key for each of these people, and what is to be said of those that are new.

        They hold once the transaction has committed; their events are to be published before that.
        """
        now = self._minting.clock()
        rows = await connection.fetch(_YOUNGEST, list(people), now - timedelta(days=WRITE_DAYS))
        keys = {row["person"]: self._open(row["id"], row["person"], row["wrapped"]) for row in rows}
        made = [
            make_key(person, self._minting.new_key())
            for person in sorted(set(people) - keys.keys())
        ]
        wrapped = [self._minting.secret.wrap(key) for key in made]
        await _add(connection, made, wrapped, now)
        source = self._minting.source
        said = [
            say_key(key, sealed, source=source, time=now)
            for key, sealed in zip(made, wrapped, strict=True)
        ]
        return keys | {key.person: key for key in made}, said

    def _client(self, purpose: str) -> AIOKafkaConsumer:
        service = self._minting.source.rpartition("/")[2]
        return AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap_servers,
            client_id=f"{service}-{purpose}",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            fetch_max_wait_ms=100,
            **self._security.for_aiokafka(),
        )

    def _unwrapped(self, id_: UUID, row: "_Row") -> PersonKey | None:
        if row.wrapped is None:
            return None
        return self._open(id_, row.person, row.wrapped)

    def _open(self, id_: UUID, person: str, wrapped: bytes) -> PersonKey:
        """Unwrap a key, and remember whether our secret does: the youngest one tells.

        Raises:
            SealError: It doesn't.
        """
        self._is_shut_out = True
        key = self._minting.secret.unwrap(id_, person, wrapped)
        self._is_shut_out = False
        return key

    async def _try_youngest(self) -> None:
        async with self._database.connection() as connection:
            row = await connection.fetchrow(_LAST_MADE)
        if row is not None:
            with contextlib.suppress(SealError):
                self._open(row["id"], row["person"], row["wrapped"])

    def _try(self, made: KeyMade) -> None:
        with contextlib.suppress(SealError):
            self._open(UUID(made.subject), made.data.person, b64decode(made.data.wrapped))

    async def _follow_partitions(self, consumer: AIOKafkaConsumer) -> None:
        """Read every partition that the topic has by now."""
        partitions = await partitions_of(consumer, [self._topic])
        if set(partitions) == consumer.assignment():
            return
        async with self._turn:
            consumer.assign(partitions)
            await self._go_on(consumer, partitions)

    async def _go_on(
        self, consumer: AIOKafkaConsumer, partitions: Sequence[TopicPartition]
    ) -> None:
        async with self._database.connection() as connection:
            rows = await connection.fetch("SELECT partition, next_offset FROM stream_key_positions")
        positions = {row["partition"]: row["next_offset"] for row in rows}
        for partition in partitions:
            if (position := positions.get(partition.partition)) is not None:
                consumer.seek(partition, position)

    async def _take_up(self, records: Sequence[ConsumerRecord]) -> None:
        async with self._database.connection() as connection, connection.transaction():
            gone = [id_ for record in records if (id_ := _thrown_away(record))]
            made = [event for record in records if (event := _made(record))]
            await _add_said(connection, made)
            await throw_away(connection, gone)
            await _note_positions(connection, records)
        if made:
            self._try(made[-1])


@dataclass(frozen=True, slots=True)
class _Row:
    person: str
    wrapped: bytes | None


_SHUT_OUT = (
    "CARELINE_STREAM_SECRET does not open the keys on the stream: other services have another one"
)
_LAST_MADE = """
    SELECT id, person, wrapped FROM stream_keys WHERE wrapped IS NOT NULL
    ORDER BY made_at DESC LIMIT 1
"""
_YOUNGEST = """
    SELECT DISTINCT ON (person) person, id, wrapped FROM stream_keys
    WHERE person = ANY($1::text[]) AND wrapped IS NOT NULL AND made_at > $2
    ORDER BY person, made_at DESC, id
"""


def _read_again(consumer: AIOKafkaConsumer, records: Sequence[ConsumerRecord]) -> None:
    """What was handed out and not kept must be handed out once more."""
    for record in reversed(records):
        consumer.seek(TopicPartition(record.topic, record.partition), record.offset)


def _complain(record: ConsumerRecord) -> None:
    """Whoever put it there, nothing can be sealed with it: no event waits for it."""
    log.error("no_key_record", partition=record.partition, offset=record.offset)


def _thrown_away(record: ConsumerRecord) -> UUID | None:
    if record.value is not None:
        return None
    try:
        return UUID((record.key or b"").decode())
    except ValueError:
        _complain(record)
        return None


def _made(record: ConsumerRecord) -> KeyMade | None:
    if record.value is None:
        return None
    try:
        event = events.read(record.value)
        if isinstance(event, KeyMade):
            b64decode(event.data.wrapped, validate=True)
            UUID(event.subject)
            return event
    except (events.UnreadableError, Base64Error, ValueError):
        _complain(record)
    return None


async def _read(connection: Connection, ids: Collection[UUID]) -> dict[UUID, _Row]:
    rows = await connection.fetch(
        "SELECT id, person, wrapped FROM stream_keys WHERE id = ANY($1::uuid[])", list(ids)
    )
    return {row["id"]: _Row(row["person"], row["wrapped"]) for row in rows}


async def _add(
    connection: Connection, keys: Sequence[PersonKey], wrapped: Sequence[bytes], now: datetime
) -> None:
    await connection.execute(
        _ADD,
        [key.id for key in keys],
        [key.person for key in keys],
        wrapped,
        [now] * len(keys),
        True,
    )


async def _add_said(connection: Connection, made: Sequence[KeyMade]) -> None:
    await connection.execute(
        _ADD,
        [UUID(event.subject) for event in made],
        [event.data.person for event in made],
        [b64decode(event.data.wrapped) for event in made],
        [event.time for event in made],
        False,
    )


_ADD = """
    INSERT INTO stream_keys (id, person, wrapped, made_at, own)
    SELECT *, $5::boolean FROM unnest($1::uuid[], $2::text[], $3::bytea[], $4::timestamptz[])
    ON CONFLICT (id) DO NOTHING
"""


async def _note_positions(connection: Connection, records: Sequence[ConsumerRecord]) -> None:
    last = {record.partition: record.offset + 1 for record in records}
    await connection.execute(
        """
        INSERT INTO stream_key_positions (partition, next_offset)
        SELECT * FROM unnest($1::integer[], $2::bigint[])
        ON CONFLICT (partition) DO UPDATE
            SET next_offset = greatest(stream_key_positions.next_offset, excluded.next_offset)
        """,
        list(last),
        list(last.values()),
    )


async def list_keys(
    connection: Connection, people: Collection[str], *, own: bool = False
) -> list[UUID]:
    """The keys of these people that hold; only those that were made here, if `own`."""
    rows = await connection.fetch(
        "SELECT id FROM stream_keys WHERE person = ANY($1::text[]) AND wrapped IS NOT NULL"
        " AND (own OR NOT $2) ORDER BY id",
        list(people),
        own,
    )
    return [row["id"] for row in rows]


async def throw_away(connection: Connection, ids: Collection[UUID]) -> None:
    """Forget keys here, for good; their tombstones are the caller's to append.

    That they were thrown away stays known: their records may still be read once more.
    """
    await connection.execute(
        """
        INSERT INTO stream_keys (id, person, wrapped, made_at)
        SELECT id, '', NULL, now() FROM unnest($1::uuid[]) AS id
        ON CONFLICT (id) DO UPDATE SET wrapped = NULL
        """,
        list(ids),
    )
