"""Traces while nobody takes them, and what they are told."""

import subprocess
import sys
from pathlib import Path

import pytest
import structlog

from shared import telemetry, tracing
from shared.publisher import Outgoing
from shared.tracing import read_headers
from tests.support.said import ticket_created

ROOT = Path(__file__).parents[3]
PROGRAM = """
import sys
import services.{service}.__main__
heavy = ("opentelemetry.trace", "opentelemetry.sdk", "google.protobuf", "requests")
print([name for name in sys.modules if name.startswith(heavy)])
"""


@pytest.mark.parametrize("service", ["intake", "sla", "notifier", "messaging"])
def test_a_service_that_is_not_traced_loads_nothing_for_it(service: str) -> None:
    """Without a collector, OpenTelemetry is not even imported."""
    command = [sys.executable, "-c", PROGRAM.format(service=service)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603 - our own program
    assert done.stdout == "[]\n"


def test_without_a_collector_everything_stays_as_it_is() -> None:
    """No context, no header, no span; what is sent is sent as it is."""
    tracing.start("desk", "careline", None)
    records = [Outgoing("topic", b"key", b"value")]
    with tracing.span("anything"), tracing.sending(records) as sent:
        assert tracing.context() is None
        assert tracing.ids() is None
    assert sent is records
    assert not tracing.is_on()
    assert tracing.said([ticket_created(), ticket_created()]) == [None, None]


def test_headers_are_read_as_they_are_written() -> None:
    """Names and values with commas between, as OpenTelemetry writes them."""
    assert read_headers("authorization=Bearer a=b, x-tenant=desk") == {
        "authorization": "Bearer a=b",
        "x-tenant": "desk",
    }
    assert read_headers("") == {}


@pytest.mark.parametrize("text", ["authorization", "a b=c", "=value", "name=", "name=a\nb=c"])
def test_what_is_no_header_is_refused_at_the_start(text: str) -> None:
    """A slip must not end as traces that nobody takes."""
    with pytest.raises(ValueError, match="name=value"):
        read_headers(text)


def test_lines_about_one_event_name_its_ticket_and_its_story() -> None:
    """Whoever handles one event logs its ticket; of several, a line names its own."""
    event = ticket_created()
    with telemetry.about([event]):
        assert structlog.contextvars.get_contextvars() == {
            "ticket": event.subject,
            "correlation": str(event.correlationid),
        }
    with telemetry.about([event, ticket_created()]):
        assert structlog.contextvars.get_contextvars() == {}
