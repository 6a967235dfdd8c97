"""A mail's parts: heads by the standard library, bodies split here, within limits.

The standard library's parser goes down into nested parts by recursion and compares every line with
every open boundary: a mail made for it takes minutes, or raises. So it reads heads alone, each
bounded; splitting is one search per part, as deep and as often as the limits have it.
"""

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesParser
from email.policy import compat32
from typing import NamedTuple

from services.intake.mail.charsets import decode, decode_base64
from services.intake.mail.headers import decode_words, unfold
from shared.lines import one_line

LONGEST_HEAD = 256 * 1024
MOST_HEADERS = 1000
LONGEST_HEADER = 64 * 1024
_LONGEST_STRUCTURED = 8 * 1024
_LONGEST_BOUNDARY = 200
_STRAY = 200
"""Characters outside of any part from which on they are more than a remark of the mail program."""

_HEADER = re.compile(rb"([^\x00-\x20:\x7f]{1,1000})[ \t]{0,10}:")
_MBOX = re.compile(rb">?From ")
"""The line before a mail in a mailbox file."""


class BeyondLimitsError(ValueError):
    """A mail has more, or longer, parts or headers than are taken; the message says what."""


@dataclass(frozen=True, slots=True)
class Head:
    """Headers of a mail or a part, as text."""

    message: Message

    def names(self) -> frozenset[str]:
        """Which headers there are, in small letters."""
        return frozenset(name.lower() for name in self.message)

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of a header, in the order in which they stand."""
        return tuple(str(value) for value in self.message.get_all(name, []))

    def first(self, name: str) -> str | None:
        """The first value of a header."""
        return next(iter(self.all(name)), None)

    def parameter(self, name: str, header: str = "content-type") -> str | None:
        """A parameter such as `charset`, also one that is split or encoded (RFC 2231)."""
        try:
            value = self.message.get_param(name, header=header)
        except Exception:  # noqa: BLE001 - whatever the library trips over, the header is at fault
            return None
        if isinstance(value, tuple):
            charset, _, text = value
            return decode(text.encode("latin-1", "replace"), charset).text
        return value if isinstance(value, str) else None


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a mail, or the whole of it."""

    head: Head
    body: bytes
    """As it came; `content` is what it stands for."""
    type: str
    """Media type, in small letters."""
    children: tuple["Part", ...] = ()

    @property
    def content(self) -> bytes:
        """The body without its transfer encoding, as far as that can be undone."""
        encoding = (self.head.first("content-transfer-encoding") or "").strip().lower()
        if encoding == "base64":
            return decode_base64(self.body)
        if encoding == "quoted-printable":
            return binascii.a2b_qp(self.body)
        return self.body

    @property
    def is_attachment(self) -> bool:
        """Whether its sender calls it one."""
        value = self.head.first("content-disposition") or ""
        return value.partition(";")[0].strip().lower() == "attachment"

    @property
    def file_name(self) -> str | None:
        """As its sender calls it, on one line; it may still be a path."""
        disposed = self.head.parameter("filename", "content-disposition")
        given = disposed or self.head.parameter("name") or ""
        return one_line(decode_words(given), 1000) or None

    def walk(self) -> Iterator["Part"]:
        """This part and all below it."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(slots=True)
class _Reader:
    """Goes down by places in the one mail: only what has no parts is copied out of it."""

    content: bytes
    depth: int
    left: int
    """Parts that may still come."""

    def read(self, span: "_Span", *, depth: int = 0, default: str = "text/plain") -> Part:
        """A part and what is below it."""
        self.left -= 1
        if self.left < 0:
            raise BeyondLimitsError("it has too many parts")
        head, body = _read_head(self.content, span)
        kind = head.message.get_content_type() if "content-type" in head.message else default
        if not kind.startswith("multipart/"):
            return Part(head, self._copy(body), kind)
        if depth == self.depth:
            return Part(_EMPTY, self._copy(span), "message/rfc822")
        pieces = _split(self.content, body, _boundary(head), most=self.left)
        if pieces is None:
            return Part(head, self._copy(body), "text/plain")
        below = "message/rfc822" if kind == "multipart/digest" else "text/plain"
        children = tuple(
            Part(_EMPTY, self._copy(piece), "text/plain")
            if is_stray
            else self.read(piece, depth=depth + 1, default=below)
            for piece, is_stray in pieces
        )
        return Part(head, b"", kind, children)

    def _copy(self, span: "_Span") -> bytes:
        return self.content[span.start : span.end]


class _Span(NamedTuple):
    """Where something stands in a mail."""

    start: int
    end: int


_EMPTY = Head(Message(policy=compat32))


def read_parts(content: bytes, *, depth: int, parts: int) -> Part:
    """A mail as its parts.

    Args:
        content: The mail.
        depth: How many parts may stand within one another; what is deeper stays one file.
        parts: How many there may be.

    Raises:
        BeyondLimitsError: more parts, more headers, or longer ones than are taken.
    """
    if b"\n" not in content:
        content = content.replace(b"\r", b"\n")
    content = content.lstrip(b"\r\n")
    return _Reader(content, depth, parts).read(_Span(0, len(content)))


def read_head(content: bytes) -> Head:
    """The headers of a mail or a part.

    Raises:
        BeyondLimitsError: more headers, or longer ones than are taken.
    """
    return _read_head(content, _Span(0, len(content)))[0]


def _read_head(content: bytes, span: _Span) -> tuple[Head, _Span]:
    """The headers of what stands there, and where its body does."""
    lines, body = _head_lines(content, span)
    head = b"".join(_known(lines)) + b"\n"
    raw = BytesParser(policy=compat32).parsebytes(head, headersonly=True)
    return _cleaned(raw), _Span(body, span.end)


def _head_lines(content: bytes, span: _Span) -> tuple[list[bytes], int]:
    """The lines of a head, and where the body begins: after a blank line, or at no header."""
    lines: list[bytes] = []
    at = span.start
    while at < span.end:
        end = content.find(b"\n", at, span.end) + 1 or span.end
        # Of a body's first line there may be as much as of the whole mail.
        line = content[at : min(end, at + LONGEST_HEAD)]
        if len(line) == end - at and not line.strip(b"\r\n"):
            return lines, end
        is_more = bool(lines) and line.startswith((b" ", b"\t"))
        is_first = at == span.start
        if not is_more and not _HEADER.match(line) and not (is_first and _MBOX.match(line)):
            break
        if end - span.start > LONGEST_HEAD:
            raise BeyondLimitsError("its headers are too long")
        lines.append(line)
        at = end
    return lines, at


def _known(lines: list[bytes]) -> Iterator[bytes]:
    """Headers as the library reads them: it would take some of them for the end of all."""
    is_kept = False
    for line in lines:
        header = _HEADER.match(line)
        if line.startswith((b" ", b"\t")):
            header = None
        else:
            is_kept = header is not None and header[1].isascii()
        if is_kept:
            written = line if header is None else header[1] + b":" + line[header.end() :]
            yield written if written.endswith(b"\n") else written + b"\n"


def _cleaned(raw: Message) -> Head:
    fields = list(raw.raw_items())
    if len(fields) > MOST_HEADERS:
        raise BeyondLimitsError("it has too many headers")
    clean = Message(policy=compat32)
    for name, value in fields:
        is_structured = name.lower().startswith("content-")
        longest = _LONGEST_STRUCTURED if is_structured else LONGEST_HEADER
        clean[name] = unfold(str(value)[:longest]).strip()
    return Head(clean)


def _boundary(head: Head) -> bytes | None:
    boundary = (head.parameter("boundary") or "").rstrip()
    return boundary.encode("utf-8", "replace") if 0 < len(boundary) <= _LONGEST_BOUNDARY else None


def _split(
    content: bytes, body: _Span, boundary: bytes | None, *, most: int
) -> list[tuple[_Span, bool]] | None:
    """The pieces between boundaries; what stands outside of them if it is more than a remark.

    Returns:
        Each piece, and whether it stands outside; None if there is no boundary at all.
    """
    if boundary is None:
        return None
    line = re.compile(rb"^--" + re.escape(boundary) + rb"(--)?[ \t]*\r?$", re.MULTILINE)
    pieces: list[tuple[_Span, bool]] = []
    start, is_stray = body.start, True
    for match in line.finditer(content, body.start, body.end):
        pieces.append((_unended(content, start, match.start()), is_stray))
        start, is_stray = min(match.end() + 1, body.end), match[1] is not None
        if len(pieces) > most:
            raise BeyondLimitsError("it has too many parts")
    if not pieces:
        return None
    pieces.append((_Span(start, body.end), is_stray))
    return [each for each in pieces if not each[1] or _is_said(content, each[0])]


def _is_said(content: bytes, stray: _Span) -> bool:
    """Whether it is more than a remark of the mail program."""
    return len(content[stray.start : stray.end].strip()) > _STRAY


def _unended(content: bytes, start: int, end: int) -> _Span:
    """Without the line end before a boundary, which belongs to that."""
    if end > start and content[end - 1 : end] == b"\n":
        end -= 1
    if end > start and content[end - 1 : end] == b"\r":
        end -= 1
    return _Span(start, end)
