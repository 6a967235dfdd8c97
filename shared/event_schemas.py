"""One JSON Schema (draft 2020-12) per event type: what stands on the stream, word for word.

Written to `docs/events/` by `make docs`, and told to a schema registry by the services themselves.
Of a personal part the stream has only what seals it; what is inside has a schema of its own.
"""

import ast
import inspect
import textwrap
from collections.abc import Iterator, Mapping
from enum import Enum
from itertools import pairwise
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import EnumSchema, NullableSchema, WithDefaultSchema

from shared.envelope import DATA_POINTER, SCHEMA_URN, Private
from shared.events import Event
from shared.sealing import Sealed

PRIVATE_URN = f"{SCHEMA_URN}private:"
"""Before a type it is the `$id` of the schema of what its personal part holds, opened."""
INSTANT = "RFC 3339 in UTC, to the microsecond."
"""How every instant stands on the stream."""


class _Written(GenerateJsonSchema):
    """The schema of what `events.write` writes: a field without a value is left out, never null."""

    def nullable_schema(self, schema: NullableSchema) -> JsonSchemaValue:
        """Only the value itself."""
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: WithDefaultSchema) -> JsonSchemaValue:
        """A default that says something: no value says nothing, and a constant has said it."""
        if schema.get("default") is None or schema["schema"]["type"] == "literal":
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)

    def enum_schema(self, schema: EnumSchema) -> JsonSchemaValue:
        """What each value means, too."""
        values = (f"`{value}`: {words}" for value, words in meanings_of(schema["cls"]).items())
        # Its description is set after this, and would replace one that is set here.
        return super().enum_schema(schema) | {"$comment": " ".join(values)}

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002 - pydantic's hook
        """A field's name is title enough."""
        return False


def type_name(event: type[Event]) -> str:
    """The event's `type` on the stream, which also names its schema and its example."""
    return str(event.model_fields["type"].default)


def meaning(event: type[Event]) -> str:
    """What the event says, in a sentence."""
    return _in_a_line(_data_of(event))


def meanings_of(kind: type[Enum]) -> dict[str, str]:
    """What each value means, by the text below it in the code; those without any are left out."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    body = tree.body if isinstance(tree, ast.ClassDef) else []
    found = {}
    for member, text in pairwise(body):
        match member, text:
            case (
                ast.Assign(targets=[ast.Name(id=name)]),
                ast.Expr(value=ast.Constant(value=str() as words)),
            ):
                found[str(kind[name].value)] = " ".join(words.split())
    return found


def private_of(event: type[Event]) -> type[Private] | None:
    """The model of the event's personal part, opened, or None if it has none."""
    field = _data_of(event).model_fields.get("private")
    parts = get_args(field.annotation) if field else ()
    return next((part for part in parts if issubclass(part, Private)), None)


def schema_of(event: type[Event]) -> dict[str, Any]:
    """The schema of a whole record; other fields than these are allowed, as v1 may gain some."""
    schema = event.model_json_schema(mode="serialization", schema_generator=_Written)
    urn = f"{SCHEMA_URN}{type_name(event)}"
    properties = schema["properties"] | {
        "type": schema["properties"]["type"] | {"description": "What happened."},
        "dataschema": schema["properties"]["dataschema"] | {"const": f"{urn}{DATA_POINTER}"},
    }
    whole = {
        "$schema": GenerateJsonSchema.schema_dialect,
        "$id": urn,
        "title": schema["title"],
        "description": f"{meaning(event)} {_in_a_line(event)}",
        "type": "object",
        "properties": properties,
        # The envelope's constants have a default in the model, and are always written.
        "required": [
            name for name, field in event.model_fields.items() if field.default is not None
        ],
        "$defs": schema["$defs"],
    }
    return _explained(_sealed(whole, event))


def private_schema_of(event: type[Event]) -> dict[str, Any] | None:
    """The schema of what an event's personal part holds once it is opened, or None without one."""
    private = private_of(event)
    if private is None:
        return None
    schema = private.model_json_schema(mode="serialization", schema_generator=_Written)
    head = {
        "$schema": GenerateJsonSchema.schema_dialect,
        "$id": f"{PRIVATE_URN}{type_name(event)}",
    }
    # Whose it is stands beside it, since nobody could open it otherwise.
    schema["properties"].pop("person")
    schema["required"] = [name for name in schema["required"] if name != "person"]
    return _explained(head | schema)


def _data_of(event: type[Event]) -> type[BaseModel]:
    data = event.model_fields["data"].annotation
    assert isinstance(data, type)  # noqa: S101 - every event says something
    assert issubclass(data, BaseModel)  # noqa: S101 - and it is a model
    return data


def _in_a_line(kind: type) -> str:
    return " ".join(str(kind.__doc__).split())


def _sealed(schema: dict[str, Any], event: type[Event]) -> dict[str, Any]:
    """With the personal part as it stands on the stream."""
    private = private_of(event)
    if private is None:
        return schema
    sealed = Sealed.model_json_schema(mode="serialization", schema_generator=_Written)
    definitions = schema["$defs"] | {Sealed.__name__: sealed}
    definitions[_data_of(event).__name__]["properties"]["private"] = {
        "$ref": f"#/$defs/{Sealed.__name__}",
        "description": f"{_in_a_line(private)} Opened, it keeps to "
        f"`{PRIVATE_URN}{type_name(event)}`.",
    }
    used = set(_used(schema["properties"], definitions))
    return schema | {"$defs": {name: each for name, each in definitions.items() if name in used}}


def _used(node: Any, definitions: Mapping[str, Any]) -> Iterator[str]:  # noqa: ANN401 - JSON
    """The definitions that this refers to, and those that they refer to."""
    if isinstance(node, list):
        for value in node:
            yield from _used(value, definitions)
    if isinstance(node, dict):
        if "$ref" in node:
            name = node["$ref"].rpartition("/")[2]
            yield name
            yield from _used(definitions[name], definitions)
        for value in node.values():
            yield from _used(value, definitions)


def _explained(schema: dict[str, Any]) -> dict[str, Any]:
    """With words at every field: its own, or else its type's; instants say their zone."""
    definitions = schema.get("$defs", {})
    for model in (schema, *definitions.values()):
        for field in model.get("properties", {}).values():
            target = definitions.get(field.get("$ref", "").rpartition("/")[2], {})
            words = field.get("description") or target.get("description")
            zone = INSTANT if field.get("format") == "date-time" else ""
            if words:
                field["description"] = f"{words} {zone}".strip()
    for kind in definitions.values():
        if values := kind.pop("$comment", ""):
            kind["description"] += f" {values}"
    return schema
