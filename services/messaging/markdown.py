"""Markdown of the documentation: as HTML that can do no harm, and as words to be searched. Pure.

No HTML of the author's own gets through, and links lead to the web, to a mail program, or on
within these pages. Another article is named by its file, as in `[Links](links-in-mails.md)`, so
that the folder can be read without this program too.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

_ARTICLE = re.compile(r"([a-z0-9]+(?:-[a-z0-9]+)*)\.md(#[\w-]+)?")
_TOP, _DEEPEST = 2, 6


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading inside an article."""

    level: int
    """2 to 6: the page's own heading is the first."""
    id: str
    words: str


@dataclass(frozen=True, slots=True)
class Rendered:
    """An article's body for a page."""

    html: str
    headings: Sequence[Heading]


@dataclass(frozen=True, slots=True)
class Plain:
    """An article's body as words alone."""

    headings: str
    text: str


def render(source: str) -> Rendered:
    """Markdown as HTML; its headings stand below the page's own and have ids."""
    tokens = _parser().parse(source)
    headings = list(_arrange(tokens))
    for token in tokens:
        for part in (token, *(token.children or ())):
            _mend(part)
    return Rendered(_parser().renderer.render(tokens, _parser().options, {}), headings)


def read_plain(source: str) -> Plain:
    """The words of a text, those of headings by themselves."""
    headings: list[str] = []
    blocks: list[str] = []
    in_heading = False
    for token in _parser().parse(source):
        if token.type in {"heading_open", "heading_close"}:
            in_heading = token.type == "heading_open"
        elif token.type == "inline":
            (headings if in_heading else blocks).append(_words(token))
        elif token.type in {"fence", "code_block"}:
            blocks.append(token.content.strip())
    return Plain("\n".join(headings), "\n".join(blocks))


def list_links(source: str) -> Iterator[tuple[int, str]]:
    """Every link with the line on which its paragraph begins, counted from 1."""
    lenient = _parser()
    lenient.validateLink = lambda url: True  # type: ignore[method-assign]  # noqa: ARG005 - to find what is refused
    for token in lenient.parse(source):
        for child in token.children or ():
            if child.type == "link_open":
                yield (token.map or [0])[0] + 1, str(child.attrs["href"])


def linked_article(link: str) -> str | None:
    """Which article a link names by its file, or None if it leads elsewhere."""
    named = _ARTICLE.fullmatch(link)
    return named[1] if named else None


def is_safe(url: str) -> bool:
    """Whether a link leads to the web, to a mail program, or on within these pages."""
    if re.search(r"[\x00-\x20\\]", url):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    if parts.scheme in {"http", "https"}:
        return bool(parts.netloc)
    return parts.scheme == "mailto" or not (parts.scheme or url.startswith("//"))


def _parser() -> MarkdownIt:
    made = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    made.validateLink = is_safe  # type: ignore[method-assign]  # its place for this
    made.add_render_rule("table_open", _open_table)
    made.add_render_rule("table_close", _close_table)
    return made


def _open_table(
    renderer: RendererHTML,
    tokens: Sequence[Token],
    at: int,
    options: Mapping[str, Any],
    env: Mapping[str, Any],
) -> str:
    """A wide table is scrolled by itself, by keyboard too; its columns are its name."""
    del renderer, options, env
    ends = next(number for number in range(at, len(tokens)) if tokens[number].type == "thead_close")
    columns = [_words(token) for token in tokens[at:ends] if token.type == "inline"]
    name = escapeHtml(", ".join(column for column in columns if column))
    return f'<div class="scrolls" tabindex="0" role="region" aria-label="{name}"><table>\n'


def _close_table(
    renderer: RendererHTML,
    tokens: Sequence[Token],
    at: int,
    options: Mapping[str, Any],
    env: Mapping[str, Any],
) -> str:
    del renderer, tokens, at, options, env
    return "</table></div>\n"


def _arrange(tokens: Sequence[Token]) -> Iterator[Heading]:
    """Give headings their levels, without gaps, and their ids, none twice."""
    opened = [at for at, token in enumerate(tokens) if token.type == "heading_open"]
    highest = min((_level(tokens[at]) for at in opened), default=1)
    taken: set[str] = set()
    before = _TOP - 1
    for at in opened:
        level = min(_level(tokens[at]) - highest + _TOP, before + 1, _DEEPEST)
        words = _words(tokens[at + 1])
        id_ = _unused(_slug(words), taken)
        tokens[at].tag = tokens[at + 2].tag = f"h{level}"
        tokens[at].attrSet("id", id_)
        taken.add(id_)
        before = level
        yield Heading(level, id_, words)


def _level(token: Token) -> int:
    return int(token.tag[1:])


def _words(inline: Token) -> str:
    """What a reader reads of a line with emphasis, code and links."""
    parts = (
        " " if child.type in {"softbreak", "hardbreak"} else child.content
        for child in inline.children or ()
    )
    return "".join(parts).strip()


def _slug(words: str) -> str:
    plain = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode().lower()
    # Never an id that the page itself has: those have no such beginning.
    return "s-" + ("-".join(re.findall(r"[a-z0-9]+", plain)) or "part")


def _unused(id_: str, taken: set[str]) -> str:
    number, found = 2, id_
    while found in taken:
        found, number = f"{id_}-{number}", number + 1
    return found


def _mend(token: Token) -> None:
    """Lead links on where articles are, and say by a class what would be said by a style."""
    if token.type == "link_open":
        href = str(token.attrs["href"])
        if named := _ARTICLE.fullmatch(href):
            token.attrSet("href", f"/docs/{named[1]}{named[2] or ''}")
    style = token.attrs.pop("style", None)  # of a table's cell: our pages allow none
    if style is not None:
        token.attrSet("class", f"to-{str(style).rpartition(':')[2]}")
