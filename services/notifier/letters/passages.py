"""What people wrote, as mails show it: paragraphs, links, and what is cut off. Pure functions."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from textwrap import TextWrapper

COLUMNS = 76
"""Of lines in text parts: with a reply's "> " before them they still fit into 80."""
QUOTED_LINES = 12
QUOTED_CHARACTERS = 800
MOST_BYTES = 60_000
"""Of what agents wrote, as HTML: Gmail hides what comes after 102 kB of a mail."""

_LINK = re.compile(r"https?://[^\s<>\"'“”«»]+")
_AROUND_LINK = 160
"""About as many bytes of HTML go with a link, beside itself."""
_UNSEEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_INDENT = re.compile(r"(?:> ?)+|\s*(?:[-*•] +)?")

Piece = tuple[str, str | None]
"""Some words, and the address that they link to."""


@dataclass(frozen=True, slots=True)
class Passage:
    """Something that was written, or the beginning of it."""

    text: str
    is_shortened: bool


def clean(text: str) -> str:
    """Without control characters, and with one kind of line end."""
    lines = re.sub(r"\r\n?|[\u2028\u2029\x85]", "\n", text).replace("\t", "    ").split("\n")
    return _UNSEEN.sub("", "\n".join(line.rstrip() for line in lines)).strip("\n")


def shorten(text: str) -> Passage:
    """The beginning of an earlier message: as much as helps to remember it."""
    whole = clean(text)
    lines = re.sub(r"\n{3,}", "\n\n", whole).split("\n")
    kept = "\n".join(lines[:QUOTED_LINES])
    if len(kept) > QUOTED_CHARACTERS:
        kept = _cut(kept, QUOTED_CHARACTERS)
    is_shortened = len(lines) > QUOTED_LINES or len(kept) < len("\n".join(lines[:QUOTED_LINES]))
    return Passage(kept.rstrip(), is_shortened)


def fit(text: str, room: int) -> tuple[Passage, int]:
    """As much of a message as there is room for, and the room that is left, in bytes of HTML."""
    kept: list[str] = []
    for line in clean(text).split("\n"):
        cost = _cost(line)
        if cost > room:
            rest = "" if kept else _cut(line, room // 6)
            return Passage("\n".join([*kept, rest]).rstrip(), is_shortened=True), 0
        kept.append(line)
        room -= cost
    return Passage("\n".join(kept), is_shortened=False), room


def _cost(line: str) -> int:
    links = _LINK.findall(line)
    around = sum(len(escape(link).encode()) + _AROUND_LINK for link in links)
    indent = 8 * (len(line) - len(line.lstrip()))
    return len(escape(line).encode()) + around + indent + 80


def _cut(text: str, length: int) -> str:
    """At a space, if there is one near."""
    head = text[:length]
    return head[: at if (at := max(head.rfind(" "), head.rfind("\n"))) > length // 2 else length]


def paragraphs(text: str) -> list[list[list[Piece]]]:
    """Paragraphs, their lines, and what is a link in them."""
    blocks = re.split(r"\n\s*\n", clean(text))
    return [[list(_pieces(line)) for line in block.split("\n")] for block in blocks if block]


def _pieces(line: str) -> Iterator[Piece]:
    """A line in pieces; its indent is kept by spaces that don't collapse."""
    bare = line.lstrip(" ")
    line, done = "\u00a0" * (len(line) - len(bare)) + bare, 0
    for found in _LINK.finditer(line):
        url = found[0].rstrip(".,;:!?*_")
        while url.endswith((")", "]", "}")) and url.count(url[-1]) > url.count(_OPENS[url[-1]]):
            url = url[:-1].rstrip(".,;:!?*_")
        if start := line[done : found.start()]:
            yield start, None
        yield url, url
        done = found.start() + len(url)
    if done < len(line) or not line:
        yield line[done:], None


_OPENS = {")": "(", "]": "[", "}": "{"}


def quoted(text: str) -> str:
    """Each line with the mark of what is quoted."""
    return "\n".join(f"> {line}".rstrip() for line in wrapped(text, COLUMNS - 2).split("\n"))


def wrapped(text: str, columns: int = COLUMNS) -> str:
    """Lines that fit a screen; addresses stay whole, lists and quotes keep their indent."""
    return "\n".join(_wrap(line, columns) for line in text.split("\n"))


def _wrap(line: str, columns: int) -> str:
    line = line.rstrip()
    if len(line) <= columns:
        return line
    found = _INDENT.match(line)
    indent = found[0] if found else ""
    hanging = indent if indent.startswith(">") else " " * len(indent)
    wrapper = TextWrapper(
        columns,
        initial_indent=indent,
        subsequent_indent=hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return wrapper.fill(line[len(indent) :]) or line
