"""How files are handed out: under their name, and never as something that runs."""

from email.message import Message
from urllib.parse import unquote
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.messaging import files
from services.messaging.files import File, FileState


def a_file(name: str = "a.png", content_type: str = "image/png") -> File:
    """A file that is here."""
    return File(
        id=UUID(int=1),
        message=UUID(int=2),
        ticket=UUID(int=3),
        name=name,
        content_type=content_type,
        size_bytes=7,
        sha256="",
        state=FileState.COMPLETE,
    )


def saved_as(name: str) -> tuple[str, str]:
    """Under which names programs save it: those that read RFC 8187, and those that don't."""
    plain, extended = files.disposition(name).split("; ")[1:]
    assert extended.startswith("filename*=UTF-8''")
    message = Message()
    message["Content-Disposition"] = f"attachment; {plain}"
    old = message.get_filename()
    assert old is not None
    return unquote(extended.partition("''")[2]), old


@pytest.mark.parametrize(
    ("name", "new", "old"),
    [
        ("report.csv", "report.csv", "report.csv"),
        ("a b;c.txt", "a b;c.txt", "a b;c.txt"),
        ("Übersicht €.pdf", "Übersicht €.pdf", "_bersicht _.pdf"),
        ('the "report".csv', 'the "report".csv', "the _report_.csv"),
        ("100%41.csv", "100%41.csv", "100_41.csv"),
        ("../../etc/passwd", "passwd", "passwd"),
        ("C:\\Users\\x\\report.csv", "report.csv", "report.csv"),
        ("in\r\nvoice\x00.pdf", "invoice.pdf", "invoice.pdf"),
        ("photo\u202egpj.exe", "photogpj.exe", "photogpj.exe"),
        (" .. ", "attachment", "attachment"),
        ("", "attachment", "attachment"),
        ("\ud800.txt", "txt", "txt"),
        (".htaccess", "htaccess", "htaccess"),
    ],
)
def test_a_file_is_saved_under_its_name(name: str, new: str, old: str) -> None:
    """Without a path, and without characters that nobody sees."""
    assert saved_as(name) == (new, old)


def test_a_long_name_keeps_its_ending() -> None:
    """By which a system knows what opens it."""
    new, old = saved_as("x" * 500 + ".pdf")
    assert new == old == "x" * (files.LONGEST_NAME - 4) + ".pdf"
    assert len(saved_as("." + "y" * 500)[0]) == files.LONGEST_NAME


@given(st.text())
def test_no_name_breaks_the_header(name: str) -> None:
    """One line of printable ASCII with one name in quotes, whatever somebody mails us."""
    value = files.disposition(name)
    assert value.isascii()
    assert value.isprintable()
    assert value.count('"') == 2
    new, old = saved_as(name)
    assert len(new) == len(old)
    assert "/" not in new
    assert new == new.strip(" .")


@pytest.mark.parametrize(
    ("said", "handed_out"),
    [
        ("image/png", "image/png"),
        ("IMAGE/PNG; name=a.png", "image/png"),
        ("text/plain; charset=utf-8", "text/plain"),
        ("text/html", files.OTHER),
        ("image/svg+xml", files.OTHER),
        ("application/xhtml+xml", files.OTHER),
        ("text/javascript", files.OTHER),
        ("", files.OTHER),
        ("image/png\r\nX-Other: 1", files.OTHER),
    ],
)
def test_only_types_in_which_nothing_runs_are_handed_out_as_such(
    said: str, handed_out: str
) -> None:
    """Everything else is bytes; no browser guesses, and nothing in it may run."""
    headers = files.headers(a_file(content_type=said))
    assert headers["Content-Type"] == handed_out
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"].split("; ") == ["default-src 'none'", "sandbox"]
    assert headers["Content-Disposition"].startswith("attachment; ")
    assert headers["Content-Length"] == "7"
