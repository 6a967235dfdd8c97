"""Dead letters for people and programs: nothing that stands in one can do more than be read."""

import json
from base64 import b64encode
from typing import Any

from shared.dead_record import Letter
from shared.envelope import format_instant

LONGEST_KEY = 80
"""Characters of a key that are shown; our own have 36."""


def as_json(letter: Letter, *, whole: bool = False) -> dict[str, Any]:
    """A letter for programs; its content and headers only when the whole is wanted."""
    replayed = letter.replayed
    told: dict[str, Any] = {
        "service": letter.service,
        "id": letter.offset,
        "state": letter.state,
        "reason": letter.reason,
        "origin": _origin(letter),
        "buried_at": format_instant(letter.buried_at),
        "tries": letter.tries,
        "earlier": letter.earlier,
        "key": content(letter.key),
        "size": letter.size,
        "left_out": letter.left_out,
        "replayed": replayed and {"at": format_instant(replayed.at), "by": replayed.by},
    }
    if not whole:
        return told
    headers = [{"name": name, "value": content(value)} for name, value in letter.headers]
    return told | {"stack": letter.stack, "headers": headers, "value": content(letter.value)}


def _origin(letter: Letter) -> dict[str, Any] | None:
    origin = letter.origin
    if origin is None:
        return None
    return {"topic": origin.topic, "partition": origin.partition, "offset": origin.offset}


def content(value: bytes | None) -> dict[str, str] | None:
    """Bytes as text where they are text, else in base64."""
    if value is None:
        return None
    try:
        return {"text": value.decode()}
    except UnicodeDecodeError:
        return {"base64": b64encode(value).decode()}


def plain(text: str) -> str:
    """Text of which a terminal and a page can only show letters: controls are spelled out.

    That goes for escape sequences, for ends of line and for what turns the direction of writing.
    """
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def shown_key(key: bytes | None) -> str:
    """A key in one line."""
    if key is None:
        return "none"
    text = plain(key.decode("utf-8", "backslashreplace"))
    return text if len(text) <= LONGEST_KEY else f"{text[:LONGEST_KEY]}…"


def shown_lines(value: bytes | None, *, most: int) -> list[str]:
    """A value as lines: JSON with indents, other text as it is, other bytes as hexadecimal.

    Args:
        value: Of a record.
        most: Characters at the most; what is over is counted in a last line.
    """
    if value is None:
        return ["(no value: a tombstone)"]
    if not value:
        return ["(empty)"]
    text = _pretty(value)
    lines = [plain(line) for line in text[:most].split("\n")]
    return lines if len(text) <= most else [*lines, f"… and {len(text) - most:,} characters more"]


def _pretty(value: bytes) -> str:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return "\n".join(value[at : at + 32].hex(" ") for at in range(0, len(value), 32))
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text
