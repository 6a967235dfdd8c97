"""Traces: what a request leads to, from service to service up to the mail, as spans.

Off unless a collector is named: then nothing of OpenTelemetry is imported, and each function here
returns at once. What spans are made of stands in `shared/spans.py`.

A *trace context* is text: W3C `traceparent` and, after a space, `tracestate` if there is one. So it
stands in the outbox and beside planned deliveries, since neither a commit nor a pause ends a trace.

No span holds an address, a name, a path with an id, a query, a statement or what somebody wrote.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, TypeVar
from uuid import UUID

if TYPE_CHECKING:  # it would bring OpenTelemetry
    from shared.events import Event
    from shared.spans import Spans

Attribute = str | int | float | bool
Kind = Literal["internal", "server", "client"]

Headers = Sequence[tuple[str, bytes]]


class Read(Protocol):
    """A record of the stream as it was read."""

    @property
    def topic(self) -> str:
        """Its topic's name."""

    @property
    def partition(self) -> int:
        """Where it stands there."""

    @property
    def offset(self) -> int:
        """The same."""

    @property
    def headers(self) -> Headers:
        """All that it came with."""


class Unsent(Protocol):
    """A record on its way to the stream: a dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def topic(self) -> str:
        """Its topic's name."""

    @property
    def headers(self) -> Headers:
        """What goes with it."""

    @property
    def trace(self) -> str | None:
        """The trace context in which it was said, if that is known."""


UnsentT = TypeVar("UnsentT", bound=Unsent)

_NOTHING: AbstractContextManager[None] = nullcontext()
_NAME, _VALUE = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"), re.compile(r"[\x20-\x7e]+")
_TRACEPARENT = 55
"""Characters."""
STOP_WITHIN = 0.5
"""Seconds that the last spans have to get out."""


@dataclass(frozen=True, slots=True)
class Collector:
    """Who takes traces."""

    endpoint: str
    """Of OTLP over HTTP, without `/v1/traces`."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """They may hold a secret."""
    ratio: float = 1.0
    """Of the traces that begin here; where a caller began one, it has decided already."""


def read_headers(text: str) -> dict[str, str]:
    """Headers of a text such as `name=value,other=value`.

    Raises:
        ValueError: it is none, or no header can hold it.
    """
    pairs = [pair.strip().partition("=") for pair in text.split(",") if pair.strip()]
    if not all(_NAME.fullmatch(name) and _VALUE.fullmatch(value) for name, _, value in pairs):
        raise ValueError("is no list of name=value")
    return {name: value.strip() for name, _, value in pairs}


_spans: "Spans | None" = None


def start(service: str, namespace: str, collector: Collector | None) -> None:
    """Trace from now on, if somebody takes it."""
    global _spans  # noqa: PLW0603 - one for the process, as with logs
    if collector is not None:
        # Costs a tenth of a second and some MiB: only where it is asked for.
        from shared.spans import Spans  # noqa: PLC0415 - see above

        _spans = Spans(service, namespace, collector)


def stop() -> None:
    """Bring out what is left, within half a second, and be off."""
    global _spans
    spans, _spans = _spans, None
    if spans is not None:
        spans.stop(within=STOP_WITHIN)


def is_on() -> bool:
    """Whether anything is traced."""
    return _spans is not None


def context() -> str | None:
    """The trace context of what is done right now."""
    return None if _spans is None else _spans.context()


def traceparent() -> str | None:
    """The same as `traceparent` alone, as events have it."""
    here = context()
    return here and here[:_TRACEPARENT]


def ids() -> tuple[str, str] | None:
    """Trace and span of what is done right now, in hex as logs show them."""
    here = context()
    return None if here is None else (here[3:35], here[36:52])


def span(
    name: str,
    kind: Kind = "internal",
    *,
    parent: str | None = None,
    attributes: Mapping[str, Attribute] | None = None,
) -> AbstractContextManager[None]:
    """A span around a block; an error out of it is told by its type alone.

    Args:
        name: Of which there are few: it holds no id.
        kind: What it is to the other side, if there is one.
        parent: A trace context; without it what is done right now, or a new trace begins.
        attributes: What is known of it at the beginning.
    """
    return _NOTHING if _spans is None else _spans.span(name, kind, parent, attributes)


def database(operation: str, name: str) -> AbstractContextManager[None]:
    """A span around work with a database, if it is part of something that is traced.

    Args:
        operation: Such as `transaction`.
        name: The database's.
    """
    return _NOTHING if _spans is None else _spans.database(operation, name)


def note(attributes: Mapping[str, Attribute], *, name: str | None = None) -> None:
    """Say more of what is done right now, or a better name for it."""
    if _spans is not None:
        _spans.note(attributes, name)


def failed(kind: str) -> None:
    """What is done right now has failed, without an error of ours."""
    if _spans is not None:
        _spans.failed(kind)


def handling(heard: "Iterable[tuple[Read, Event]]") -> AbstractContextManager[None]:
    """A span for each record of a batch, around its transaction.

    Each stands in the trace of its own record. What the batch does as a whole, such as its
    transaction, is found below the first; the others link there.
    """
    return _NOTHING if _spans is None else _spans.handling(heard)


def said(events: "Sequence[Event]") -> list[str | None]:
    """For events that are said now the trace contexts in which that is done.

    Below the record that caused it, or the request at hand. What nobody asked for just now, such as
    a breach, begins a trace of its own with a link to the one in which its story began.
    """
    return [None] * len(events) if _spans is None else _spans.said(events)


def caused(cause: UUID, story: UUID) -> str | None:
    """The trace context of what is planned now.

    Args:
        cause: The event that led to it.
        story: Its correlation id.
    """
    return None if _spans is None else _spans.caused(cause, story)


def sending(records: Sequence[UnsentT]) -> AbstractContextManager[Sequence[UnsentT]]:
    """A span for each record, around its publishing; gives the records with their trace context."""
    return nullcontext(records) if _spans is None else _spans.sending(records)
