"""How news stands on the line."""

import pytest

from services.messaging.live import patches
from services.messaging.live.patches import News, Patch

ADD = Patch("append", "messages", "message-1", "<li>one\ntwo\r\n</li>")
CHANGE = Patch("replace", "status", html="<p>open</p>")


def _lines(news: News, seen: str | None) -> list[str]:
    return patches.write_news(news, seen).decode().splitlines()


def test_what_is_seen_stands_with_the_last_patch_alone() -> None:
    """Who is cut off between two patches gets both again."""
    written = patches.write_news(News("2.1", [ADD, CHANGE]), "1.1").decode()
    first, second, rest = written.split("\n\n")
    assert "id: " not in first
    assert "id: 2.1" in second.splitlines()
    assert rest == ""


def test_html_stays_on_one_line() -> None:
    """Line ends in HTML don't end the event."""
    (data,) = [line for line in _lines(News("1.1", [ADD]), None) if line.startswith("data: ")]
    assert r"one\ntwo\r\n" in data


def test_no_news_is_nothing() -> None:
    """Without a patch, and with nothing more seen, there is nothing to send."""
    assert patches.write_news(News("1.1"), "1.1") == b""


def test_what_needs_no_patch_is_seen_all_the_same() -> None:
    """A page that has to change nothing still knows from where to go on."""
    assert _lines(News("1.2"), "1.1")[:2] == ["id: 1.2", "event: seen"]


def test_patches_without_progress_have_no_id() -> None:
    """What is no part of `seen`, such as who is here, is sent without it."""
    assert not [line for line in _lines(News("1.1", [CHANGE]), "1.1") if line.startswith("id")]


@pytest.mark.parametrize("seen", ["a\nb", "a\x00", "x" * 201])
def test_what_would_break_the_line_is_a_mistake(seen: str) -> None:
    """Whoever makes a page says what it has seen in one short line."""
    with pytest.raises(ValueError, match="one short line"):
        patches.write_news(News(seen), None)


@pytest.mark.parametrize(
    ("given", "read"),
    [(None, None), ("", None), ("1.2", "1.2"), ("a\nb", None), ("x" * 201, None), ("ä", "ä")],
)
def test_what_a_page_says_it_has_seen_is_read_within_limits(
    given: str | None, read: str | None
) -> None:
    """Anything that none of our pages could say counts as nothing."""
    assert patches.read_seen(given) == read


def test_pages_come_back_at_different_times() -> None:
    """After a replica's end its pages spread over a second."""
    said = {patches.retry(spread) for spread in range(10)}
    assert len(said) == 10
    assert patches.retry(0) == b"retry: 1000\n\n"
