"""The dead letters of one service: looked at, and put back on the topic that they came from.

What is put back names the one service that it is for: others pass it over, and whoever has heard it
already drops it by its id. It is put back before it is marked, so that a letter may be put back
twice, which is harmless, but never be marked and lost.
"""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import MessageSizeTooLargeError

from shared.dead_marks import Marks
from shared.dead_record import (
    Headers,
    Letter,
    mark_headers,
    read_letter,
    read_mark,
    replay_headers,
)
from shared.kafka_security import OPEN, KafkaSecurity
from shared.publisher import Outgoing, Publishes
from shared.topics import dead_letter_name, declared_topics

FETCH_MS = 200

Matches = Callable[[Letter], bool]


def everything(_: Letter) -> bool:
    """Every letter matches."""
    return True


def matching(state: str | None, reason: str | None, topic: str | None) -> Matches:
    """Letters in a state, with a text in their reason, that came from a topic; None for any.

    Args:
        state: `waiting` or `replayed`.
        reason: In whichever case.
        topic: With the desk's name before it or without.
    """

    def matches(letter: Letter) -> bool:
        if state is not None and letter.state != state:
            return False
        if reason is not None and reason.casefold() not in letter.reason.casefold():
            return False
        came = "" if letter.origin is None else letter.origin.topic
        return topic is None or came == topic or came.endswith(f".{topic}")

    return matches


class CannotReplayError(Exception):
    """A letter can't be put back; the text says why, and what to do instead."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some letters, the oldest first, without their content."""

    letters: tuple[Letter, ...]
    next: int | None
    """Goes into `after`; None at the end."""


class DeadRegister:
    """One service's dead letters.

    Args:
        bootstrap_servers: `host:port`, comma separated.
        namespace: Stands before the names of topics.
        service: Whose they are.
        publisher: Puts back and marks.
        security: How the brokers are spoken to.
    """

    def __init__(
        self,
        bootstrap_servers: str,
        namespace: str,
        service: str,
        publisher: Publishes,
        security: KafkaSecurity = OPEN,
    ) -> None:
        self.service = service
        self.topic = dead_letter_name(namespace, service)
        self._bootstrap_servers, self._security = bootstrap_servers, security
        self._namespace = namespace
        self._publisher = publisher
        self._grows = {topic.name: topic.grows for topic in declared_topics(namespace, 1)}

    def of(self, service: str) -> "DeadRegister":
        """Those of another service."""
        return DeadRegister(
            self._bootstrap_servers, self._namespace, service, self._publisher, self._security
        )

    async def services(self) -> list[str]:
        """Who may have dead letters: whoever has a topic for them, running or not.

        Raises:
            KafkaError: The broker does not answer.
        """
        admin = AIOKafkaAdminClient(
            bootstrap_servers=self._bootstrap_servers, **self._security.for_aiokafka()
        )
        try:
            await admin.start()
            topics = await admin.list_topics()
        finally:
            await admin.close()
        start, end = f"{self._namespace}.", ".dead"
        named = (
            topic.removeprefix(start).removesuffix(end)
            for topic in topics
            if topic.startswith(start) and topic.endswith(end)
        )
        # With a dot it belongs to another desk, whose name begins like this one's.
        return sorted(service for service in named if "." not in service)

    async def page(
        self, *, after: int = -1, limit: int = 50, matches: Matches = everything
    ) -> Page:
        """The letters after an offset that match."""
        found: list[Letter] = []
        async with aclosing(self.letters(after=after, matches=matches)) as letters:
            async for letter in letters:
                found.append(replace(letter, value=None))
                if len(found) > limit:
                    break
        chosen = found[:limit]
        return Page(tuple(chosen), chosen[-1].offset if len(found) > limit else None)

    async def find(self, offset: int) -> Letter | None:
        """One letter with its content."""
        async with aclosing(self.letters(after=offset - 1)) as letters:
            async for letter in letters:
                return letter if letter.offset == offset else None
        return None

    async def letters(
        self, *, after: int = -1, matches: Matches = everything
    ) -> AsyncGenerator[Letter, None]:
        """Every letter that there is now and that matches, with its content, the oldest first."""
        marks = await self._marks()
        async with aclosing(self._records(after + 1)) as records:
            async for record in records:
                letter = read_letter(self.service, record)
                if letter is None:
                    continue
                known = replace(letter, replayed=marks.of(letter.offset))
                if matches(known):
                    yield known

    async def outgoing(self, letter: Letter) -> Outgoing:
        """The record that is put back for a letter.

        Raises:
            CannotReplayError: There is none, or it would do harm.
        """
        origin = letter.origin
        if origin is None or origin.topic not in self._grows:
            raise CannotReplayError(f"It says that it comes from {origin}: no topic of this desk.")
        if not self._grows[origin.topic]:
            raise CannotReplayError(_COMPACTED.format(origin=origin))
        key, value, own = letter.key, letter.value, letter.headers
        if letter.left_out:
            key, value, own = await self._from_origin(letter)
        if key is None and value is None:
            raise CannotReplayError("It has neither key nor value: Kafka takes no such record.")
        headers = replay_headers(self.topic, letter, own)
        return Outgoing(origin.topic, key, value, headers)  # type: ignore[arg-type] # as it came

    async def replay(self, letter: Letter, *, by: str) -> Outgoing:
        """Put a letter back, and mark it.

        Returns:
            What was put back.

        Raises:
            CannotReplayError: It was not.
            BrokerAwayError: It may have been, and is not marked: say it again.
        """
        ((_, became),) = await self.replay_many([letter], by=by)
        if isinstance(became, CannotReplayError):
            raise became
        return became

    async def replay_many(
        self, letters: Sequence[Letter], *, by: str
    ) -> list[tuple[Letter, Outgoing | CannotReplayError]]:
        """Put letters back, of one key in this order, and mark those that were.

        Raises:
            BrokerAwayError: Some may have been put back and are not marked: say it again.
        """
        became = [(letter, await self.prepared(letter)) for letter in letters]
        good = [each for _, each in became if isinstance(each, Outgoing)]
        try:
            await self._publisher.publish(good)
        except MessageSizeTooLargeError:
            # Some may be on their way already: they come twice then.
            became = [(letter, await self._alone(each)) for letter, each in became]
        done = [letter.offset for letter, each in became if isinstance(each, Outgoing)]
        await self._publisher.publish([self._mark(offset, by) for offset in done])
        return became

    async def prepared(self, letter: Letter) -> Outgoing | CannotReplayError:
        """The record that is put back for a letter, or why none is."""
        try:
            return await self.outgoing(letter)
        except CannotReplayError as error:
            return error

    async def _alone(self, prepared: Outgoing | CannotReplayError) -> Outgoing | CannotReplayError:
        if isinstance(prepared, CannotReplayError):
            return prepared
        try:
            await self._publisher.publish([prepared])
        except MessageSizeTooLargeError:
            return CannotReplayError(_TOO_LARGE)
        return prepared

    def _mark(self, offset: int, by: str) -> Outgoing:
        return Outgoing(self.topic, f"0/{offset}".encode(), b"", mark_headers(offset, by))

    async def _from_origin(self, letter: Letter) -> tuple[bytes | None, bytes | None, Headers]:
        """Key, value and headers of a letter's record, where it still stands.

        Raises:
            CannotReplayError: It doesn't.
        """
        origin = letter.origin
        assert origin is not None  # noqa: S101 - asked by the caller
        place = TopicPartition(origin.topic, origin.partition)
        async with aclosing(self._records(origin.offset, place)) as records:
            async for record in records:
                if record.offset == origin.offset:
                    return record.key, record.value, tuple(record.headers)
                break
        raise CannotReplayError(
            f"Its content was left out, since it is too large, and {origin} is gone: that topic "
            "does not keep its records for as long."
        )

    async def _marks(self) -> Marks:
        marks = Marks()
        async with aclosing(self._records(0)) as records:
            async for record in records:
                marks.reach(record.offset)
                mark = read_mark(record)
                if mark is not None:
                    marks.add(*mark)
        return marks

    async def _records(
        self, start: int, place: TopicPartition | None = None
    ) -> AsyncGenerator[ConsumerRecord, None]:
        """What stands in a partition from an offset on, until where its end is now."""
        place = place or TopicPartition(self.topic, 0)
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap_servers,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            **self._security.for_aiokafka(),
        )
        try:
            await consumer.start()
            consumer.assign([place])
            end = (await consumer.end_offsets([place]))[place]
            first = (await consumer.beginning_offsets([place]))[place]
            consumer.seek(place, max(start, first))
            while await consumer.position(place) < end:
                for batch in (await consumer.getmany(timeout_ms=FETCH_MS)).values():
                    for record in batch:
                        if record.offset < end:
                            yield record
        finally:
            await consumer.stop()


_TOO_LARGE = (
    "With the headers that say whom it is for it is larger than the broker takes: let the topic's "
    "max.message.bytes be larger for as long as it takes."
)
_COMPACTED = (
    "It comes from {origin}, and of that topic each key's last record is what holds: an earlier "
    "one put back would take the place of what was said since, or bring back a key that was "
    "thrown away. Have the service read it where it stands: docs/runbooks/dead-letters.md"
)
