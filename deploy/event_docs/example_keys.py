"""Keys that open the examples' personal parts: everybody may have them, and no desk has.

They and the secret that they are wrapped with follow from words that stand here, so that anyone can
try how a personal part is opened; `example-keys.json` has them as records of the topic of keys.
"""

import json
from base64 import b64encode
from datetime import datetime
from hashlib import sha512
from typing import Any

from shared import events
from shared.envelope import Cause
from shared.event_schemas import private_of
from shared.privacy import KeyMade, KeyMadeData
from shared.sealing import PersonKey, StreamSecret, make_key, person_of, seal

SECRET = "the stream's secret of the examples, which is no desk's"  # noqa: S105 - it is no one's


def key_for(person: str) -> PersonKey:
    """The key that seals what is this person's in the examples."""
    return make_key(person, sha512(f"the example key of {person}".encode()).digest())


def key_made(person: str, *, source: str, time: datetime) -> KeyMade:
    """What is said of that key."""
    key = key_for(person)
    wrapped = StreamSecret([SECRET]).wrap(key)
    data = KeyMadeData(person=person, wrapped=b64encode(wrapped).decode())
    return KeyMade.say(data, cause=Cause(key.id, str(key.id)), source=source, time=time)


def on_the_stream(example: events.Event) -> dict[str, Any]:
    """The example as it stands on the stream: its personal part sealed."""
    value = events.write(example)
    person = person_of(value)
    sealed = value if person is None else seal(value, key_for(person))
    record: dict[str, Any] = json.loads(sealed)
    return record


def opened(example: events.Event) -> dict[str, Any] | None:
    """What its personal part holds once it is opened, or None if it has none."""
    if private_of(type(example)) is None:
        return None
    private = example.model_dump(mode="json", exclude_none=True)["data"]["private"]
    return {name: value for name, value in private.items() if name != "person"}
