"""Spans on their way to a real collector over HTTP, and a collector that does not take them."""

from collections.abc import Iterator

import pytest
from aiokafka import ConsumerRecord

from shared import events, trace_context, tracing
from shared.publisher import Outgoing
from shared.spans import QUEUE
from tests.support.collector import PATH, Collector, running_collector
from tests.support.said import ticket_created
from tests.support.webhooks import Reply

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED, UNSAMPLED = f"00-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-00"
SECRET = "what a customer wrote"


@pytest.fixture
def collector() -> Iterator[Collector]:
    """Where spans come in; at the end nothing is traced any more."""
    with running_collector() as running:
        yield running
        tracing.stop()


def begin(collector: Collector, *, ratio: float = 1.0) -> None:
    """Trace from now on."""
    given = tracing.Collector(collector.endpoint, {"x-tenant": "desk"}, ratio)
    tracing.start("desk", "careline", given)


def bring_out() -> None:
    """Have all spans at the collector, however slow this machine is."""
    spans = tracing._spans  # noqa: SLF001 - a service has half a second at its end, a test has more
    assert spans is not None
    spans.stop(within=30)
    tracing.stop()


def test_an_error_is_told_by_its_type_alone(collector: Collector) -> None:
    """An error's text may repeat what a customer wrote; neither it nor its stack is exported."""
    begin(collector)
    with pytest.raises(LookupError), tracing.span("work"):
        raise LookupError(SECRET)
    bring_out()
    (span,) = collector.spans()
    assert (span.failed, span.attributes) == (True, {"error.type": "LookupError"})
    assert SECRET.encode() not in collector.bytes
    assert collector.posts[0].headers["x-tenant"] == "desk"


def test_the_one_who_began_a_trace_has_decided_whether_it_is_taken(collector: Collector) -> None:
    """The ratio counts for traces that begin here; a context goes on in any case."""
    begin(collector, ratio=0)
    with tracing.span("ours"):
        here = tracing.context()
        assert here is not None
        assert here.endswith("-00")
    with tracing.span("not wanted", parent=UNSAMPLED):
        assert (tracing.context() or "")[3:35] == TRACE
    with tracing.span("wanted", parent=SAMPLED):
        assert tracing.ids() is not None
    bring_out()
    assert [(span.name, span.parent) for span in collector.spans()] == [("wanted", SPAN)]


def test_a_record_carries_the_context_in_which_it_was_said(collector: Collector) -> None:
    """That of the outbox counts, else that of who publishes; a dead letter keeps its own."""
    begin(collector)
    kept = (("traceparent", UNSAMPLED.encode()),)
    records = [
        Outgoing("topic", b"key", b"value", trace=SAMPLED),
        Outgoing("topic", b"key", b"value", trace=f"{UNSAMPLED} vendor=value"),
        Outgoing("topic", b"key", b"value", kept),
        Outgoing("topic", b"key", b"value"),
    ]
    with tracing.sending(records) as sent:
        pass
    bring_out()
    (span,) = collector.spans()
    assert (span.name, span.kind, span.parent) == ("send topic", "producer", SPAN)
    assert [record.headers for record in sent] == [
        (("traceparent", f"00-{TRACE}-{span.id}-01".encode()),),
        (("traceparent", UNSAMPLED.encode()), ("tracestate", b"vendor=value")),
        kept,
        (),
    ]


def test_what_a_batch_leads_to_is_told_in_the_trace_of_its_cause(collector: Collector) -> None:
    """Each record of a batch has its span, and what follows from it stands below that one."""
    begin(collector)
    first, second = ticket_created("one"), ticket_created("two")
    batch = [
        (record(first, SAMPLED), first),
        (record(second, other := SAMPLED.replace(TRACE, "a" * 32)), second),
    ]
    with tracing.handling(batch):
        told = tracing.said([follows(second), follows(first)])
        of_nobody = tracing.said([ticket_created("three")])
        with tracing.database("transaction", "desk"):
            pass
    bring_out()
    lead, follower, alone, work = collector.spans()
    assert (lead.trace, lead.parent, follower.trace) == (TRACE, SPAN, other[3:35])
    assert follower.links == (TRACE,)
    assert [context and context[3:52] for context in told] == [
        f"{follower.trace}-{follower.id}",
        f"{lead.trace}-{lead.id}",
    ]
    assert (alone.name, alone.parent) == ("say careline.ticket.created.v1", "")
    assert of_nobody == [f"00-{alone.trace}-{alone.id}-01"]
    assert (work.parent, work.name) == (lead.id, "transaction desk")


def test_a_worker_that_only_looks_for_work_leaves_no_trace(collector: Collector) -> None:
    """Ten looks a second at a database are no news."""
    begin(collector)
    with tracing.database("transaction", "desk"):
        assert tracing.context() is None
    bring_out()
    assert collector.posts == []


def test_a_collector_that_never_answers_holds_nobody_up(collector: Collector) -> None:
    """While it hangs, spans beyond the queue are dropped, and the end doesn't wait for it."""
    collector.hook.default = Reply(hang=True)
    begin(collector)
    for _ in range(3 * QUEUE):
        with tracing.span("work"):
            pass
    spans = tracing._spans  # noqa: SLF001 - whether its queue is bounded shows nowhere else
    assert spans is not None
    tracing.stop()
    # All that was made would be 24 batches, each of which it lets hang.
    assert len(collector.spans()) < QUEUE
    assert not tracing.is_on()


def test_a_collector_that_comes_back_is_told_what_still_waits(collector: Collector) -> None:
    """What was refused is lost, what came after that is not."""
    collector.hook.replies[PATH] = Reply(status=400)
    begin(collector)
    with tracing.span("lost"):
        pass
    spans = tracing._spans  # noqa: SLF001 - to wait for the one without an end
    assert spans is not None
    spans._provider.force_flush()  # noqa: SLF001 - see above
    collector.hook.posts.clear()
    collector.hook.replies.clear()
    with tracing.span("kept"):
        pass
    bring_out()
    assert [span.name for span in collector.spans()] == ["kept"]


def record(event: events.Event, context: str) -> ConsumerRecord[bytes, bytes]:
    """The event as it is read, with its trace context."""
    headers = [("traceparent", context.encode())]
    return ConsumerRecord(
        topic="careline.tickets",
        partition=0,
        offset=1,
        timestamp=0,
        timestamp_type=0,
        key=event.subject.encode(),
        value=b"",
        checksum=None,
        serialized_key_size=0,
        serialized_value_size=0,
        headers=tuple(headers),
    )


def follows(event: events.TicketCreated) -> events.TicketCreated:
    """Another event, which this one led to."""
    return events.TicketCreated.say(
        event.data, cause=event.as_cause, source="/services/desk", time=event.time, part="next"
    )


def test_a_context_of_the_stream_is_one_that_foreign_readers_know() -> None:
    """The headers are W3C's, so that any OpenTelemetry library finds the trace."""
    context = trace_context.read(SAMPLED)
    assert context is not None
    assert trace_context.to_headers(context) == (("traceparent", SAMPLED.encode()),)
