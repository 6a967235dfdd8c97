"""Headers as people's programs write them are read, and nothing that stands in them raises."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.mail.charsets import decode, decode_base64
from services.intake.mail.headers import (
    Mailbox,
    addresses,
    date,
    decode_words,
    language,
    mailboxes,
    message_ids,
)
from shared.lines import one_line

A, B = "a@customer.example", "b@customer.example"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (A, [Mailbox(A)]),
        (f"<{A}>", [Mailbox(A)]),
        (f"A Customer <{A}>", [Mailbox(A, "A Customer")]),
        (f'"Customer, A" <{A}>, {B}', [Mailbox(A, "Customer, A"), Mailbox(B)]),
        (f"{A} (A Customer)", [Mailbox(A, "A Customer")]),
        (f"Team: {A}, B <{B}>;", [Mailbox(A), Mailbox(B, "B")]),
        (f"A Customer {A}", [Mailbox(A, "A Customer")]),
        ("a @ customer.example", [Mailbox(A)]),
        (f"<@one.example,@two.example:{A}>", [Mailbox(A)]),
        (f"mailto:{A}", [Mailbox(A)]),
        (f'"{B}" <{A}>', [Mailbox(A, B)]),
        (f"{B} <{A}>", [Mailbox(A, B)]),
        (f'"A Customer <{A}>', [Mailbox(A)]),
        (f"(it's 5\" wide) {A}", [Mailbox(A, "it's 5\" wide")]),
        (f"=?utf-8?q?Gr=C3=B6=C3=9Fe?= <{A}>", [Mailbox(A, "Größe")]),
        (f"<{A}><{B}>", [Mailbox(A)]),
        ("undisclosed-recipients:;", []),
        ("root@localhost", []),
        ("A Customer", []),
        ("<>", []),
        ("", []),
    ],
)
def test_addresses_are_found_however_they_are_written(
    written: str, expected: list[Mailbox]
) -> None:
    """The valid ones with their names; what can't be answered is passed over."""
    assert list(mailboxes(written)) == expected


def test_to_whom_a_mail_went_is_taken_as_it_is_written() -> None:
    """Our own addresses may be in a domain that only our network knows."""
    assert addresses("Desk <Support+X@desk.local>, nobody") == ("Support+X@desk.local",)


@given(st.text() | st.text(st.sampled_from('"<>(),;:@\\ a=?.\x00')))
def test_nothing_in_a_header_raises(value: str) -> None:
    """Whatever it is, it is read as far as it goes."""
    assert all("@" in person.address for person in mailboxes(value))
    assert all("@" in address for address in addresses(value))
    assert all(each.isascii() and " " not in each for each in message_ids(value))
    assert len(one_line(decode_words(value))) <= 200
    date(value)
    language(value)


@given(st.binary(), st.text(max_size=20) | st.sampled_from(["utf-7", "idna", "zlib", "utf-16"]))
def test_any_bytes_are_text_and_a_file_in_any_charset(content: bytes, charset: str) -> None:
    """What can't be read is marked as such, and no half of a character gets through."""
    decode(content, charset).text.encode()
    decode_base64(content)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("=?utf-8?b?R3I=?= =?utf-8?b?w7bDn2U=?=", "Größe"),
        ("=?utf-8?q?Gr=C3?= =?utf-8?q?=B6=C3=9Fe?=", "Größe"),  # a character cut in two
        ("=?iso-8859-1?q?5_=80?=", "5 €"),
        ("=?utf-8*en?q?words?=", "words"),
        ("=?utf-8?q?a?= and =?utf-8?q?b?=", "a and b"),
        ("=?unheard-of?q?a=FF?=", "aÿ"),
        ("=?utf-8?b?R3L?= damaged", "Gr damaged"),
        ("=?utf-8?q?never closed", "=?utf-8?q?never closed"),
    ],
)
def test_encoded_words_are_read_as_far_as_they_go(written: str, expected: str) -> None:
    """Also where a mail program cut them in the wrong place."""
    assert decode_words(written) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("<a@b>", ["<a@b>"]),
        ("<a@b> <c@d>", ["<a@b>", "<c@d>"]),
        ("<a@\tb>, (comment) <c@d>", ["<a@b>", "<c@d>"]),
        ("a@b", ["<a@b>"]),
        ("<a>", []),
        ("<ä@b>", []),
        ("your mail of Monday", []),
        (f"<{'a' * 600}@b>", []),
    ],
)
def test_message_ids_have_their_brackets_and_nothing_else(
    written: str, expected: list[str]
) -> None:
    """What is malformed is none: nobody could refer to it."""
    assert list(message_ids(written)) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Mon, 3 Jun 2024 10:00:00 +0200", datetime(2024, 6, 3, 8, tzinfo=UTC)),
        ("Mon, 3 Jun 2024 10:00:00 -0000", datetime(2024, 6, 3, 10, tzinfo=UTC)),
        ("Mon, 3 Jun 2024 10:00:00 +0200 (CEST)", datetime(2024, 6, 3, 8, tzinfo=UTC)),
        ("Fri, 31 Dec 9999 23:59:59 -2359", None),
        ("yesterday", None),
        (None, None),
    ],
)
def test_a_date_is_an_instant_or_nothing(written: str | None, expected: datetime | None) -> None:
    """One that can't be right is none."""
    assert date(written) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [("de-AT", "de-AT"), ("en, fr", "en"), ("German", None), ("", None), (None, None)],
)
def test_a_language_is_a_tag_or_nothing(written: str | None, expected: str | None) -> None:
    """The first that a mail names."""
    assert language(written) == expected
