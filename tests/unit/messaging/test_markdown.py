"""Markdown as HTML that can do no harm, and as words."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.messaging.markdown import Heading, is_safe, list_links, read_plain, render

TAGS = {
    *("p", "h2", "h3", "h4", "h5", "h6", "a", "em", "strong", "code", "pre", "ul", "ol", "li"),
    *("blockquote", "hr", "br", "div", "table", "thead", "tbody", "tr", "th", "td"),
}


def test_headings_stand_below_the_pages_own() -> None:
    """Whichever level an author begins with, without gaps, each with an id of its own."""
    rendered = render("# One\n\n### Two & `code`\n\n# One\n\n## Ünï\n")
    assert rendered.headings == [
        Heading(2, "s-one", "One"),
        Heading(3, "s-two-code", "Two & code"),
        Heading(2, "s-one-2", "One"),
        Heading(3, "s-uni", "Ünï"),
    ]
    assert '<h3 id="s-two-code">Two &amp; <code>code</code></h3>' in rendered.html


def test_a_deep_beginning_is_lifted() -> None:
    """The highest heading of a text is the second of its page."""
    assert [heading.level for heading in render("### A\n\n#### B\n").headings] == [2, 3]


def test_no_html_gets_through() -> None:
    """It is shown as it stands."""
    html = render('<script>alert(1)</script>\n\n<b onclick="x">b</b> &lt;i&gt;').html
    assert "<script" not in html
    assert "<b " not in html
    assert "&lt;script&gt;" in html


@pytest.mark.parametrize(
    "link",
    [
        "https://careline.example/a?b=c#d",
        "http://careline.example",
        "mailto:support@careline.example",
        "/request",
        "#part",
        "other.md",
        "?q=x",
    ],
)
def test_links_lead_to_the_web_to_mail_and_on(link: str) -> None:
    """These do."""
    assert is_safe(link)
    assert "<a href=" in render(f"[x]({link})").html


@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "//elsewhere.example",
        "/\\elsewhere.example",
        "java\tscript:alert(1)",
        "https:",
        "file:///etc/passwd",
        "http://[",
    ],
)
def test_other_links_are_none(link: str) -> None:
    """Their words are shown, and lead nowhere."""
    assert not is_safe(link)
    assert f'href="{link}' not in render(f"[x](<{link}>)").html


def test_another_article_is_named_by_its_file() -> None:
    """So that the folder can be read by itself; here it leads to its page."""
    assert 'href="/docs/due-times#s-a"' in render("[x](due-times.md#s-a)").html
    assert list(list_links("One.\n\n[x](due-times.md)\n[y](javascript:z)\n")) == [
        (3, "due-times.md"),
        (3, "javascript:z"),
    ]


def test_a_table_is_scrolled_by_itself_and_needs_no_style() -> None:
    """Its columns are its name; what is aligned is so by a class."""
    html = render('| A | "B" |\n|---|--:|\n| 1 | 2 |\n').html
    assert 'role="region" aria-label="A, &quot;B&quot;"' in html
    assert '<td class="to-right">2</td>' in html
    assert "style=" not in html


def test_pictures_are_not_shown() -> None:
    """They would come from anywhere."""
    assert "<img" not in render("![x](https://elsewhere.example/x.png)").html


def test_words_are_what_a_reader_reads() -> None:
    """Without marks, headings by themselves."""
    plain = read_plain("# A *b*\n\nOne [two](/x)\nthree `four`.\n\n- five\n\n```\nsix\n```\n")
    assert plain.headings == "A b"
    assert plain.text == "One two three four.\nfive\nsix"


@given(st.text(max_size=400))
@example("[a](javascript&#58;alert(1))")
@example("<javascript:alert(1)>")
@example("[a]: javascript:x\n\n[a]")
@example('[a](/x "\\"><script>")')
@example("| a |\n|-|\n| <script> |")
@example("# <img src=x>")
def test_whatever_is_written_gives_known_tags_alone(text: str) -> None:
    """No tag, attribute or link that is not on the list."""
    html = render(text).html
    for tag, attributes in re.findall(r"</?([a-zA-Z][a-zA-Z0-9]*)([^>]*)>", html):
        assert tag in TAGS
        names = set(re.findall(r' ([a-z-]+)="', re.sub(r'="[^"]*"', '=""', attributes)))
        allowed = {"id", "href", "title", "class", "tabindex", "role", "aria-label", "start"}
        assert names <= allowed
    for link in re.findall(r'href="([^"]*)"', html):
        assert not re.match(r"\s*(javascript|data|vbscript|file):", link, re.IGNORECASE)
