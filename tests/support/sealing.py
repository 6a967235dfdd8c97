"""How tests seal what they say, and open what they read."""

import secrets
from base64 import b64decode
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from uuid import UUID

from services.intake.records import Sealing
from shared import events
from shared.database import Database
from shared.envelope import Topic
from shared.keyring import Keyring, Minting
from shared.privacy import KeyMade
from shared.sealing import KEY_BYTES, PersonKey, StreamSecret
from shared.topics import topic_name

STREAM_SECRET = "a-stream-secret-of-the-tests-that-is-long"
SECRET = StreamSecret([STREAM_SECRET])


def new_key() -> bytes:
    """64 random bytes."""
    return secrets.token_bytes(KEY_BYTES)


def clock() -> datetime:
    """The present."""
    return datetime.now(UTC)  # noqa: TID251 - the tests' own clock


def sealing(namespace: str = "careline") -> Sealing:
    """As intake seals."""
    return Sealing(namespace, SECRET, clock, new_key)


def minting(service: str) -> Minting:
    """How a service makes keys in tests."""
    return Minting(f"/services/{service}", SECRET, clock, new_key)


def keyring(
    database: Database, bootstrap_servers: str, namespace: str, service: str = "test"
) -> Keyring:
    """A service's keyring, not started yet."""
    return Keyring(database, topic_name(namespace, Topic.KEYS), bootstrap_servers, minting(service))


def keys_in(values: Iterable[bytes | None]) -> Mapping[UUID, PersonKey]:
    """The keys that records of the topic of keys tell of; those that were thrown away too."""
    made = [events.read(value) for value in values if value is not None]
    return {
        UUID(event.subject): SECRET.unwrap(
            UUID(event.subject), event.data.person, b64decode(event.data.wrapped)
        )
        for event in made
        if isinstance(event, KeyMade)
    }
