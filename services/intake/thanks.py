"""The address of a page of thanks: all that the page has to know, and a proof that we made it.

Nobody keeps anything for that page. Whoever has its address may open the conversation, so it is as
secret as a link; nobody is thanked for what was not sent, since nobody else can make such an
address.
"""

import base64
import hashlib
import hmac
from dataclasses import astuple, dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter, ValidationError

from shared.envelope import Instant
from shared.messages import Channel
from shared.plans import Priority

_PROOF_BYTES = 32
LONGEST = 1000
"""Characters of an address's secret part."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What a page of thanks shows; nothing of it says who asked, or what."""

    form: str
    """The form with its words, as `Sent.key` names them: ticket and link derive from it."""
    at: Instant
    """When the request was taken."""
    time_zone: str
    """In which its sender reads times."""
    channel: Channel
    priority: Priority
    plan: str | None = None
    """The plan of who is signed in, as their pass named it."""


_TAKEN: TypeAdapter[tuple[Any, ...]] = TypeAdapter(
    tuple[str, Instant, str, Channel, Priority, str | None]
)


def make_key(secret: str, taken: Taken) -> str:
    """What stands behind `/thanks/`."""
    said = _TAKEN.dump_json(astuple(taken))
    return _encode(_proof(secret, said) + said)


def read_key(secret: str, key: str, *, now: datetime, lasts: timedelta) -> Taken | None:
    """What a page is to show; None for an address that we didn't make, or that is too old."""
    if len(key) > LONGEST:
        return None
    try:
        whole = base64.urlsafe_b64decode(key.encode("ascii") + b"=" * (-len(key) % 4))
    except ValueError:
        return None
    proof, said = whole[:_PROOF_BYTES], whole[_PROOF_BYTES:]
    if not hmac.compare_digest(proof, _proof(secret, said)):
        return None
    try:
        taken = Taken(*_TAKEN.validate_json(said))
    except ValidationError:
        return None  # an earlier version of ours made it
    return taken if now < taken.at + lasts else None


def _proof(secret: str, said: bytes) -> bytes:
    return hmac.new(secret.encode(), b"careline thanks\x1f" + said, hashlib.sha256).digest()


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
