"""Webhooks that anyone can check: signed as Standard Webhooks says."""

import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime

from services.notifier.channels.http import Request, Response, judge
from services.notifier.deliveries import Answer, Content, Delivery

PREFIX = "whsec_"
"""What a secret begins with; the rest is base64."""


@dataclass(frozen=True, slots=True)
class WebhookDialect:
    """Signs with each of its secrets, so that one can follow another without a gap."""

    url: str = field(repr=False)
    keys: tuple[bytes, ...] = field(repr=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The address may hold one too; no receiver knows how we write a key."""
        return (self.url,)

    def request(self, delivery: Delivery, content: Content, *, now: datetime) -> Request:
        """The content, signed together with its id and the time of the try."""
        id_, timestamp = str(delivery.id), str(int(now.timestamp()))
        signed = f"{id_}.{timestamp}.".encode() + content.body
        headers = {
            "content-type": content.media_type,
            "webhook-id": id_,
            "webhook-timestamp": timestamp,
            "webhook-signature": " ".join(_sign(key, signed) for key in self.keys),
        }
        return Request(self.url, headers, content.body)

    def answer(self, response: Response, words: str) -> Answer:
        """Only "gone" and "not found" are for good: the rest its owner may mend."""
        return judge(response, words, is_final=lambda _: False)


def read_secret(written: str) -> bytes:
    """The key in a secret such as `whsec_…`.

    Raises:
        ValueError: it is none, or not of 24 to 64 bytes.
    """
    digits = written.removeprefix(PREFIX).rstrip("=")
    key = base64.b64decode(digits + "=" * (-len(digits) % 4), validate=True)
    if not written.startswith(PREFIX) or not 24 <= len(key) <= 64:  # noqa: PLR2004 - Standard Webhooks
        raise ValueError(f"a secret is {PREFIX} and 24 to 64 bytes in base64")
    return key


def _sign(key: bytes, signed: bytes) -> str:
    mac = hmac.new(key, signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(mac).decode()}"
