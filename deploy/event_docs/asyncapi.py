"""The AsyncAPI 3.1 document: topics as channels, and what each service sends and receives.

FastStream's own generation does not serve. It sees our subscribers, as batches of raw records:
their addresses and that they receive, which a test holds against this. It knows no types, keys,
groups or envelope, and no one who says anything, since publishing is not FastStream's.

Payloads are plain references to the schema files, without a schema format of their own: tools then
read them as AsyncAPI's JSON Schema, in which every keyword that they use means the same.
"""

import tomllib
from pathlib import Path
from typing import Any

from deploy.event_docs.example_keys import on_the_stream
from deploy.event_docs.examples import examples
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
from shared import events
from shared.envelope import CONTENT_TYPE, Topic
from shared.topics import Declared

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"
KAFKA = "0.5.0"
"""Version of the Kafka bindings."""

TRACE_HEADERS = {
    "traceparent": "W3C trace context in which it was said; only where the desk is traced.",
    "tracestate": "The part of it that belongs to those who trace; only beside the other.",
}
DEAD_HEADERS = {
    "dead-reason": "Why it could not be handled; names fields, repeats no content.",
    "dead-stack": "Where in the code it failed; empty if it could not be read.",
    "dead-origin": "Topic, partition and offset that it came from, with slashes between.",
    "dead-tries": "How often it was tried, a number in decimal digits.",
}


def document() -> dict[str, Any]:
    """The whole document."""
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    return {
        "asyncapi": "3.1.0",
        "id": f"urn:{NAMESPACE}:stream",
        "info": {
            "title": "Careline event stream",
            "version": project["version"],
            "description": (
                "What happens at the desk, as CloudEvents 1.0 in structured JSON on Kafka. "
                "README.md beside this file says how to read it."
            ),
        },
        "defaultContentType": CONTENT_TYPE,
        "channels": _channels(),
        "operations": _operations(),
        "components": {"messages": _messages()},
    }


def _reference(*path: str) -> dict[str, str]:
    return {"$ref": "#/" + "/".join(path)}


def _channels() -> dict[str, Any]:
    stream = {
        topic.value: _channel(
            declared,
            f"Keyed by {key_of(topic)}.",
            [event.__name__ for event in events_on(topic)],
        )
        for topic, declared in topics().items()
    }
    dead = {
        f"{service}.dead": _channel(declared, f"What {service} could not handle.", ["DeadLetter"])
        for service, declared in dead_letter_topics().items()
    }
    return stream | dead


def _channel(declared: Declared, description: str, messages: list[str]) -> dict[str, Any]:
    # The bindings know durations as numbers, and policies as a list.
    configuration: dict[str, Any] = {
        name: int(value) if value.isdigit() else value for name, value in declared.settings.items()
    } | {"cleanup.policy": declared.cleanup.split(",")}
    return {
        "address": declared.name,
        "description": description,
        "messages": {name: _reference("components", "messages", name) for name in messages},
        "bindings": {
            "kafka": {
                "partitions": declared.partitions,
                "topicConfiguration": configuration,
                "bindingVersion": KAFKA,
            }
        },
    }


def _operations() -> dict[str, Any]:
    operations: dict[str, Any] = {}
    for service in SERVICES:
        for topic in Topic:
            on = events_on(topic)
            said = [event.__name__ for event in on if service in PARTIES[event].said_by]
            heard = [event.__name__ for event in on if service in PARTIES[event].heard_by]
            again = [event.__name__ for event in on if service in PARTIES[event].remembered_by]
            if said:
                operations[f"{service}.says.{topic}"] = _operation("send", topic, said)
            if heard:
                operations[f"{service}.hears.{topic}"] = _receives(service, topic, heard)
            if again:
                fills = {"summary": "Its own, heard again to fill an empty database."}
                operations[f"{service}.remembers.{topic}"] = (
                    _receives(service, topic, again) | fills
                )
    for service in dead_letter_topics():
        buries = _operation("send", f"{service}.dead", ["DeadLetter"])
        operations[f"{service}.buries"] = buries
    return operations


def _operation(action: str, channel: str, messages: list[str]) -> dict[str, Any]:
    return {
        "action": action,
        "channel": _reference("channels", channel),
        "messages": [_reference("channels", channel, "messages", name) for name in messages],
    }


def _receives(service: str, topic: Topic, messages: list[str]) -> dict[str, Any]:
    receives = _operation("receive", topic, messages)
    if topic is Topic.KEYS:
        # Each replica reads all of them for itself, in no group.
        return receives
    group = {"kafka": {"groupId": _group(service), "bindingVersion": KAFKA}}
    return receives | {"bindings": group}


def _group(service: str) -> dict[str, Any]:
    return {"type": "string", "const": f"{NAMESPACE}.{service}"}


def _messages() -> dict[str, Any]:
    by_type = {type(example): example for example in examples()}
    stream = {event.__name__: _message(event, by_type[event]) for event in events.EVENT_TYPES}
    return stream | {"DeadLetter": _dead_letter()}


def _message(event: type[events.Event], example: events.Event) -> dict[str, Any]:
    key = {"type": "string", "description": f"The {key_of(event.TOPIC)}; the same as `subject`."}
    if key_of(event.TOPIC) == "ticket":
        key["format"] = "uuid"
    return {
        "name": type_name(event),
        "title": event.__name__,
        "summary": meaning(event),
        "contentType": CONTENT_TYPE,
        "correlationId": {"location": "$message.payload#/correlationid"},
        "headers": _headers({"content-type": CONTENT_TYPE}, TRACE_HEADERS),
        "payload": {"$ref": f"schemas/{type_name(event)}.json"},
        "bindings": {"kafka": {"key": key, "bindingVersion": KAFKA}},
        "examples": [{"payload": on_the_stream(example)}],
    }


def _headers(constants: dict[str, str], optional: dict[str, str]) -> dict[str, Any]:
    given = {name: {"type": "string", "const": value} for name, value in constants.items()}
    more = {name: {"type": "string", "description": said} for name, said in optional.items()}
    return {"type": "object", "properties": given | more, "required": list(constants)}


def _dead_letter() -> dict[str, Any]:
    properties = {
        name: {"type": "string", "description": description}
        for name, description in DEAD_HEADERS.items()
    }
    return {
        "name": "dead-letter",
        "title": "DeadLetter",
        "summary": "A record with the key, the value and the headers that it came with, and why.",
        "headers": {"type": "object", "properties": properties, "required": list(DEAD_HEADERS)},
        "payload": {"description": "The record's value as it came: it may be anything."},
    }
