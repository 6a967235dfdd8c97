"""Schemas are told to a registry before anything is said, and nobody is told what they break."""

import json
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft7Validator
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploy.event_docs.parties import SERVICES
from shared.envelope import Topic
from shared.events import EVENT_TYPES, TicketSlotted, write
from shared.registry import registered_schema, subject_of
from tests.support.desk import Desk
from tests.support.gate import gate_to
from tests.support.samples import ticket_created
from tests.support.schema_registry import PATH, SchemaRegistry, running_registry
from tests.support.schemas import FORMATS
from tests.support.served import serving
from tests.support.service import Service, a_service
from tests.support.stack import Stack
from tests.support.stream import publish, read_events
from tests.support.waiting import until

pytestmark = [
    pytest.mark.long,  # the registry is a download of 150 MB
    pytest.mark.timeout(300),
]


@pytest.fixture(scope="module")
def registry(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SchemaRegistry]:
    """One for all these tests: each has a namespace of its own."""
    folder = tmp_path_factory.mktemp("registry")
    with running_registry(folder, stack.bootstrap_servers) as running:
        yield running


@pytest.fixture
def service(stack: Stack, tmp_path: Path, namespace: str, dsn: str) -> Iterator[Service]:
    """The small service, which says TicketSlotted; not started yet."""
    settings = {
        "KAFKA": stack.bootstrap_servers,
        "NAMESPACE": namespace,
        "PARTITIONS": "2",
        "DATABASE": dsn,
    }
    with a_service(tmp_path, settings) as made:
        yield made


def read(registry: SchemaRegistry, subject: str) -> Any:  # noqa: ANN401 - JSON may be anything
    """The newest schema of a subject."""
    text = registry.client.get_latest_version(subject).schema.schema_str
    assert text
    return json.loads(text)


def slotted(**changed: Any) -> str:  # noqa: ANN401 - JSON may be anything
    """The schema of TicketSlotted with other fields of its data; a field that is None is gone."""
    schema = registered_schema(TicketSlotted)
    fields = schema["properties"]["data"]["properties"] | changed
    schema["properties"]["data"]["properties"] = {k: v for k, v in fields.items() if v is not None}
    return json.dumps(schema)


async def test_every_type_is_there_for_readers(registry: SchemaRegistry, desk: Desk) -> None:
    """Once the services are up a reader finds each type's schema, and records keep to it."""
    for service in SERVICES:
        desk.start(service, CARELINE_SCHEMA_REGISTRY=registry.url)
    await desk.ready(*SERVICES)
    client = registry.client
    expected = {subject_of(event, desk.namespace) for event in EVENT_TYPES}
    found = {name for name in client.get_subjects() if name.startswith(f"{desk.namespace}.")}
    assert found == expected
    for event in EVENT_TYPES:
        subject = subject_of(event, desk.namespace)
        schema = read(registry, subject)
        assert subject.endswith(f"-{schema['title']}")
        Draft7Validator.check_schema(schema)
        assert client.get_compatibility(subject) == "FORWARD_TRANSITIVE"


async def test_what_is_said_keeps_to_what_is_registered(
    registry: SchemaRegistry, service: Service, stack: Stack, namespace: str
) -> None:
    """A record that the service writes is valid by the schema that its topic and type lead to."""
    service.start(SCHEMA_REGISTRY=registry.url)
    await service.ready()
    await publish(stack.bootstrap_servers, namespace, [ticket_created()])
    (said,) = await until(lambda: read_events(stack.bootstrap_servers, namespace, Topic.SLA))
    subject = f"{namespace}.sla-{said.type}"
    schema = read(registry, subject)
    validator = Draft7Validator(schema, format_checker=FORMATS)
    record = json.loads(write(said))
    assert validator.is_valid(record)
    assert not validator.is_valid(record | {"time": "yesterday"})


async def test_a_start_again_adds_nothing(
    registry: SchemaRegistry, service: Service, namespace: str
) -> None:
    """The same schema told twice is there once; an older version that may follow it is kept."""
    subject = subject_of(TicketSlotted, namespace)
    registry.put(subject, slotted(calendar=None), "FORWARD_TRANSITIVE")
    for _ in range(2):
        service.start(SCHEMA_REGISTRY=registry.url)
        await service.ready()
        service.process.kill()  # type: ignore[union-attr] # it was started
        await service.ended()
    assert registry.client.get_versions(subject) == [1, 2]


async def test_a_schema_that_older_readers_could_not_live_with_ends_the_start(
    registry: SchemaRegistry, service: Service, namespace: str
) -> None:
    """The registry refuses it; the service ends and says which one, where and why."""
    subject = subject_of(TicketSlotted, namespace)
    registry.put(subject, slotted(plan={"type": "integer"}), "FORWARD_TRANSITIVE")
    service.start(SCHEMA_REGISTRY=registry.url)
    assert await service.ended() == 1
    (said,) = [line["detail"] for line in service.log() if line["event"] == "schema_refused"]
    assert said.startswith(
        f"The schema registry {registry.host} did not take {subject}: readers with an older schema "
        "could not read what we write now (409: "
    )
    assert registry.client.get_versions(subject) == [1]


async def test_what_an_operator_has_set_stays(
    registry: SchemaRegistry, service: Service, namespace: str
) -> None:
    """A subject with a compatibility of its own keeps it, also where it lets anything pass."""
    subject = subject_of(TicketSlotted, namespace)
    registry.put(subject, slotted(plan={"type": "integer"}), "NONE")
    service.start(SCHEMA_REGISTRY=registry.url)
    await service.ready()
    assert registry.client.get_versions(subject) == [1, 2]
    assert registry.client.get_compatibility(subject) == "NONE"


async def test_it_waits_for_a_registry_that_is_away(
    registry: SchemaRegistry, service: Service, namespace: str
) -> None:
    """Readiness says whom it waits for and why, without the password; it goes on by itself."""
    async with gate_to(registry.host) as gate:
        await gate.shut()
        address = f"http://a-name:a-password@{gate.address}{PATH}"
        service.start(SCHEMA_REGISTRY=address)

        async def reason() -> str | None:
            answer = await service.get("/health/ready")
            said = answer.json()["parts"]["schema registry"] if answer else ""
            return said if "answer" in said else None

        assert (await until(reason)).startswith(f"{gate.address} does not answer: ConnectError")
        await gate.open()
        await service.ready()
    assert registry.client.get_versions(subject_of(TicketSlotted, namespace)) == [1]
    assert "a-password" not in json.dumps(service.log()) + service.errors()


async def test_it_gives_its_name_and_password(
    registry: SchemaRegistry, service: Service, namespace: str
) -> None:
    """Where a registry asks who we are, the address's name and password are what it hears."""
    heard: set[str | None] = set()

    async def pass_on(request: Request) -> Response:
        heard.add(request.headers.get("authorization"))
        async with httpx.AsyncClient() as client:
            answer = await client.request(
                request.method,
                f"http://{registry.host}{request.url.path}",
                content=await request.body(),
                headers={"content-type": request.headers["content-type"]},
            )
        return Response(answer.content, answer.status_code, media_type="application/json")

    way = Route("/{path:path}", pass_on, methods=["GET", "PUT", "POST"])
    async with serving(Starlette(routes=[way])) as url:
        address = url.replace("http://", "http://a%40name:a%3Apassword@") + PATH
        service.start(SCHEMA_REGISTRY=address)
        await service.ready()
    assert heard == {"Basic " + b64encode(b"a@name:a:password").decode()}
    assert registry.client.get_versions(subject_of(TicketSlotted, namespace)) == [1]
