"""Whatever an event holds, it survives its way to readers of this, an older and a later version.

Events are drawn from the models themselves; so are the versions before and after.
"""

import json
from functools import lru_cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from deploy.contract import stream
from deploy.event_docs.parties import type_name
from shared import events
from shared.envelope import Private
from shared.event_schemas import private_of, private_schema_of, schema_of
from shared.events import EVENT_TYPES, Event, UnreadableError
from shared.sealing import (
    KEY_BYTES,
    LEAST_SECRET,
    PersonKey,
    SealError,
    StreamSecret,
    make_key,
    seal,
)
from tests.support.any_event import OTHER, any_event, grown, newer, older, within
from tests.support.schemas import FORMATS

each_type = pytest.mark.parametrize("event", EVENT_TYPES, ids=type_name)
PERSONAL = [event for event in EVENT_TYPES if private_of(event)]
each_personal = pytest.mark.parametrize("event", PERSONAL, ids=type_name)

DRAWN = settings().max_examples
few = settings(max_examples=DRAWN if DRAWN > 1000 else DRAWN // 4)
"""Each type draws for itself: fewer will do, but not at night."""

RANDOM = st.binary(min_size=KEY_BYTES, max_size=KEY_BYTES)
SECRETS = st.text(min_size=LEAST_SECRET)
WRONG_KEY = "data.private: is not what its key sealed"


def told(value: bytes) -> Any:  # noqa: ANN401 - JSON may be anything
    """What a reader with nothing of ours gets."""
    return json.loads(value)


def personal(one: Event) -> Private:
    """The personal part of an event."""
    private = getattr(one.data, "private", None)
    assert isinstance(private, Private)
    return private


def drawn(data: st.DataObject, event: type[Event]) -> tuple[Event, PersonKey]:
    """An event that has a personal part, and a key of whose it is."""
    one = data.draw(any_event(event).filter(lambda one: one.data.private is not None))
    return one, make_key(personal(one).person, data.draw(RANDOM))


@lru_cache
def validators(event: type[Event]) -> list[Draft202012Validator]:
    """What readers validate a record by: the schema of now, and the last one that was released."""
    now = stream.present().version
    released = stream.last_released(stream.numbers(now)[0])
    schemas = [schema_of(event)]
    if released and type_name(event) in released.schemas:
        schemas.append(dict(released.schemas[type_name(event)]))
    return [Draft202012Validator(schema, format_checker=FORMATS) for schema in schemas]


def complaints(event: type[Event], value: bytes) -> list[str]:
    """What those say of a record."""
    record = told(value)
    return [error.message for each in validators(event) for error in each.iter_errors(record)]


@each_type
@few
@given(data=st.data())
def test_what_is_said_is_read(event: type[Event], data: st.DataObject) -> None:
    """Written and read, an event is what it was; what stands on the stream is as schemas say."""
    one = data.draw(any_event(event))
    value = events.write(one)
    assert events.read(value) == one
    if private_of(event) is None or one.data.private is None:
        assert complaints(event, value) == []
    else:
        key = make_key(personal(one).person, data.draw(RANDOM))
        assert complaints(event, seal(value, key)) == []


@each_type
@few
@given(data=st.data())
def test_readers_of_other_versions_read_it(event: type[Event], data: st.DataObject) -> None:
    """An older version finds all that it knows, a later one all there is, and we pass over its own.

    The older one knows nothing that may be missing; the later one knows a field more at any depth.
    """
    one = data.draw(any_event(event))
    value = events.write(one)
    known = older(event).model_validate_json(value)
    assert within(told(known.model_dump_json().encode()), told(value))
    read = newer(event).model_validate_json(value)
    assert told(read.model_dump_json(exclude_none=True).encode()) == told(value)
    assert events.read(json.dumps(grown(told(value))).encode()) == one


@each_personal
@few
@given(data=st.data())
def test_what_is_sealed_is_read_with_its_key_alone(event: type[Event], data: st.DataObject) -> None:
    """With its key it is what was said; without, all but the personal part is; none of it shows."""
    one, key = drawn(data, event)
    value = events.write(one)
    sealed = seal(value, key)
    assert events.read(sealed, {key.id: key}) == one
    without = one.model_copy(update={"data": one.data.model_copy(update={"private": None})})
    assert events.read(sealed) == without
    assert told(sealed)["data"].pop("private").keys() == {"person", "key", "sealed"}
    assert seal(value, key) == sealed
    inside = told(value)["data"]["private"]
    assert inside.pop("person") == key.person
    schema = private_schema_of(event)
    assert schema is not None
    validator = Draft202012Validator(schema, format_checker=FORMATS)
    assert [error.message for error in validator.iter_errors(inside)] == []


@each_personal
@few
@given(data=st.data())
def test_what_does_not_open_it_is_refused_without_a_word_of_it(
    event: type[Event], data: st.DataObject
) -> None:
    """Another key under its id, another event around it: one plain reason, no personal data."""
    one, key = drawn(data, event)
    sealed = seal(events.write(one), key)
    other = data.draw(RANDOM.filter(lambda secret: secret != key.secret))
    with pytest.raises(UnreadableError) as refused:
        events.read(sealed, {key.id: PersonKey(key.id, key.person, other)})
    assert str(refused.value) == WRONG_KEY
    moved = json.dumps(told(sealed) | {"id": str(OTHER)}).encode()
    with pytest.raises(UnreadableError) as refused:
        events.read(moved, {key.id: key})
    assert str(refused.value) == WRONG_KEY
    assert refused.value.__cause__ is None


@given(secret=RANDOM, person=st.text(), right=SECRETS, wrong=SECRETS)
def test_a_key_is_unwrapped_with_the_desks_secret_alone(
    secret: bytes, person: str, right: str, wrong: str
) -> None:
    """Whoever has another secret, or takes it for another person's, gets nothing and a reason."""
    key = make_key(person, secret)
    wrapped = StreamSecret([right]).wrap(key)
    assert StreamSecret([wrong, right]).unwrap(key.id, person, wrapped) == key
    refusals = [(StreamSecret([right]), person + "x")]
    if wrong != right:
        refusals.append((StreamSecret([wrong]), person))
    for desk, whose in refusals:
        with pytest.raises(SealError) as refused:
            desk.unwrap(key.id, whose, wrapped)
        assert str(refused.value) == "a key that our secret does not unwrap"


def test_the_versions_before_and_after_differ() -> None:
    """What the tests above take for other versions are other versions."""
    assert any(
        len(older(event).model_fields) < len(event.model_fields) < len(newer(event).model_fields)
        for event in EVENT_TYPES
    )
