"""Every event is read as it was written; what can't be read is refused without repeating it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from shared import events
from shared.envelope import Topic
from shared.events import EVENT_TYPES, Event, UnreadableError
from tests.support.samples import bare, full, ticket_created

EVENTS = [
    pytest.param(make(kind), id=f"{make.__name__} {kind.__name__}")
    for kind in EVENT_TYPES
    for make in (bare, full)
]
KINDS = pytest.mark.parametrize("kind", EVENT_TYPES)
PERSONAL = {
    "name",
    "author_name",
    "assignee_name",
    "address",
    "assignee_address",
    "subject",
    "text",
    "detail",
    "fingerprint",
    "content",
}
SECRET = "Ms-Example-s-secret"


def written(event: Event) -> dict[str, Any]:
    """The record of an event, as a reader sees it."""
    record: dict[str, Any] = json.loads(events.write(event))
    return record


def changed(**fields: object) -> bytes:
    """A good record in which some fields are otherwise."""
    return json.dumps(written(ticket_created()) | fields).encode()


@pytest.mark.parametrize("event", EVENTS)
def test_an_event_is_read_as_it_was_written(event: Event) -> None:
    """Writing and reading give the same event of the same type, with and without options."""
    read = events.read(events.write(event))
    assert read == event
    assert type(read) is type(event)


@pytest.mark.parametrize("event", EVENTS)
def test_what_has_no_value_is_left_out(event: Event) -> None:
    """No null stands on the stream, however deep."""
    assert None not in list(leaves(written(event)))


@KINDS
def test_what_a_later_version_adds_is_passed_over(kind: type[Event]) -> None:
    """Unknown fields in the envelope, the data and its private part are no trouble."""
    record = written(full(kind))
    record["later"] = {"a": 1}
    record["data"]["later"] = [1]
    if "private" in record["data"]:
        record["data"]["private"]["later"] = "x"
    assert events.read(json.dumps(record).encode()) == full(kind)


@KINDS
def test_without_its_private_part_it_is_still_an_event(kind: type[Event]) -> None:
    """Who must not see personal data drops one field and reads the rest."""
    record = written(full(kind))
    record["data"].pop("private", None)
    read = events.read(json.dumps(record).encode())
    assert read is not None
    assert type(read) is kind


@KINDS
def test_an_event_cannot_be_changed(kind: type[Event]) -> None:
    """What happened stays as it happened."""
    with pytest.raises(ValueError, match="frozen"):
        bare(kind).subject = "another"


def test_every_type_has_a_name_and_a_topic_of_its_service() -> None:
    """Types are told apart by name alone, and every topic has something to say."""
    names = [bare(kind).type for kind in EVENT_TYPES]
    assert len(set(names)) == len(names)
    assert {kind.TOPIC for kind in EVENT_TYPES} == set(Topic)
    assert all(name.startswith("careline.") and name.endswith(".v1") for name in names)


@pytest.mark.parametrize("name", ["careline.ticket.created.v2", "io.example.other", ""])
def test_an_unknown_type_is_no_event_of_ours(name: str) -> None:
    """A type that this reader doesn't know is nothing to it, and no fault."""
    assert events.read(changed(type=name)) is None


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "a tombstone"),
        (b"", "Invalid JSON"),
        (b"\xff\xfe", "Invalid JSON"),
        (SECRET.encode(), "Invalid JSON"),
        (b'"' + SECRET.encode() + b'"', "record: "),
        (b"[]", "record: "),
        (b"{}", "record: "),
        (b"[" * 100_000, "recursion limit"),
        (changed(type=5), "type: must be a string"),
        (changed(type=None), "type: must be a string"),
        (changed(type={SECRET: 1}), "type: must be a string"),
        (changed(specversion=SECRET), "specversion: "),
        (changed(id=SECRET), "id: "),
        (changed(correlationid=None), "correlationid: "),
        (changed(time=SECRET), "time: "),
        (changed(time="0001-01-01T00:00:00+14:00"), "time: "),
        (changed(time="9999-12-31T23:59:59-14:00"), "time: "),
        (changed(time=1e300), "time: "),
        (changed(data=SECRET), "data: "),
        (changed(data={SECRET: SECRET}), "data.account: "),
        (changed(subject=[SECRET]), "subject: "),
    ],
)
def test_what_cannot_be_read_is_refused_without_its_content(
    value: bytes | None, reason: str
) -> None:
    """The reason names the field and repeats nothing that stood there."""
    with pytest.raises(UnreadableError) as refused:
        events.read(value)
    assert reason in str(refused.value)
    assert SECRET not in str(refused.value)
    assert refused.value.__cause__ is None


def test_the_reason_is_short_however_much_is_wrong() -> None:
    """It fits into a header."""
    with pytest.raises(UnreadableError) as refused:
        events.read(changed(id=1, time="x", source=[], correlationid="x", data={"account": []}))
    assert len(str(refused.value)) < 1000


@KINDS
def test_personal_words_stand_in_private_alone(kind: type[Event]) -> None:
    """In the type's JSON schema no name, address, subject line or text is outside of `private`."""
    schema = kind.model_json_schema()
    models = {"": schema, **schema["$defs"]}
    for name, model in models.items():
        fields = set(model.get("properties", {}))
        if name.endswith("Private") or name == "Attachment":
            assert fields & PERSONAL
        else:
            # The envelope's subject is the ticket's id.
            assert not fields & (PERSONAL - ({"subject"} if name == "" else set()))


def leaves(value: object) -> Iterator[object]:
    """Every value in a document that is no object and no list."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from leaves(each)
    else:
        yield value
