"""Records of a JSON Schema, so many that whatever another schema refuses of it is among them.

For the keywords that the desk's schemas have: the whole record, each field left out that may be,
each value of an enumeration, and of each type something that others refuse.
"""

from collections.abc import Iterator, Mapping
from typing import Any

TEXTS = {
    "date-time": "2026-11-23T09:30:00.000000Z",
    "uuid": "5a1de1f0-0c1e-5c3b-9d1b-ca4e11e00001",
}


def instances(schema: Mapping[str, Any]) -> Iterator[Any]:
    """The fullest one first."""
    yield from _of(schema, schema.get("$defs", {}))


def _of(node: Mapping[str, Any], models: Mapping[str, Any]) -> Iterator[Any]:
    if "$ref" in node:
        yield from _of(models[node["$ref"].rpartition("/")[2]], models)
    elif "const" in node:
        yield node["const"]
    elif "enum" in node:
        yield from node["enum"]
    elif "anyOf" in node:
        for each in node["anyOf"]:
            yield from _of(each, models)
    elif node["type"] == "object":
        yield from _objects(node, models)
    elif node["type"] == "array":
        yield from ([each] for each in _of(node["items"], models))
        if not node.get("minItems"):
            yield []
    else:
        yield from _plain(node)


def _objects(node: Mapping[str, Any], models: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    each = {name: list(_of(field, models)) for name, field in node.get("properties", {}).items()}
    full = {name: values[0] for name, values in each.items()}
    yield full
    for name, values in each.items():
        yield from (full | {name: value} for value in values[1:])
        if name not in node.get("required", ()):
            yield {other: value for other, value in full.items() if other != name}


def _plain(node: Mapping[str, Any]) -> Iterator[Any]:
    least = node.get("minimum", -3)
    yield from {
        "string": [TEXTS.get(node.get("format", ""), "a text")],
        "integer": [max(least, 1), least],
        "number": [max(least, 1.5), least],
        "boolean": [True, False],
    }[node["type"]]
