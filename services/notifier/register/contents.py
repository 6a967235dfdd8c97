"""What was handed over, taken apart so that people can look at it. Pure."""

import json
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage, MIMEPart
from email.parser import BytesParser

from services.notifier.deliveries import Content

MAIL = "message/rfc822"
_KEPT_FROM_EYES = {"routing_key"}
"""Whoever knows it can raise alarms in our name."""
_MASK = "(not shown)"


@dataclass(frozen=True, slots=True)
class Attached:
    """What is in a mail beside its words."""

    name: str | None
    media_type: str
    size: int
    """Bytes."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A mail or a posted document as it looked."""

    headers: tuple[tuple[str, str], ...] = ()
    text: str | None = None
    html: str | None = None
    attachments: tuple[Attached, ...] = ()
    posted: object = None
    """JSON."""


def take_apart(content: Content) -> Shown:
    """What is in it; what can't be read is shown as text."""
    if content.media_type == MAIL:
        return _mail(content.body)
    try:
        return Shown(posted=_masked(json.loads(content.body)))
    except ValueError:
        return Shown(text=content.body.decode("utf-8", "replace"))


def source(content: Content) -> bytes:
    """As it went over the line, but for keys."""
    if content.media_type == MAIL:
        return content.body
    posted = take_apart(content).posted
    return content.body if posted is None else json.dumps(posted, ensure_ascii=False).encode()


def _mail(body: bytes) -> Shown:
    mail = BytesParser(EmailMessage, policy=policy.default).parsebytes(body)
    html, text = mail.get_body(("html",)), mail.get_body(("plain",))
    return Shown(
        headers=tuple((name, str(value)) for name, value in mail.items()),
        text=_words(text),
        html=_words(html),
        attachments=tuple(_attached(part) for part in mail.iter_attachments()),
    )


def _words(part: MIMEPart | None) -> str | None:
    if part is None:
        return None
    try:
        return str(part.get_content())
    except (LookupError, ValueError):
        return str(part.get_payload(decode=False))


def _attached(part: MIMEPart) -> Attached:
    payload = part.get_payload(decode=True)
    size = len(payload) if isinstance(payload, bytes) else 0
    return Attached(part.get_filename(), part.get_content_type(), size)


def _masked(value: object) -> object:
    match value:
        case dict():
            return {
                key: _MASK if key in _KEPT_FROM_EYES else _masked(each)
                for key, each in value.items()
            }
        case list():
            return [_masked(each) for each in value]
        case _:
            return value
