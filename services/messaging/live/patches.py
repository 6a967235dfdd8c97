"""What a page that is open is told, and how it stands on the line (server-sent events): pure."""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

RETRY_MS = 1_000
"""A page whose line is cut comes back after so long, and up to as long again."""
LONGEST_SEEN = 200

BEAT = b"event: beat\ndata: {}\n\n"
"""The line is still there: proxies would cut it otherwise, and pages notice when it is not."""


@dataclass(frozen=True, slots=True)
class Patch:
    """One change to a page that is open."""

    do: Literal["append", "replace", "remove"]
    target: str
    """The id of an element: what is appended to, replaced or removed. Without it on a page, the
    patch is passed over there."""
    key: str = ""
    """The id of the new element; one that is there already is replaced instead of appended."""
    html: str = ""


@dataclass(frozen=True, slots=True)
class News:
    """What a page has to change to show everything up to `seen`."""

    seen: str
    """In the words of whoever makes the page; it comes back as it is, or made up by somebody."""
    patches: Sequence[Patch] = ()


Produce = Callable[[str | None], Awaitable[News | None]]
"""What is new since `seen` (None: since nothing); None when the page is theirs no longer."""


def retry(spread: int) -> bytes:
    """After how long to come back; by different times, so that not all come at once."""
    return f"retry: {RETRY_MS + spread % RETRY_MS}\n\n".encode()


def write_news(news: News, seen: str | None) -> bytes:
    """Patches for a page that has shown everything up to `seen`.

    The new `seen` stands with the last of them: who was cut off before gets all of them again.
    """
    events = [
        _event("patch", {"do": p.do, "target": p.target, "key": p.key, "html": p.html})
        for p in news.patches
    ]
    if news.seen != seen:
        events = events or [_event("seen", {})]
        events[-1] = f"id: {_line(news.seen)}\n{events[-1]}"
    return "".join(events).encode()


def write_typing(name: str | None, *, is_agent: bool) -> bytes:
    """That somebody is typing."""
    kind = "agent" if is_agent else "customer"
    return _event("typing", {"name": name, "kind": kind}).encode()


def write_over() -> bytes:
    """That there is nothing more to come, and no use in coming back."""
    return _event("over", {}).encode()


def read_seen(given: str | None) -> str | None:
    """What a page says that it has shown, if it is anything that one of ours could say."""
    if not given or len(given) > LONGEST_SEEN or not given.isprintable():
        return None
    return given


def _event(name: str, data: Any) -> str:  # noqa: ANN401 - whatever JSON holds
    # JSON has no line ends of its own, so one line of data is enough.
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"


def _line(value: str) -> str:
    if not value.isprintable() or len(value) > LONGEST_SEEN:
        raise ValueError("what a page has seen is one short line")
    return value
