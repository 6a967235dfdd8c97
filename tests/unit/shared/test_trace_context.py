"""Trace contexts as text and as headers."""

import pytest

from shared import trace_context

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED = f"00-{TRACE}-{SPAN}-01"


@pytest.mark.parametrize(
    "text", [SAMPLED, f"00-{TRACE}-{SPAN}-00", f"{SAMPLED} vendor=value,other=1"]
)
def test_a_context_is_written_as_it_was_read(text: str) -> None:
    """What one service hands over is what the next one has."""
    context = trace_context.read(text)
    assert context is not None
    assert trace_context.write(context) == text
    assert context.is_remote


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "nonsense",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}",
    ],
)
def test_what_is_no_context_is_passed_over(text: str | None) -> None:
    """Whoever sends nonsense has no trace, and is served."""
    assert trace_context.read(text) is None


def test_a_state_that_is_too_long_is_not_kept() -> None:
    """A request may bring one of many kilobytes, and each of its spans would hold it in memory."""
    context = trace_context.read(f"{SAMPLED} " + ",".join(f"k{n}={'v' * 250}" for n in range(30)))
    assert context is not None
    assert not context.trace_state


def test_a_later_version_is_read_as_far_as_it_is_known() -> None:
    """A version to come may put more behind; what we know of it still holds."""
    context = trace_context.read(f"cc-{TRACE}-{SPAN}-01-what-the-future-will-bring")
    assert context is not None
    assert trace_context.write(context) == SAMPLED


def test_headers_carry_both_parts_and_nothing_that_is_too_long() -> None:
    """The first `traceparent` counts; a `tracestate` beyond 512 characters is left out."""
    headers = (("traceparent", SAMPLED.encode()), ("tracestate", b"vendor=value"))
    context = trace_context.from_headers((*headers, ("traceparent", b"later")))
    assert context is not None
    assert trace_context.to_headers(context) == headers
    long = (("traceparent", SAMPLED.encode()), ("tracestate", b"a=" + b"b" * 600))
    slim = trace_context.from_headers(long)
    assert slim is not None
    assert trace_context.to_headers(slim) == headers[:1]
    assert trace_context.from_headers((("tracestate", b"vendor=value"),)) is None
    assert trace_context.from_headers((("traceparent", b"\xff\xfe"),)) is None
