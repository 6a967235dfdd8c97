"""What every way out can do, and how much of an answer's words is kept."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from services.notifier.deliveries import Answer, Content, Delivery
from shared.notifications import NotificationChannel

LONGEST_DETAIL = 500
"""Characters of an answer that are kept."""
_UNSPEAKABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


class Channel(Protocol):
    """A way out."""

    async def send(self, delivery: Delivery, content: Content) -> Answer:
        """Hand a delivery over and tell what became of it; never raises for what others do."""

    async def close(self) -> None:
        """Take leave."""


@dataclass(frozen=True, slots=True)
class Way:
    """A channel with its name and its limit."""

    lane: str
    """`MAIL_LANE`, or the name of a destination."""
    kind: NotificationChannel
    channel: Channel
    places: int
    """How many deliveries it may have under way at once."""


def spoken(words: str | bytes, *, unsaid: Iterable[str] = ()) -> str:
    """An answer's words as they can be kept: bounded, and of characters that events can carry.

    Args:
        words: As they came; of bytes, what isn't UTF-8 is marked.
        unsaid: Secrets of ours that the other side may have repeated.
    """
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    for secret in unsaid:
        text = text.replace(secret, "[secret]")
    # Bytes beyond UTF-8 come as lone surrogates from SMTP; Postgres takes no NUL.
    return _UNSPEAKABLE.sub("?", text)[:LONGEST_DETAIL].strip()
