"""Opens a personal part, with the desk's secret and the key's record from the topic of keys."""

import json
from base64 import b64decode
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def open_private(event: dict[str, Any], key_made: dict[str, Any], secret: str) -> object:
    """What `event["data"]["private"]` holds. Without the key's record nobody can know it."""
    private, key = event["data"]["private"], key_made["data"]
    if private["key"] != key_made["subject"]:
        raise ValueError("another key sealed it")
    wrapping = HKDF(SHA512(), 64, salt=None, info=b"careline keys").derive(secret.encode())
    bound = [key_made["subject"].encode(), key["person"].encode()]
    opener = AESSIV(wrapping).decrypt(b64decode(key["wrapped"]), bound)
    place = [event[name].encode() for name in ("id", "type", "subject")]
    return json.loads(AESSIV(opener).decrypt(b64decode(private["sealed"]), place))
