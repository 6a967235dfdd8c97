"""Files of articles: what is in them, and what is refused."""

from pathlib import Path

import pytest

from services.messaging.articles import ArticlesError, parse_article, parse_folder, read_folder

SHIPPED = Path(__file__).parents[3] / "deploy" / "articles"
GOOD = """\
+++
title = "Exports"
section = "guide"
summary = "Which formats there are."
keywords = ["CSV"]
position = 20
+++
You may export everything, as [told](imports.md).

# Formats
Comma-separated values.
"""


def parse(text: str, file: str = "exports.md") -> object:
    """The article in a file, beside which there is imports.md."""
    return parse_article(text, file, name=file, files=[file, "imports.md"])


def problems(text: str, file: str = "exports.md") -> tuple[str, ...]:
    """What is wrong with it."""
    with pytest.raises(ArticlesError) as caught:
        parse(text, file)
    return caught.value.problems


def test_a_file_is_an_article() -> None:
    """Its name is the address, its head says what lists show, the rest is its body."""
    article = parse_article(GOOD, "exports.md", name="exports.md", files=["imports.md"])
    assert (article.slug, article.title, article.section) == ("exports", "Exports", "guide")
    assert (article.keywords, article.position) == (("CSV",), 20)
    assert article.source.startswith("You may export")
    assert article.plain.headings == "Formats"
    assert {"export", "csv", "formats", "told"} <= article.words


def test_title_and_summary_are_enough() -> None:
    """It is a guide then, behind those that have a position."""
    article = parse_article(
        '+++\ntitle = "A"\nsummary = "B."\n+++\nC.\n', "a.md", name="a.md", files=[]
    )
    assert (article.section, article.keywords, article.position) == ("guide", (), 100)


def test_line_ends_of_other_systems_make_no_difference() -> None:
    """As editors on Windows write them."""
    assert parse(GOOD.replace("\n", "\r\n")) == parse(GOOD)


def test_every_problem_of_a_head_is_named_with_its_line() -> None:
    """All at once, at the line of the file."""
    text = '+++\ntitle = ""\nodd = 1\nposition = -1\n+++\nWords.\n'
    assert problems(text) == (
        "exports.md:1: summary: is missing",
        "exports.md:2: title: must not be empty",
        "exports.md:3: odd: unknown key",
        "exports.md:4: position: Input should be greater than or equal to 0",
    )


def test_a_head_that_is_no_toml_is_refused_at_its_line() -> None:
    """As the parser has it."""
    (problem,) = problems('+++\ntitle = "A"\nsummary =\n+++\nWords.\n')
    assert problem.startswith("exports.md:3: ")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("# Exports\n", "exports.md:1: begins with a line +++, then title and summary"),
        ("", "exports.md:1: begins with a line +++, then title and summary"),
        ('+++\ntitle = "A"\n', "exports.md:1: there is no second line +++ that ends the head"),
        ('+++\ntitle = "A"\nsummary = "B."\n+++\n \n', "exports.md:5: there is nothing to read"),
    ],
)
def test_a_file_has_a_head_and_a_body(text: str, problem: str) -> None:
    """What is missing is said."""
    assert problems(text) == (problem,)


def test_what_is_too_long_is_refused() -> None:
    """Nobody reads that, and each search would pay for it."""
    (problem,) = problems(GOOD + "x" * 100_000)
    assert problem == "exports.md:1: has more than 100000 characters"


@pytest.mark.parametrize("file", ["Exports.md", "a b.md", "-a.md", "a--b.md", "search.md", ".md"])
def test_a_name_that_is_no_address_is_refused(file: str) -> None:
    """Nor does an article take an address that the pages use for something else."""
    (problem,) = problems(GOOD, file)
    assert problem.startswith(f"{file}:1: a name has small letters")


def test_wrong_links_are_refused_at_their_paragraph() -> None:
    """To articles that are not there, and to what no page of ours leads to."""
    text = GOOD + "\nSee [this](nothing.md),\n\nand [that](javascript:x) or [there](//x.example).\n"
    assert problems(text) == (
        "exports.md:13: leads to nothing.md, which is not in this folder",
        "exports.md:15: leads to '//x.example': use https://, mailto: or a path",
        "exports.md:15: leads to 'javascript:x': use https://, mailto: or a path",
    )


def test_a_control_character_is_refused_at_its_line() -> None:
    """Searching puts some of its own around what it finds."""
    assert problems(GOOD + "a\x01b\n") == ("exports.md:12: holds a control character",)


def test_a_folder_is_read_as_a_whole(tmp_path: Path) -> None:
    """What is wrong in any of its files is said of all; other files are no articles."""
    (tmp_path / "exports.md").write_text(GOOD, encoding="utf-8")
    (tmp_path / "imports.md").write_text(GOOD, encoding="utf-8")
    (tmp_path / "picture.svg").write_text("<svg/>", encoding="utf-8")
    found = parse_folder(read_folder(tmp_path), "articles")
    assert [article.slug for article in found] == ["exports", "imports"]
    (tmp_path / "a.md").write_text("A", encoding="utf-8")
    (tmp_path / "b.md").write_text("B", encoding="utf-8")
    with pytest.raises(ArticlesError) as caught:
        parse_folder(read_folder(tmp_path), "articles")
    assert [problem.partition(": ")[0] for problem in caught.value.problems] == [
        "articles/a.md:1",
        "articles/b.md:1",
    ]
    assert str(caught.value) == "\n".join(caught.value.problems)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """It was named by somebody, so it is missed."""
    with pytest.raises(ArticlesError, match="can't be read"):
        read_folder(tmp_path / "none")


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """Whatever it is."""
    (tmp_path / "exports.md").write_bytes(b"\xff\xfe")
    with pytest.raises(ArticlesError, match=r"exports\.md:1: can't be read"):
        read_folder(tmp_path)


def test_any_other_content_has_another_hash() -> None:
    """So that it is known what is to be kept anew."""
    changes = [
        ("", ""),
        ("Exports", "Export"),
        ("guide", "troubleshooting"),
        ("CSV", "TSV"),
        ("20", "21"),
        ("Comma", "Tab"),
    ]
    hashes = {
        parse_article(
            GOOD.replace(old, new, 1), "exports.md", name="exports.md", files=["imports.md"]
        ).sha256
        for old, new in changes
    }
    assert len(hashes) == len(changes)


def test_the_shipped_articles_are_short_and_can_be_found() -> None:
    """Between 100 and 300 words each, with keywords, in all three sections."""
    articles = parse_folder(read_folder(SHIPPED), str(SHIPPED))
    assert {each.section for each in articles} == {"guide", "troubleshooting", "For agents"}
    for each in articles:
        assert 100 <= len(each.source.split()) <= 300, each.slug
        assert each.keywords, each.slug
