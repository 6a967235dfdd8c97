"""A collector of traces inside the test: real OTLP over HTTP, decoded from protobuf."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1 import trace_pb2

from tests.support.webhooks import Hook, Post, running_hook

PATH = "/v1/traces"


@dataclass(frozen=True)
class Span:
    """A span as it came over the line."""

    service: str
    name: str
    kind: str
    trace: str
    id: str
    parent: str
    links: tuple[str, ...]
    """The traces that it is linked to."""
    attributes: Mapping[str, str]
    failed: bool
    began: int
    """Nanoseconds since the epoch."""
    ended: int


@dataclass
class Collector:
    """Where spans come in."""

    hook: Hook

    @property
    def endpoint(self) -> str:
        """As services are told it."""
        return self.hook.url("")

    @property
    def posts(self) -> list[Post]:
        """What came in."""
        return self.hook.to(PATH)

    @property
    def bytes(self) -> bytes:
        """All that was ever exported."""
        return b"".join(post.body for post in self.posts)

    def spans(self, *, trace: str | None = None) -> list[Span]:
        """What came in, of one trace or of all, the earliest first."""
        found = (span for post in self.posts for span in _spans(post.body))
        ours = [span for span in found if trace in (None, span.trace)]
        return sorted(ours, key=lambda span: span.began)


@contextmanager
def running_collector() -> Iterator[Collector]:
    """A collector until the end of the block."""
    with running_hook() as hook:
        yield Collector(hook)


def _spans(body: bytes) -> Iterator[Span]:
    request = ExportTraceServiceRequest.FromString(body)
    for resource in request.resource_spans:
        service = _attributes(resource.resource.attributes)["service.name"]
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield _span(service, span)


def _span(service: str, span: trace_pb2.Span) -> Span:
    return Span(
        service=service,
        name=span.name,
        kind=trace_pb2.Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
        trace=span.trace_id.hex(),
        id=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        links=tuple(link.trace_id.hex() for link in span.links),
        attributes=_attributes(span.attributes),
        failed=span.status.code == trace_pb2.Status.STATUS_CODE_ERROR,
        began=span.start_time_unix_nano,
        ended=span.end_time_unix_nano,
    )


def _attributes(pairs: Iterable[KeyValue]) -> dict[str, str]:
    return {pair.key: _value(pair) for pair in pairs}


def _value(pair: KeyValue) -> str:
    kind = pair.value.WhichOneof("value")
    return str(getattr(pair.value, kind)) if kind else ""
