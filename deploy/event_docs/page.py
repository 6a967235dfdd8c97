"""`docs/events/README.md`: topics, events and their fields, as a person reads them."""

from collections.abc import Iterable, Iterator
from typing import Any

from deploy.event_docs.parties import (
    NAMESPACE,
    PARTIES,
    SERVICES,
    dead_letter_topics,
    events_on,
    key_of,
    meaning,
    topics,
    type_name,
)
from deploy.event_docs.schemas import schema_of
from shared.envelope import CONTENT_TYPE, SCHEMA_URN
from shared.events import EVENT_TYPES, Event
from shared.topics import DAY_MS, Declared

OPENING = f"""\
# The event stream

<!-- Written by `python -m deploy.event_docs` from the models in `shared/`; edit those instead. -->

Everything that happens at the desk is on Kafka, for our own services and for anyone else who may
read it. Here are one JSON Schema per event type in `schemas/`, an example of each in `examples/`,
and the whole as an AsyncAPI 3.0 document in `asyncapi.json`.

## How to read it

- A value is one event: CloudEvents 1.0 in structured JSON, with the header
  `content-type: {CONTENT_TYPE}`. The key is the event's `subject`.
- A record may come twice. It then has the same `id`: drop the second.
- What concerns one ticket is in order within a topic. Its partition has the same number on every
  topic that is keyed by ticket. Between topics there is no order; go by `time`.
- `time` is when it happened; Kafka's own timestamp is when the broker got it.
- A type only ever gains optional fields: pass over those that you don't know, and whole types too.
  Anything else is a new type, with `.v2` at its end.
- An optional field without a value is left out; it is never null.
- Names, addresses, subjects and texts stand in `data.private` and nowhere else: a reader who must
  not see them drops that one field.
- `dataschema` is `{SCHEMA_URN}` and the type. The schema describes the whole record.
- On `{NAMESPACE}.accounts` the last change of an account stays for ever; the others may go.
"""


def page() -> str:
    """The page, in Markdown."""
    lines = [
        OPENING,
        "## Topics\n",
        f"With the default namespace (`{NAMESPACE}`) and number of partitions.\n",
        *_table(("topic", "key", "holds", "partitions", "kept", "cleanup"), _topic_rows()),
        "\nWhat a service could not handle is put on its dead-letter topic as it came, with the",
        "reason in the headers `dead-reason`, `dead-stack`, `dead-origin` and `dead-tries`.\n",
        "## Events\n",
        *_table(("event", "what it says", "said by", "heard by"), map(_event_row, EVENT_TYPES)),
        "\nWho hears an event is who of ours does something about it.\n",
        "## The envelope of every event\n",
        *_table(("field", "kind", "meaning"), _envelope_rows()),
        *(line for event in EVENT_TYPES for line in _section(event)),
    ]
    return "\n".join(lines) + "\n"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    for row in (head, ("---",) * len(head), *rows):
        # A description may stand on several lines in the code; a row of a table can't.
        yield "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in row) + " |"


def _topic_rows() -> Iterator[tuple[str, ...]]:
    for topic, declared in topics().items():
        holds = ", ".join(_link(event) for event in events_on(topic))
        yield _topic_row(declared, key_of(topic), holds)
    for service, declared in dead_letter_topics().items():
        yield _topic_row(declared, "as it came", f"what {service} could not handle")


def _topic_row(declared: Declared, key: str, holds: str) -> tuple[str, ...]:
    days = declared.retention_ms and f"{declared.retention_ms // DAY_MS} days"
    kept = days or "the last of each key"
    return (f"`{declared.name}`", key, holds, str(declared.partitions), kept, declared.cleanup)


def _event_row(event: type[Event]) -> tuple[str, ...]:
    parties = PARTIES[event]
    return (_link(event), meaning(event), ", ".join(parties.said_by), _heard_by(event))


def _heard_by(event: type[Event]) -> str:
    heard_by = PARTIES[event].heard_by
    return ", ".join(service for service in SERVICES if service in heard_by) or "nobody of ours"


def _link(event: type[Event]) -> str:
    return f"[{event.__name__}](#{event.__name__.lower()})"


def _section(event: type[Event]) -> Iterator[str]:
    kind, schema = type_name(event), schema_of(event)
    yield f"\n## {event.__name__}\n"
    yield f"{meaning(event)}\n"
    yield f"- `{kind}` on `{NAMESPACE}.{event.TOPIC}`"
    yield f"- said by {' and '.join(PARTIES[event].said_by)}, heard by {_heard_by(event)}"
    yield f"- [schema](schemas/{kind}.json), [example](examples/{kind}.json)\n"
    yield from _table(
        ("field of `data`", "kind", "meaning"), _fields(schema["properties"]["data"], schema)
    )


def _envelope_rows() -> list[tuple[str, ...]]:
    schema = schema_of(EVENT_TYPES[0])
    properties = {name: value for name, value in schema["properties"].items() if name != "data"}
    for differs in ("type", "dataschema"):
        properties[differs] = {k: v for k, v in properties[differs].items() if k != "const"}
    return list(_rows(properties, schema["required"], schema, ""))


def _fields(reference: dict[str, Any], schema: dict[str, Any], prefix: str = "") -> Iterator[Any]:
    model = schema["$defs"][reference["$ref"].rpartition("/")[2]]
    yield from _rows(model["properties"], model.get("required", ()), schema, prefix)


def _rows(
    properties: dict[str, Any], required: Iterable[str], schema: dict[str, Any], prefix: str
) -> Iterator[tuple[str, ...]]:
    for name, property_ in properties.items():
        target = _target(property_, schema)
        optional = "" if name in required else ", optional"
        description = property_.get("description") or target.get("description", "")
        yield f"`{prefix}{name}`", _kind(property_, schema) + optional, description
        inner = property_.get("items", property_)
        if "properties" in _target(inner, schema):
            marker = "[]." if "items" in property_ else "."
            yield from _fields(inner, schema, f"{prefix}{name}{marker}")


def _target(property_: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in property_:
        return property_
    found: dict[str, Any] = schema["$defs"][property_["$ref"].rpartition("/")[2]]
    return found


def _kind(property_: dict[str, Any], schema: dict[str, Any]) -> str:
    target = _target(property_, schema)
    if "const" in target:
        return f"`{target['const']}`"
    if "enum" in target:
        return " or ".join(f"`{value}`" for value in target["enum"])
    if target["type"] == "array":
        return "list"
    formats = {"uuid": "UUID", "date-time": "instant"}
    return formats.get(target.get("format", ""), str(target["type"]))
