"""Views over the files, as SQL: one per event type, with a typed column for each of its fields.

What an event type has is read from its JSON Schema in `docs/events/schemas/`, which is the stream's
contract. A type that has no schema there has no view, and is in `events` all the same.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from deploy.analytics.layout import EVENTS, REJECTS

ROOT = Path(__file__).parents[2]
SCHEMAS = ROOT / "docs" / "events" / "schemas"
MODEL = Path(__file__).parent / "sql" / "model.sql"
PREFIX = "careline."
ENVELOPE = ("id", "time", "subject", "source", "correlationid", "causationid")
LEFT_OUT = "private"
# An id has one type. Named here, it lets DuckDB look for repeats only among what is asked for.
FIRST_OF_ID = (
    'QUALIFY row_number() OVER (PARTITION BY type, id ORDER BY topic, "partition", "offset") = 1'
)
VARIABLES = """\
-- In which zone days and weeks begin, and what "now" is; set them before to have others.
SET VARIABLE zone = coalesce(getvariable('zone'), 'UTC');
SET VARIABLE as_of = coalesce(getvariable('as_of')::TIMESTAMP WITH TIME ZONE, now());"""
EVERY_EVENT_ONCE = (
    "-- Every event once: a repeat has the id of the first, and says the same.\n"
    "CREATE OR REPLACE VIEW events AS\nSELECT * FROM records\n" + FIRST_OF_ID + ";"
)
_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*")

_SQL_OF_FORMAT = {"date-time": "TIMESTAMP WITH TIME ZONE", "date": "DATE"}
_SQL_OF_KIND = {
    "string": "VARCHAR",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "array": "JSON",
    "object": "JSON",
}
_SQL_OF_ARROW = {
    pa.string(): "VARCHAR",
    pa.int32(): "INTEGER",
    pa.int64(): "BIGINT",
    EVENTS.field("time").type: "TIMESTAMP WITH TIME ZONE",
    EVENTS.field("appended_at").type: "TIMESTAMP WITH TIME ZONE",
}


def script(folder: Path, schemas: Path = SCHEMAS) -> str:
    """SQL that makes all views over the files in a folder, in any DuckDB."""
    parts = [
        f"-- Made by python -m deploy.analytics: views over the files in {folder.as_posix()}.",
        VARIABLES,
        source("records", EVENTS, folder / "stream"),
        source("rejects", REJECTS, folder / "rejects"),
        EVERY_EVENT_ONCE,
        *of_types(_schemas(schemas)),
        MODEL.read_text(encoding="utf-8"),
    ]
    return "\n\n".join(parts)


def source(view: str, columns: pa.Schema, folder: Path) -> str:
    """A view of the rows of all files below a folder; without rows while there is none."""
    if next(folder.glob("*/*/*.parquet"), None) is not None:
        files = (folder / "*" / "*" / "*.parquet").as_posix().replace("'", "''")
        rows = f"SELECT * FROM read_parquet('{files}', hive_partitioning = false)"  # noqa: S608 - quoted
    else:
        nothing = ", ".join(
            f'NULL::{_SQL_OF_ARROW[field.type]} AS "{field.name}"' for field in columns
        )
        rows = f"SELECT {nothing} WHERE false"
    return f"CREATE OR REPLACE VIEW {view} AS\n{rows};"


def of_types(schemas: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """A view for each event type."""
    for kind, schema in schemas.items():
        columns = ",\n    ".join([*ENVELOPE, *_columns(schema)])
        yield (
            f"CREATE OR REPLACE VIEW {view_name(kind)} AS\nSELECT\n    {columns}\n"
            f"FROM records WHERE type = '{kind}'\n{FIRST_OF_ID};"
        )


def view_name(kind: str) -> str:
    """`deadline_met` for `careline.deadline.met.v1`; later versions keep theirs: `…_v2`."""
    name = kind.removeprefix(PREFIX).removesuffix(".v1")
    return name.replace(".", "_")


def _schemas(folder: Path) -> dict[str, dict[str, Any]]:
    found = {
        path.stem: json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(folder.glob("*.json"))
    }
    return {kind: schema for kind, schema in found.items() if _NAME.fullmatch(kind)}


def _columns(schema: Mapping[str, Any]) -> Iterator[str]:
    definitions = schema.get("$defs", {})
    data = _resolved(schema["properties"]["data"], definitions)
    for name, field in data.get("properties", {}).items():
        if name == LEFT_OUT or not _NAME.fullmatch(name):
            continue
        column = f"data_{name}" if name in EVENTS.names else name
        yield f'{_extracted(name, _resolved(field, definitions))} AS "{column}"'


def _extracted(name: str, field: Mapping[str, Any]) -> str:
    kind = field.get("type", "string")
    sql = _SQL_OF_FORMAT.get(field.get("format", ""), _SQL_OF_KIND.get(kind, "VARCHAR"))
    if sql == "JSON":
        return f"json_extract(data, '$.{name}')"
    text = f"json_extract_string(data, '$.{name}')"
    return text if sql == "VARCHAR" else f"TRY_CAST({text} AS {sql})"


def _resolved(field: Mapping[str, Any], definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    """A field with what its reference says; of an optional one what it is if it is there."""
    for choice in field.get("anyOf", ()):
        if choice.get("type") != "null":
            return _resolved(choice, definitions)
    reference = field.get("$ref")
    if reference is None:
        return field
    found: Mapping[str, Any] = definitions[str(reference).rpartition("/")[2]]
    return _resolved(found, definitions)
