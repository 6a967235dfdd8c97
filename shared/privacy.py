"""What is said of keys and of people who are forgotten.

A key's record is keyed by its own id: a tombstone under that id throws the key away, and with it
everything that it sealed (`shared/sealing.py`).
"""

from base64 import b64encode
from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

from shared.envelope import Cause, Envelope, Fact, Topic
from shared.sealing import PersonKey


class KeyMadeData(Fact):
    """A key that seals personal data of one person from now on."""

    person: str
    """Pseudonym of whose data it seals; `staff` stands for people of the organisation."""
    wrapped: str
    """The key itself under the desk's secret (AES-SIV, RFC 5297), in base 64."""


class ErasureRequestedData(Fact):
    """A person is to be forgotten: whoever keeps anything of theirs takes it away."""

    erasure: UUID
    """Id of the request: all that is said of it names it."""
    persons: tuple[str, ...]
    """The pseudonyms under which they are known."""
    keys: tuple[UUID, ...]
    """Their keys, which hold no longer; more of them may follow in another event."""
    by: str
    """Id of who asked for it: the subject of their token."""


class Removed(Fact):
    """How much of one kind was taken away."""

    what: str
    """In plain words, for example `messages`."""
    count: int
    """How many there were."""


class PersonErasedData(Fact):
    """A service has taken away what it kept of a person."""

    erasure: UUID
    """Id of the request."""
    service: str
    """Which service, for example `notifier`."""
    removed: tuple[Removed, ...]
    """What it took away; what there was none of is left out."""


class KeyMade(Envelope[KeyMadeData]):
    """Said by intake, messaging and notifier."""

    TOPIC: ClassVar[Topic] = Topic.KEYS
    type: Literal["careline.key.made.v1"] = "careline.key.made.v1"


class ErasureRequested(Envelope[ErasureRequestedData]):
    """Said by messaging."""

    TOPIC: ClassVar[Topic] = Topic.PRIVACY
    type: Literal["careline.privacy.erasure_requested.v1"] = "careline.privacy.erasure_requested.v1"


class PersonErased(Envelope[PersonErasedData]):
    """Said by messaging and notifier, each for itself."""

    TOPIC: ClassVar[Topic] = Topic.PRIVACY
    type: Literal["careline.privacy.person_erased.v1"] = "careline.privacy.person_erased.v1"


def say_key(key: PersonKey, wrapped: bytes, *, source: str, time: datetime) -> KeyMade:
    """What is said of a new key.

    Args:
        key: The key, which gives the event its id.
        wrapped: The same under the desk's secret.
        source: The service that made it, for example `/services/intake`.
        time: When it did.
    """
    data = KeyMadeData(person=key.person, wrapped=b64encode(wrapped).decode())
    return KeyMade.say(data, cause=Cause(key.id, str(key.id)), source=source, time=time)
