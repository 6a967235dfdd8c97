"""Headers of a mail as people's programs really write them: nothing here raises.

The standard library splits a mail's head into headers; what stands in them is read here. Its own
readers of addresses and encoded words differ between Python's releases, recurse, or raise.
"""

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import islice

from email_validator import EmailNotValidError, validate_email

from services.intake.mail.charsets import decode, decode_base64
from shared.lines import one_line

MOST_ADDRESSES = 500
MOST_REFERENCES = 50
LONGEST_ID = 500

_ENCODED = re.compile(r"=\?([A-Za-z0-9_.:+-]{1,40})(?:\*[A-Za-z0-9-]{0,20})?\?([BbQq])\?([^?]*)\?=")
_QUOTED_OR_SPECIAL = re.compile(r'"(?:[^"\\]|\\.)*"?|[()<>,;:]|\\.|[^"()<>,;:\\]+', re.DOTALL)
_COMMENT = re.compile(r"[()]|\\.|[^()\\]+", re.DOTALL)
_ANYWHERE = re.compile(r"[^\s<>()\",;:@]{1,64}@[^\s<>()\",;:@]{1,255}")
_ID = re.compile(r"<([^<>]{3,600})>")
_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")
_YEARS = range(1970, 2101)


@dataclass(frozen=True, slots=True)
class Mailbox:
    """Somebody's address, checked, and what they call themselves."""

    address: str
    name: str | None = None


def unfold(value: str) -> str:
    """A header as the standard library hands it over, on one line, its raw bytes read as text."""
    flat = value.replace("\r", "").replace("\n", "").replace("\t", " ")
    return decode(flat.encode("utf-8", "surrogateescape"), None).text


def decode_words(value: str) -> str:
    """A header with its RFC 2047 encoded words read, the broken ones as far as possible.

    Neighbours in one charset are put together before they are read: mail programs cut characters
    of several bytes in two.
    """
    read: list[str] = []
    charset, pending, end = "", b"", 0
    for word in _ENCODED.finditer(value):
        gap = value[end : word.start()]
        is_neighbour = bool(charset) and not gap.strip()
        if pending and not (is_neighbour and word[1].lower() == charset):
            read.append(decode(pending, charset).text)
            pending = b""
        if not is_neighbour:
            read.append(gap)
        charset, end = word[1].lower(), word.end()
        pending += _word_bytes(word[2], word[3])
    if pending:
        read.append(decode(pending, charset).text)
    return "".join([*read, value[end:]])


def _word_bytes(encoding: str, text: str) -> bytes:
    content = text.encode()
    if encoding in "Bb":
        return decode_base64(content)
    return binascii.a2b_qp(content, header=True)


def mailboxes(value: str) -> tuple[Mailbox, ...]:
    """The valid addresses of a From, To or Cc header; what is none is passed over."""
    found: list[Mailbox] = []
    for name, address in _entries(value):
        checked = valid_address(address)
        if checked is not None:
            found.append(Mailbox(checked, one_line(decode_words(name)) or None))
        if len(found) == MOST_ADDRESSES:
            break
    if not found:
        # An unclosed quote or bracket swallows what follows it.
        match = _ANYWHERE.search(value)
        checked = valid_address(match[0]) if match else None
        found = [Mailbox(checked)] if checked else []
    return tuple(found)


def addresses(value: str) -> tuple[str, ...]:
    """The addresses of a list as they are written, unchecked: to whom, not from whom."""
    found = (one_line(address, LONGEST_ID) for _, address in _entries(value))
    return tuple(islice((address for address in found if "@" in address), MOST_ADDRESSES))


def valid_address(address: str) -> str | None:
    """The address as we write it, or None for what mail can't be sent to."""
    bare = address.strip().removeprefix("mailto:")
    if len(bare) > LONGEST_ID:
        return None
    try:
        return validate_email(bare, check_deliverability=False).normalized
    except (EmailNotValidError, ValueError):
        return None


@dataclass(slots=True)
class _Entry:
    """What was read of a mailbox so far."""

    words: str = ""
    comment: str = ""
    angle: str | None = None
    is_closed: bool = False

    @property
    def pair(self) -> tuple[str, str] | None:
        """Name and address."""
        words = self.words.strip()
        if self.angle is not None:
            return words or self.comment.strip(), self.angle.rpartition(":")[2]
        bare = [word for word in words.split() if "@" in word.strip("@")]
        if len(bare) != 1:
            # Spaces around the @, as RFC 822 had it.
            return (self.comment.strip(), "".join(words.split())) if "@" in words else None
        name = " ".join(word for word in words.split() if word != bare[0])
        return name or self.comment.strip(), bare[0]


def _entries(value: str) -> Iterator[tuple[str, str]]:
    """Names and addresses of a list, unchecked; groups are dissolved."""
    entry = _Entry()
    for piece, is_comment in _pieces(value):
        if is_comment:
            entry.comment += piece
        elif piece == "<" and entry.angle is None:
            entry.angle = ""
        elif piece in ",;" or (piece == ":" and entry.angle is None):
            if piece != ":" and entry.pair:
                yield entry.pair
            entry = _Entry()
        elif piece == ">":
            entry.is_closed = True
        elif entry.angle is None:
            entry.words += _unquoted(piece)
        elif not entry.is_closed:  # what else follows up to the comma is no part of it
            entry.angle += piece.strip()
    if entry.pair:
        yield entry.pair


def _pieces(value: str) -> Iterator[tuple[str, bool]]:
    """Pieces of a structured header, and whether each stands in a comment."""
    at, depth = 0, 0
    while at < len(value):
        match = (_COMMENT if depth else _QUOTED_OR_SPECIAL).match(value, at)
        if match is None:
            at += 1
            continue
        at, piece = match.end(), match[0]
        if piece == "(":
            depth += 1
        elif piece == ")":
            depth = max(0, depth - 1)
        else:
            yield piece, depth > 0


def _unquoted(piece: str) -> str:
    if piece.startswith('"'):
        return re.sub(r"\\(.)", r"\1", piece.strip('"'))
    return piece.removeprefix("\\")


def message_ids(value: str) -> tuple[str, ...]:
    """The Message-IDs of a header, with their angle brackets; what is malformed is passed over."""
    bare = value.strip()
    written = _ID.findall(bare) or ([bare] if " " not in bare else [])
    ids = ("".join(each.split()) for each in written)
    return tuple(f"<{each}>" for each in ids if _is_id(each))


def _is_id(text: str) -> bool:
    local, _, domain = text.partition("@")
    fits = len(text) <= LONGEST_ID and bool(local) and bool(domain)
    return fits and text.isascii() and text.isprintable() and not set(text) & set("<>")


def date(value: str | None) -> datetime | None:
    """When a mail says that it was written, or None if it doesn't or can't be right."""
    if value is None:
        return None
    try:
        written = parsedate_to_datetime(value[:100])
        known = written.replace(tzinfo=UTC) if written.tzinfo is None else written
        return known.astimezone(UTC) if known.year in _YEARS else None
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def language(value: str | None) -> str | None:
    """The first language that a Content-Language header names, or None."""
    first = (value or "").partition(",")[0].strip()
    return first if _TAG.fullmatch(first) else None
