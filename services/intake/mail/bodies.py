"""Words and files of a mail: which part is what was written, and which ones came with it."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO

from services.intake.mail import markup as mail_html
from services.intake.mail.charsets import Decoded, decode
from services.intake.mail.headers import decode_words
from services.intake.mail.parts import BeyondLimitsError, Part, read_head
from shared.attached import safe_name, safe_type
from shared.lines import one_line

_LONGEST_CHARACTER = 4
"""Bytes of a character in UTF-8, at the most."""
_BODIES = ("text/plain", "text/html")
_REPEATING = frozenset({"text/x-amp-html", "text/watch-html"})
"""Among alternatives: what repeats the HTML for other readers."""
_SIGNATURES = {"application/pgp-signature": ".asc", "application/pkcs7-signature": ".p7s"}
_ENDINGS = _SIGNATURES | {
    "message/rfc822": ".eml",
    "message/delivery-status": ".txt",
    "message/disposition-notification": ".txt",
    "text/plain": ".txt",
    "text/html": ".html",
    "text/calendar": ".ics",
    "text/csv": ".csv",
    "text/rfc822-headers": ".txt",
    "text/vcard": ".vcf",
    "image/gif": ".gif",
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/svg+xml": ".svg",
    "image/webp": ".webp",
    "application/pdf": ".pdf",
    "application/zip": ".zip",
    "application/ms-tnef": ".dat",
    "application/pkcs7-mime": ".p7m",
    "application/x-pkcs7-mime": ".p7m",
    "application/pgp-encrypted": ".txt",
    "application/json": ".json",
    "application/xml": ".xml",
}
_META_CHARSET = re.compile(rb"charset\s{0,9}=\s{0,9}[\"']?([A-Za-z0-9_:.+-]{1,40})", re.IGNORECASE)
_UNWANTED = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufeff\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class MailFile:
    """A file that came with a mail."""

    name: str
    """On one line, never a path, at the most 200 characters."""
    content_type: str
    """What its sender says that it is; nobody checked."""
    content: bytes

    @property
    def sha256(self) -> str:
        """Of the content, in hex."""
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True, slots=True)
class Gathered:
    """Words and files of a mail or a part."""

    texts: tuple[str, ...] = ()
    files: tuple[MailFile, ...] = ()
    is_plain: bool = False
    """Whether words were written as text, not only as HTML."""

    @property
    def text(self) -> str:
        """All words, a blank line between those of different parts."""
        return "\n\n".join(text for text in self.texts if text.strip()).strip("\n")


def gather(root: Part, *, whole_text: int) -> Gathered:
    """Everything that a mail brings.

    Args:
        root: The mail.
        whole_text: How many characters its text may have.

    Raises:
        BeyondLimitsError: the text is longer.
    """
    beyond = BeyondLimitsError(f"its text is longer than {whole_text} characters")
    bare = (part for part in root.walk() if _is_body(part, root))
    # Checked before its lines are made, of which there may be as many as bytes.
    if any(len(part.body) > _LONGEST_CHARACTER * whole_text for part in bare):
        raise beyond
    gathered = _gather(root, root)
    if len(gathered.text) > whole_text:
        raise beyond
    return gathered


def message_file(text: str) -> MailFile:
    """A text as a file."""
    return MailFile("message.txt", "text/plain", text.encode("utf-8", "replace"))


def _gather(part: Part, root: Part) -> Gathered:
    if part.type == "multipart/alternative" and part.children:
        children = [_gather(child, root) for child in part.children if child.type not in _REPEATING]
        chosen = _best(children)
        return Gathered(chosen.texts, _files(children), chosen.is_plain)
    if part.children:
        children = [_gather(child, root) for child in part.children]
        texts = tuple(text for child in children for text in child.texts)
        return Gathered(texts, _files(children), any(child.is_plain for child in children))
    return _body(part) if _is_body(part, root) else Gathered(files=_file(part))


def _best(children: list[Gathered]) -> Gathered:
    """Text where there is some, else the last alternative, which is the richest."""
    written = [child for child in children if child.text]
    plain = (child for child in written if child.is_plain)
    return next(plain, written[-1] if written else Gathered())


def _files(children: list[Gathered]) -> tuple[MailFile, ...]:
    return tuple(file for child in children for file in child.files)


def _is_body(part: Part, root: Part) -> bool:
    if part.type not in _BODIES or part.is_attachment:
        return False
    # Some programs give the only part of a mail a name.
    is_all = part is root and "content-disposition" not in part.head.message
    return is_all or part.file_name is None


def _body(part: Part) -> Gathered:
    content = part.content
    decoded = _decoded(part, content)
    text = mail_html.text_of(decoded.text) if part.type == "text/html" else _unflowed(part, decoded)
    kept = () if decoded.is_certain else _file(part)
    return Gathered(
        (_clean(text),), kept, is_plain=part.type == "text/plain" and bool(text.strip())
    )


def _decoded(part: Part, content: bytes) -> Decoded:
    charset = part.head.parameter("charset")
    if charset is None and part.type == "text/html":
        named = _META_CHARSET.search(content[:4096])
        charset = named[1].decode() if named else None
    return decode(content, charset)


def _clean(text: str) -> str:
    """Text that JSON and Postgres take, with one kind of line end."""
    lines = (
        text.replace("\r\n", "\n").replace("\r", "\n").replace("\x0b", "\n").replace("\x0c", "\n")
    )
    written = StringIO()
    for line in _lines(_UNWANTED.sub("", lines)):
        written.write(line.rstrip() + "\n")
    return written.getvalue()[:-1]


def _unflowed(part: Part, decoded: Decoded) -> str:
    """Paragraphs that their program broke into lines are put together again (RFC 3676)."""
    if (part.head.parameter("format") or "").strip().lower() != "flowed":
        return decoded.text
    joins_bare = (part.head.parameter("delsp") or "").strip().lower() == "yes"
    # Written line by line: joining to what is there would cost the square of many short ones.
    written, before, held, flows = StringIO(), "", None, False
    for line in _lines(decoded.text.replace("\r\n", "\n")):
        mark, words = _marked(line)
        goes_on = flows and mark == before
        if held is not None:
            written.write(held[:-1] if goes_on and joins_bare else held)
            written.write("" if goes_on else "\n")
        held = f"{mark} {words}" if mark and not goes_on else words
        before, flows = mark, words.endswith(" ") and words != "-- "
    written.write(held or "")
    return written.getvalue()


def _lines(text: str) -> Iterator[str]:
    """One at a time: a list of short ones takes many times the memory of their text."""
    start = 0
    while (end := text.find("\n", start)) >= 0:
        yield text[start:end]
        start = end + 1
    yield text[start:]


def _marked(line: str) -> tuple[str, str]:
    """The marks of quoting before a line, and its words."""
    words = line.lstrip(">")
    return line[: len(line) - len(words)], words.removeprefix(" ")


def _file(part: Part) -> tuple[MailFile, ...]:
    content = part.content
    if not content and part.file_name is None:
        return ()
    kind = safe_type(part.type)
    return (MailFile(_name(part, kind, content), kind, content),)


def _name(part: Part, kind: str, content: bytes) -> str:
    given = part.file_name
    if given is None and kind == "message/rfc822":
        given = f"{_subject(content) or 'message'}.eml"
    safe = safe_name(given or "")
    return safe or f"{_plain_name(kind)}{_ENDINGS.get(kind, '.bin')}"


def _plain_name(kind: str) -> str:
    """What a file is called that its sender gave no name."""
    if kind == "text/calendar":
        return "invite"
    main = "message" if kind in _BODIES else kind.partition("/")[0]
    return main if main in {"message", "image", "audio", "video"} else "file"


def _subject(content: bytes) -> str:
    try:
        head = read_head(content)
    except BeyondLimitsError:
        return ""
    return (
        one_line(decode_words(head.first("subject") or ""), 80).replace("/", "-").replace("\\", "-")
    )
