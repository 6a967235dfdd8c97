"""Articles of the documentation that a mail may name, as an organisation lists them in one file.

A file that is wrong is refused as a whole, with the line and the reason of every problem.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from shared.plan_problems import in_words
from shared.plan_values import Id, Text
from shared.toml_file import FileError, read_tables, read_text, refuse
from shared.toml_lines import KeyPath

CONFIGURATIONS: Mapping[str, str] = {"en": "english", "de": "german", "es": "spanish"}
"""The languages that there are articles in, each with Postgres' name for how it bends words."""
DEFAULT_LANGUAGE = "en"
MOST = 3
"""Articles that a mail names."""
MOST_WORDS = 24
"""Words of a subject that are searched for."""


class ArticlesError(FileError):
    """The file is refused."""


def _known_language(value: str) -> str:
    if value not in CONFIGURATIONS:
        raise ValueError(f"unknown language {value!r}; there are {', '.join(CONFIGURATIONS)}")
    return value


def _place(value: str) -> str:
    if re.fullmatch(r"https?://[^\s\"<>]+", value):
        return value
    if re.fullmatch(r"(?!//)[^\s:\"<>\\]+", value):
        return value
    raise ValueError("must be an address with https:// or a path below the documentation")


class Article(BaseModel):
    """Something to read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: Text
    url: Annotated[Text, AfterValidator(_place)]
    """A whole address, or a path below the documentation's."""
    language: Annotated[str, AfterValidator(_known_language)]
    keywords: tuple[Text, ...] = ()
    """What people call it who ask about it."""
    summary: Text
    """What it says, in a sentence."""


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    articles: Mapping[Id, Article] = {}


@dataclass(frozen=True, slots=True)
class Shelf:
    """All articles of a file, by their ids, with whole addresses."""

    articles: Mapping[str, Article]
    unreachable: tuple[str, ...] = ()
    """Those with a path, while nobody has said where the documentation is: no mail names them."""

    @property
    def version(self) -> str:
        """SHA-256 of the articles: another one if anything about any of them is different."""
        hashed = hashlib.sha256()
        for id_, article in sorted(self.articles.items()):
            hashed.update(f"{id_}\x1f{article.model_dump_json()}\x1e".encode())
        return hashed.hexdigest()


@dataclass(frozen=True, slots=True)
class Question:
    """What to look for: the words of a subject, and the language to look in first."""

    language: str
    words: Sequence[str]


def ask(subject: str, locale: str | None) -> Question:
    """The question that a subject comes to; languages that there are no articles in are English."""
    language = re.split(r"[-_]", locale or "")[0].lower()
    words = re.findall(r"[^\W_]+", subject)[:MOST_WORDS]
    return Question(language if language in CONFIGURATIONS else DEFAULT_LANGUAGE, words)


def read_articles(path: Path) -> str:
    """The text of the file.

    Raises:
        ArticlesError: it can't be read, or is not UTF-8.
    """
    return read_text(path, ArticlesError)


def parse_articles(text: str, name: str, *, documentation: str | None) -> Shelf:
    """Read articles from TOML; problems are reported under `name`.

    Args:
        text: A table `[articles.<id>]` for each.
        name: Of the file.
        documentation: Where paths begin; without it those articles are left out.

    Raises:
        ArticlesError: anything in it is wrong.
    """
    tables = read_tables(text, name, ArticlesError)
    found: Mapping[str, Article] = {}
    findings: list[tuple[KeyPath, str]] = []
    try:
        found = _File.model_validate(tables).articles
    except ValidationError as error:
        findings += in_words(error.errors())
    refuse(findings, text, name, ArticlesError)
    whole = {id_: _whole(article, documentation) for id_, article in found.items()}
    reachable = {id_: article for id_, article in whole.items() if article}
    return Shelf(reachable, tuple(id_ for id_, article in whole.items() if not article))


def _whole(article: Article, documentation: str | None) -> Article | None:
    if "://" in article.url:
        return article
    if documentation is None:
        return None
    url = f"{documentation.rstrip('/')}/{article.url.lstrip('/')}"
    return article.model_copy(update={"url": url})
