"""Links that open one ticket without signing in: whoever makes one tells messaging its hash alone.

A link is 256 bits that nobody can guess, made from a secret and from what it is for: a mail that is
sent twice has the same link in both copies, and nobody has to keep it. messaging keeps SHA-256 of
it, until when it holds, and whether it was taken back.
"""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import datetime

from shared.envelope import Fact, Instant

UNSEEN = "…"
"""Stands where the secret part of a link was."""
_LINK = re.compile(r"(/open/)[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])")
"""Of any desk: its address is in front."""


class Link(Fact):
    """A link to a ticket, as it is told on the stream: nobody can open anything with this."""

    sha256: str
    """Of the link's secret part, in hex."""
    expires: Instant
    """Until when it holds."""


@dataclass(frozen=True, slots=True)
class MadeLink:
    """A link with its secret part, for who is to have it."""

    token: str
    """43 characters that can stand in a path."""
    link: Link


def make_link(secret: str, *what_for: str, expires: datetime) -> MadeLink:
    """A link; the same for the same secret and purpose.

    Args:
        secret: Of whoever makes it; 128 random bits at the least.
        what_for: Names what it is made for, such as "mail" and the delivery's id.
        expires: Until when it holds.
    """
    said = "\x1f".join(("careline link", *what_for)).encode()
    digest = hmac.new(secret.encode(), said, hashlib.sha256).digest()
    token = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return MadeLink(token, Link(sha256=hash_link(token), expires=expires))


def hash_link(token: str) -> str:
    """SHA-256 of a link's secret part, in hex."""
    return hashlib.sha256(token.encode()).hexdigest()


def hide_links(text: str) -> str:
    """Text in which no link opens a ticket any longer: whoever quotes a mail repeats its link."""
    return _LINK.sub(rf"\1{UNSEEN}", text)
