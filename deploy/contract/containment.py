"""Whether whatever one schema lets be written, another one lets be read; and if not, where not.

jsonsubschema judges: a writer writes the fields that its schema names and no others, a reader
passes over what it doesn't know. What is here prepares schemas for it, and finds the fields behind
a no.
"""

import json
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jsonschema import SchemaError

with warnings.catch_warnings():
    # Its comments hold backslashes that Python warns about when it compiles them.
    warnings.simplefilter("ignore")
    from jsonsubschema import isSubschema
    from jsonsubschema.exceptions import _UnsupportedCase

JUDGED = {
    *("type", "enum", "const", "anyOf", "oneOf"),
    *("properties", "required", "additionalProperties", "patternProperties"),
    *("minProperties", "maxProperties", "items", "minItems", "maxItems", "uniqueItems"),
    *("minLength", "maxLength", "pattern", "format"),
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}
"""What a schema may demand, as far as the judge understands it."""
SAID_ONLY = {
    *("$schema", "$id", "$comment", "$defs", "title", "description", "examples", "default"),
    *("deprecated", "readOnly", "writeOnly", "contentEncoding", "contentMediaType"),
}
"""What says something and demands nothing; so does whatever begins with `x-`."""


class UnjudgedError(Exception):
    """A schema that can't be compared, and why."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something that may be written and is not read."""

    path: str
    """Fields with dots between; `[]` stands for each element of a list."""
    reason: str
    """What may be written there, and what is read."""


def prepared(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A schema with what it refers to in its place, and without what demands nothing.

    Raises:
        UnjudgedError: it demands something that the judge would pass over.
    """
    found: dict[str, Any] = _Preparation(schema.get("$defs", {})).of(schema)
    return found


class _Preparation:
    """Walks through one schema."""

    def __init__(self, models: Mapping[str, Any]) -> None:
        self._models = models
        self._inside: tuple[str, ...] = ()

    def of(self, node: Any) -> Any:  # noqa: ANN401 - JSON may be anything
        if isinstance(node, list):
            return [self.of(each) for each in node]
        if not isinstance(node, Mapping):
            return node
        if "$ref" in node:
            return self._referred(node)
        demands = {key: each for key, each in node.items() if not _says_only(key)}
        if unknown := demands.keys() - JUDGED:
            raise UnjudgedError(f"nobody can judge {', '.join(sorted(unknown))} yet")
        demands = _as_the_judge_reads(_as_pattern(demands))
        return {key: self._demand(key, each) for key, each in demands.items()}

    def _demand(self, key: str, value: Any) -> Any:  # noqa: ANN401 - the same
        if key in {"properties", "patternProperties"}:
            return {name: self.of(each) for name, each in value.items()}
        return value if key in {"enum", "const", "required"} else self.of(value)

    def _referred(self, node: Mapping[str, Any]) -> Any:  # noqa: ANN401 - the same
        name = node["$ref"].rpartition("/")[2]
        if name in self._inside:
            raise UnjudgedError(f"{name} holds itself")
        outside, self._inside = self._inside, (*self._inside, name)
        beside = {key: each for key, each in node.items() if key != "$ref"}
        found = self.of({**self._models[name], **beside})
        self._inside = outside
        return found


def _says_only(key: str) -> bool:
    return key in SAID_ONLY or key.startswith("x-")


def _as_pattern(demands: Mapping[str, Any]) -> dict[str, Any]:
    """The judge passes over formats: for it, a text in some format is a word of its own."""
    if "format" not in demands:
        return dict(demands)
    if "pattern" in demands:
        raise UnjudgedError("nobody can judge a format beside a pattern yet")
    rest = {key: each for key, each in demands.items() if key != "format"}
    return rest | {"pattern": f"^text in the format {demands['format']}$"}


def _as_the_judge_reads(demands: Mapping[str, Any]) -> dict[str, Any]:
    """The same in draft 4 of JSON Schema, which is the judge's."""
    read = {key: each for key, each in demands.items() if key != "required" or each}
    for bound in ("minimum", "maximum"):
        exclusive = f"exclusive{bound.capitalize()}"
        if exclusive in read and bound in read:
            raise UnjudgedError(f"nobody can judge {exclusive} beside {bound} yet")
        if exclusive in read:
            read |= {bound: read[exclusive], exclusive: True}
    return read


def refusals(writer: Mapping[str, Any], reader: Mapping[str, Any]) -> list[Refusal]:
    """What a writer may write that a reader refuses; both `prepared`."""
    return list(_refusals(writer, reader, ""))


def _refusals(writer: Mapping[str, Any], reader: Mapping[str, Any], path: str) -> Iterator[Refusal]:
    if _is_read(writer, reader):
        return
    deeper = list(_inside(writer, reader, path))
    yield from deeper or [Refusal(path or "the record", _difference(writer, reader))]


def _inside(writer: Mapping[str, Any], reader: Mapping[str, Any], path: str) -> Iterator[Refusal]:
    before = f"{path}." if path else ""
    for name in sorted({*reader.get("required", ())} - {*writer.get("required", ())}):
        yield Refusal(f"{before}{name}", "it may be missing, and has to be there")
    written, read = writer.get("properties", {}), reader.get("properties", {})
    for name in sorted(written.keys() & read.keys()):
        yield from _refusals(written[name], read[name], f"{before}{name}")
    if "items" in writer and "items" in reader:
        yield from _refusals(writer["items"], reader["items"], f"{path}[]")


def _is_read(writer: Mapping[str, Any], reader: Mapping[str, Any]) -> bool:
    try:
        return bool(isSubschema(_closed(writer), reader))
    except (_UnsupportedCase, SchemaError) as error:
        raise UnjudgedError(f"{type(error).__name__}: {error}") from None


def _closed(node: Any) -> Any:  # noqa: ANN401 - JSON may be anything
    """Nothing is written but what is named."""
    if isinstance(node, list):
        return [_closed(each) for each in node]
    if not isinstance(node, Mapping):
        return node
    closed = {key: _closed_demand(key, each) for key, each in node.items()}
    return {"additionalProperties": False} | closed if "properties" in node else closed


def _closed_demand(key: str, value: Any) -> Any:  # noqa: ANN401 - the same
    if key in {"properties", "patternProperties"}:
        return {name: _closed(each) for name, each in value.items()}
    return value if key in {"enum", "const", "required"} else _closed(value)


def _difference(writer: Mapping[str, Any], reader: Mapping[str, Any]) -> str:
    if {"enum", "const"} & writer.keys() and {"enum", "const"} & reader.keys():
        more = [value for value in _values(writer) if value not in _values(reader)]
        if more:
            return f"it may be {_listed(more)}, and has to be {_listed(_values(reader))}"
    return f"it may be {_told(writer)}, and has to be {_told(reader)}"


def _values(schema: Mapping[str, Any]) -> list[Any]:
    return [schema["const"]] if "const" in schema else list(schema["enum"])


def _listed(values: list[Any]) -> str:
    return " or ".join(json.dumps(value, ensure_ascii=False) for value in values)


def _told(schema: Mapping[str, Any]) -> str:
    if {"enum", "const"} & schema.keys():
        return _listed(_values(schema))
    kind = str(schema.get("type", "anything"))
    pattern = str(schema.get("pattern", "")).strip("^$")
    if pattern.startswith("text in the format"):
        return pattern
    more = {key: v for key, v in schema.items() if key not in {"type", "properties", "items"}}
    return f"{kind} with {json.dumps(more, ensure_ascii=False)}" if more else kind
