"""What a page shows of a thread: words as they were written, safely, in order, by day."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.messaging.domain import Message
from services.messaging.files import File, FileState
from services.messaging.pages import threads
from services.messaging.pages.threads import Piece, Reader
from shared import moments
from shared.languages import Languages
from shared.messages import AuthorKind, Channel, Visibility

ENGLISH = Languages().of(None)
NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
BERLIN = moments.zone_of("Europe/Berlin")
READER = Reader(frozenset({"me"}), BERLIN, NOW, ENGLISH, {"advanced": "Gold"})
MESSAGE = Message(
    id=UUID(int=1),
    ticket=UUID(int=2),
    sequence=1,
    author_kind=AuthorKind.CUSTOMER,
    author="me",
    author_name="Me",
    visibility=Visibility.PUBLIC,
    channel=Channel.WEB,
    text="Help!",
    posted_at=NOW,
)
FILE = File(
    UUID(int=3), UUID(int=1), UUID(int=2), "a.txt", "text/plain", 1234, "0", FileState.COMPLETE
)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("See https://careline.example/a?b=c#d.", "https://careline.example/a?b=c#d"),
        ("(http://careline.example)", "http://careline.example"),
        ("https://careline.example/a_(b) is it", "https://careline.example/a_(b)"),
        ("<https://careline.example/>", "https://careline.example/"),
        ("HTTPS://CARELINE.EXAMPLE!", "HTTPS://CARELINE.EXAMPLE"),
        ("»https://careline.example«", "https://careline.example"),
        ("https://[::1]/x, he said", "https://[::1]/x"),
    ],
)
def test_an_address_on_the_web_becomes_a_link(text: str, address: str) -> None:
    """Without what the sentence around it puts behind it."""
    found = [piece for piece in threads.pieces(text) if piece.address]
    assert found == [Piece(address, address)]


@pytest.mark.parametrize(
    "text",
    [
        "javascript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "ftp://careline.example",
        "https://",
        "https:///",
        "www.careline.example",
        '<a href="x">',
        "https://careline.example/" + "a" * threads.LONGEST_LINK,
    ],
)
def test_nothing_else_becomes_one(text: str) -> None:
    """Other schemes, no host, or an address of a length that nobody follows."""
    assert [piece for piece in threads.pieces(text) if piece.address] == []


@given(st.text(st.characters(exclude_categories=["C"])))
def test_words_are_shown_as_they_were_written(text: str) -> None:
    """Pieces put together are the text; each link is an address of http or https, unbroken."""
    pieces = list(threads.pieces(text))
    assert "".join(piece.words for piece in pieces) == text
    for piece in pieces:
        if piece.address is not None:
            assert piece.address == piece.words
            assert piece.address.lower().startswith(("http://", "https://"))
            assert not set(piece.address) & set("\"'<>` \n")


def test_a_heap_of_brackets_belongs_to_no_address() -> None:
    """However many stand behind one: each is looked at once."""
    for heap in (")" * 50_000, ").]}," * 10_000):
        address, rest = threads.pieces(f"https://careline.example/{heap}")
        assert (address.words, rest.words) == ("https://careline.example/", heap)


def test_lines_stay_lines_and_what_turns_text_around_is_left_out() -> None:
    """Windows' line ends are line ends; marks of direction and control characters are nothing."""
    (piece,) = threads.pieces("a\r\nb\rc \u202egnp.exe\x07\n\n")
    assert piece.words == "a\nb\nc gnp.exe"


def test_messages_stand_under_the_days_of_their_reader() -> None:
    """Midnight is where the reader is; today and yesterday are called so."""
    times = [NOW - timedelta(days=9), datetime(2026, 11, 24, 22, 59, tzinfo=UTC)]
    times += [datetime(2026, 11, 24, 23, 1, tzinfo=UTC), NOW]
    messages = [
        replace(MESSAGE, id=UUID(int=number), posted_at=at) for number, at in enumerate(times)
    ]
    days = threads.by_day(messages, {}, READER)
    assert [(day.element, day.words, len(day.messages)) for day in days] == [
        ("day-2026-11-16", "Monday, 16 November 2026", 1),
        ("day-2026-11-24", "Yesterday", 1),
        ("day-2026-11-25", "Today", 2),
    ]


def test_a_message_is_ones_own_by_any_of_ones_names() -> None:
    """What the desk itself writes is nobody's, whoever caused it."""
    written = [
        MESSAGE,
        replace(MESSAGE, author="another"),
        replace(MESSAGE, author_kind=AuthorKind.SYSTEM),
    ]
    assert [threads.show(each, (), READER).is_own for each in written] == [True, False, False]


def test_a_plan_that_is_asked_for_has_its_name() -> None:
    """One that the catalogue doesn't have any more is shown by its id."""
    asked = [replace(MESSAGE, asks_for_plan=plan) for plan in ("advanced", "gone", None)]
    names = [threads.show(each, (), READER).asks_for_plan for each in asked]
    assert names == ["Gold", "gone", None]


def test_a_file_has_its_size_and_where_it_is_handed_out() -> None:
    """In words that people know."""
    shown = threads.show(MESSAGE, [FILE], READER).files[0]
    assert (shown.size, shown.address) == ("1 KB", f"/files/{UUID(int=2)}/{UUID(int=3)}")


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0 bytes"), (1, "1 byte"), (999, "999 bytes"), (34_400, "34 KB"), (1_250_000, "1.2 MB")],
)
def test_sizes_are_in_words(size: int, words: str) -> None:
    """Decimal, as file managers say them."""
    assert threads.spell_size(size, ENGLISH) == words


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        ("Europe/Berlin", "Wed 25 Nov, 10:00 CET"),
        ("America/New_York", "Wed 25 Nov, 04:00 EST"),
        ("America/Sao_Paulo", "Wed 25 Nov, 06:00 UTC-03:00"),
        ("Asia/Kathmandu", "Wed 25 Nov, 14:45 UTC+05:45"),
        ("Nowhere/At_All", "Wed 25 Nov, 09:00 UTC"),
        (None, "Wed 25 Nov, 09:00 UTC"),
    ],
)
def test_a_moment_names_its_zone(zone: str | None, words: str) -> None:
    """By its short name, or by its offset where it has none."""
    assert moments.spell(NOW, moments.zone_of(zone), ENGLISH) == words
