"""`docs/events/` is what the models say, and says it whole."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from deploy.event_docs import __main__ as event_docs
from deploy.event_docs.parties import PARTIES, type_name
from deploy.event_docs.reasons import REASONS
from deploy.event_docs.schemas import is_told_by_its_fields
from deploy.event_docs.snippets.open_private import open_private
from shared.envelope import SCHEMA_URN
from shared.events import EVENT_TYPES
from tests.support.schemas import EXAMPLES, FOLDER, SCHEMAS, validator

ASYNCAPI = json.loads((FOLDER / "asyncapi.json").read_text(encoding="utf-8"))
TYPES = [type_name(event) for event in EVENT_TYPES]
OPENED = {path.stem: path for path in sorted((FOLDER / "examples" / "private").glob("*.json"))}

MEASURES = {"_seconds": "seconds", "_bytes": "bytes", "time_zone": "IANA"}
COUNTS = re.compile(r"\b([Hh]ow many|[Hh]ow often|[Cc]ounts?|[Cc]ounted from \d|code|status)\b")
"""What is said of a number that has no unit."""

each_schema = pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, id=path.relative_to(FOLDER / "schemas").as_posix())
        for path in sorted((FOLDER / "schemas").rglob("*.json"))
    ],
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the folder, which the command takes for its own."""
    copy = tmp_path / "events"
    shutil.copytree(FOLDER, copy)
    monkeypatch.setattr(event_docs, "FOLDER", copy)
    return copy


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    """The command, with these arguments."""
    monkeypatch.setattr("sys.argv", ["event_docs", *arguments])
    event_docs.main()


def test_the_folder_is_what_the_models_say() -> None:
    """Nobody changed a model, or the folder, without the other."""
    assert event_docs.differences(FOLDER, event_docs.contents()) == []


def test_check_names_what_is_not_current(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--check` ends with a sentence that names each file, changes none, and writing mends them."""
    schema = "schemas/careline.deadline.met.v1.json"
    (folder / schema).write_text("{}")
    (folder / "asyncapi.json").unlink()
    (folder / "examples" / "old.json").write_text("{}")
    with pytest.raises(SystemExit) as ended:
        run(monkeypatch, "--check")
    assert str(ended.value.code).startswith("docs/events/ is not what the models say; run ")
    assert str(ended.value.code).endswith(f": asyncapi.json, examples/old.json, {schema}")
    assert (folder / schema).read_text() == "{}"
    run(monkeypatch)
    run(monkeypatch, "--check")


def test_every_type_has_a_schema_an_example_and_its_place() -> None:
    """The folder, the AsyncAPI document and the table of parties know the same event types."""
    assert sorted(TYPES) == list(SCHEMAS) == list(EXAMPLES)
    assert list(PARTIES) == list(EVENT_TYPES)
    assert list(REASONS) == list(EVENT_TYPES)
    messages = ASYNCAPI["components"]["messages"].values()
    assert [m["name"] for m in messages if m["title"] != "DeadLetter"] == TYPES
    for event in EVENT_TYPES:
        channels = [
            name
            for name, each in ASYNCAPI["channels"].items()
            if event.__name__ in each["messages"]
        ]
        assert channels == [event.TOPIC.value]


@pytest.mark.parametrize("kind", TYPES)
def test_a_schema_has_the_name_that_records_call_it_by(kind: str) -> None:
    """`dataschema` is a place in the schema whose `$id` is the URN of the type."""
    schema: Any = validator(kind).schema
    assert schema["$id"] == f"{SCHEMA_URN}{kind}"
    assert schema["properties"]["dataschema"]["const"] == f"{SCHEMA_URN}{kind}#/properties/data"
    assert schema["properties"]["data"]["$ref"].removeprefix("#/$defs/") in schema["$defs"]


@each_schema
def test_every_field_is_explained_with_an_example(path: Path) -> None:
    """A reader finds at each field what it means and what may stand there."""
    unexplained = [
        f"{model}.{name}"
        for model, name, field, schema in _fields(path)
        if not field.get("description")
        or not (field.get("examples") or "const" in field or is_told_by_its_fields(field, schema))
    ]
    assert unexplained == []


@each_schema
def test_every_number_has_its_unit_and_every_instant_its_zone(path: Path) -> None:
    """In words: seconds, bytes, what is counted; UTC, or that a field names a zone."""
    unclear = [
        f"{model}.{name}: {field['description']}"
        for model, name, field, _ in _fields(path)
        if not _says_its_measure(name, field)
    ]
    assert unclear == []


@pytest.mark.parametrize(
    ("name", "field", "is_clear"),
    [
        ("left_seconds", {"type": "number", "description": "What is left."}, False),
        ("left_seconds", {"type": "number", "description": "What is left, in seconds."}, True),
        ("size_bytes", {"type": "integer", "description": "How long it is."}, False),
        ("count", {"type": "integer", "description": "The messages."}, False),
        ("count", {"type": "integer", "description": "How many messages."}, True),
        ("at", {"format": "date-time", "description": "When it was."}, False),
        ("time_zone", {"type": "string", "description": "Where they are."}, False),
        ("waited", {"type": "number", "description": "How long they waited."}, False),
    ],
)
def test_a_measure_without_words_is_noticed(
    name: str, field: dict[str, Any], *, is_clear: bool
) -> None:
    """What the test above demands of a field."""
    assert _says_its_measure(name, field) == is_clear


@each_schema
def test_every_value_of_a_list_is_explained(path: Path) -> None:
    """Whoever reads `overtaken` finds what that means."""
    schema = json.loads(path.read_text(encoding="utf-8"))
    for name, definition in schema.get("$defs", {}).items():
        for value in definition.get("enum", ()):
            assert f" `{value}`: " in definition["description"], f"{name}: {value}"


@each_schema
def test_the_example_of_a_field_passes_the_fields_schema(path: Path) -> None:
    """No example is of another type than the field."""
    for model, name, field, schema in _fields(path):
        judge = Draft202012Validator(field | {"$defs": schema.get("$defs", {})})
        for example in field.get("examples", ()):
            assert list(judge.iter_errors(example)) == [], f"{model}.{name}"


def test_the_examples_open_with_the_documented_keys() -> None:
    """By the documented code, from the records of the topic of keys and the examples' secret."""
    found = json.loads((FOLDER / "example-keys.json").read_text(encoding="utf-8"))
    made = {record["subject"]: record for record in found["keys"]}
    assert EXAMPLES["careline.key.made.v1"].read_text(encoding="utf-8") in {
        json.dumps(record, indent=2, ensure_ascii=False) + "\n" for record in found["keys"]
    }
    opened = {}
    for kind, path in EXAMPLES.items():
        event = json.loads(path.read_text(encoding="utf-8"))
        if "private" in event["data"]:
            key = made[event["data"]["private"]["key"]]
            opened[kind] = open_private(event, key, found["secret"])
    assert opened == {
        path.stem: json.loads(path.read_text(encoding="utf-8")) for path in OPENED.values()
    }


@pytest.mark.parametrize("kind", list(OPENED))
def test_an_opened_example_passes_the_schema_of_what_is_sealed(kind: str) -> None:
    """And is sharp: a part without what it must have does not pass."""
    schema = json.loads((FOLDER / "schemas" / "private" / f"{kind}.json").read_text())
    assert schema["$id"] == f"{SCHEMA_URN}private:{kind}"
    judge = Draft202012Validator(schema)
    opened = json.loads(OPENED[kind].read_text(encoding="utf-8"))
    assert list(judge.iter_errors(opened)) == []
    for name in schema.get("required", ()):
        left = {field: value for field, value in opened.items() if field != name}
        assert list(judge.iter_errors(left))


def test_what_is_sealed_stands_nowhere_else() -> None:
    """Neither the folder's examples nor its AsyncAPI document have a word of it."""
    private = [json.loads(path.read_text(encoding="utf-8")) for path in OPENED.values()]
    words = {value for each in private for value in each.values() if isinstance(value, str)}
    whole = "".join(path.read_text(encoding="utf-8") for path in EXAMPLES.values())
    whole += (FOLDER / "asyncapi.json").read_text(encoding="utf-8")
    assert [each for each in words if f'"{each}"' in whole] == []


def test_every_reference_of_the_asyncapi_document_leads_somewhere() -> None:
    """`$ref`s point to what is in the document, or to a file beside it."""
    references = list(_references(ASYNCAPI))
    assert len(references) > len(TYPES)
    for reference in references:
        if reference.startswith("#/"):
            found = ASYNCAPI
            for step in reference[2:].split("/"):
                found = found[step]
        else:
            assert (FOLDER / reference).is_file()


def test_topics_are_described_as_they_are_declared() -> None:
    """Ticket-keyed topics share their number of partitions; accounts are compacted."""
    kafka = {name: each["bindings"]["kafka"] for name, each in ASYNCAPI["channels"].items()}
    stream = {name: each for name, each in kafka.items() if not name.endswith(".dead")}
    assert {each["partitions"] for each in stream.values()} == {12}
    assert kafka["keys"]["topicConfiguration"]["cleanup.policy"] == ["compact", "delete"]
    assert kafka["accounts"]["topicConfiguration"]["cleanup.policy"] == ["compact"]
    assert kafka["sla"]["topicConfiguration"]["retention.ms"] == 365 * 24 * 3600 * 1000


def _fields(path: Path) -> Iterator[tuple[str, str, dict[str, Any], dict[str, Any]]]:
    """Every field of a schema file: its model's name, its own, what is said of it, the schema."""
    schema = json.loads(path.read_text(encoding="utf-8"))
    for model in (schema, *schema.get("$defs", {}).values()):
        for name, field in model.get("properties", {}).items():
            yield model["title"], name, field, schema


def _says_its_measure(name: str, field: dict[str, Any]) -> bool:
    words = field["description"]
    if field.get("format") == "date-time":
        return "UTC" in words
    for ending, measure in MEASURES.items():
        if name.endswith(ending):
            return measure in words
    if field.get("type") in ("integer", "number"):
        return bool(COUNTS.search(words))
    return True


def _references(node: Any) -> Iterator[str]:  # noqa: ANN401 - JSON may be anything
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)
