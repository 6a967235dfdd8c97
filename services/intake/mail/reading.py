"""A mail as its parts mean it: who, to whom, which words and which files.

Reading never fails on a malformed mail; a mail beyond the limits is refused with a reason. What is
too much of a mail that is taken is named in its notes, or kept as a file: nothing goes unsaid.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from services.intake.mail.bodies import Gathered, MailFile, gather, message_file
from services.intake.mail.headers import (
    MOST_REFERENCES,
    Mailbox,
    addresses,
    date,
    decode_words,
    language,
    mailboxes,
    message_ids,
)
from services.intake.mail.parts import BeyondLimitsError, Head, Part, read_parts
from services.intake.mail.reports import Report, read_report
from shared.lines import one_line

NO_SUBJECT = "(no subject)"
MEGABYTE = 1024 * 1024

SIGNS = (
    "auto-submitted",
    "precedence",
    "return-path",
    "x-auto-response-suppress",
    "x-autoreply",
    "x-autorespond",
    "x-autoresponse",
    "x-mail-autoreply",
    "x-auto-reply-from",
    "x-careline-desk",
    "x-failed-recipients",
)
"""Headers by which machines and ourselves are known; lists are by any that begins with `List-`."""

_MOST_LIST_SIGNS = 10


class Refusal(StrEnum):
    """Why a mail is not taken."""

    TOO_LARGE = "too_large"
    LOOP = "loop"
    NO_SENDER = "no_sender"
    AUTOMATIC_REPLY = "automatic_reply"
    FOREIGN_REPORT = "foreign_report"


class MailRefusedError(ValueError):
    """A mail that can't be read within the limits: what its sender is told."""

    def __init__(self, code: int, enhanced: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.enhanced = enhanced
        self.reason = reason
        self.cause = Refusal.TOO_LARGE


@dataclass(frozen=True, slots=True)
class MailLimits:
    """How much of a mail is taken."""

    mail_bytes: int = 25 * MEGABYTE
    files: int = 20
    file_bytes: int = 10 * MEGABYTE
    files_bytes: int = 20 * MEGABYTE
    """Of all files of a mail together."""
    text: int = 50_000
    """Characters; the whole of a longer text is kept as a file."""
    whole_text: int = 2_500_000
    """Characters from which on a mail is refused for its text."""
    depth: int = 10
    """Parts within one another; what is deeper stays one file."""
    parts: int = 200


@dataclass(frozen=True, slots=True)
class Mail:
    """What a mail says. Nothing in it is proved, and all of it can be stored."""

    message_id: str | None
    """With its angle brackets; none if it is missing or malformed."""
    key: str
    """The same for the same mail, by whichever way it comes: its Message-ID, else its content."""
    sender: Mailbox | None
    """The person in From, as Sender may be a secretary or a list; none if no address is valid."""
    reply_to: tuple[Mailbox, ...]
    to: tuple[str, ...]
    """As written, unchecked; so are `cc` and `delivered_to`."""
    cc: tuple[str, ...]
    delivered_to: tuple[str, ...]
    """To whom mail servers on its way delivered it."""
    subject: str
    date: datetime | None
    in_reply_to: tuple[str, ...]
    references: tuple[str, ...]
    """The latest ones, the last one being the mail that it answers."""
    language: str | None
    signs: Mapping[str, tuple[str, ...]]
    """Of `SIGNS` and lists' headers those that are there, by their names in small letters."""
    hops: int
    """Mail servers that it came through."""
    text: str
    files: tuple[MailFile, ...]
    notes: tuple[str, ...]
    """What was left out, each in a sentence for its reader."""
    report: Report | None
    """What a mail server says of a mail that was sent."""

    def sign(self, name: str) -> str | None:
        """The first value of one of `SIGNS`."""
        return next(iter(self.signs.get(name, ())), None)


def read_mail(content: bytes, limits: MailLimits) -> Mail:
    """Read a mail.

    Args:
        content: As it came over the wire.
        limits: How much of it is taken.

    Raises:
        MailRefusedError: more than is taken.
    """
    root, gathered = _within_limits(content, limits)
    text, beside = _cut(gathered.text, limits.text)
    files, notes = _within(beside + gathered.files, limits)
    head = root.head
    message_id = next(iter(_ids(head, "message-id")), None)
    return Mail(
        message_id=message_id,
        key=message_id or _key(head, gathered),
        sender=next(iter(_people(head, "from")), None),
        reply_to=_people(head, "reply-to"),
        to=_addresses(head, "to"),
        cc=_addresses(head, "cc"),
        delivered_to=_addresses(head, "delivered-to", "x-original-to", "envelope-to"),
        subject=one_line(decode_words(head.first("subject") or "")) or NO_SUBJECT,
        date=date(head.first("date")),
        in_reply_to=_ids(head, "in-reply-to"),
        references=_ids(head, "references"),
        language=language(head.first("content-language")),
        signs=_signs(head),
        hops=len(head.all("received")),
        text=text,
        files=files,
        notes=notes,
        report=read_report(root),
    )


def _within_limits(content: bytes, limits: MailLimits) -> tuple[Part, Gathered]:
    if len(content) > limits.mail_bytes:
        most = limits.mail_bytes // MEGABYTE
        raise MailRefusedError(552, "5.3.4", f"The mail is larger than {most} MB")
    try:
        root = read_parts(content, depth=limits.depth, parts=limits.parts)
        return root, gather(root, whole_text=limits.whole_text)
    except BeyondLimitsError as error:
        raise MailRefusedError(552, "5.3.4", f"The mail can't be taken: {error}") from None


def _people(head: Head, name: str) -> tuple[Mailbox, ...]:
    return tuple(person for value in head.all(name)[:5] for person in mailboxes(value))


def _addresses(head: Head, *names: str) -> tuple[str, ...]:
    written = (value for name in names for value in head.all(name)[:20])
    return tuple(dict.fromkeys(address for value in written for address in addresses(value)))


def _ids(head: Head, name: str) -> tuple[str, ...]:
    """Some programs write Message-IDs as encoded words."""
    written = (decode_words(value) for value in head.all(name)[:5])
    found = tuple(id_ for value in written for id_ in message_ids(value))
    return found[-MOST_REFERENCES:]


def _signs(head: Head) -> Mapping[str, tuple[str, ...]]:
    lists = sorted({name for name in head.names() if name.startswith("list-")})[:_MOST_LIST_SIGNS]
    present = {name: head.all(name)[:5] for name in (*SIGNS, *lists) if head.all(name)}
    return MappingProxyType(
        {name: tuple(one_line(each, 1000) for each in values) for name, values in present.items()}
    )


def _key(head: Head, gathered: Gathered) -> str:
    """What a mail without a Message-ID is known by: its words, not the way that it took.

    Without a date, each of a machine's reports would be the same one for ever. Then the stamp of
    the first server on its way counts: that is there by whichever way it came.
    """
    said = [head.first(name) or "" for name in ("from", "date", "subject")]
    said[1] = said[1] or next(reversed(head.all("received")), "")
    parts = [*said, gathered.text, *(file.sha256 for file in gathered.files)]
    written = "\x1f".join(parts).encode("utf-8", "replace")
    return f"sha256:{hashlib.sha256(written).hexdigest()}"


def _cut(text: str, longest: int) -> tuple[str, tuple[MailFile, ...]]:
    """Text of a length that is taken, and the whole of a longer one as a file."""
    if len(text) <= longest:
        return text, ()
    remark = "\n\n[The text goes on in message.txt]"
    return text[: max(0, longest - len(remark))] + remark, (message_file(text),)


def _within(
    files: tuple[MailFile, ...], limits: MailLimits
) -> tuple[tuple[MailFile, ...], tuple[str, ...]]:
    """The files that are taken, and a note on each of the others."""
    taken: list[MailFile] = []
    notes: list[str] = []
    total = 0
    for file in files:
        size = len(file.content)
        reason = _too_much(size, total, len(taken), limits)
        if reason is None:
            taken.append(file)
            total += size
        else:
            notes.append(f"[{file.name}, {_spell(size)}, was left out: {reason}]")
    if len(notes) > limits.files:
        others = len(notes) - limits.files
        notes[limits.files :] = [f"[{others} more files were left out]"]
    return tuple(taken), tuple(notes)


def _too_much(size: int, total: int, count: int, limits: MailLimits) -> str | None:
    if size > limits.file_bytes:
        return f"larger than {_spell(limits.file_bytes)}"
    if total + size > limits.files_bytes:
        return f"all files together are larger than {_spell(limits.files_bytes)}"
    return f"more than {limits.files} files" if count >= limits.files else None


def _spell(size: int) -> str:
    for unit, length in (("MB", MEGABYTE), ("KB", 1024)):
        if size >= length:
            return f"{size / length:.0f} {unit}"
    return f"{size} bytes"
