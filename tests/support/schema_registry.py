"""A real schema registry, Apicurio, with the API that Confluent's clients speak; on real Kafka."""

import asyncio
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

from deploy.local import ports
from tests.support import foreign_java, maven
from tests.support.waiting import until

LOCK = Path(__file__).with_name("apicurio.lock")
MAIN = "io.quarkus.bootstrap.runner.QuarkusEntryPoint"
PATH = "/apis/ccompat/v7"
"""Where its API begins."""
WITHIN = 240


@dataclass(frozen=True)
class SchemaRegistry:
    """Where it is, and how somebody who is not us speaks to it."""

    host: str
    """`host:port`."""
    client: SchemaRegistryClient
    """Confluent's own."""

    @property
    def url(self) -> str:
        """What a service is told."""
        return f"http://{self.host}{PATH}"

    def put(self, subject: str, schema: str, compatibility: str | None = None) -> None:
        """Somebody else's work: a schema, and what may come after it."""
        if compatibility:
            self.client.set_compatibility(subject, compatibility)
        self.client.register_schema(subject, Schema(schema, "JSON"))


@contextmanager
def running_registry(folder: Path, bootstrap_servers: str) -> Iterator[SchemaRegistry]:
    """Run one until the end of the block."""
    (archive,) = maven.ensure(LOCK)
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    chosen = ports.free_ports()
    settings = {
        "quarkus.http.host": "127.0.0.1",
        "quarkus.http.port": chosen.intake,
        "quarkus.management.port": chosen.sla,
        "apicurio.storage.kind": "kafkasql",
        "apicurio.kafkasql.bootstrap.servers": bootstrap_servers,
        "apicurio.kafkasql.topic": f"registry-{chosen.intake}",
        "apicurio.storage.snapshot.location": folder,
    }
    options = [f"-D{name}={value}" for name, value in settings.items()]
    host = f"127.0.0.1:{chosen.intake}"
    jar = folder / "quarkus-run.jar"
    with foreign_java.running(folder, [jar], [MAIN], options=options) as process:

        async def answers() -> bool:
            assert process.poll() is None, foreign_java.said(folder)
            async with httpx.AsyncClient() as client:
                try:
                    answer = await client.get(f"http://{host}{PATH}/subjects")
                except httpx.TransportError:
                    return False
            return answer.status_code == httpx.codes.OK

        asyncio.run(until(answers, within=WITHIN, what="the registry answers"))
        with SchemaRegistryClient({"url": f"http://{host}{PATH}"}) as client:
            yield SchemaRegistry(host, client)
