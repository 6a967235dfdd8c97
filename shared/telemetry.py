"""Logs: one way to write a line, without personal data."""

import logging
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

from shared import tracing
from shared.envelope import OF_TICKETS
from shared.events import Event

_render_exception = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)


def about(said: Sequence[Event]) -> AbstractContextManager[object]:
    """Lines within the block name the ticket and the story, where one event alone is handled."""
    if len(said) != 1:
        return nullcontext()
    event = said[0]
    names = {"correlation": str(event.correlationid)}
    if event.TOPIC in OF_TICKETS:
        names["ticket"] = event.subject
    return structlog.contextvars.bound_contextvars(**names)


def _add_trace(_: object, __: str, line: EventDict) -> EventDict:
    """Where the line belongs among traces, if any are taken."""
    if (ids := tracing.ids()) is not None:
        line["trace_id"], line["span_id"] = ids
    return line


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
        _add_trace,
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
