"""Whether every cause stands on the stream before its effects: a pure look at what was read."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from aiokafka import ConsumerRecord
from pydantic_core import from_json

NOT_BY_TICKET = {"accounts", "keys", "privacy"}
"""What is said there may be caused by a ticket's event, or lead to one, and is about another."""


@dataclass(frozen=True, slots=True)
class Seen:
    """An event where it stands: all that the order of the stream is told by."""

    id: str
    type: str
    subject: str
    cause: str | None
    topic: str
    partition: int
    offset: int
    appended_ms: int
    """When the broker took it, by the broker's clock."""

    @property
    def name(self) -> str:
        """The topic, without the namespace."""
        return self.topic.rpartition(".")[2]


def seen(records: Iterable[ConsumerRecord]) -> list[Seen]:
    """What records say of causes; tombstones have none."""
    return [_seen(record, from_json(record.value)) for record in records if record.value]


def _seen(record: ConsumerRecord, event: dict[str, str]) -> Seen:
    return Seen(
        event["id"],
        event["type"],
        event["subject"],
        event.get("causationid"),
        record.topic,
        record.partition,
        record.offset,
        record.timestamp,
    )


def find_reversed(events: Sequence[Seen]) -> list[str]:
    """Effects whose cause is missing, is another ticket's, or stands behind them.

    An event that was said twice counts where it stands first. Within one partition offsets tell the
    order; across topics it is the time at which the broker took them.
    """
    first: dict[str, Seen] = {}
    for event in sorted(events, key=lambda each: (each.appended_ms, each.topic, each.offset)):
        first.setdefault(event.id, event)
    return [
        f"{event.type} of {event.subject}: its cause {problem}"
        for event in first.values()
        if event.cause is not None
        for problem in _problems(first.get(event.cause), event)
    ]


def _problems(cause: Seen | None, effect: Seen) -> Iterator[str]:
    if cause is None:
        yield f"{effect.cause} is not on the stream"
        return
    if cause.subject != effect.subject and not {cause.name, effect.name} & NOT_BY_TICKET:
        yield f"{cause.type} is of {cause.subject}"
    if (cause.topic, cause.partition) == (effect.topic, effect.partition):
        if cause.offset >= effect.offset:
            yield f"{cause.type} stands behind it, at {cause.offset} to {effect.offset}"
    elif cause.appended_ms > effect.appended_ms:
        late = cause.appended_ms - effect.appended_ms
        yield f"{cause.type} was taken {late} ms after it"
