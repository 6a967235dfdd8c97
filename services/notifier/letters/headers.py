"""Headers that reach the other side as they are meant.

The standard library's `EmailMessage` breaks Message-IDs that are longer than a line into encoded
words in `In-Reply-To` and `References` (no mail program finds the thread then), and loses quotes
around a comma when it folds a name beyond ASCII. So these headers are folded here.
"""

import re
from collections.abc import Iterable
from email.header import Header
from email.headerregistry import BaseHeader, HeaderRegistry
from email.message import EmailMessage
from email.policy import SMTP, Policy
from email.utils import quote
from typing import Any

LONGEST_NAME = 60
"""Characters of a display name; the rest is cut off."""
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,500}>")
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]+"
)
"""Control characters, and what turns the direction of text around it."""


class _OneLine(BaseHeader):
    """A header whose value is kept as one line of text."""

    max_count = 1

    @classmethod
    def parse(cls, value: str, kwds: dict[str, Any]) -> None:
        """Take the value as it is."""
        kwds["decoded"] = one_line(value)
        kwds["parse_tree"] = None


class _Identifiers(_OneLine):
    """Message-IDs: never broken, one a line."""

    def fold(self, *, policy: Policy) -> str:
        """As it goes over the line."""
        folded = f"{policy.linesep} ".join(str(self).split(" "))
        return f"{self.name}: {folded}{policy.linesep}"


class _Words(_OneLine):
    """Words for people: as they are in ASCII, as encoded words otherwise."""

    def fold(self, *, policy: Policy) -> str:
        """As it goes over the line."""
        words = str(self)
        header = Header(words, None if _is_plain(words) else "utf-8", 76, self.name)
        return f"{self.name}: {header.encode(linesep=policy.linesep)}{policy.linesep}"


class _Mailbox(_OneLine):
    """A name with an address."""

    def fold(self, *, policy: Policy) -> str:
        """As it goes over the line."""
        name, _, address = str(self).rpartition(" <")
        written = f'"{quote(name)}"' if _is_plain(name) else _one_word(name, self.name)
        return f"{self.name}: {written}{policy.linesep} <{address}{policy.linesep}"


def _is_plain(words: str) -> bool:
    """Whether it stands for itself: what looks like an encoded word would be read as one."""
    return words.isascii() and "=?" not in words


def _one_word(name: str, header: str) -> str:
    """As much of a name as one encoded word holds: some readers put spaces between two."""
    for length in range(len(name), 0, -1):
        encoded = Header(name[:length].strip(), "utf-8", 76, header).encode()
        if len(encoded.split()) == 1:
            return encoded
    return ""


def _registry() -> HeaderRegistry:
    registry = HeaderRegistry()
    for name in ("message-id", "in-reply-to", "references"):
        registry.map_to_type(name, _Identifiers)
    registry.map_to_type("subject", _Words)
    registry.map_to_type("from", _Mailbox)
    return registry


_POLICY = SMTP.clone(header_factory=_registry())


def empty_mail() -> EmailMessage:
    """A mail whose headers go over the line as they are meant."""
    return EmailMessage(policy=_POLICY)


def one_line(text: str) -> str:
    """Words on one line, without what can't be seen: nothing in it begins another header."""
    return " ".join(_UNSEEN.sub(" ", text).split())


def mailbox(name: str, address: str) -> str:
    """A sender, as `From` takes it."""
    return f"{one_line(name)[:LONGEST_NAME].strip() or address} <{address}>"


def identifiers(candidates: Iterable[str | None]) -> str | None:
    """Message-IDs for one header, each once; what is none is left out."""
    found = (each.strip() for each in candidates if each)
    return " ".join(dict.fromkeys(id_ for id_ in found if _MESSAGE_ID.fullmatch(id_))) or None
