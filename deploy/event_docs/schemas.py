"""One JSON Schema (draft 2020-12) per event type: what stands on the stream, word for word."""

from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import NullableSchema, WithDefaultSchema

from deploy.event_docs.parties import meaning, type_name
from shared.envelope import SCHEMA_URN
from shared.events import Event


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

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002 - pydantic's hook
        """A field's name is title enough."""
        return False


def schema_of(event: type[Event]) -> dict[str, Any]:
    """The schema of a whole record; other fields than these are allowed, as v1 may gain some."""
    schema = event.model_json_schema(mode="serialization", schema_generator=_Written)
    urn = f"{SCHEMA_URN}{type_name(event)}"
    properties = schema["properties"] | {
        "type": schema["properties"]["type"] | {"description": "What happened."},
        "dataschema": schema["properties"]["dataschema"] | {"const": urn},
    }
    return {
        "$schema": GenerateJsonSchema.schema_dialect,
        "$id": urn,
        "title": schema["title"],
        "description": f"{meaning(event)} {event.__doc__}",
        "type": "object",
        "properties": properties,
        # The envelope's constants have a default in the model, and are always written.
        "required": [
            name for name, field in event.model_fields.items() if field.default is not None
        ],
        "$defs": schema["$defs"],
    }
