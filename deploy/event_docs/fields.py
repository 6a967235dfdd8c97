"""The fields of an event as people read them: rows of a table, nested ones after their parent."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

FORMATS = {"uuid": "UUID", "date-time": "instant, UTC"}
UNITS = {"_seconds": "seconds", "_bytes": "bytes", "time_zone": "IANA time zone"}
"""By how a field's name ends."""
LONGEST = 90
"""Characters of an example; the rest stands in the whole record."""


@dataclass(frozen=True, slots=True)
class Field:
    """One row."""

    path: str
    """With dots where it lies deeper, and `[]` where there are several."""
    kind: str
    is_required: bool
    meaning: str
    example: str
    """As JSON; empty where its own fields have theirs."""
    values: tuple[str, ...] = ()
    """All that it may say, where these are known."""
    values_of: str = ""
    """The name of the list that explains these."""


def data_fields(schema: dict[str, Any]) -> list[Field]:
    """Those of `data`."""
    return list(_of_reference(schema["properties"]["data"], schema, ""))


def top_fields(schema: dict[str, Any], *, but: Iterable[str] = ()) -> list[Field]:
    """Those of a record, or of an opened personal part."""
    properties = {n: each for n, each in schema["properties"].items() if n not in set(but)}
    return list(_rows(properties, schema.get("required", ()), schema, ""))


def _of_reference(
    reference: dict[str, Any], schema: dict[str, Any], prefix: str
) -> Iterator[Field]:
    model = target_of(reference, schema)
    yield from _rows(model["properties"], model.get("required", ()), schema, prefix)


def _rows(
    properties: dict[str, Any], required: Iterable[str], schema: dict[str, Any], prefix: str
) -> Iterator[Field]:
    for name, field in properties.items():
        target = target_of(field, schema)
        inner = field.get("items", field)
        has_fields = "properties" in target_of(inner, schema)
        yield Field(
            path=f"{prefix}{name}",
            kind=_kind(name, field, schema),
            is_required=name in required,
            meaning=field["description"],
            example="" if has_fields else _example(field),
            values=tuple(map(str, target.get("enum", ()))),
            values_of=target.get("title", "") if "enum" in target else "",
        )
        if has_fields:
            marker = "[]." if "items" in field else "."
            yield from _of_reference(inner, schema, f"{prefix}{name}{marker}")


def target_of(field: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """What a field's schema says, or, where that is a reference, what the one it names says."""
    if "$ref" not in field:
        return field
    found: dict[str, Any] = schema["$defs"][field["$ref"].rpartition("/")[2]]
    return found


def _kind(name: str, field: dict[str, Any], schema: dict[str, Any]) -> str:
    target = target_of(field, schema)
    if "const" in target:
        return "constant"
    if "enum" in target:
        return "one of"
    if target["type"] == "array":
        return f"list of {_kind('', target['items'], schema)}"
    unit = next((unit for ending, unit in UNITS.items() if name.endswith(ending)), "")
    kind = FORMATS.get(target.get("format", ""), str(target["type"]))
    return f"{kind}, {unit}" if unit else kind


def _example(field: dict[str, Any]) -> str:
    value = field.get("const", next(iter(field.get("examples", ())), None))
    written = "" if value is None else json.dumps(value, ensure_ascii=False)
    return written if len(written) <= LONGEST else f"{written[:LONGEST]}…"
