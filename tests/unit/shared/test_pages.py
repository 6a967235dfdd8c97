"""Pages: their policy, their language, what is filled into words, and their files."""

from pathlib import Path

import httpx
import pytest
from markupsafe import Markup
from starlette.applications import Starlette
from starlette.requests import Request

from shared.languages import Languages
from shared.pages import LOOK, Pages, Policy, in_words
from shared.problems import Problem

PO = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\n'


@pytest.fixture
def pages(tmp_path: Path) -> Pages:
    """Pages of a service with one template, one script and German words."""
    templates, static = tmp_path / "templates" / "pages", tmp_path / "static"
    templates.mkdir(parents=True)
    static.mkdir()
    (templates / "one.html.jinja").write_text(
        '{% extends "base.html.jinja" %}{% block title %}One{% endblock %}'
        '{% block main %}{{ gettext("By %(who)s.", who=who) }}{% endblock %}'
    )
    (static / "one.js").write_text("export {};")
    (static / "notes.txt").write_text("not for browsers")
    (tmp_path / "de.po").write_text(PO + 'msgid "By %(who)s."\nmsgstr "Von %(who)s & Co."\n')
    return Pages(tmp_path, Languages(tmp_path), "Care & Line")


def request(**headers: str) -> Request:
    """A request with these headers."""
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "headers": raw})


@pytest.mark.parametrize(
    ("accepted", "tag"),
    [
        ("", "en"),
        ("*", "en"),
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "de-AT"),
        ("fr, de;q=0.5", "de"),
        ("fr", "en"),
        ("en-GB, de", "en-GB"),
        ("not a tag, de", "de"),
    ],
)
def test_the_first_language_that_there_are_words_in_is_spoken(
    pages: Pages, accepted: str, tag: str
) -> None:
    """As browsers list them; English where none of them is there."""
    assert pages.language_of(request(accept_language=accepted)).tag == tag


def test_what_is_filled_into_words_is_escaped_unless_it_is_markup(pages: Pages) -> None:
    """Nobody's name becomes a tag; a link of ours does, and words keep their signs."""
    german = pages.languages.of("de")
    typed = pages.render("one.html.jinja", language=german, who="<b>Ada</b>")
    assert "Von &lt;b&gt;Ada&lt;/b&gt; &amp; Co." in typed
    ours = pages.render("one.html.jinja", language=german, who=Markup("<b>Ada</b>"))
    assert "Von <b>Ada</b> &amp; Co." in ours


def test_a_page_has_no_script_and_no_style_within(pages: Pages) -> None:
    """The policy would refuse both."""
    html = pages.render("one.html.jinja", language=pages.languages.of("en"), who="us")
    assert "<style" not in html
    assert "style=" not in html
    assert html.count("<script") == html.count('<script type="module" src=')


def test_the_policy_allows_nothing_but_what_a_page_says() -> None:
    """Strict by itself; other origins for what they are named for."""
    strict = Policy().headers["Content-Security-Policy"]
    assert "default-src 'none'" in strict
    assert "unsafe" not in strict
    assert "frame-ancestors 'none'" in strict
    there = "https://messages.careline.example"
    wide = Policy(connects_to=[there], frames=[there], framed_by=[there], forms_to=[there])
    written = wide.headers["Content-Security-Policy"]
    for name in ("connect-src 'self'", "frame-src 'self'", "form-action 'self'"):
        assert f"{name} {there}" in written
    assert f"frame-ancestors {there}" in written


def test_a_refusal_is_a_page_whatever_its_words_hold(pages: Pages) -> None:
    """With its status and headers; a per cent sign in it is no mistake."""
    problem = Problem(429, "Too many", "Over 5% of <all>.", headers={"Retry-After": "9"})
    answer = pages.problem(problem, language=pages.languages.of("en"))
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "9"
    assert "Over 5% of &lt;all&gt;." in bytes(answer.body).decode()


def test_a_refusal_is_in_the_readers_words_as_far_as_there_are_any(tmp_path: Path) -> None:
    """Title and detail; what else it says, and its status and headers, are as they were."""
    words = PO + 'msgid "Not found"\nmsgstr "Nicht gefunden"\n'
    (tmp_path / "de.po").write_text(words)
    errors = [{"pointer": "/text", "detail": "Not found"}]
    problem = Problem(404, "Not found", "No 5%.", headers={"Retry-After": "1"}, errors=errors)
    said = in_words(problem, Languages(tmp_path).of("de"))
    assert said.document == problem.document | {"title": "Nicht gefunden"}
    assert (said.status, said.headers) == (problem.status, problem.headers)


def test_a_framed_refusal_has_neither_head_nor_foot(pages: Pages) -> None:
    """Around it stands another page."""
    problem = Problem(404, "Not found", "There is nothing.")
    answer = pages.problem(problem, language=pages.languages.of("en"), framed=True)
    assert "<header" not in bytes(answer.body).decode()


async def test_files_are_kept_for_ever_under_an_address_that_changes_with_them(
    pages: Pages,
) -> None:
    """With their version; asked for without, they are asked for again. Others are not given."""
    transport = httpx.ASGITransport(Starlette(routes=pages.routes()))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        versioned = await client.get(pages.address("one.js"))
        bare = await client.get("/static/one.js")
        look = await client.get(pages.address("look.css"))
    assert "immutable" in versioned.headers["cache-control"]
    assert bare.headers["cache-control"] == "no-cache"
    assert versioned.headers["content-type"].startswith("text/javascript")
    assert look.content == (LOOK / "look.css").read_bytes()
    with pytest.raises(KeyError):
        pages.address("notes.txt")


def test_the_same_content_has_the_same_address(pages: Pages) -> None:
    """Replicas agree about it."""
    again = Pages(pages.folder, pages.languages)
    assert again.address("one.js") == pages.address("one.js")
    (pages.folder / "static" / "one.js").write_text("export default 1;")
    assert Pages(pages.folder, pages.languages).address("one.js") != pages.address("one.js")
