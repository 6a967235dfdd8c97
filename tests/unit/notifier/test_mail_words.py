"""Every word of mails and plans is there in every language that we ship."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.pofile import read_po
from jinja2.ext import babel_extract

from services.notifier.letters import words
from shared import plan_words
from shared.languages import INTERNATIONAL, Languages, WordsError

LANGUAGES = ("de", "es")
KEYWORDS = {"say": None, "say_in": ((1, "c"), 2), "say_many": (1, 2)}
PLACEHOLDER = re.compile(r"%\(\w+\)s")
Key = tuple[str, ...]
"""Context or nothing, and the message in all its forms."""


def texts(message: object) -> Key:
    """The forms of a message, as a tuple."""
    found = message if isinstance(message, tuple | list) else (message,)
    return tuple(str(each) for each in found if each)


def in_code(file: Path) -> Iterator[Key]:
    """What a module says."""
    with file.open("rb") as source:
        for _, message, _, context in extract("python", source, KEYWORDS):
            yield (context or "", *texts(message))


def in_templates() -> Iterator[Key]:
    """What the templates of mails say."""
    options = {"encoding": "utf-8", "silent": "false"}
    functions = ("gettext", "ngettext")
    for file in sorted(words.OURS.glob("*.jinja")):
        with file.open("rb") as source:
            for _, function, message, _ in babel_extract(source, functions, [], options):
                forms = 2 if function == "ngettext" else 1
                yield ("", *texts(message)[:forms])


SAID = {
    words.WORDS: {*in_templates(), *in_code(words.OURS.parents[1] / "letters" / "facts.py")},
    plan_words.WORDS: set(in_code(Path(plan_words.__file__))),
}
FILES = [(folder, language) for folder in SAID for language in LANGUAGES]


def catalogue(folder: Path, language: str) -> Catalog:
    """A language's words."""
    with (folder / f"{language}.po").open("rb") as source:
        return read_po(source, locale=language, abort_invalid=True)


def key(message: Message) -> Key:
    """As it stands in the code."""
    return (message.context or "", *texts(message.id))


@pytest.mark.parametrize(("folder", "language"), FILES)
def test_all_is_translated_and_nothing_else(folder: Path, language: str) -> None:
    """No string is missing in a language, none is left from earlier, none is a guess."""
    translated = {key(each): each.string for each in catalogue(folder, language) if each.id}
    assert len(SAID[folder]) > 20
    assert set(translated) == SAID[folder]
    assert not [each for each in catalogue(folder, language) if each.fuzzy and each.id]
    for forms, string in translated.items():
        assert len(texts(string)) == len(forms) - 1, forms


@pytest.mark.parametrize(("folder", "language"), FILES)
def test_placeholders_match(folder: Path, language: str) -> None:
    """What is filled in is filled in everywhere, by the same names, and a lone % breaks nothing."""
    for message in catalogue(folder, language):
        if not message.id:
            continue
        ours, theirs = texts(message.id), texts(message.string)
        wanted = set(PLACEHOLDER.findall(ours[-1]))
        for text in theirs:
            assert set(PLACEHOLDER.findall(text)) <= wanted, text
            assert "%" not in PLACEHOLDER.sub("", text), text
        assert set(PLACEHOLDER.findall(theirs[-1])) == wanted, theirs


def test_no_template_has_words_of_its_own() -> None:
    """All that people read goes through gettext: what is left are names and signs."""
    for file in words.OURS.glob("*.txt.jinja"):
        left = re.sub(r"\{[{%#].*?[}%#]\}", "", file.read_text(encoding="utf-8"), flags=re.DOTALL)
        assert not re.search(r"[A-Za-z]{2,}", left), file.name


@pytest.mark.parametrize(
    ("asked", "tag"),
    [
        ("de", "de"),
        ("de-AT", "de-AT"),
        ("es_MX", "es-MX"),
        ("en-US", "en-US"),
        ("en", "en"),
        ("tlh", "en"),
        ("nonsense!", "en"),
        (None, "en"),
        ("pt-BR", "en"),
    ],
)
def test_a_reader_gets_the_best_there_is(asked: str | None, tag: str) -> None:
    """Their language with its region; English for whom nothing is there."""
    language = Languages(plan_words.WORDS, words.WORDS).of(asked)
    assert language.tag == tag
    if tag == "en":
        assert language.locale == INTERNATIONAL


def test_a_later_folder_goes_before_an_earlier_one(tmp_path: Path) -> None:
    """Word by word; a file brings a language of its own; English too may be said otherwise."""
    header = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\n'
    own = {"de": "Auf ein Wort", "fr": "Merci", "en": "Cheers"}
    for language, thanks in own.items():
        text = f'{header}msgid "Where we talk"\nmsgstr "{thanks}"\n'
        (tmp_path / f"{language}.po").write_text(text, encoding="utf-8")
    languages = Languages(words.WORDS, tmp_path)
    assert set(languages.tags) == {"en", "de", "es", "fr"}
    for language, thanks in own.items():
        assert languages.of(language).say("Where we talk") == thanks
    assert languages.of("de").say("Due") == "Fällig"
    assert languages.of("fr-CA").say("Due") == "Due"
    assert languages.of("de").say_many("%(num)s alert", "%(num)s alerts", 2) == "2 Hinweise"


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("de.po", 'msgid "a"\nnonsense\n', r"de\.po:[12]: "),
        ("klingon.po", "", r"klingon\.po:1: 'klingon' is no language"),
        ("de.po", b"\xff\xfe", r"de\.po:1: "),
    ],
)
def test_a_broken_file_of_words_is_refused(
    name: str, text: str | bytes, reason: str, tmp_path: Path
) -> None:
    """With file, line and reason."""
    content = text if isinstance(text, bytes) else text.encode()
    (tmp_path / name).write_bytes(content)
    with pytest.raises(WordsError, match=reason):
        Languages(tmp_path)
