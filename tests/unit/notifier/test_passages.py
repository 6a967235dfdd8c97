"""What people wrote, as mails show it."""

from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from html import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier import mails
from services.notifier.letters import passages, samples
from tests.support.said import CATALOGUE

DESK = mails.Desk(mails.Brand(), "support@careline.example", "https://desk.careline.example")
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
REPLY = next(each for each in samples.samples(CATALOGUE) if each.name == "reply")
GMAIL_CLIPS = 102 * 1024


def parts(text: str) -> tuple[str, str]:
    """Text and HTML of a reply that says this and quotes this, as they arrive."""
    messages = tuple(replace(each, text=text) for each in REPLY.about.messages)
    earlier = tuple(replace(each, text=text) for each in REPLY.about.earlier)
    about = replace(REPLY.about, messages=messages, earlier=earlier)
    mail = mails.compose(REPLY.delivery, about, catalogue=CATALOGUE, desk=DESK, now=NOW)
    arrived = message_from_bytes(mail.as_bytes(policy=policy.SMTP), policy=policy.default)
    plain, html = arrived.get_body(("plain",)), arrived.get_body(("html",))
    assert plain is not None
    assert html is not None
    return str(plain.get_content()), str(html.get_content())


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        '<img src=x onerror="alert(1)">',
        '"><a href="javascript:alert(1)">x</a>',
        "{{ desk.tokens }} {% raw %}",
        "%(number)s %s %",
    ],
)
def test_markup_is_shown_and_not_obeyed(hostile: str) -> None:
    """It reaches its reader as it was written."""
    plain, html = parts(hostile)
    assert hostile in plain
    assert escape(hostile, quote=False) in html.replace("&#34;", '"').replace("&#39;", "'")
    if "<" in hostile:
        assert hostile not in html


@pytest.mark.parametrize(
    "text", ["مرحبا بالعالم", "שלום", "👩‍👩‍👧 🇪🇸 emoji", "日本語の文章", "e\u0301 ﬁ", "a\u202eb"]
)
def test_every_script_is_mailed(text: str) -> None:
    """Each paragraph runs in the direction of its own words."""
    plain, html = parts(text)
    assert text in plain
    assert f'<p dir="auto" style="margin:0 0 14px">{text}</p>' in html


@pytest.mark.parametrize(
    "long",
    [
        "\n".join(f"Line {number} & <more>" for number in range(5000)),
        "\n".join(f"https://docs.example/{number}?a=1&b=2" for number in range(5000)),
        "word " * 100_000,
        "&" * 500_000,
        "\n\n".join(["'\""] * 50_000),
        "  " * 100_000 + "x",
        "日" * 200_000,
    ],
)
def test_what_is_too_long_is_cut_and_says_so(long: str) -> None:
    """The mail stays below what Gmail shows; the rest is in the conversation."""
    plain, html = parts(long)
    assert len(html.encode()) < GMAIL_CLIPS
    assert "Shortened; all of it stands in the conversation." in plain
    assert "This is too long for one mail" in html
    assert html.rstrip().endswith("</html>")


@pytest.mark.parametrize(
    ("line", "pieces"),
    [
        ("See https://a.example/x.", [("See ", None), ("https://a.example/x",) * 2, (".", None)]),
        ("(http://a.example/b(c))", [("(", None), ("http://a.example/b(c)",) * 2, (")", None)]),
        ("javascript:alert(1)", [("javascript:alert(1)", None)]),
        ("  two", [("\u00a0\u00a0two", None)]),
    ],
)
def test_links_can_be_followed(line: str, pieces: list[passages.Piece]) -> None:
    """Without the full stop behind them; an indent is kept; nothing but pages is linked."""
    assert passages.paragraphs(line) == [[pieces]]
    assert passages.paragraphs(f"x\n{line}")[0][1] == pieces


@given(st.text(), st.integers(0, 500))
def test_what_fits_costs_no_more_than_there_is_room(text: str, room: int) -> None:
    """And what was not shortened is all there."""
    passage, left = passages.fit(text, room)
    assert 0 <= left <= room
    if not passage.is_shortened:
        assert passage.text == passages.clean(text)


def test_what_is_quoted_is_short() -> None:
    """Twelve lines or 800 characters, and it says whether it was shortened."""
    assert passages.shorten("a\nb") == passages.Passage("a\nb", is_shortened=False)
    many = passages.shorten("\n".join(map(str, range(30))))
    assert many.is_shortened
    assert many.text.split("\n") == [str(number) for number in range(12)]
    long = passages.shorten("word " * 1000)
    assert long.is_shortened
    assert len(long.text) <= 800
    assert long.text.endswith("word")


def test_lines_fit_a_screen() -> None:
    """Lists and quotes keep their indent, and addresses stay whole."""
    words = "word " * 40
    assert all(len(line) <= 76 for line in passages.wrapped(words).split("\n"))
    listed = passages.wrapped(f"- {words}").split("\n")
    assert all(line.startswith("  ") for line in listed[1:])
    assert all(line.startswith("> ") for line in passages.quoted(words).split("\n"))
    url = "https://a.example/" + "x" * 200
    assert url in passages.wrapped(f"{words}{url}").split("\n")


def test_what_can_not_be_seen_is_left_out() -> None:
    """Control characters, and line ends of other kinds."""
    assert passages.clean("a\r\nb\rc\x00\x1b[1m\u2028d\te  \n\n") == "a\nb\nc[1m\nd    e"
