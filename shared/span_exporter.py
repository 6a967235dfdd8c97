"""Spans to a collector, over OTLP/HTTP: it may be away or slow, and nobody waits for it.

This runs in the batch processor's own thread. What can't be brought out in time is lost, and that
is said once, and once more when it works again.
"""

from collections.abc import Sequence

import structlog
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter as Exporter
from opentelemetry.sdk.trace.export import SpanExportResult

from shared.tracing import Collector

log = structlog.get_logger(__name__)

TIMEOUT = 5.0
"""Seconds for one batch, tries and pauses together."""


class SpanExporter(Exporter):
    """Hands batches of spans over.

    Args:
        collector: To whom.
    """

    def __init__(self, collector: Collector) -> None:
        endpoint = collector.endpoint.rstrip("/") + "/v1/traces"
        headers = dict(collector.headers)
        self._otlp = OTLPSpanExporter(endpoint=endpoint, headers=headers, timeout=TIMEOUT)
        self._works = True

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Hand a batch over, or lose it."""
        result = self._otlp.export(spans)
        works = result is SpanExportResult.SUCCESS
        if self._works and not works:
            log.warning("traces_not_taken", lost=len(spans))
        elif works and not self._works:
            log.info("traces_taken_again")
        self._works = works
        return result

    def shutdown(self) -> None:
        """End what is under way."""
        self._otlp.shutdown()  # type: ignore[no-untyped-call] # theirs

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Nothing waits here."""
        return self._otlp.force_flush(timeout_millis)
