"""What holds of every event and its example: schemas, ids, instants, CloudEvents."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.event_docs.example_keys import key_for, on_the_stream
from deploy.event_docs.parties import type_name
from shared import events
from shared.envelope import NAMESPACE, Cause, derive_id
from shared.events import EVENT_TYPES, Event
from tests.support.schemas import EXAMPLES, INSTANT, complaints, validator

TOLD = {kind: path.read_text(encoding="utf-8") for kind, path in EXAMPLES.items()}
PEOPLE = {
    private["person"]
    for text in TOLD.values()
    if (private := json.loads(text)["data"].get("private")) is not None
}
KEYS = {key.id: key for key in map(key_for, PEOPLE)}
"""What opens the personal parts of the examples."""
each_example = pytest.mark.parametrize("kind", list(TOLD))

INSTANTS = st.datetimes(datetime(2000, 1, 1), datetime(2200, 1, 1), timezones=st.timezones())  # noqa: DTZ001 - bounds are naive, as Hypothesis wants them


@each_example
def test_an_example_passes_its_schema_and_is_read(kind: str) -> None:
    """Each example is valid; read, written and sealed again it is word for word the same."""
    example = json.loads(TOLD[kind])
    assert complaints(example) == []
    event = events.read(TOLD[kind].encode(), KEYS)
    assert event is not None
    assert on_the_stream(event) == example
    assert events.read(events.write(event)) == event


@each_example
def test_without_its_key_an_example_is_read_without_its_personal_part(kind: str) -> None:
    """Whoever has no key, or none any more, reads all the rest."""
    example = json.loads(TOLD[kind])
    event = events.read(TOLD[kind].encode())
    assert event is not None
    example["data"].pop("private", None)
    assert json.loads(events.write(event)) == example


@each_example
@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda record: record.pop("id"), id="no id"),
        pytest.param(lambda record: record["data"].clear(), id="nothing said"),
        pytest.param(lambda record: record.update(time="2026-11-23 09:30"), id="a local time"),
        pytest.param(lambda record: record.update(dataschema="urn:other"), id="another schema"),
        pytest.param(lambda record: record.update(causationid=None), id="null for no value"),
    ],
)
def test_a_schema_refuses_what_no_service_writes(
    kind: str, spoil: Callable[[dict[str, Any]], object]
) -> None:
    """The schemas are sharp: a spoiled record does not pass."""
    record = json.loads(TOLD[kind])
    spoil(record)
    assert complaints(record)


@each_example
def test_an_older_reader_passes_over_new_fields(kind: str) -> None:
    """Fields that a later version adds, at any depth, change nothing for us or the schema."""
    example = json.loads(TOLD[kind])
    grown = _grown(example)
    assert grown["data"]["addedlater"] == "new"
    assert events.read(json.dumps(grown).encode()) == events.read(TOLD[kind].encode())
    assert complaints(grown) == []


def test_a_type_that_we_do_not_know_is_no_error() -> None:
    """A reader passes over a type of a later version instead of standing still."""
    record = json.loads(TOLD["careline.ticket.created.v1"]) | {"type": "careline.ticket.created.v2"}
    assert events.read(json.dumps(record).encode()) is None


@each_example
def test_optional_fields_may_be_missing(kind: str) -> None:
    """A record that has only what its schema demands is read."""
    schema: Any = validator(kind).schema
    record = {k: v for k, v in json.loads(TOLD[kind]).items() if k in schema["required"]}
    model = schema["$defs"][schema["properties"]["data"]["$ref"].rpartition("/")[2]]
    record["data"] = {k: v for k, v in record["data"].items() if k in model["required"]}
    assert complaints(record) == []
    assert events.read(json.dumps(record).encode()) is not None


@each_example
def test_records_are_cloudevents(kind: str) -> None:
    """CloudEvents 1.0: required attributes, lower-case names, simple values, a URI as schema."""
    record = json.loads(TOLD[kind])
    attributes = {name: value for name, value in record.items() if name != "data"}
    assert attributes.keys() >= {"specversion", "id", "source", "type"}
    assert all(re.fullmatch(r"[a-z0-9]{1,20}", name) for name in attributes)
    assert all(isinstance(value, str) and value for value in attributes.values())
    assert record["specversion"] == "1.0"
    assert record["type"] == kind
    assert re.fullmatch(r"/services/[a-z]+", record["source"])
    assert INSTANT.fullmatch(record["time"])
    assert record["dataschema"] == f"urn:careline:schema:{kind}#/properties/data"
    assert record["datacontenttype"] == "application/json"


@pytest.mark.parametrize("event", EVENT_TYPES)
@given(first=INSTANTS, again=INSTANTS, part=st.text())
def test_the_same_cause_gives_the_same_id(
    event: type[Event], first: datetime, again: datetime, part: str
) -> None:
    """A cause that is handled twice, at whatever time, gives one id; another cause another."""
    cause, other = (Cause(derive_id(NAMESPACE, name), "a-subject") for name in "ab")
    example = events.read(TOLD[type_name(event)].encode())
    assert example is not None

    def id_of(cause: Cause, time: datetime, part: str) -> UUID:
        said: Event = event.say(example.data, cause=cause, source="/", time=time, part=part)  # type: ignore[arg-type]  # the example is of this type
        return said.id

    assert id_of(cause, first, part) == id_of(cause, again, part)
    assert len({id_of(cause, first, part), id_of(other, first, part)}) == 2
    assert id_of(cause, first, part) != id_of(cause, first, part + "x")


def test_ids_are_told_apart_by_type() -> None:
    """Two events of one cause have two ids, and ids never change from release to release."""
    cause = Cause(derive_id(NAMESPACE, "ticket", "requester:r-1", "a key"), "a-subject")
    ids = {derive_id(cause.id, type_name(event), "") for event in EVENT_TYPES}
    assert len(ids) == len(EVENT_TYPES)
    assert str(cause.id) == "d5480569-c1a2-5c7d-9e53-f685a1589714"


def test_instants_are_written_in_utc() -> None:
    """Whatever zone an instant came in, it stands on the stream as UTC with microseconds."""
    record = json.loads(TOLD["careline.account.plan_changed.v1"])
    record["time"] = "2026-11-23T10:30:00+01:00"
    event = events.read(json.dumps(record).encode())
    assert event is not None
    assert event.time == datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
    assert json.loads(events.write(event))["time"] == "2026-11-23T09:30:00.000000Z"


def _grown(node: Any) -> Any:  # noqa: ANN401 - JSON may be anything
    if isinstance(node, dict):
        return {key: _grown(value) for key, value in node.items()} | {"addedlater": "new"}
    return [_grown(value) for value in node] if isinstance(node, list) else node
