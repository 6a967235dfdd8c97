"""What intake is told wrongly is said at once, by the name of the setting, and nothing starts."""

from pathlib import Path

import pytest

from services.intake.settings import IntakeSettings
from shared.settings import load_settings

GOOD = {
    "STREAM_SECRET": "a-stream-secret-of-the-tests-that-is-long",
    "PSEUDONYM_SECRET": "a-secret-of-the-tests",
    "MAIL_SECRET": "a-secret-of-the-tests",
    "IMAP_HOST": "imap.customer.example",
    "IMAP_USER": "support",
}


def load(monkeypatch: pytest.MonkeyPatch, **told: str) -> IntakeSettings:
    """The settings, with `told` on top of good ones."""
    for name, value in (GOOD | told).items():
        monkeypatch.setenv(f"CARELINE_{name}", value)
    return load_settings(IntakeSettings)


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"IMAP_DONE": "", "IMAP_REFUSED": "INBOX"},  # mails stay, with a keyword
        {"IMAP_FOLDER": "Support", "IMAP_DONE": "support"},  # two folders
        {"IMAP_DONE": "Inbox/Done"},
        {"IMAP_HOST": "", "IMAP_USER": ""},
        {"IMAP_SINCE": ""},
        {"SMTP_IN_PORT": "2525", "LMTP_PORT": "2424"},
        {"SMTP_IN_PORT": "2525", "LMTP_PORT": "2525", "LMTP_HOST": "127.0.0.2"},
        {"SMTP_IN_PORT": "0", "LMTP_PORT": "0"},
        {"MAIL_HELD_BYTES": "2000000", "MAIL_MOST_BYTES": "2000000"},
    ],
)
def test_what_can_be_meant_is_taken(monkeypatch: pytest.MonkeyPatch, told: dict[str, str]) -> None:
    """Nothing is refused that works."""
    load(monkeypatch, **told)


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ({"IMAP_DONE": "INBOX"}, "IMAP_DONE"),
        ({"IMAP_FOLDER": "inbox", "IMAP_DONE": "Inbox"}, "IMAP_DONE"),
        ({"IMAP_REFUSED": "INBOX"}, "IMAP_REFUSED"),
        ({"IMAP_FOLDER": "Support", "IMAP_REFUSED": "Support"}, "IMAP_REFUSED"),
        ({"IMAP_FOLDER": "Inbox/New", "IMAP_DONE": "INBOX/New"}, "IMAP_DONE"),
        ({"IMAP_USER": ""}, "IMAP_USER"),
        ({"IMAP_AUTHORITIES": "/nowhere/at/all.pem"}, "IMAP_AUTHORITIES"),
        ({"IMAP_SINCE": "last week"}, "IMAP_SINCE"),
        ({"MAIL_HELD_BYTES": "2000000", "MAIL_MOST_BYTES": "2000001"}, "MAIL_HELD_BYTES"),
        ({"SMTP_IN_PORT": "2525", "LMTP_PORT": "2525"}, "LMTP_PORT"),
        (
            {"SMTP_IN_PORT": "2525", "LMTP_PORT": "2525", "SMTP_IN_HOST": "0.0.0.0"},  # noqa: S104 - nothing listens
            "LMTP_PORT",
        ),
        ({"SENDER": "Support"}, "SENDER"),
    ],
)
def test_what_can_not_work_is_refused(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    told: dict[str, str],
    name: str,
) -> None:
    """With status 2, in one line that begins with the setting."""
    with pytest.raises(SystemExit) as ended:
        load(monkeypatch, **told)
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"CARELINE_{name}: ")


def test_authorities_must_be_certificates(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A file of something else would be found out by the first look into the mailbox only."""
    other = tmp_path / "other.pem"
    other.write_text("no certificate\n")
    with pytest.raises(SystemExit):
        load(monkeypatch, IMAP_AUTHORITIES=str(other))
    assert capsys.readouterr().err.startswith("CARELINE_IMAP_AUTHORITIES: ")
