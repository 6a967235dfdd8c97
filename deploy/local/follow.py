"""The stream, live: a line for every event."""

from datetime import UTC, datetime

from aiokafka import AIOKafkaConsumer, ConsumerRecord

from deploy.local.narrator import Line, Narrator
from deploy.local.screen import Screen
from shared import events
from shared.dead_record import read_mark

POLL_MS = 1_000


class Follower:
    """Tells what a consumer (see `tail`) is given.

    Args:
        consumer: Stands where the telling begins.
        narrator: Finds the words.
    """

    def __init__(self, consumer: AIOKafkaConsumer, narrator: Narrator) -> None:
        self._consumer = consumer
        self._narrator = narrator

    async def tell(self, screen: Screen) -> None:
        """Write line after line, until cancelled."""
        while True:
            batches = await self._consumer.getmany(timeout_ms=POLL_MS)
            records = [record for batch in batches.values() for record in batch]
            # Partitions come as they like; within one the stamps rise, so that order is kept.
            for record in sorted(records, key=_appended):
                show(screen, self._line(record))

    def _line(self, record: ConsumerRecord) -> Line:
        appended = _appended(record)
        if record.topic.endswith(".dead"):
            return self._dead(record, appended)
        try:
            event = events.read(record.value)
        except events.UnreadableError as error:
            return self._narrator.tell_unknown(f"a record that cannot be read: {error}", appended)
        if event is None:
            reason = "an event of a type that this version does not know"
            return self._narrator.tell_unknown(reason, appended)
        return self._narrator.tell(event, appended)

    def _dead(self, record: ConsumerRecord, appended: datetime) -> Line:
        service = record.topic.split(".")[-2]
        if mark := read_mark(record):
            return self._narrator.tell_put_back(service, mark[0], appended)
        reason = dict(record.headers).get("dead-reason", b"no reason").decode(errors="replace")
        return self._narrator.tell_dead(service, record.key, reason, appended)


def show(screen: Screen, line: Line) -> None:
    """Write a line, its time and its words apart in style."""
    screen.say_styled(
        (f"{line.time}  ", "dim"), (f"{line.subject:<18}", "bold"), (line.words, line.style)
    )


def _appended(record: ConsumerRecord) -> datetime:
    return datetime.fromtimestamp(record.timestamp / 1000, UTC)
