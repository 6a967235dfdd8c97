"""The schemas as `docs/events/` has them: those of `shared/event_schemas.py`, with examples.

Each field's example is what stands there in an example of the event, or of another that has it too.
"""

from functools import cache
from typing import Any

from deploy.event_docs.example_keys import on_the_stream
from deploy.event_docs.examples import examples, further
from deploy.event_docs.found import Found, found_in, lineage
from shared.envelope import Envelope, Fact
from shared.event_schemas import private_schema_of, schema_of
from shared.events import Event
from shared.sealing import Sealed


@cache
def documented(event: type[Event]) -> dict[str, Any]:
    """The schema of a whole record, with an example of every field."""
    return _with_examples(schema_of(event), event)


@cache
def private_documented(event: type[Event]) -> dict[str, Any] | None:
    """The schema of an opened personal part, with an example of every field; None without one."""
    schema = private_schema_of(event)
    return schema and _with_examples(schema, event)


def is_told_by_its_fields(field: dict[str, Any], schema: dict[str, Any]) -> bool:
    """Whether it is an object, which needs no example since its fields have theirs."""
    target = schema.get("$defs", {}).get(field.get("$ref", "").rpartition("/")[2], {})
    return "properties" in target


def _with_examples(schema: dict[str, Any], event: type[Event]) -> dict[str, Any]:
    own = found_in([*_sealed_of(event), *(each for each in _all() if type(each) is event)])
    for model in (schema, *schema.get("$defs", {}).values()):
        for name, field in model.get("properties", {}).items():
            value = _example(model["title"], name, own)
            if value not in (None, []) and not is_told_by_its_fields(field, schema):
                field["examples"] = [value]
    return schema


def _example(model: str, field: str, own: Found) -> Any:  # noqa: ANN401 - a field holds anything
    for found in (own, _everywhere()):
        for name in _lineage().get(model, [model]):
            value = found.get((name, field))
            if value not in (None, []):
                return value
    return None


def _sealed_of(event: type[Event]) -> list[Sealed]:
    """The personal part of its example as the stream has it."""
    records = [on_the_stream(each)["data"] for each in examples() if type(each) is event]
    return [Sealed.model_validate(data["private"]) for data in records if "private" in data]


@cache
def _all() -> tuple[Event, ...]:
    return examples() + further()


@cache
def _everywhere() -> Found:
    return found_in(_all())


@cache
def _lineage() -> dict[str, list[str]]:
    return lineage(Fact) | lineage(Envelope)
