"""Ids are derived, instants are written one way, and causes are handed on."""

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

import pytest
from pydantic import TypeAdapter, ValidationError

from shared import events
from shared.envelope import NAMESPACE, Cause, Instant, derive_id, format_instant
from tests.support.samples import AT, TRACE, bare, cause, message_posted, ticket_created

INSTANT: TypeAdapter[datetime] = TypeAdapter(Instant)


def test_the_same_parts_give_the_same_id_for_ever() -> None:
    """An id that was derived once is derived again by every process and version."""
    assert derive_id(NAMESPACE, "ticket", "key") == UUID("28ad845e-0965-528f-895e-2d54ee545b3f")


def test_other_parts_give_another_id() -> None:
    """Neither another root, nor another part, nor another cut between parts is the same."""
    ids = {
        derive_id(NAMESPACE),
        derive_id(NAMESPACE, "ab"),
        derive_id(NAMESPACE, "a", "b"),
        derive_id(NAMESPACE, "b", "a"),
        derive_id(NAMESPACE, "", "ab"),
        derive_id(NAMESPACE, "ab", ""),
        derive_id(uuid5(NAMESPACE, "x"), "ab"),
    }
    assert len(ids) == 7


def test_the_same_cause_gives_the_same_event() -> None:
    """Handled twice, a cause leads to one id, whatever the clock says."""
    data = ticket_created().data
    once, twice = (
        events.TicketCreated.say(data, cause=cause(), source="/services/intake", time=time)
        for time in (AT, AT + timedelta(seconds=5))
    )
    assert once.id == twice.id


def test_one_cause_may_lead_to_several_events() -> None:
    """Types and parts tell them apart."""
    ids = {
        ticket_created().id,
        message_posted(sequence=1).id,
        message_posted(sequence=2).id,
        message_posted("another").id,
    }
    assert len(ids) == 4


def test_a_first_event_begins_the_correlation() -> None:
    """What comes from outside correlates with itself and has no event as its cause."""
    first = ticket_created()
    assert first.correlationid == first.id
    assert first.causationid is None
    assert first.traceparent is None


def test_what_follows_names_its_cause() -> None:
    """Correlation, subject and trace are handed on; the cause is the event before."""
    led = Cause(cause().id, "a-ticket", traceparent=TRACE)
    first = events.TicketCreated.say(
        ticket_created().data, cause=led, source="/services/intake", time=AT
    )
    second = events.TicketSlotted.say(
        bare(events.TicketSlotted).data,  # type: ignore[arg-type] # bare() gives any event
        cause=first.as_cause,
        source="/services/sla",
        time=AT,
    )
    third = message_posted().say(
        message_posted().data, cause=second.as_cause, source="/services/messaging", time=AT
    )
    assert second.causationid == first.id
    assert third.causationid == second.id
    assert {event.correlationid for event in (first, second, third)} == {first.id}
    assert {event.subject for event in (first, second, third)} == {"a-ticket"}
    assert {event.traceparent for event in (first, second, third)} == {TRACE}


def test_the_schema_is_named_after_the_type() -> None:
    """`dataschema` tells a reader which file to look into, and where in it."""
    file, place = ticket_created().dataschema.split("#")
    assert (file, place) == ("urn:careline:schema:careline.ticket.created.v1", "/properties/data")


@pytest.mark.parametrize(
    ("instant", "written"),
    [
        (datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC), "2026-01-02T03:04:05.000006Z"),
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02T03:04:05.000000Z"),
        (
            datetime(2026, 7, 1, 12, tzinfo=ZoneInfo("Europe/Berlin")),
            "2026-07-01T10:00:00.000000Z",
        ),
        (datetime(999, 12, 31, tzinfo=UTC), "0999-12-31T00:00:00.000000Z"),
    ],
)
def test_an_instant_is_written_one_way(instant: datetime, written: str) -> None:
    """UTC, microseconds, four digits for the year; what is written is read as the same."""
    assert format_instant(instant) == written
    assert INSTANT.dump_json(instant).decode() == f'"{written}"'
    assert INSTANT.validate_python(written) == instant


def test_an_instant_is_kept_in_utc() -> None:
    """A reader never meets another zone."""
    given = datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=-5)))
    assert INSTANT.validate_python(given).tzinfo is UTC


@pytest.mark.parametrize(
    "given",
    [
        "2026-01-01T00:00:00",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "2026-02-30T00:00:00Z",
        "soon",
        None,
    ],
)
def test_what_is_no_instant_is_refused(given: object) -> None:
    """Without a zone, beyond what UTC can write, or no date at all: a ValidationError each."""
    with pytest.raises(ValidationError):
        INSTANT.validate_python(given)
