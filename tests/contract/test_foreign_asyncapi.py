"""The AsyncAPI document as AsyncAPI's own parser reads it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support import asyncapi_parser
from tests.support.schemas import EXAMPLES, FOLDER

pytestmark = pytest.mark.long  # it fetches the parser from npm

Change = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def parser(request: pytest.FixtureRequest) -> Path:
    """Where the parser is; fetched from npm where this clone has none yet."""
    return asyncapi_parser.installed(request.config.cache.mkdir("asyncapi-parser"))


@pytest.fixture(scope="module")
def read(parser: Path) -> dict[str, Any]:
    """Our document, as it is read."""
    return asyncapi_parser.understood(parser, FOLDER / "asyncapi.json")


def test_the_official_parser_has_no_complaint(read: dict[str, Any]) -> None:
    """No error, no warning and no hint, also of the latest version of AsyncAPI."""
    assert read["complaints"] == []


def test_the_official_parser_reads_every_message_with_key_schema_and_example(
    read: dict[str, Any],
) -> None:
    """What other tools make of it has every type, on its topic, with all that belongs to it."""
    messages = [m for channel in read["channels"] for m in channel["messages"]]
    on_the_stream = [m for m in messages if m["id"] != "DeadLetter"]
    assert sorted(m["name"] for m in on_the_stream) == sorted(EXAMPLES)
    for message in on_the_stream:
        assert message["contentType"] == "application/cloudevents+json"
        assert message["payload"] == f"urn:careline:schema:{message['name']}"
        assert message["hasKey"]
        example = json.loads(EXAMPLES[message["name"]].read_text(encoding="utf-8"))
        assert message["examples"][0] == example


def test_the_official_parser_sees_who_sends_and_who_receives(read: dict[str, Any]) -> None:
    """Each operation is of one channel and of messages that the channel has."""
    has = {each["id"]: {m["id"] for m in each["messages"]} for each in read["channels"]}
    assert {operation["action"] for operation in read["operations"]} == {"send", "receive"}
    for operation in read["operations"]:
        (channel,) = operation["channels"]
        assert operation["messages"]
        assert set(operation["messages"]) <= has[channel]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        pytest.param(
            lambda document: document["info"].pop("version"),
            "asyncapi-document-resolved",
            id="no version",
        ),
        pytest.param(
            lambda document: document["channels"]["sla"]["messages"].update(
                X={"$ref": "#/components/messages/Nothing"}
            ),
            "invalid-ref",
            id="a reference to nothing",
        ),
        pytest.param(
            lambda document: document["components"]["messages"]["PlanChanged"].update(
                payload={"type": "nonsense"}
            ),
            "asyncapi-document-resolved",
            id="a payload that is no schema",
        ),
        pytest.param(
            lambda document: document["operations"]["sla.says.sla"]["messages"].append(
                {"$ref": "#/channels/tickets/messages/TicketCreated"}
            ),
            "asyncapi3-operation-messages-from-referred-channel",
            id="a message of another channel",
        ),
    ],
)
def test_the_official_parser_would_complain(
    parser: Path, tmp_path: Path, change: Change, complaint: str
) -> None:
    """Of a document that is broken, it does: its silence means something."""
    folder = tmp_path / "events"
    shutil.copytree(FOLDER, folder)
    path = folder / "asyncapi.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    change(document)
    path.write_text(json.dumps(document), encoding="utf-8")
    read = asyncapi_parser.understood(parser, path)
    assert complaint in {each["code"] for each in read["complaints"]}
