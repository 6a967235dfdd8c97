"""What a reader who has nothing of ours but `docs/events/` can say of a record.

Nothing of `shared` may be imported here.
"""

import json
import re
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import UUID

from jsonschema import Draft202012Validator, FormatChecker

FOLDER = Path(__file__).parents[2] / "docs" / "events"
SCHEMAS = {path.stem: path for path in sorted((FOLDER / "schemas").glob("*.json"))}
EXAMPLES = {path.stem: path for path in sorted((FOLDER / "examples").glob("*.json"))}

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
"""RFC 3339 in UTC with microseconds."""

# jsonschema checks these formats only with extras, or not at all.
FORMATS = FormatChecker(formats=())


@FORMATS.checks("date-time", raises=ValueError)
def _is_instant(value: object) -> bool:
    if not isinstance(value, str) or not INSTANT.fullmatch(value):
        return False
    return datetime.fromisoformat(value).tzinfo is not None


@FORMATS.checks("uuid", raises=ValueError)
def _is_uuid(value: object) -> bool:
    return isinstance(value, str) and str(UUID(value)) == value


@lru_cache
def validator(type_name: str) -> Draft202012Validator:
    """The validator of an event type, from its file."""
    schema = json.loads(SCHEMAS[type_name].read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=FORMATS)


def complaints(record: dict[str, Any]) -> list[str]:
    """What its type's schema finds wrong with a record; an unknown type is one complaint."""
    if record.get("type") not in SCHEMAS:
        return [f"there is no schema of {record.get('type')!r}"]
    errors = validator(record["type"]).iter_errors(record)
    return [f"{record['type']} {error.json_path}: {error.message}" for error in errors]
