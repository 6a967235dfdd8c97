"""What holds of every event: it is what its schema says, and a reader gets back what was said."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import AwareDatetime, BaseModel

from deploy.event_docs.parties import type_name
from shared import events
from shared.envelope import NAMESPACE, Cause, derive_id
from shared.events import EVENT_TYPES, Event
from tests.support.schemas import EXAMPLES, INSTANT, complaints, validator

TOLD = {kind: path.read_text(encoding="utf-8") for kind, path in EXAMPLES.items()}
each_example = pytest.mark.parametrize("kind", list(TOLD))

INSTANTS = st.datetimes(datetime(2000, 1, 1), datetime(2200, 1, 1), timezones=st.timezones())  # noqa: DTZ001 - bounds are naive, as Hypothesis wants them
PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    AwareDatetime: INSTANTS,
    float: st.floats(allow_nan=False, allow_infinity=False),
}


def values(annotation: Any) -> st.SearchStrategy[Any]:  # noqa: ANN401 - what a field may be of
    """Every value of a field's type."""
    if get_origin(annotation) is Annotated:
        return values(get_args(annotation)[0])
    if annotation in PLAIN:
        return PLAIN[annotation]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        fields = annotation.model_fields.items()
        return st.builds(annotation, **{name: values(f.annotation) for name, f in fields})
    if get_origin(annotation) is tuple:
        return st.lists(values(get_args(annotation)[0]), max_size=3).map(tuple)
    if get_origin(annotation) in (Union, UnionType):
        return st.one_of(*map(values, get_args(annotation)))
    return st.from_type(annotation)


def said(event: type[Event]) -> st.SearchStrategy[Any]:
    """Every event of a type, its envelope as `say` makes it."""
    cause = st.builds(
        Cause,
        st.uuids(),
        st.text(min_size=1),
        st.none() | st.uuids(),
        st.none() | st.uuids(),
        st.none() | st.text(),
    )
    return st.builds(
        event.say,
        values(event.model_fields["data"].annotation),
        cause=cause,
        source=st.just("/services/any"),
        time=INSTANTS,
        part=st.text(),
    )


@pytest.mark.parametrize("event", EVENT_TYPES)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_event_is_read_as_it_was_said(event: type[Event], data: st.DataObject) -> None:
    """Whatever a field holds, writing and reading gives the same event, and the schema agrees."""
    one = data.draw(said(event))
    value = events.write(one)
    assert events.read(value) == one
    assert complaints(json.loads(value)) == []


@each_example
def test_an_example_passes_its_schema_and_is_read(kind: str) -> None:
    """Each example is valid, and read and written again it is word for word the same."""
    example = json.loads(TOLD[kind])
    assert complaints(example) == []
    event = events.read(TOLD[kind].encode())
    assert event is not None
    assert json.loads(events.write(event)) == example
    assert events.read(events.write(event)) == event


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
    assert record["dataschema"] == f"urn:careline:schema:{kind}"
    assert record["datacontenttype"] == "application/json"


@pytest.mark.parametrize("event", EVENT_TYPES)
@settings(max_examples=10, deadline=None)
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
