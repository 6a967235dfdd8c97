"""The stream as its readers know it: types, where each stands, the schemas; now and as released.

A release is a folder of `released/`, named for its version, and is never changed again:
`stream.json` says where each type stands, `schemas/` what a record of it is, `private/` what is
sealed in it.
"""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.event_docs.parties import key_of, type_name
from shared.event_schemas import private_schema_of, schema_of
from shared.events import EVENT_TYPES

RELEASED = Path(__file__).with_name("released")
PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the records of a type stand."""

    topic: str
    """Without its namespace."""
    key: str
    """What the record's key is, in a word."""


@dataclass(frozen=True, slots=True)
class Stream:
    """What one version of the desk says."""

    version: str
    places: Mapping[str, Place]
    """By type."""
    schemas: Mapping[str, Schema]
    """Of the whole record, by type."""
    private: Mapping[str, Schema] = field(default_factory=dict)
    """Of what is sealed in it, by type; a type without personal data is not in here."""


def present() -> Stream:
    """What the models say now, under the version that the project has now."""
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    names = {type_name(event): event for event in EVENT_TYPES}
    sealed = {name: private_schema_of(event) for name, event in names.items()}
    return Stream(
        version=project["version"],
        places={n: Place(str(event.TOPIC), key_of(event.TOPIC)) for n, event in names.items()},
        schemas={name: schema_of(event) for name, event in names.items()},
        private={name: schema for name, schema in sealed.items() if schema is not None},
    )


def last_released(major: int, folder: Path = RELEASED) -> Stream | None:
    """The newest release of a major version, or None if there is none yet."""
    versions = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    same = [version for version in versions if numbers(version)[0] == major]
    return read(folder / max(same, key=numbers)) if same else None


def numbers(version: str) -> tuple[int, ...]:
    """`0.10.2` as numbers, which compare as versions do."""
    return tuple(int(number) for number in version.split("."))


def read(folder: Path) -> Stream:
    """A release from its folder."""
    places = _load(folder / "stream.json")
    return Stream(
        version=folder.name,
        places={name: Place(**place) for name, place in places.items()},
        schemas={path.stem: _load(path) for path in (folder / "schemas").glob("*.json")},
        private={path.stem: _load(path) for path in (folder / "private").glob("*.json")},
    )


def write(stream: Stream, folder: Path = RELEASED) -> Path:
    """Keep a stream as the release of its version, and say where.

    Raises:
        FileExistsError: that version was released already.
    """
    release = folder / stream.version
    release.mkdir(parents=True)
    places = {name: {"topic": p.topic, "key": p.key} for name, p in stream.places.items()}
    _save(release / "stream.json", places)
    for kind, schemas in (("schemas", stream.schemas), ("private", stream.private)):
        (release / kind).mkdir()
        for name, schema in schemas.items():
            _save(release / kind / f"{name}.json", schema)
    return release


def _load(path: Path) -> Any:  # noqa: ANN401 - JSON may be anything
    return json.loads(path.read_text(encoding="utf-8"))


def _save(path: Path, value: Mapping[str, Any]) -> None:
    text = json.dumps(value, indent=2, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")
