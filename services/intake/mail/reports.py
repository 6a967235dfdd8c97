"""What mail servers say of a mail that was sent: delivery status notifications (RFC 3464)."""

import re
from dataclasses import dataclass
from itertools import islice

from services.intake.mail.headers import addresses, decode_words, message_ids
from services.intake.mail.parts import BeyondLimitsError, Head, Part, read_head
from shared.lines import one_line

_MOST_RECIPIENTS = 20
_DETAIL = 1000
_BLOCKS = re.compile(rb"(?:\r?\n){2,}")
_STATUS = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_RETURNED = frozenset(
    {"message/rfc822", "text/rfc822-headers", "message/global", "message/rfc822-headers"}
)


@dataclass(frozen=True, slots=True)
class Recipient:
    """What became of a mail for one of its addresses."""

    addresses: tuple[str, ...]
    """The one that was written to, then the one where it ended up, as far as they are known."""
    action: str
    """`failed`, `delayed`, `delivered`, `relayed` or `expanded`; empty if it isn't said."""
    status: str | None
    detail: str | None


@dataclass(frozen=True, slots=True)
class Report:
    """A report on a mail."""

    kind: str
    """`delivery-status`, `disposition-notification` (read receipts), or what it calls itself."""
    is_whole: bool
    """Whether the mail is nothing but the report, instead of containing one."""
    recipients: tuple[Recipient, ...]
    returned: tuple[str, ...]
    """Message-IDs of the mail that it is about."""
    returned_to: tuple[str, ...]
    """To whom that was addressed."""


def read_report(root: Part) -> Report | None:
    """The report in a mail, or None."""
    parts = list(root.walk())
    status = next((part for part in parts if part.type.endswith("/delivery-status")), None)
    is_whole = root.type == "multipart/report"
    if status is None and not is_whole:
        return None
    kind = (root.head.parameter("report-type") or "").strip().lower() if is_whole else ""
    returned = next((_head(part.content) for part in parts if part.type in _RETURNED), None)
    return Report(
        kind="delivery-status" if status else kind,
        is_whole=is_whole,
        recipients=_recipients(status.content) if status else (),
        returned=message_ids(decode_words(_value(returned, "message-id"))),
        returned_to=addresses(_value(returned, "to")),
    )


def _recipients(content: bytes) -> tuple[Recipient, ...]:
    """One block of fields for each recipient, after the one that is about the mail."""
    blocks = islice(_BLOCKS.split(content.strip()[:65536]), 2 * _MOST_RECIPIENTS)
    heads = (_head(block) for block in blocks)
    found = (_recipient(head) for head in heads if head and head.first("final-recipient"))
    return tuple(islice(found, _MOST_RECIPIENTS))


def _recipient(head: Head) -> Recipient:
    fields = [_value(head, f"{which}-recipient") for which in ("original", "final")]
    named = [_address(field) for field in fields]
    status = _STATUS.search(_value(head, "status"))
    detail = one_line(decode_words(_value(head, "diagnostic-code")), _DETAIL)
    return Recipient(
        addresses=tuple(dict.fromkeys(address for address in named if address)),
        action=_value(head, "action").strip().lower(),
        status=status[1] if status else None,
        detail=detail or None,
    )


def _address(field: str) -> str | None:
    """The address in `rfc822; somebody@customer.example`."""
    written = field.rpartition(";")[2].strip().strip("<>")
    return one_line(written, 320) if "@" in written else None


def _head(content: bytes) -> Head | None:
    try:
        return read_head(content.lstrip())
    except BeyondLimitsError:
        return None


def _value(head: Head | None, name: str) -> str:
    return (head.first(name) if head else None) or ""


def failed_in_words(text: str) -> Recipient | None:
    """A failure that is told in words alone, as qmail and some gateways do; None if it isn't.

    The address that failed stands in angle brackets, first on its line, before a colon.
    """
    start = text[:20_000]
    named = re.findall(r"^<([^<>\s]{3,320})>:", start, re.MULTILINE)[:_MOST_RECIPIENTS]
    if not named:
        return None
    status = _STATUS.search(start)
    said = start[start.find(f"<{named[0]}>:") :]
    return Recipient(
        addresses=tuple(dict.fromkeys(named)),
        action="failed",
        status=status[1] if status else None,
        detail=one_line(said, _DETAIL) or None,
    )
