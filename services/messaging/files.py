"""Files that came with messages, and how they are handed out: pure.

Anybody can mail us a file and call it what they like. It is therefore never shown, only saved: a
page that held it would run what is in it with the reader's rights.
"""

import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import quote
from uuid import UUID

OTHER = "application/octet-stream"
"""What every other file is handed out as."""
SAFE_TYPES = frozenset(
    {
        "application/pdf",
        "image/gif",
        "image/jpeg",
        "image/png",
        "image/webp",
        "text/csv",
        "text/plain",
    }
)
"""Handed out as what they are said to be: nothing in them runs in a browser."""

NAMELESS = "attachment"
LONGEST_NAME = 150
"""Characters of a file name; in UTF-8 and escaped, four times that fits into a header."""

_ATTR_CHAR = "!#$&+-.^_`|~"
"""What RFC 8187 leaves as it is, beside letters and digits."""


class FileState(StrEnum):
    """Whether a file is here."""

    INCOMING = "incoming"
    """Parts of it are still on their way."""
    COMPLETE = "complete"
    BROKEN = "broken"
    """All parts are here, and together they are not what its message says."""


@dataclass(frozen=True, slots=True)
class File:
    """A file that came with a message."""

    id: UUID
    message: UUID
    ticket: UUID
    name: str
    """As its sender called it."""
    content_type: str
    """What its sender says that it is."""
    size_bytes: int
    sha256: str
    """Of the content, in hex."""
    state: FileState


def headers(file: File) -> dict[str, str]:
    """The HTTP headers that a whole file is handed out with."""
    kind = file.content_type.partition(";")[0].strip().lower()
    return {
        "Content-Type": kind if kind in SAFE_TYPES else OTHER,
        "Content-Length": str(file.size_bytes),
        "Content-Disposition": disposition(file.name),
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cache-Control": "private, no-store",
    }


def disposition(name: str) -> str:
    """`Content-Disposition` (RFC 6266) that saves a file under its name, in any script.

    Programs that don't know RFC 8187's `filename*` take the plain one, in ASCII.
    """
    shown = _one_name(name)
    plain = "".join(_plain(character) for character in shown)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(shown, safe=_ATTR_CHAR)}"


def _one_name(name: str) -> str:
    """The last part of a path, without characters that can't be seen, or turn the rest around."""
    last = name.replace("\\", "/").rpartition("/")[2]
    seen = "".join(c for c in last if not unicodedata.category(c).startswith("C"))
    stem, dot, ending = seen.strip(" .").rpartition(".")
    # What is too long is cut before its ending, by which systems know what opens it.
    room = LONGEST_NAME - len(dot + ending)
    return f"{stem[:room]}{dot}{ending}"[-LONGEST_NAME:] or NAMELESS


def _plain(character: str) -> str:
    """A character of a quoted string that every program reads alike."""
    return character if " " <= character <= "~" and character not in '"\\%' else "_"
