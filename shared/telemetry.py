"""Logs and metrics: one way to write a line, one place that declares what is counted.

No ticket, account, address or URL is a label, and no personal data is logged.
"""

import logging
import sys
from typing import Any

import structlog
from prometheus_client import Counter, Gauge, Histogram
from structlog.typing import EventDict, Processor

RECORDS_HANDLED = Counter(
    "careline_records_handled_total", "Records of the stream by outcome.", ["topic", "outcome"]
)
READ_FAILURES = Counter(
    "careline_read_failures_total", "Tries to read a partition that failed.", ["topic"]
)
TOPIC_DIFFERENCES = Gauge(
    "careline_topic_differences",
    "What is not as declared about a topic (`make topics`), as last looked at.",
    ["topic"],
)
DEAD_LETTERS = Counter("careline_dead_letters_total", "Records put aside.", ["topic"])
BATCH_SECONDS = Histogram("careline_batch_seconds", "One batch with its transaction.")
PARTITIONS_OWNED = Gauge(
    "careline_partitions_owned", "Partitions of all topics that this replica reads."
)
CONSUMER_LAG = Gauge(
    "careline_consumer_lag_records", "Records behind the head of the partition.", ["topic"]
)
OUTBOX_PUBLISHED = Counter("careline_outbox_published_total", "Events the relay has published.")
OUTBOX_OLDEST = Gauge("careline_outbox_oldest_seconds", "Age of the oldest unpublished event.")
WORKER_FAILURES = Counter("careline_worker_failures_total", "Failed steps.", ["worker"])
HTTP_REQUESTS = Counter(
    "careline_http_requests_total", "Answers by route and status.", ["method", "route", "status"]
)
HTTP_SECONDS = Histogram(
    "careline_http_request_seconds",
    "From the request's arrival to its answer.",
    ["route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5),
)
READY = Gauge("careline_ready", "1 when every part of the service is ready.")


_render_exception = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)


def _drop_exception_text(_: object, __: str, line: EventDict) -> EventDict:
    """Keep type and frames of an exception; its text may repeat what a customer wrote."""
    for part in line.get("exception", ()):
        _silence(part)
    if line.get("logger") == "asyncio":
        # Below its first line it shows the task, and in it the exception.
        line["event"] = line["event"].partition("\n")[0]
    return line


def _silence(part: dict[str, Any]) -> None:
    part |= {"exc_value": "", "exc_notes": [], "syntax_error": None}
    for chain in part["exceptions"]:
        for member in chain:
            _silence(member)


def configure_logging(*, service: str, level: str) -> None:
    """Write every log line as JSON to standard output, those of libraries too."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _render_exception,
                _drop_exception_text,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    # Their reconnect loops say in four lines a second what our own lines say once.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    structlog.contextvars.bind_contextvars(service=service)
