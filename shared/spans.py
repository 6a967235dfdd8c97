"""What spans are made of, with OpenTelemetry's SDK; only imported where traces are taken.

The SDK's own instrumentations are not used; docs/adr/0018-traces.md says why.
"""

import logging
import socket
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID

from opentelemetry.context import Context, attach, detach
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    StatusCode,
    get_current_span,
    set_span_in_context,
)

from shared import trace_context
from shared.envelope import OF_TICKETS
from shared.span_exporter import SpanExporter
from shared.trace_context import TRACEPARENT
from shared.tracing import Attribute, Collector, Kind, Read, UnsentT

if TYPE_CHECKING:  # only for types
    from shared.events import Event

QUEUE = 4096
"""Spans that wait for the collector; more are dropped, the oldest first."""
_KINDS = {"internal": SpanKind.INTERNAL, "server": SpanKind.SERVER, "client": SpanKind.CLIENT}
_causes: ContextVar[Mapping[UUID, str] | None] = ContextVar("causes", default=None)
"""While a batch is handled: in which context each of its events, and each of its stories, is."""


class Spans:
    """One service's spans on their way to a collector.

    Args:
        service: Its name.
        namespace: Of the desk.
        collector: Who takes them.
    """

    def __init__(self, service: str, namespace: str, collector: Collector) -> None:
        # It repeats itself with every span that is dropped; our exporter says it once.
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        named = {
            "service.name": service,
            "service.namespace": namespace,
            "service.instance.id": socket.gethostname(),
        }
        self._exporter = SpanExporter(collector)
        self._provider = TracerProvider(
            resource=Resource.create(named),
            sampler=ParentBased(TraceIdRatioBased(collector.ratio)),
            shutdown_on_exit=False,  # it waits half a minute for a collector that is away
        )
        self._provider.add_span_processor(
            BatchSpanProcessor(self._exporter, max_queue_size=QUEUE, schedule_delay_millis=1000)
        )
        self._tracer = self._provider.get_tracer("careline")

    def stop(self, *, within: float) -> None:
        """Bring out what waits, for that many seconds at the most."""
        ending = threading.Thread(target=self._provider.shutdown, daemon=True)
        ending.start()
        ending.join(within)

    def context(self) -> str | None:
        """See `tracing.context`."""
        here = get_current_span().get_span_context()
        return trace_context.write(here) if here.is_valid else None

    @contextmanager
    def span(
        self,
        name: str,
        kind: Kind,
        parent: str | None,
        attributes: Mapping[str, Attribute] | None,
    ) -> Iterator[None]:
        """See `tracing.span`."""
        above = _below(trace_context.read(parent))
        made = self._tracer.start_span(name, above, _KINDS[kind], attributes)
        with _current(made):
            yield

    @contextmanager
    def database(self, operation: str, name: str) -> Iterator[None]:
        """See `tracing.database`; workers look for work ten times a second: that is none."""
        if not get_current_span().is_recording():
            yield
            return
        attributes = {
            "db.system.name": "postgresql",
            "db.namespace": name,
            "db.operation.name": operation,
        }
        made = self._tracer.start_span(f"{operation} {name}", None, SpanKind.CLIENT, attributes)
        with _current(made):
            yield

    def note(self, attributes: Mapping[str, Attribute], name: str | None) -> None:
        """See `tracing.note`."""
        here = get_current_span()
        here.set_attributes(attributes)
        if name is not None:
            here.update_name(name)

    def failed(self, kind: str) -> None:
        """See `tracing.failed`."""
        _fail(get_current_span(), kind)

    @contextmanager
    def handling(self, heard: Iterable[tuple[Read, "Event"]]) -> Iterator[None]:
        """See `tracing.handling`."""
        batch = list(heard)
        spans: list[Span] = []
        causes: dict[UUID, str] = {}
        for record, event in batch:
            above = trace_context.from_headers(record.headers)
            above = above or trace_context.read(event.traceparent)
            if above is None:
                continue
            if above.trace_flags.sampled:
                spans.append(self._process(record, event, above, spans[:1], len(batch)))
                above = spans[-1].get_span_context()
            causes[event.id] = causes[event.correlationid] = trace_context.write(above)
        token = _causes.set(causes)
        try:
            with _current(spans[0]) if spans else nullcontext():
                yield
        except Exception as error:
            for span in spans[1:]:
                _fail(span, type(error).__name__)
            raise
        finally:
            _causes.reset(token)
            for span in spans[1:]:
                span.end()

    def _process(
        self,
        record: Read,
        event: "Event",
        above: SpanContext,
        lead: Sequence[Span],
        together: int,
    ) -> Span:
        attributes: dict[str, Attribute] = {
            **_messaging(record.topic, "process"),
            "messaging.destination.partition.id": str(record.partition),
            "messaging.kafka.offset": record.offset,
            "messaging.batch.message_count": together,
            "cloudevents.event_id": str(event.id),
            "cloudevents.event_type": event.type,
        }
        if event.TOPIC in OF_TICKETS:
            attributes["careline.ticket"] = event.subject
        links = [Link(span.get_span_context()) for span in lead]
        story = trace_context.read(event.traceparent)
        if story is not None and story.trace_id != above.trace_id:
            links.append(Link(story))
        name = f"process {record.topic}"
        return self._tracer.start_span(
            name, _below(above), SpanKind.CONSUMER, attributes, links=links
        )

    def said(self, events: Sequence["Event"]) -> list[str | None]:
        """See `tracing.said`."""
        return [
            (event.causationid and self.caused(event.causationid, event.correlationid))
            or self.caused(event.correlationid, event.correlationid)
            or self._of_its_own(event)
            for event in events
        ]

    def caused(self, cause: UUID, story: UUID) -> str | None:
        """See `tracing.caused`."""
        causes = _causes.get()
        if causes is None:
            return self.context()
        return causes.get(cause) or causes.get(story)

    def _of_its_own(self, event: "Event") -> str:
        story = trace_context.read(event.traceparent)
        made = self._tracer.start_span(
            f"say {event.type}",
            Context(),
            SpanKind.INTERNAL,
            {"cloudevents.event_id": str(event.id)},
            links=[Link(story)] if story else [],
        )
        made.end()
        return trace_context.write(made.get_span_context())

    @contextmanager
    def sending(self, records: Sequence[UnsentT]) -> Iterator[Sequence[UnsentT]]:
        """See `tracing.sending`."""
        here = get_current_span().get_span_context()
        spans: list[Span] = []
        traced = [self._sent(record, here, spans) for record in records]
        try:
            yield traced
        except Exception as error:
            for span in spans:
                _fail(span, type(error).__name__)
            raise
        finally:
            for span in spans:
                span.end()

    def _sent(self, record: UnsentT, here: SpanContext, spans: list[Span]) -> UnsentT:
        """The record with its trace context; a dead letter keeps the one that it came with."""
        above = trace_context.read(record.trace) or here
        if not above.is_valid or any(name == TRACEPARENT for name, _ in record.headers):
            return record
        if above.trace_flags.sampled:
            spans.append(
                self._tracer.start_span(
                    f"send {record.topic}",
                    _below(above),
                    SpanKind.PRODUCER,
                    _messaging(record.topic, "send"),
                )
            )
            above = spans[-1].get_span_context()
        return replace(record, headers=(*record.headers, *trace_context.to_headers(above)))


def _messaging(topic: str, operation: str) -> dict[str, Attribute]:
    return {
        "messaging.system": "kafka",
        "messaging.destination.name": topic,
        "messaging.operation.name": operation,
        "messaging.operation.type": operation,
    }


def _below(above: SpanContext | None) -> Context | None:
    """The context for a span below this one; None for what is done right now."""
    return None if above is None else set_span_in_context(NonRecordingSpan(above), Context())


@contextmanager
def _current(span: Span) -> Iterator[None]:
    """Make it what is done right now, until the end of the block."""
    token = attach(set_span_in_context(span))
    try:
        yield
    except Exception as error:
        # Never its text or its stack, which may repeat what a customer wrote.
        _fail(span, type(error).__name__)
        raise
    finally:
        detach(token)
        span.end()


def _fail(span: Span, kind: str) -> None:
    span.set_status(StatusCode.ERROR)
    span.set_attribute("error.type", kind)
