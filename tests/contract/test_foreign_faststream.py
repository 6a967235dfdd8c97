"""What FastStream generates of our subscribers is true of our AsyncAPI document, so far as it goes.

It sees raw batches, and nothing that is said: publishing is ours.
"""

import ast
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from faststream.kafka import KafkaBroker
from faststream.specification import AsyncAPI

from deploy.event_docs.parties import NAMESPACE
from shared.consumer import Consumer, Heard
from shared.database import Connection, Database
from shared.envelope import Topic
from shared.publisher import Publisher
from tests.support.schemas import FOLDER

ASYNCAPI = json.loads((FOLDER / "asyncapi.json").read_text(encoding="utf-8"))
SERVICES = Path(__file__).parents[2] / "services"
NOWHERE = "127.0.0.1:9"


async def _handle(_: Connection, __: Sequence[Heard]) -> None:
    """Nothing comes."""


def subscribed(service: str) -> list[Topic]:
    """The topics that a service's composition root names."""
    tree = ast.parse((SERVICES / service / "__main__.py").read_text(encoding="utf-8"))
    return [
        Topic[node.attr]
        for call in ast.walk(tree)
        if isinstance(call, ast.keyword) and call.arg == "hears"
        for node in ast.walk(call.value)
        if isinstance(node, ast.Attribute)
    ]


@pytest.fixture(params=["sla", "messaging", "notifier"])
async def generated(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, dict[str, Any]]:
    """A service, and what FastStream generates of its consumer; there is no broker to speak to."""
    brokers: list[KafkaBroker] = []

    async def begin(broker: KafkaBroker) -> None:
        brokers.append(broker)

    monkeypatch.setattr(KafkaBroker, "start", begin)
    await Consumer(
        service=request.param,
        topics=subscribed(request.param),
        handle=_handle,
        database=Database("postgresql://nobody@127.0.0.1:9/none", service="test", size=4),
        publisher=Publisher(NOWHERE, deadline=1, client_id="test"),
        bootstrap_servers=NOWHERE,
        namespace=NAMESPACE,
    ).start()
    (broker,) = brokers
    document = AsyncAPI(broker, title="Careline", schema_version="3.0.0")
    return request.param, document.to_specification().to_jsonable()


def test_addresses_and_directions_agree(generated: tuple[str, dict[str, Any]]) -> None:
    """A service receives from the addresses that our document has it hear or remember."""
    service, document = generated
    operations = [
        operation
        for name, operation in ASYNCAPI["operations"].items()
        if name.startswith((f"{service}.hears.", f"{service}.remembers."))
        and not name.endswith(".keys")  # read beside FastStream, by each replica for itself
    ]
    assert {each["action"] for each in document["operations"].values()} == {"receive"}
    assert {each["address"] for each in document["channels"].values()} == {
        ASYNCAPI["channels"][each["channel"]["$ref"].rpartition("/")[2]]["address"]
        for each in operations
    }


def test_it_knows_neither_types_nor_keys_nor_groups(generated: tuple[str, dict[str, Any]]) -> None:
    """Which is why our document is not made from it: if this fails, look whether it could be."""
    _, document = generated
    written = json.dumps(document)
    assert [name for name in ASYNCAPI["components"]["messages"] if name in written] == []
    messages = document["components"]["messages"].values()
    assert [each for each in messages if "bindings" in each or "headers" in each] == []
    assert "groupId" not in written
    assert document["defaultContentType"] == "application/json"
