"""Trace contexts as text, and as headers of the stream (W3C Trace Context, level 1 and later)."""

import re
from collections.abc import Iterable

from opentelemetry.trace import SpanContext, TraceFlags, TraceState

TRACEPARENT, TRACESTATE = "traceparent", "tracestate"
LONGEST_STATE = 512
"""Characters of a `tracestate` that are passed on; the standard lets a longer one be left out."""

_FORM = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?")

Headers = tuple[tuple[str, bytes], ...]


def read(text: str | None) -> SpanContext | None:
    """The context in a text, or None where there is none that holds."""
    if text is None:
        return None
    parent, _, state = text.partition(" ")
    matched = _FORM.fullmatch(parent)
    if matched is None:
        return None
    trace, span, flags = (int(part, 16) for part in matched.groups())
    if not trace or not span:
        return None
    kept = TraceState.from_header([state]) if 0 < len(state) <= LONGEST_STATE else None
    return SpanContext(trace, span, is_remote=True, trace_flags=TraceFlags(flags), trace_state=kept)


def write(context: SpanContext) -> str:
    """A context as text."""
    parent = f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags & 1:02x}"
    state = context.trace_state.to_header() if context.trace_state else ""
    return f"{parent} {state}" if state and len(state) <= LONGEST_STATE else parent


def from_headers(headers: Iterable[tuple[str, bytes]]) -> SpanContext | None:
    """The context that a record or a request brings; the first of each header counts."""
    found: dict[str, str] = {}
    for name, value in headers:
        if name in (TRACEPARENT, TRACESTATE) and value is not None:
            found.setdefault(name, value.decode("ascii", "replace").strip())
    if TRACEPARENT not in found:
        return None
    return read(f"{found[TRACEPARENT]} {found.get(TRACESTATE, '')}")


def to_headers(context: SpanContext) -> Headers:
    """The same for a record that is sent."""
    parent, _, state = write(context).partition(" ")
    given = ((TRACEPARENT, parent), (TRACESTATE, state))
    return tuple((name, value.encode()) for name, value in given if value)
