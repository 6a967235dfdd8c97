"""Mail beyond the limits: refused with a reason, noted, or kept as a file; never lost or slow."""

import base64
import tracemalloc
from collections.abc import Callable
from dataclasses import replace

import pytest

from services.intake.mail.markup import text_of
from services.intake.mail.reading import MEGABYTE, MailLimits, MailRefusedError, Refusal, read_mail
from tests.support.mails import LIMITS

HEAD = b"From: customer@customer.example\r\nSubject: Files\r\nMessage-ID: <1@customer.example>\r\n"


def mixed(*parts: bytes) -> bytes:
    """A mail of these parts."""
    body = b"".join(b"--b\r\n" + part + b"\r\n" for part in parts)
    return HEAD + b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n' + body + b"--b--\r\n"


def attached(name: str, size: int) -> bytes:
    """A part with a file of that many bytes."""
    head = f"Content-Disposition: attachment; filename={name}\r\nContent-Transfer-Encoding: base64"
    return head.encode() + b"\r\n\r\n" + base64.b64encode(b"x" * size)


TEXT = b"Content-Type: text/plain\r\n\r\nWords."


def test_a_file_too_large_is_left_out_and_named() -> None:
    """The rest of the mail is taken; its reader learns what is missing, and why."""
    mail = read_mail(mixed(TEXT, attached("a.zip", 3000), attached("b.zip", 10)), small(3, 2000))
    assert [file.name for file in mail.files] == ["b.zip"]
    assert mail.notes == ("[a.zip, 3 KB, was left out: larger than 2 KB]",)


def test_files_that_are_too_much_together_are_named() -> None:
    """What still fits is kept."""
    limits = replace(small(5, 2000), files_bytes=3000)
    parts = (attached("a.zip", 2000), attached("b.zip", 1500), attached("c.zip", 1000))
    mail = read_mail(mixed(TEXT, *parts), limits)
    assert [file.name for file in mail.files] == ["a.zip", "c.zip"]
    assert mail.notes == ("[b.zip, 1 KB, was left out: all files together are larger than 3 KB]",)


def test_files_beyond_their_number_are_named_up_to_a_number() -> None:
    """Signatures with pictures make many; the notes have an end, too."""
    mail = read_mail(mixed(TEXT, *(attached(f"{n}.gif", 1) for n in range(9))), small(2, 100))
    assert [file.name for file in mail.files] == ["0.gif", "1.gif"]
    assert mail.notes[0] == "[2.gif, 1 bytes, was left out: more than 2 files]"
    assert mail.notes[2:] == ("[5 more files were left out]",)


def small(files: int, file_bytes: int) -> MailLimits:
    """Limits that a test can reach."""
    return MailLimits(files=files, file_bytes=file_bytes)


def test_the_whole_of_a_long_text_is_a_file() -> None:
    """It is cut where it is read, and says where it goes on."""
    text = "A line of words.\r\n" * 10_000
    mail = read_mail(HEAD + b"\r\n" + text.encode(), LIMITS)
    assert len(mail.text) <= LIMITS.text
    assert mail.text.endswith("[The text goes on in message.txt]")
    (file,) = mail.files
    assert file.name == "message.txt"
    assert file.content.decode().count("A line of words.") == 10_000


def test_text_without_a_certain_charset_is_kept_as_it_came() -> None:
    """What could not be read with certainty can be read by somebody who knows better."""
    body = "Łódź".encode("iso-8859-2")
    mail = read_mail(
        HEAD + b"Content-Type: text/plain; charset=x-unheard-of\r\n\r\n" + body, LIMITS
    )
    assert mail.files[0].content == body


def nested(depth: int) -> bytes:
    """Parts within parts."""
    opened = b"".join(
        b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (n, n)
        for n in range(depth)
    )
    return HEAD + opened + b"Content-Type: text/plain\r\n\r\nDeep words.\r\n"


def test_parts_nested_too_deeply_stay_one_file() -> None:
    """Nothing of them is lost."""
    mail = read_mail(nested(5), LIMITS)
    assert mail.text == "Deep words."
    deep = read_mail(nested(50), LIMITS)
    assert deep.text == ""
    assert [file.name for file in deep.files] == ["message.eml"]
    assert b"Deep words." in deep.files[0].content


def flowed(size: int) -> bytes:
    """One paragraph, broken into as many lines as there can be."""
    return HEAD + b"Content-Type: text/plain; format=flowed\r\n\r\n" + b"a \n" * (size // 3)


REFUSED: dict[str, Callable[[], bytes]] = {
    "larger than 25 MB": lambda: b"x" * (25 * MEGABYTE + 1),
    "too many parts": lambda: mixed(*[TEXT] * 300),
    "too many headers": lambda: b"X-A: b\r\n" * 2000 + HEAD + b"\r\n",
    "headers are too long": lambda: b"X-A: " + b"b" * 300_000 + b"\r\n" + HEAD + b"\r\n",
    "text is longer than": lambda: HEAD + b"\r\n" + b"\n" * 20_000_000,
    "longer than 2500000": lambda: flowed(10 * MEGABYTE),
    "is longer than": lambda: HEAD + b"Content-Type: text/html\r\n\r\n" + b"<p>a" * 3_000_000,
    "text is longer": lambda: HEAD + b"\r\n" + b"x" * 3_000_000,
}


@pytest.mark.parametrize("reason", REFUSED)
def test_a_mail_beyond_the_limits_is_refused_with_a_reason(reason: str) -> None:
    """Its sender can mend it: 552 and what is too much."""
    with pytest.raises(MailRefusedError, match=reason) as refused:
        read_mail(REFUSED[reason](), LIMITS)
    assert (refused.value.code, refused.value.enhanced) == (552, "5.3.4")
    assert refused.value.cause is Refusal.TOO_LARGE


HOSTILE: dict[str, Callable[[], bytes]] = {
    "deep MIME": lambda: nested(20_000),
    "open boundaries": lambda: nested(9) + b"--x\r\n" * 500_000,
    "flowed lines": lambda: flowed(3_700_000),
    "one long line": lambda: HEAD + b"\r\n" + b"x" * 2_000_000,
    "many short lines": lambda: HEAD + b"\r\n" + b"\r\n" * 5_000_000,
    "quoted lines": lambda: HEAD + b"\r\n" + b"> \r\n" * 100_000,
    "words never closed": lambda: b"Subject: " + b"=?utf-8?B?" * 6000 + b"\r\n" + HEAD + b"\r\n",
    "comments never closed": lambda: b"From: " + b"(" * 60_000 + b"\r\n" + HEAD + b"\r\n",
    "quotes never closed": lambda: b"From: " + b'"a" <' * 10_000 + b"\r\n" + HEAD + b"\r\n",
    "addresses": lambda: b"To: " + b"a@b.example, " * 5_000 + b"\r\n" + HEAD + b"\r\n",
    "Message-IDs": lambda: b"References: " + b"<@" * 30_000 + b"\r\n" + HEAD + b"\r\n",
    "parameters": lambda: HEAD + b'Content-Type: text/plain; a="' + b';"' * 30_000 + b"\r\n\r\nx",
    "split parameters": lambda: (
        HEAD + b"Content-Type: text/plain" + b"; a*%s=b" % (b"9" * 5000) + b"\r\n\r\nx"
    ),
    "base 64": lambda: HEAD + b"Content-Transfer-Encoding: base64\r\n\r\n" + b"A=" * 1_000_000,
    "quoted-printable": lambda: (
        HEAD + b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + b"=" * 1_000_000
    ),
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_mail_is_read_in_time(kind: str) -> None:
    """Time grows with its length and no faster, so that nobody stops intake with a mail."""
    mail = read_mail(HOSTILE[kind](), LIMITS)
    assert len(mail.text) <= LIMITS.text


FILE_HEAD = HEAD + b"Content-Type: application/zip\r\nContent-Transfer-Encoding: base64\r\n\r\n"
LARGE: dict[str, Callable[[], bytes]] = {
    "words within parts": lambda: nested(9) + b"> a\r\n" * 400_000,
    "a file within parts": lambda: (
        nested(9) + b"--8\r\nContent-Type: application/zip\r\n\r\n" + b"x" * (4 * MEGABYTE)
    ),
    "base 64": lambda: (
        FILE_HEAD + base64.encodebytes(b"x" * (3 * MEGABYTE)).replace(b"\n", b"\r\n")
    ),
    "base 64 in tiny pieces": lambda: FILE_HEAD + b"A=" * MEGABYTE,
    "flowed lines": lambda: flowed(2 * MEGABYTE),
    "short lines": lambda: HEAD + b"\r\n" + b"a\r\n" * 800_000,
}
MOST_TIMES = 8
"""Its own size that a large mail takes in memory while it is read, itself not included."""


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", LARGE)
def test_a_large_mail_takes_a_few_times_its_size_in_memory(kind: str) -> None:
    """However it is made: as many are read at once as there is memory for."""
    content = LARGE[kind]()
    tracemalloc.start()
    try:
        read_mail(content, LIMITS)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < MOST_TIMES * len(content)


MARKUP: dict[str, Callable[[], str]] = {
    "quotes in quotes": lambda: "<blockquote>line<br>" * 10_000,
    "elements": lambda: "<div>" * 200_000 + "deep",
    "wrong ends": lambda: "<div>" * 100_000 + "</i>" * 100_000 + "deep",
    "fonts": lambda: "".join(f"<font color=c{n}>" for n in range(9000)) + "<p>x" * 9000,
    "comments": lambda: "<!--" * 250_000 + "--><p>x",
    "declarations": lambda: "<!" * 500_000,
    "entities": lambda: "&#" * 500_000,
    "brackets": lambda: "<" * 1_000_000,
    "attributes": lambda: "<p " + " ".join(f"a{n}=b" for n in range(100_000)) + ">x",
    "links": lambda: "<a href='http://x.example'>x" * 50_000,
    "columns": lambda: "<table><tr><td colspan=999999999>x</table>",
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", MARKUP)
def test_hostile_html_is_read_in_time(kind: str) -> None:
    """Neither depth nor what it asks for costs more than its length."""
    markup = MARKUP[kind]()
    assert len(text_of(markup)) <= 20 * len(markup)


def test_html_nested_too_deeply_loses_no_words() -> None:
    """It is stripped of its tags instead of read."""
    assert text_of("<div>" * 5000 + "deep" + "</div>" * 5000 + "<p>after").split() == [
        "deep",
        "after",
    ]
