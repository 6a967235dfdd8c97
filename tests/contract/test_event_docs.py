"""`docs/events/` is what the models say, and says it whole."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.event_docs import __main__ as event_docs
from deploy.event_docs.parties import PARTIES, type_name
from shared.envelope import SCHEMA_URN
from shared.events import EVENT_TYPES
from tests.support.schemas import EXAMPLES, FOLDER, SCHEMAS, validator

ASYNCAPI = json.loads((FOLDER / "asyncapi.json").read_text(encoding="utf-8"))
TYPES = [type_name(event) for event in EVENT_TYPES]


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
def test_every_field_is_explained(kind: str) -> None:
    """A reader finds in the schema what each field means, its own words or its type's."""
    schema: Any = validator(kind).schema
    assert schema["$id"] == f"{SCHEMA_URN}{kind}"
    models = [schema, *(each for each in schema["$defs"].values() if "properties" in each)]
    unexplained = [
        f"{model['title']}.{name}"
        for model in models
        for name, field in model["properties"].items()
        if not (field.get("description") or _target(schema, field).get("description"))
    ]
    assert unexplained == []


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
    assert kafka["accounts"]["topicConfiguration"]["cleanup.policy"] == ["compact"]
    assert kafka["sla"]["topicConfiguration"]["retention.ms"] == 365 * 24 * 3600 * 1000


def _target(schema: dict[str, Any], field: dict[str, Any]) -> dict[str, Any]:
    name = field.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = schema["$defs"][name] if name else {}
    return found


def _references(node: Any) -> Iterator[str]:  # noqa: ANN401 - JSON may be anything
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)
