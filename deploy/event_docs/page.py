"""`docs/events/README.md`: topics, events and their fields, as a person reads them."""

from collections.abc import Iterable, Iterator
from typing import Any

from deploy.event_docs.fields import target_of
from deploy.event_docs.guide import guide
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
from deploy.event_docs.schemas import documented
from shared.events import EVENT_TYPES, Event
from shared.topics import DAY_MS, Declared

OPENING = """\
# The event stream

<!-- Written by `python -m deploy.event_docs` from the models in `shared/`; edit those instead. -->

Here are one JSON Schema per event type in `schemas/`, an example of each in `examples/`, the whole
as an AsyncAPI 3.1 document in `asyncapi.json`, and all of it for people in `index.html`: open that
in a browser.
"""


def page() -> str:
    """The page, in Markdown."""
    lines = [
        OPENING,
        guide(),
        "## Topics\n",
        f"With the default namespace (`{NAMESPACE}`) and number of partitions.\n",
        *_table(("topic", "key", "holds", "partitions", "kept", "cleanup"), _topic_rows()),
        "\n## Events\n",
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
    kind, schema = type_name(event), documented(event)
    yield f"\n## {event.__name__}\n"
    yield f"{meaning(event)}\n"
    yield f"- `{kind}` on `{NAMESPACE}.{event.TOPIC}`"
    yield f"- said by {' and '.join(PARTIES[event].said_by)}, heard by {_heard_by(event)}"
    yield f"- [schema](schemas/{kind}.json), [example](examples/{kind}.json)\n"
    yield from _table(
        ("field of `data`", "kind", "meaning"), _fields(schema["properties"]["data"], schema)
    )


def _envelope_rows() -> list[tuple[str, ...]]:
    schema = documented(EVENT_TYPES[0])
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
        target = target_of(property_, schema)
        optional = "" if name in required else ", optional"
        description = property_.get("description") or target.get("description", "")
        yield f"`{prefix}{name}`", _kind(property_, schema) + optional, description
        inner = property_.get("items", property_)
        if "properties" in target_of(inner, schema):
            marker = "[]." if "items" in property_ else "."
            yield from _fields(inner, schema, f"{prefix}{name}{marker}")


def _kind(property_: dict[str, Any], schema: dict[str, Any]) -> str:
    target = target_of(property_, schema)
    if "const" in target:
        return f"`{target['const']}`"
    if "enum" in target:
        return " or ".join(f"`{value}`" for value in target["enum"])
    if target["type"] == "array":
        return "list"
    formats = {"uuid": "UUID", "date-time": "instant"}
    return formats.get(target.get("format", ""), str(target["type"]))
