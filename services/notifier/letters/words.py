"""The words of mails: templates and languages, ours and an organisation's own.

An organisation's folder holds templates that go before ours of the same name, and `.po` files
whose words go before ours; a file such as `fr.po` adds a language. A template of theirs may build
on ours: `{% extends "careline/acknowledgement.html.jinja" %}`.
"""

import traceback
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PrefixLoader,
    StrictUndefined,
    TemplateError,
    TemplateSyntaxError,
    select_autoescape,
)

from services.notifier.letters import passages
from shared import plan_words
from shared.languages import Language, Languages, WordsError

OURS = Path(__file__).parents[1] / "templates" / "mail"
WORDS = Path(__file__).parents[1] / "words"
PARTS = ("subject", "txt", "html")
"""A mail of each kind is made from these three."""


class TemplatesError(ValueError):
    """A template or a file of words is wrong; the message has file, line and reason."""


class Templates:
    """Templates in all languages.

    Args:
        folder: An organisation's own files, which go before ours.

    Raises:
        TemplatesError: the folder isn't there, or a file of words in it can't be read.
    """

    def __init__(self, folder: Path | None = None) -> None:
        if folder is not None and not folder.is_dir():
            raise TemplatesError(f"{folder}: there is no such folder of templates")
        self._folders = (OURS,) if folder is None else (folder, OURS)
        own = () if folder is None else (folder,)
        try:
            self._languages = Languages(plan_words.WORDS, WORDS, *own)
        except WordsError as error:
            raise TemplatesError(str(error)) from error
        self._environments: dict[int, Environment] = {}

    @property
    def tags(self) -> tuple[str, ...]:
        """The languages that there are, such as `("en", "de", "es")`."""
        return self._languages.tags

    def language(self, asked: str | None) -> Language:
        """The best there is for a reader of this locale."""
        return self._languages.of(asked)

    def render(self, name: str, facts: Mapping[str, Any], language: Language) -> str:
        """A template, filled in.

        Raises:
            TemplatesError: it is not there, is no template, or asks for what is not known.
        """
        try:
            return self._environment(language).get_template(f"{name}.jinja").render(facts)
        except Exception as error:
            raise TemplatesError(self._where(error, name)) from error

    def _environment(self, language: Language) -> Environment:
        """One for each language: its words are part of it."""
        at = id(language.words)
        if at not in self._environments:
            self._environments[at] = _environment(self._loader(), language)
        return self._environments[at]

    def _loader(self) -> BaseLoader:
        ours = PrefixLoader({"careline": FileSystemLoader(OURS)})
        return ChoiceLoader([*(FileSystemLoader(folder) for folder in self._folders), ours])

    def _where(self, error: Exception, name: str) -> str:
        """File, line and reason: of a template that is no template, or of where it broke."""
        if isinstance(error, TemplateSyntaxError):
            return f"{error.filename or error.name}:{error.lineno}: {error.message}"
        frames = traceback.extract_tb(error.__traceback__)
        inside = [frame for frame in frames if frame.filename.endswith(".jinja")]
        reason = error.message if isinstance(error, TemplateError) else str(error)
        where = f"{inside[-1].filename}:{inside[-1].lineno}" if inside else f"{name}.jinja:1"
        return f"{where}: {reason or type(error).__name__}"


@cache
def shipped() -> Templates:
    """Ours alone."""
    return Templates()


def _environment(loader: BaseLoader, language: Language) -> Environment:
    environment = Environment(
        loader=loader,
        autoescape=select_autoescape(["html.jinja"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.policies["ext.i18n.trimmed"] = True
    # Of the extension: it is not known before it is loaded.
    install: Any = environment.install_gettext_translations  # type: ignore[attr-defined] # see above
    install(language.words, newstyle=True)
    environment.filters["paragraphs"] = passages.paragraphs
    environment.filters["quoted"] = passages.quoted
    return environment
