"""Sealing the personal part of an event, so that it can be made unreadable for good.

On the stream `data.private` is `{"person", "key", "sealed"}`: whose it is, which key opens it, and
AES-SIV (RFC 5297) over the rest, bound to the event's id, type and subject. Its keys are random and
belong to one person each; once they are thrown away nobody can read what they sealed, wherever a
copy of it lies. The keys themselves travel wrapped with the desk's secret (`shared/keyring.py`).

AES-SIV needs no nonce: the same event sealed again with the same key is the same bytes.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import ValidationError
from pydantic_core import from_json, to_json

from shared.envelope import NAMESPACE, Fact

KEY_BYTES = 64
"""Of a key: AES-256 in SIV takes two of 32."""
LEAST_SECRET = 32
"""Characters of the desk's secret."""


class SealError(ValueError):
    """A personal part that its key does not open, or a key that our secret does not unwrap."""


class Sealed(Fact):
    """The personal part of an event, as it stands on the stream."""

    person: str
    """Pseudonym of whose it is."""
    key: UUID
    """Which key opens it; once that is thrown away, nobody can."""
    sealed: str
    """The rest, as JSON under AES-SIV (RFC 5297), in base 64."""


@dataclass(frozen=True, slots=True)
class PersonKey:
    """A key that seals what is one person's."""

    id: UUID
    person: str
    secret: bytes


NO_KEYS: Mapping[UUID, PersonKey] = {}


def make_key(person: str, secret: bytes) -> PersonKey:
    """The key of these 64 random bytes; its id follows from them and gives nothing of them away."""
    if len(secret) != KEY_BYTES:
        raise ValueError(f"a key has {KEY_BYTES} bytes, not {len(secret)}")
    return PersonKey(uuid5(NAMESPACE, secret.hex()), person, secret)


class StreamSecret:
    """What keys are wrapped with on the stream and in databases.

    Args:
        secrets: Of at least 32 characters each; the first wraps, all unwrap.
    """

    def __init__(self, secrets: Sequence[str]) -> None:
        self._ciphers = [AESSIV(_derive(secret)) for secret in secrets]

    def wrap(self, key: PersonKey) -> bytes:
        """The key as it may be kept and sent."""
        return self._ciphers[0].encrypt(key.secret, _bound(str(key.id), key.person))

    def unwrap(self, id_: UUID, person: str, wrapped: bytes) -> PersonKey:
        """The key again.

        Raises:
            SealError: it was wrapped with another secret, or for somebody else.
        """
        for cipher in self._ciphers:
            try:
                secret = cipher.decrypt(wrapped, _bound(str(id_), person))
            except InvalidTag:
                continue
            return PersonKey(id_, person, secret)
        raise SealError("a key that our secret does not unwrap")


def person_of(value: bytes) -> str | None:
    """Whose personal data stand open in an event's JSON; None if there are none."""
    record = from_json(value) if b'"private"' in value else None
    private = _private(record)
    return None if private is None or "sealed" in private else private["person"]


def key_of(value: bytes) -> UUID | None:
    """Which key opens the personal part of a record, or None if it has none that is sealed."""
    if (found := _sealed(value)) is None:
        return None
    return found[1].key


def seal(value: bytes, key: PersonKey) -> bytes:
    """An event's JSON with its personal part sealed; without one it stays as it is."""
    record = from_json(value)
    private = _private(record)
    if private is None:
        return value
    rest = to_json({name: each for name, each in private.items() if name != "person"})
    sealed = AESSIV(key.secret).encrypt(rest, _place(record))
    record["data"]["private"] = {
        "person": key.person,
        "key": str(key.id),
        "sealed": base64.b64encode(sealed).decode(),
    }
    return to_json(record)


def without_private(value: bytes) -> bytes:
    """An event's JSON without its personal part."""
    record = from_json(value)
    record["data"].pop("private", None)
    return to_json(record)


def unseal(value: bytes, keys: Mapping[UUID, PersonKey]) -> bytes:
    """A record with its personal part open again, or without it if its key is not among these.

    Raises:
        SealError: the key is there, but it is not what sealed this.
    """
    if (found := _sealed(value)) is None:
        return value
    record, private = found
    key = keys.get(private.key)
    if key is None:
        del record["data"]["private"]
    else:
        record["data"]["private"] = _open(private, key, _place(record)) | {"person": key.person}
    return to_json(record)


def _open(private: Sealed, key: PersonKey, place: list[bytes]) -> dict[str, Any]:
    try:
        opened = AESSIV(key.secret).decrypt(base64.b64decode(private.sealed, validate=True), place)
    except (InvalidTag, binascii.Error, ValueError):
        raise SealError("data.private: is not what its key sealed") from None
    rest: dict[str, Any] = from_json(opened)
    return rest


def _sealed(value: bytes) -> tuple[dict[str, Any], Sealed] | None:
    if b'"sealed"' not in value:
        return None
    try:
        record = from_json(value)
    except ValueError:
        return None  # whoever reads it says what is wrong with it
    private = _private(record)
    if private is None or "sealed" not in private:
        return None
    try:
        return record, Sealed.model_validate(private)
    except ValidationError:
        raise SealError("data.private: is neither open nor sealed as it must be") from None


def _private(record: Any) -> dict[str, Any] | None:  # noqa: ANN401 - JSON may be anything
    data = record.get("data") if isinstance(record, dict) else None
    private = data.get("private") if isinstance(data, dict) else None
    return private if isinstance(private, dict) else None


def _place(record: dict[str, Any]) -> list[bytes]:
    """A sealed part holds in its own event alone."""
    return _bound(*(str(record.get(name)) for name in ("id", "type", "subject")))


def _bound(*parts: str) -> list[bytes]:
    return [part.encode() for part in parts]


def _derive(secret: str) -> bytes:
    if len(secret) < LEAST_SECRET:
        raise ValueError(f"must have at least {LEAST_SECRET} characters")
    return HKDF(SHA512(), KEY_BYTES, salt=None, info=b"careline keys").derive(secret.encode())
