"""The file of articles: what is in it, and what is refused."""

import tomllib
from pathlib import Path

import pytest

from services.notifier import articles
from services.notifier.articles import ArticlesError, Question, parse_articles

SHIPPED = Path(__file__).parents[3] / "deploy" / "articles.toml"
FOLDER = SHIPPED.parent / "articles"
GOOD = """\
[articles.exports]
title = "Exports"
url = "/exports"
language = "en"
keywords = ["CSV"]
summary = "Which formats there are."
"""


def problems(text: str) -> tuple[str, ...]:
    """What is wrong with it."""
    with pytest.raises(ArticlesError) as caught:
        parse_articles(text, "articles.toml", documentation=None)
    return caught.value.problems


def test_the_shipped_file_has_articles_in_every_language() -> None:
    """A dozen in English, some in the others; each has keywords."""
    text = SHIPPED.read_text(encoding="utf-8")
    shelf = parse_articles(text, "articles.toml", documentation="https://docs.example/")
    languages = [article.language for article in shelf.articles.values()]
    amounts = {language: languages.count(language) for language in articles.CONFIGURATIONS}
    assert amounts["en"] >= 12
    assert min(amounts.values()) >= 6
    assert all(article.keywords for article in shelf.articles.values())
    assert shelf.unreachable == ()


def test_the_shipped_file_leads_to_the_articles_beside_it() -> None:
    """To each that customers read, under its title; to none that is not there."""
    heads = {
        path.stem: tomllib.loads(path.read_text(encoding="utf-8").split("+++")[1])
        for path in FOLDER.glob("*.md")
    }
    text = SHIPPED.read_text(encoding="utf-8")
    shelf = parse_articles(text, "articles.toml", documentation="https://docs.example")
    named = {(article.url, article.title) for article in shelf.articles.values()}
    assert named == {
        (f"https://docs.example/{slug}", head["title"])
        for slug, head in heads.items()
        if head["section"] != "For agents"
    }


@pytest.mark.parametrize("documentation", ["https://docs.example", "https://docs.example/"])
def test_a_path_begins_where_the_documentation_is(documentation: str) -> None:
    """With one slash between them, however they are written."""
    shelf = parse_articles(GOOD, "articles.toml", documentation=documentation)
    assert shelf.articles["exports"].url == "https://docs.example/exports"


def test_without_documentation_a_path_leads_nowhere() -> None:
    """Such articles are left out, and named; whole addresses stay."""
    whole = GOOD.replace('"/exports"', '"https://other.example/x"').replace(".exports]", ".whole]")
    shelf = parse_articles(GOOD + whole, "articles.toml", documentation=None)
    assert list(shelf.articles) == ["whole"]
    assert shelf.unreachable == ("exports",)


def test_every_problem_is_named_with_its_line() -> None:
    """All at once, so that one edit mends the file."""
    text = """\
[articles.exports]
title = ""
url = "javascript:alert(1)"
language = "fr"
odd = 1
"""
    place = "must be an address with https:// or a path below the documentation"
    assert problems(text) == (
        "articles.toml:1: articles.exports.summary: is missing",
        "articles.toml:2: articles.exports.title: must not be empty",
        f"articles.toml:3: articles.exports.url: {place}",
        "articles.toml:4: articles.exports.language: unknown language 'fr'; there are en, de, es",
        "articles.toml:5: articles.exports.odd: unknown key",
    )


def test_an_id_is_one_word() -> None:
    """It is what the log calls the article."""
    (problem,) = problems(GOOD.replace("articles.exports", 'articles."no id"'))
    assert problem.startswith("articles.toml:1: articles.no id: an id has 1 to 100 letters")


@pytest.mark.parametrize("url", ["//evil.example/x", "data:text/html,x", "/a b", "ftp://x/y", ""])
def test_only_web_addresses_and_paths_are_taken(url: str) -> None:
    """Nothing that a mail program would do something else with."""
    assert len(problems(GOOD.replace("/exports", url))) == 1


def test_what_is_no_toml_is_refused_at_its_line() -> None:
    """As the parser has it."""
    (problem,) = problems(GOOD + "title =\n")
    assert problem.startswith("articles.toml:7: ")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """It was named by somebody, so it is missed."""
    with pytest.raises(ArticlesError, match="can't be read"):
        articles.read_articles(tmp_path / "none.toml")


def test_any_other_content_is_another_version() -> None:
    """Also another address of the documentation; comments are nothing."""
    shelves = [
        parse_articles(text, "articles.toml", documentation=documentation)
        for text, documentation in [
            (GOOD, "https://docs.example"),
            (f"# A comment.\n{GOOD}", "https://docs.example"),
            (GOOD.replace("CSV", "TSV"), "https://docs.example"),
            (GOOD, "https://other.example"),
        ]
    ]
    assert shelves[0].version == shelves[1].version
    assert len({shelf.version for shelf in shelves}) == 3


@pytest.mark.parametrize(
    ("subject", "locale", "question"),
    [
        ("CSV-Export: leer?", "de-AT", Question("de", ["CSV", "Export", "leer"])),
        ("¿Dónde está?", "es", Question("es", ["Dónde", "está"])),
        ("Bonjour", "fr-FR", Question("en", ["Bonjour"])),
        ("a_b", None, Question("en", ["a", "b"])),
        ("", "EN", Question("en", [])),
    ],
)
def test_a_subject_is_asked_word_by_word(subject: str, locale: str, question: Question) -> None:
    """In the ticket's language where there are articles in it, else in English."""
    assert articles.ask(subject, locale) == question


def test_a_long_subject_is_asked_by_its_first_words() -> None:
    """So that nobody can make the search expensive."""
    assert len(articles.ask("word " * 1_000, "en").words) == articles.MOST_WORDS
