"""Records that a service could not handle, put aside with the reason."""

from collections.abc import Sequence
from dataclasses import dataclass

import stamina
import structlog
from aiokafka import ConsumerRecord
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from shared import metrics
from shared.dead_record import DEAD_HEADERS, LEFT_OUT, LETTER, tries_before
from shared.faults import BrokerAwayError
from shared.publisher import Outgoing, Publishes

log = structlog.get_logger(__name__)

LONGEST_KEY = 1000
"""Bytes that are kept of the key of a record that is too large; our own keys have 36."""


@dataclass(frozen=True, slots=True)
class Dead:
    """A record that can't be handled, and why."""

    record: ConsumerRecord
    reason: str
    stack: str = ""
    tries: int = 1


class DeadLetters:
    """A service's dead-letter topic.

    Args:
        topic: Its name.
        publisher: What puts records there.
    """

    def __init__(self, topic: str, publisher: Publishes) -> None:
        self._topic = topic
        self._publisher = publisher

    async def bury(self, dead: Sequence[Dead]) -> None:
        """Put records aside; return once they are, however long the broker is away."""
        if not dead:
            return
        letters = [_dead_letter(self._topic, letter) for letter in dead]
        try:
            await self._deliver(letters)
        except MessageSizeTooLargeError:
            for outgoing in letters:
                await self._deliver_alone(outgoing)
        for letter in dead:
            metrics.DEAD_LETTERS.labels(topic=letter.record.topic).inc()
            log.error(
                "dead_letter",
                topic=letter.record.topic,
                partition=letter.record.partition,
                offset=letter.record.offset,
                reason=letter.reason,
            )

    async def _deliver_alone(self, letter: Outgoing) -> None:
        """Leave out the content of a record that is too large with what is told of it.

        Its headers name the place where it stands, for as long as that topic keeps its records.
        """
        try:
            await self._deliver([letter])
        except MessageSizeTooLargeError:
            kept = (LETTER, *DEAD_HEADERS)
            told = tuple(header for header in letter.headers if header[0] in kept)
            key = letter.key[:LONGEST_KEY] if letter.key else letter.key
            slim = Outgoing(letter.topic, key, b"", (*told, LEFT_OUT))
            await self._deliver([slim])

    async def _deliver(self, letters: list[Outgoing]) -> None:
        """Publish dead letters, tried again for as long as the broker is away."""
        async for attempt in stamina.retry_context(
            on=_may_be_taken_later, attempts=None, timeout=None, wait_max=5.0
        ):
            with attempt:
                await self._publisher.publish(letters)


def _may_be_taken_later(error: Exception) -> bool:
    if isinstance(error, MessageSizeTooLargeError):
        return False
    return isinstance(error, BrokerAwayError | KafkaError)


def _dead_letter(topic: str, letter: Dead) -> Outgoing:
    record = letter.record
    told = (
        letter.reason,
        letter.stack,
        f"{record.topic}/{record.partition}/{record.offset}",
        # Of one that was put back, those before count, too.
        str(letter.tries + tries_before(record.headers)),
    )
    headers = zip(DEAD_HEADERS, (text.encode() for text in told), strict=True)
    # Kafka takes no record that has neither key nor value.
    value = b"" if record.key is None and record.value is None else record.value
    return Outgoing(topic, record.key, value, (*record.headers, *headers))
