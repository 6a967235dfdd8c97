"""Every word of the pages that customers see is there in every language that we ship."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.pofile import read_po
from jinja2.ext import babel_extract

from shared import pages, plan_words

ROOT = Path(__file__).parents[3]
LANGUAGES = ("de", "es")
KEYWORDS = {"say": None, "say_in": ((1, "c"), 2), "say_many": (1, 2)}
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]")
Key = tuple[str, ...]
"""Context or nothing, and the message in all its forms."""

MESSAGING = ROOT / "services" / "messaging"
INTAKE = ROOT / "services" / "intake"
NOTIFIER = ROOT / "services" / "notifier"
REFUSING = (
    *(ROOT / "shared" / f"{name}.py" for name in ("forms", "pages", "problems")),
    *(MESSAGING / name for name in ("access.py", "attachments_api.py")),
    *sorted((MESSAGING / "doing").glob("*.py")),
    MESSAGING / "login" / "sign_ins.py",
    *(
        MESSAGING / "pages" / f"{name}.py"
        for name in ("conversations", "docs", "doors", "opening", "sign_in", "typing")
    ),
    *(INTAKE / name for name in ("pages.py", "reading.py")),
    INTAKE / "reading.py",
)
"""Modules whose refusals customers may see on a page."""
AGENTS = re.compile(
    r"(answers?|answer_delete|desk|inbox\w*|lead\w*|search|ticket\w*|views)\.html\.jinja"
)
"""Templates of agents' pages, which are in English."""
MIXED = "clock_parts.html.jinja"
"""Pieces for both: some of them are for agents' pages alone, and say so."""


def texts(message: object) -> Key:
    """The forms of a message, as a tuple."""
    found = message if isinstance(message, tuple | list) else (message,)
    return tuple(str(each) for each in found if each)


def in_code(file: Path) -> Iterator[Key]:
    """What a module says."""
    with file.open("rb") as source:
        for _, message, _, context in extract("python", source, KEYWORDS):
            yield (context or "", *texts(message))


def in_template(file: Path) -> Iterator[Key]:
    """What a template says."""
    options = {"encoding": "utf-8", "silent": "false"}
    with file.open("rb") as source:
        for _, function, message, _ in babel_extract(source, ("gettext", "ngettext"), [], options):
            forms = 2 if function == "ngettext" else 1
            yield ("", *texts(message)[:forms])


def in_refusals(file: Path) -> Iterator[Key]:
    """Titles and details of a module's problems, as far as nothing is filled in."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        given: list[ast.expr] = []
        match node:
            case ast.Call(func=ast.Name(id="Problem") | ast.Attribute(attr="Problem")):
                given = node.args[1:3]
            case ast.Call(func=ast.Name(id="unavailable") | ast.Attribute(attr="unavailable")):
                given = node.args[:1]
            case ast.Call(func=ast.Name(id="id_of") | ast.Attribute(attr="id_of")):
                given = node.args[2:]
            case ast.Assign(targets=[ast.Name(id="detail")]):
                given = [node.value]
        for each in given:
            if isinstance(each, ast.Constant) and isinstance(each.value, str):
                yield ("", each.value)


def of(folder: Path) -> set[Key]:
    """All that stands in the templates and modules of a folder."""
    templates, modules = folder.rglob("*.jinja"), folder.rglob("*.py")
    found = {key for file in templates for key in in_template(file)}
    found |= {key for file in modules for key in in_code(file)}
    return found | {key for file in REFUSING if folder in file.parents for key in in_refusals(file)}


PLANS = set(in_code(Path(plan_words.__file__)))
LOOK = {
    *of(pages.LOOK),
    *(key for file in (ROOT / "shared").glob("*.py") for key in in_code(file)),
    *(key for file in REFUSING if file.parent.name == "shared" for key in in_refusals(file)),
} - PLANS
SAID = {
    pages.WORDS: LOOK,
    MESSAGING / "words": of(MESSAGING) - LOOK - PLANS,
    INTAKE / "words": of(INTAKE) - LOOK - PLANS,
}
"""What each folder of words translates; what a shared one has, the others don't repeat."""
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
    """No sentence is missing in a language, none is left from earlier, none is a guess."""
    translated = {key(each): each.string for each in catalogue(folder, language) if each.id}
    assert len(SAID[folder]) > 20
    assert SAID[folder] - set(translated) == set(), "missing"
    assert set(translated) - SAID[folder] == set(), "said nowhere"
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
            assert "%" not in PLACEHOLDER.sub("", text).replace("%%", ""), text
        assert set(PLACEHOLDER.findall(theirs[-1])) == wanted, theirs


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_the_same_is_said_the_same(language: str) -> None:
    """A sentence of mails, forms and pages alike reads the same wherever it stands."""
    known: dict[Key, tuple[Key, Path]] = {}
    for folder in (plan_words.WORDS, NOTIFIER / "words", *SAID):
        for message in catalogue(folder, language):
            if message.id:
                said, first = known.setdefault(key(message), (texts(message.string), folder))
                assert said == texts(message.string), (first, folder)


def test_agents_pages_are_in_english_alone() -> None:
    """Their own templates ask for no translation: what is said there would be half of a page."""
    folder = MESSAGING / "templates" / "pages"
    agents = [file for file in folder.glob("*.jinja") if AGENTS.fullmatch(file.name)]
    assert len(agents) > 10
    assert [file.name for file in agents if list(in_template(file))] == []


def test_no_customers_template_has_words_of_its_own() -> None:
    """All that customers read goes through gettext: what is left are names and signs."""
    folders = (pages.LOOK, *(each / "templates" / "pages" for each in (MESSAGING, INTAKE)))
    found = [file for folder in folders for file in folder.glob("*.jinja")]
    for file in found:
        if AGENTS.fullmatch(file.name) or file.name == MIXED:
            continue
        html = file.read_text(encoding="utf-8")
        shown = re.sub(r"\{% block (width|body_class) %\}.*?\{% endblock %\}", " ", html)
        without = re.sub(r"\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}", " ", shown, flags=re.DOTALL)
        left = re.sub(r"<[^>]*>|[\w-]+=\"[^\"]*\"", " ", without)
        assert not re.search(r"[^\W\d_]{2,}", left), (file.name, left.split())


def test_a_page_knows_the_languages_of_all_its_words() -> None:
    """Each service's pages have the same languages, those of plans and of the look included."""
    for folder in (MESSAGING, INTAKE):
        languages = pages.languages_of(folder)
        assert set(languages.tags) == {"en", *LANGUAGES}
        assert languages.of("de").say("Sign in") == "Anmelden"
        assert languages.of("es").say("Solution") == "Solución"
