"""Articles of the documentation: a folder of Markdown files, each with a head in TOML. Pure.

    +++
    title = "When your answer is due"
    section = "guide"
    summary = "Where the time stands by which we answer, and how it is counted."
    keywords = ["deadline", "due"]
    position = 20
    +++
    Every request …

A file's name is the article's address. A folder in which anything is wrong is refused as a whole,
with file, line and reason of every problem: articles lead to one another.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.messaging import markdown
from shared.plan_problems import in_words
from shared.plan_values import Text
from shared.toml_file import FileError, read_tables, read_text, refuse

FENCE = "+++"
GUIDE, TROUBLESHOOTING = "guide", "troubleshooting"
"""Sections that the pages know by name; others are called as the files call them."""
RESERVED = frozenset({"search", "troubleshooting"})
"""Addresses beside the articles'."""
LONGEST = 100_000
"""Characters of a file."""
MOST = 1000
"""Articles of a folder."""
INDEXED = "1"
"""Another one whenever articles are kept or searched differently: then all are kept anew."""

_SLUG = r"[a-z0-9]+(-[a-z0-9]+)*"
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class ArticlesError(FileError):
    """The folder is refused."""


class _Head(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    title: Text = Field(max_length=120)
    section: Text = Field(GUIDE, max_length=60)
    summary: Text = Field(max_length=300)
    keywords: tuple[Text, ...] = ()
    position: int = Field(100, ge=0, le=10_000)


@dataclass(frozen=True, slots=True)
class Article:
    """One article, as its file has it."""

    slug: str
    """Its address, and the file's name."""
    section: str
    title: str
    summary: str
    """What it says, in a sentence."""
    keywords: tuple[str, ...]
    """What people call it who look for it."""
    position: int
    """Within its section; the lowest stands first."""
    source: str
    """The body in Markdown."""

    @property
    def sha256(self) -> str:
        """Another one if anything about it is different, or how it is kept."""
        said = [INDEXED, self.slug, self.section, self.title, self.summary]
        all_ = [*said, *self.keywords, str(self.position), self.source]
        return hashlib.sha256("\x1f".join(all_).encode()).hexdigest()

    @property
    def plain(self) -> markdown.Plain:
        """Its body as words."""
        return markdown.read_plain(self.source)

    @property
    def words(self) -> frozenset[str]:
        """Every word that somebody may have meant who mistyped it."""
        plain = self.plain
        said = " ".join((self.title, self.summary, *self.keywords, plain.headings, plain.text))
        return frozenset(re.findall(r"[^\W\d_]{3,40}", said.lower()))


def read_folder(folder: Path) -> str:
    """All files of a folder as one text, to be compared, and read by `parse_folder`.

    Raises:
        ArticlesError: the folder or a file can't be read.
    """
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix == ".md")
    except OSError as error:
        raise ArticlesError(str(folder), [(1, f"can't be read: {error}")]) from error
    return json.dumps({path.name: read_text(path, ArticlesError) for path in paths})


def parse_folder(text: str, name: str) -> tuple[Article, ...]:
    """The articles of a folder; problems are reported below its `name`.

    Args:
        text: What `read_folder` made of it.
        name: Of the folder.

    Raises:
        ArticlesError: anything in any of the files is wrong; or there are too many of them.
    """
    files: Mapping[str, str] = json.loads(text)
    if len(files) > MOST:
        raise ArticlesError(name, [(1, f"has {len(files)} articles; {MOST} at the most")])
    found: list[Article] = []
    problems: list[str] = []
    for file, content in files.items():
        try:
            found.append(parse_article(content, file, name=f"{name}/{file}", files=files))
        except ArticlesError as error:
            problems += error.problems
    if problems:
        raise _all_of(problems)
    return tuple(found)


def parse_article(
    content: str, file: str, *, name: str, files: Mapping[str, str] | Sequence[str]
) -> Article:
    """An article from its file.

    Args:
        content: Of the file.
        file: How it is called.
        name: Under which problems are reported.
        files: How all files of the folder are called: links may lead there.

    Raises:
        ArticlesError: anything in it is wrong.
    """
    slug = file.removesuffix(".md")
    if not re.fullmatch(_SLUG, slug) or slug in RESERVED:
        why = "a name has small letters, digits and single dashes, such as links-in-mails.md"
        raise ArticlesError(name, [(1, f"{why}; not {' or '.join(sorted(RESERVED))}")])
    content = content.replace("\r\n", "\n")
    lines, end = _parts(content, name)
    # With the fence as an empty line, what TOML finds wrong has its line in the file.
    head = _head("\n".join(["", *lines[1:end]]), name)
    body = "\n".join(lines[end + 1 :])
    wrong = list(_wrong_lines(body, first=end + 2, files=files))
    if wrong:
        raise ArticlesError(name, wrong)
    return Article(slug, source=body, **head.model_dump())


def _parts(content: str, name: str) -> tuple[list[str], int]:
    """The lines of a file, and the index of the fence that ends its head."""
    if len(content) > LONGEST:
        raise ArticlesError(name, [(1, f"has more than {LONGEST} characters")])
    lines = content.split("\n")
    stripped = [line.rstrip() for line in lines]
    if stripped[0] != FENCE:
        raise ArticlesError(name, [(1, f"begins with a line {FENCE}, then title and summary")])
    if FENCE not in stripped[1:]:
        raise ArticlesError(name, [(1, f"there is no second line {FENCE} that ends the head")])
    return lines, stripped.index(FENCE, 1)


def _head(text: str, name: str) -> _Head:
    tables = read_tables(text, name, ArticlesError)
    try:
        return _Head.model_validate(tables)
    except ValidationError as error:
        refuse(in_words(error.errors()), text, name, ArticlesError)
        raise


def _wrong_lines(
    body: str, *, first: int, files: Mapping[str, str] | Sequence[str]
) -> Iterator[tuple[int, str]]:
    """What is wrong with a body whose first line is the file's line `first`."""
    for at, line in enumerate(body.split("\n")):
        if _CONTROL.search(line):
            yield first + at, "holds a control character"
    if not body.strip():
        yield first, "there is nothing to read"
    for at, link in markdown.list_links(body):
        if (slug := markdown.linked_article(link)) is not None:
            if f"{slug}.md" not in files:
                yield first + at - 1, f"leads to {slug}.md, which is not in this folder"
        elif not markdown.is_safe(link):
            yield first + at - 1, f"leads to {link!r}: use https://, mailto: or a path"


def _all_of(problems: Sequence[str]) -> ArticlesError:
    """One refusal with the problems of several files."""
    refusal = ArticlesError("", [])
    refusal.problems = tuple(problems)
    refusal.args = ("\n".join(problems),)
    return refusal
