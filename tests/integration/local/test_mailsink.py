"""The mail sink: keeps every mail it said yes to, and shows it without harm."""

import smtplib
import subprocess
import sys
import time
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import httpx
import pytest

from deploy.local import processes
from deploy.local.ports import Ports

SINK = [sys.executable, "-m", "deploy.local.mailsink"]


class Sink:
    """A running mail sink, seen from outside."""

    def __init__(self, folder: Path, chosen: Ports) -> None:
        self.folder = folder
        self.web = httpx.Client(base_url=f"http://127.0.0.1:{chosen.mail_web}")
        self._smtp_port = chosen.smtp
        self._command = [*SINK, "--folder", str(folder), "--smtp-port", str(chosen.smtp)]
        self._command += ["--http-port", str(chosen.mail_web)]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it is ready."""
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            self._command, cwd=processes.ROOT
        )
        end = time.monotonic() + 30
        while not self._is_ready():
            assert self._process.poll() is None
            assert time.monotonic() < end, "the mail sink did not get ready"
            time.sleep(0.05)

    def _is_ready(self) -> bool:
        try:
            return self.web.get("/health/ready").is_success
        except httpx.TransportError:
            return False

    def kill(self) -> None:
        """SIGKILL."""
        if self._process:
            self._process.kill()
            self._process.wait()

    def send(self, subject: str, to: str = "customer@example.com", **parts: str) -> None:
        """Send one mail by SMTP."""
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = "desk@example.org", to, subject
        mail.set_content(parts.get("text", "Hello"))
        if "html" in parts:
            mail.add_alternative(parts["html"], subtype="html")
        with self.smtp() as smtp:
            smtp.send_message(mail)

    def smtp(self) -> smtplib.SMTP:
        """Connect as a mail program does."""
        return smtplib.SMTP("127.0.0.1", self._smtp_port, timeout=10)

    def messages(self, **query: str) -> list[dict[str, object]]:
        """Ask the JSON list."""
        found = self.web.get("/api/messages", params=query).raise_for_status().json()["messages"]
        assert isinstance(found, list)
        return found

    def page(self, path: str) -> str:
        """Fetch a page."""
        return self.web.get(path).raise_for_status().text


@pytest.fixture
def sink(tmp_path: Path, chosen: Ports) -> Iterator[Sink]:
    """A mail sink with an empty folder."""
    running = Sink(tmp_path / "mail", chosen)
    running.start()
    yield running
    running.kill()
    running.web.close()


def test_a_mail_that_was_taken_survives_a_kill(sink: Sink) -> None:
    """What was answered with 250 is there after SIGKILL and restart, and ids go on from there."""
    sink.send("first")
    sink.kill()
    sink.start()
    sink.send("second")
    assert [mail["subject"] for mail in sink.messages()] == ["first", "second"]
    assert [mail["id"] for mail in sink.messages()] == ["000000000001", "000000000002"]


def test_the_file_is_a_mail(sink: Sink) -> None:
    """Each mail is one .eml file with what its envelope said on top; nothing half is left."""
    sink.send("we have your request", to="a@example.com")
    (path,) = sink.folder.iterdir()
    content = path.read_bytes()
    assert path.name == "000000000001.eml"
    assert content.startswith(b"Return-Path: <desk@example.org>\r\n")
    assert b"X-Envelope-To: <a@example.com>\r\n" in content
    assert b"Subject: we have your request\r\n" in content


def test_a_mail_that_was_cut_is_forgotten(sink: Sink) -> None:
    """What was being written when the sink died was never acknowledged, so it is cleared away."""
    sink.kill()
    (sink.folder / "000000000001.new").write_bytes(b"Return-Path: <a@")
    sink.start()
    assert sink.messages() == []
    assert list(sink.folder.iterdir()) == []


def test_a_full_disk_is_a_reason_to_come_again(sink: Sink) -> None:
    """A mail that could not be kept is refused for now (452), not for ever and not silently."""
    sink.folder.rmdir()
    with pytest.raises(smtplib.SMTPDataError) as raised:
        sink.send("lost?")
    assert raised.value.smtp_code == 452
    sink.folder.mkdir()
    sink.send("kept")
    assert [mail["subject"] for mail in sink.messages()] == ["kept"]


def test_the_list_can_be_asked_by_recipient_and_from_where_one_was(sink: Sink) -> None:
    """`to`, `after` and `limit` do what a witness needs: nothing twice, nothing missed."""
    for number in range(4):
        sink.send(f"mail {number}", to="Odd@example.com" if number % 2 else "even@example.com")
    odd = sink.messages(to="odd@EXAMPLE.com")
    assert [mail["subject"] for mail in odd] == ["mail 1", "mail 3"]
    first = sink.web.get("/api/messages", params={"limit": "3"}).json()
    rest = sink.messages(after=first["next"])
    assert [mail["subject"] for mail in rest] == ["mail 3"]


def test_bcc_counts_as_recipient(sink: Sink) -> None:
    """The envelope decides who got a mail, not what its To header says."""
    with sink.smtp() as smtp:
        smtp.sendmail("a@example.org", ["hidden@example.com"], b"To: shown@example.com\r\n\r\nHi")
    assert [mail["recipients"] for mail in sink.messages()] == [["hidden@example.com"]]


def test_one_mail_as_json(sink: Sink) -> None:
    """Both parts and the headers come decoded, from the API."""
    sink.send("Größe", text="plain ü", html="<p>rich</p>")
    mail = sink.web.get("/api/messages/000000000001").json()
    assert mail["subject"] == "Größe"
    assert mail["text"].strip() == "plain ü"
    assert mail["html"].strip() == "<p>rich</p>"
    assert ["Subject", "Größe"] in mail["headers"]
    assert mail["sender"] == "desk@example.org"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no headers at all, only \xff\xfe",
        b"Subject: =?no-such-charset?q?=C3?=\r\n\r\n",
        b"Content-Type: text/plain; charset=no-such\r\n\r\n\xc3\xbc",
        b"Content-Type: multipart/mixed\r\n\r\nno boundary",
        b"Content-Transfer-Encoding: base64\r\n\r\n=== not base64 ===",
    ],
)
def test_broken_mails_are_kept_and_shown(sink: Sink, content: bytes) -> None:
    """A mail that no standard allows is evidence all the same."""
    with sink.smtp() as smtp:
        smtp.sendmail("", ["a@example.com"], content)
    assert sink.messages()[0]["sender"] == ""
    assert sink.web.get("/").is_success
    assert sink.web.get("/messages/000000000001").is_success
    assert sink.web.get("/messages/000000000001/source").is_success


def test_a_mail_that_is_too_large_is_refused(sink: Sink) -> None:
    """The limit is said beforehand, and holds."""
    with sink.smtp() as smtp, pytest.raises(smtplib.SMTPResponseException) as raised:
        smtp.sendmail("a@example.org", ["b@example.com"], b"x" * (11 * 1024 * 1024))
    assert raised.value.smtp_code == 552


def test_an_empty_sink_says_what_to_expect(sink: Sink) -> None:
    """Nobody stands before an empty table."""
    assert "No mails yet." in sink.page("/")
    assert "No mail has “nothing”" in sink.page("/?q=nothing")


def test_pages_escape_whatever_a_mail_holds(sink: Sink) -> None:
    """Subjects, addresses, headers and texts are shown as text, links in a text as links."""
    sink.send("<script>alert(1)</script>", text='<b>x</b> https://127.0.0.1/t?a="<i>')
    for path in ("/", "/messages/000000000001", "/?q=<script>"):
        page = sink.page(path)
        assert "<script>" not in page
        assert "<b>x" not in page
    assert '<a href="https://127.0.0.1/t?a=" rel="noreferrer">' in sink.page(
        "/messages/000000000001"
    )


def test_the_html_part_may_only_be_looked_at(sink: Sink) -> None:
    """The frame is sandboxed without scripts, and what it shows may load nothing."""
    sink.send("rich", html="<html><head></head><script>alert(1)</script></html>")
    page = sink.page("/messages/000000000001")
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in page
    assert "alert(1)" not in page
    policy = sink.web.get("/messages/000000000001/html").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "sandbox allow-popups allow-popups-to-escape-sandbox" in policy


@pytest.mark.parametrize("path", ["/", "/nothing", "/style.css", "/api/messages"])
def test_every_answer_has_a_strict_policy(sink: Sink, path: str) -> None:
    """No page runs scripts, is framed by others, or loads anything from elsewhere."""
    headers = sink.web.get(path).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


def test_pages_turn_and_search(sink: Sink) -> None:
    """Newest first, 25 to a page, searched by recipient and by subject."""
    for number in range(27):
        sink.send(f"mail {number:02d}", to=f"customer{number:02d}@example.com")
    first, second = sink.page("/"), sink.page("/?page=2")
    assert first.index("mail 26") < first.index("mail 25")
    assert "mail 01" not in first
    assert "mail 01" in second
    assert 'rel="next"' in first
    assert 'rel="prev"' in second
    assert "1 mail, newest first" in sink.page("/?q=CUSTOMER13")
    assert "10 mails, newest first" in sink.page("/?q=mail 1")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/messages?limit=none", 422),
        ("/api/messages?limit=0", 422),
        ("/api/messages?after=../../etc", 422),
        ("/api/messages/000000000009", 404),
        ("/api/messages/..%2f..%2fdesk", 404),
    ],
)
def test_refusals_say_what_to_mend(sink: Sink, path: str, status: int) -> None:
    """A program gets a problem document (RFC 9457) with the reason."""
    answer = sink.web.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert answer.json()["title"]


def test_other_names_for_this_machine_are_refused(sink: Sink) -> None:
    """A page elsewhere can't read the mails by pointing its own name here."""
    assert sink.web.get("/", headers={"Host": "mails.example.com"}).status_code == 400


@pytest.mark.usefixtures("sink")
def test_a_port_in_use_is_said_in_one_line(tmp_path: Path, chosen: Ports) -> None:
    """A second sink on the same port names the port, without a traceback."""
    command = [*SINK, "--folder", str(tmp_path / "other"), "--smtp-port", str(chosen.smtp)]
    command += ["--http-port", str(chosen.sla)]
    finished = subprocess.run(  # noqa: S603 - our own program
        command, cwd=processes.ROOT, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 1
    assert finished.stderr == f"SMTP port {chosen.smtp} is in use already.\n"
