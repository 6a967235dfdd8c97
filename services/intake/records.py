"""From what intake says to records of the stream: personal parts sealed, with new keys.

Intake remembers nobody, so each request has a key of its own. The key's record goes out first: who
reads of a ticket then finds the key, or knows that it was thrown away.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.intake.domain import SOURCE
from shared import events
from shared.privacy import KeyMade, say_key
from shared.publisher import Outgoing, Publishes
from shared.sealing import PersonKey, StreamSecret, make_key, person_of, seal
from shared.topics import topic_name


@dataclass(frozen=True, slots=True)
class Sealing:
    """Seals what intake says.

    Args:
        namespace: Of the topics.
        secret: What keys are wrapped with.
        clock: The present, with a zone.
        new_key: 64 random bytes.
    """

    namespace: str
    secret: StreamSecret
    clock: Callable[[], datetime]
    new_key: Callable[[], bytes]

    def records(self, said: Sequence[events.Event]) -> "Records":
        """These events as records, and those of the keys that open them."""
        values = [events.write(event) for event in said]
        people = dict.fromkeys(person for value in values if (person := person_of(value)))
        keys = {person: make_key(person, self.new_key()) for person in people}
        made = [self._made(key) for key in keys.values()]
        return Records(
            tuple(self._record(key, events.write(key)) for key in made),
            tuple(
                self._record(event, _sealed(value, keys))
                for event, value in zip(said, values, strict=True)
            ),
        )

    def _made(self, key: PersonKey) -> KeyMade:
        return say_key(key, self.secret.wrap(key), source=SOURCE, time=self.clock())

    def _record(self, event: events.Event, value: bytes) -> Outgoing:
        return Outgoing(
            topic=topic_name(self.namespace, event.TOPIC),
            key=event.subject.encode(),
            value=value,
            headers=events.HEADERS,
        )


@dataclass(frozen=True, slots=True)
class Records:
    """What is to be published: the keys, and once the broker has them what they seal."""

    keys: tuple[Outgoing, ...]
    sealed: tuple[Outgoing, ...]


async def publish_keys(publisher: Publishes, records: Records) -> None:
    """Publish the keys; return once the broker has them.

    Raises:
        BrokerAwayError: nothing that they seal was published.
    """
    await publisher.publish(records.keys)


def _sealed(value: bytes, keys: dict[str, PersonKey]) -> bytes:
    person = person_of(value)
    return value if person is None else seal(value, keys[person])
