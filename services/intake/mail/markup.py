"""HTML of a mail as text: what its reader sees, its quotes marked as in a text mail.

lxml reads the HTML piece by piece and builds no tree: a tree's depth and size are the sender's to
choose. Its parser gets slow with very deep nesting; such HTML is stripped of its tags instead.
"""

import html
import re
from collections.abc import Mapping
from typing import Any

from lxml import etree

DEEPEST = 250
"""Elements within one another, before the HTML is only stripped."""
DEEPEST_QUOTE = 10
LONGEST_LINK = 500
_CHUNK = 64 * 1024

_PARAGRAPHS = frozenset({
    *("p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "dl", "table", "pre", "blockquote"),
    *("hr", "fieldset", "figure"),
})  # fmt: skip
_LINES = frozenset({
    *("div", "li", "tr", "dt", "dd", "section", "article", "header", "footer", "main", "aside"),
    *("center", "address", "form", "caption", "body", "html", "nav", "figcaption", "option"),
})  # fmt: skip
_UNSEEN = frozenset({"script", "style", "title", "template", "svg", "math", "object", "noframes"})
_HIDDEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all", re.IGNORECASE
)
_SPACE = re.compile(r"[ \t\r\n\f]+")
_TAG = re.compile(r"<[^<>]{0,10000}>")
_LINK = re.compile(r"(?:https?://|mailto:)\S+", re.IGNORECASE)


class _TooDeepError(Exception):
    """It is nested more deeply than any mail program writes."""


def text_of(markup: str) -> str:
    """The text of HTML, in time that grows with its length."""
    writer = _Writer()
    parser = etree.HTMLParser(target=writer, encoding="utf-8", no_network=True)
    content = markup.replace("\x00", "").encode("utf-8", "replace")
    try:
        for start in range(0, len(content), _CHUNK):
            parser.feed(content[start : start + _CHUNK])
        return str(parser.close()) if content else ""
    except (_TooDeepError, etree.LxmlError):
        return _stripped(markup)


def _stripped(markup: str) -> str:
    lines = html.unescape(_TAG.sub("\n", markup)).splitlines()
    return "\n".join(line.strip() for line in lines if line.strip())


class _Writer:
    """Writes text as lxml meets it; a target for its parser."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._line: list[str] = []
        self._blank_before = False
        self._depth = self._quotes = self._kept = 0
        self._unseen_at: int | None = None
        self._links: list[tuple[str, int]] = []

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""
        self._depth += 1
        if self._depth > DEEPEST:
            raise _TooDeepError
        if self._unseen_at is None and _is_unseen(tag, attributes):
            self._unseen_at = self._depth
        if self._unseen_at is None:
            self._open(tag, attributes)

    def end(self, tag: str) -> None:
        """An element ends."""
        if self._unseen_at is None:
            self._close(tag)
        elif self._depth == self._unseen_at:
            self._unseen_at = None
        self._depth -= 1

    def data(self, text: str) -> None:
        """Text between tags."""
        if self._unseen_at is not None:
            return
        if self._kept:
            first, *others = text.split("\n")
            self._line.append(first)
            for line in others:
                self._end_line()
                self._line.append(line)
            return
        self._line.append(_SPACE.sub(" ", text))

    def comment(self, text: str) -> None:
        """Nobody sees them."""

    def pi(self, target: str, data: str) -> None:
        """Nobody sees them."""

    def close(self) -> str:
        """All of it."""
        self._break()
        return "\n".join(self._lines).strip("\n")

    def _open(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag == "br":
            self._end_line()
        elif tag in _PARAGRAPHS or tag in _LINES:
            self._break(blank=tag in _PARAGRAPHS)
        elif tag in ("td", "th") and self._line:
            self._line.append(" ")
        self._quotes += tag == "blockquote"
        self._kept += tag == "pre"
        if tag == "li":
            self._line.append("- ")
        elif tag == "a":
            self._links.append((attributes.get("href", "").strip(), len(self._line)))
        elif tag == "img" and attributes.get("alt", "").strip():
            self._line.append(f"[{_SPACE.sub(' ', attributes['alt'].strip())[:LONGEST_LINK]}]")

    def _close(self, tag: str) -> None:
        if tag == "a" and self._links:
            self._end_link(*self._links.pop())
        elif tag in _PARAGRAPHS or tag in _LINES:
            self._break(blank=tag in _PARAGRAPHS)
        self._quotes -= tag == "blockquote"
        self._kept -= tag == "pre"

    def _end_link(self, target: str, start: int) -> None:
        """A link's target stands behind its words, unless they say the same."""
        words = "".join(self._line[start:]).strip()
        bare = target.removeprefix("mailto:").rstrip("/")
        if _LINK.fullmatch(target) and len(target) <= LONGEST_LINK and bare not in words:
            self._line.append(f" <{target}>" if words else f"<{target}>")

    def _break(self, *, blank: bool = False) -> None:
        """Begin a line if something stands on this one; a paragraph has a blank line before it."""
        if "".join(self._line).strip():
            self._end_line()
        self._line.clear()
        self._blank_before = self._blank_before or blank

    def _end_line(self) -> None:
        line = "".join(self._line)
        self._line.clear()
        written = line.rstrip() if self._kept else line.strip(" \t\n\r\f")
        mark = ">" * min(self._quotes, DEEPEST_QUOTE)
        if self._blank_before and self._lines and self._lines[-1].strip("> "):
            self._lines.append(
                mark if self._lines[-1].startswith(mark) else _mark_of(self._lines[-1])
            )
        self._blank_before = False
        self._lines.append(f"{mark} {written}".rstrip() if mark else written)


def _mark_of(line: str) -> str:
    return line[: len(line) - len(line.lstrip(">"))]


def _is_unseen(tag: str, attributes: Mapping[str, Any]) -> bool:
    return tag in _UNSEEN or _HIDDEN.search(str(attributes.get("style", ""))[:1000]) is not None
