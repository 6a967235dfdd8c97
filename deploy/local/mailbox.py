"""A folder of mails: one .eml file each, readable with any mail program."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from itertools import islice
from pathlib import Path

# What the envelope said, put on top of the mail: the To header may say something else.
SENDER, RECIPIENTS, RECEIVED = "Return-Path", "X-Envelope-To", "X-Received-At"


@dataclass(frozen=True)
class Summary:
    """What a list shows of a mail. Ids are numbers of twelve digits, in the order of arrival."""

    id: str
    received_at: datetime
    sender: str
    recipients: tuple[str, ...]
    subject: str
    message_id: str
    size: int


@dataclass(frozen=True)
class Mail:
    """A mail, taken apart: texts are decoded, never cleaned; who shows them has to."""

    summary: Summary
    headers: tuple[tuple[str, str], ...]
    text: str | None
    html: str | None
    attachments: tuple[str, ...]
    source: bytes


class Mailbox:
    """The mails of a folder; what is in there already is read first."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        for cut in folder.glob("*.new"):  # never acknowledged, so nobody counts on it
            cut.unlink()
        self._mails = [_summary(path) for path in sorted(folder.glob("*.eml"))]

    def add(
        self, sender: str, recipients: Sequence[str], content: bytes, received_at: datetime
    ) -> Summary:
        """Keep a mail. Once this returns it survives the end of this process.

        It isn't forced to the disk: a mail for nobody isn't worth the wait, and only a crash of the
        whole machine could lose it.

        Raises:
            OSError: It could not be written; nothing is kept.
        """
        number = int(self._mails[-1].id) + 1 if self._mails else 1
        path = self._path(f"{number:012d}")
        envelope = {
            SENDER: f"<{sender}>",
            RECIPIENTS: ", ".join(f"<{recipient}>" for recipient in recipients),
            RECEIVED: received_at.isoformat(),
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in envelope.items())
        unfinished = path.with_suffix(".new")
        unfinished.write_bytes(head.encode() + content)
        unfinished.replace(path)
        summary = _summary(path)
        self._mails.append(summary)
        return summary

    def oldest_first(self, to: str | None, after: str, limit: int) -> list[Summary]:
        """List mails to an address (any, when None) that came after the one with the given id."""
        wanted = to.casefold() if to else None
        found = (
            mail
            for mail in self._mails
            if mail.id > after and (not wanted or wanted in map(str.casefold, mail.recipients))
        )
        return list(islice(found, limit))

    def newest_first(self, words: str) -> list[Summary]:
        """List mails that have the words in a recipient's address or in the subject."""
        wanted = words.strip().casefold()
        return [
            mail
            for mail in reversed(self._mails)
            if wanted in " ".join((*mail.recipients, mail.subject)).casefold()
        ]

    def read(self, mail_id: str) -> Mail | None:
        """Take one mail apart, None when there is no such mail."""
        if not any(mail.id == mail_id for mail in self._mails):
            return None
        path = self._path(mail_id)
        source = path.read_bytes()
        message = message_from_bytes(source)
        return Mail(
            summary=_summary(path),
            headers=tuple((name, _decoded(value)) for name, value in message.items()),
            text=_body(message, "text/plain"),
            html=_body(message, "text/html"),
            attachments=tuple(_attachments(message)),
            source=source,
        )

    def _path(self, mail_id: str) -> Path:
        return self._folder / f"{mail_id}.eml"


def _summary(path: Path) -> Summary:
    source = path.read_bytes()
    head = message_from_bytes(source.partition(b"\r\n\r\n")[0] + b"\r\n\r\n")
    recipients = _decoded(head[RECIPIENTS]).split(", ")
    return Summary(
        id=path.stem,
        received_at=datetime.fromisoformat(str(head[RECEIVED])),
        sender=_decoded(head[SENDER]).strip("<>"),
        recipients=tuple(recipient.strip("<>") for recipient in recipients),
        subject=_decoded(head["Subject"]),
        message_id=_decoded(head["Message-ID"]),
        size=len(source),
    )


def _decoded(value: object) -> str:
    """Read a header; one that is encoded wrongly is shown as it came."""
    raw = "" if value is None else str(value)
    try:
        text = str(make_header(decode_header(raw)))
    except (ValueError, LookupError, HeaderParseError):
        text = raw
    return " ".join(text.split())


def _body(message: Message, content_type: str) -> str | None:
    for part in message.walk():
        if part.get_content_type() == content_type and not part.get_filename():
            return _text(part)
    return None


def _text(part: Message) -> str:
    payload = part.get_payload(decode=True)
    content = payload if isinstance(payload, bytes) else b""
    try:
        return content.decode(part.get_content_charset("utf-8"), errors="replace")
    except LookupError:  # a character set that nobody knows
        return content.decode("utf-8", errors="replace")


def _attachments(message: Message) -> Iterator[str]:
    for part in message.walk():
        name = part.get_filename()
        if name:
            yield _decoded(name)
