"""The page on Kafka Connect: its table, its worker and its connector, on real servers."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest
from confluent_kafka.admin import AdminClient

from deploy.local import ports
from tests.integration.analytics_snippets.conftest import tell
from tests.support import foreign_java, maven, told
from tests.support.databases import Databases
from tests.support.snippets import names, snippet
from tests.support.stream import read_all
from tests.support.waiting import until

LOCK = Path(__file__).with_name("connect.lock")
PAGE = "kafka-connect.md"
MAIN = "org.apache.kafka.connect.cli.ConnectStandalone"
FILES = ("worker.properties", "careline-to-postgres.properties")
GROUP = "connect-careline-to-postgres"
WITHIN = 240
OPTIONS = ("--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow")
ROWS = "SELECT __connect_topic, __connect_partition, __connect_offset FROM careline_stream"
SEALED = "SELECT count(*) FROM careline_stream WHERE event::text LIKE '%sealed%'"
TOPICS = [
    f"careline.{name}" for name in ("tickets", "messages", "sla", "notifications", "accounts")
]


@dataclass(frozen=True)
class Sink:
    """A database with the page's table, and a folder with its settings."""

    database: asyncpg.Connection
    folder: Path
    classpath: list[Path]
    environ: dict[str, str]

    async def run_until(self, count: int) -> None:
        """Run Connect until so many rows are there, and stop it."""
        with foreign_java.running(
            self.folder, self.classpath, [MAIN, *FILES], options=OPTIONS, environ=self.environ
        ) as process:

            async def there() -> bool:
                assert process.poll() is None, foreign_java.said(self.folder)
                return bool(await self.count() >= count)

            await until(there, within=WITHIN, what=f"{count} rows")

    async def count(self) -> int:
        """How many rows there are."""
        return int(await self.database.fetchval("SELECT count(*) FROM careline_stream"))

    async def rows(self) -> list[tuple[Any, ...]]:
        """Where on the stream each row was."""
        return sorted(tuple(row) for row in await self.database.fetch(ROWS))


@pytest.fixture
async def sink(kafka: str, databases: Databases, tmp_path: Path) -> AsyncIterator[Sink]:
    """All that the page asks for, made by the page's own words."""
    *classpath, connector = maven.ensure(LOCK)
    (tmp_path / connector.name).symlink_to(connector)
    _unpack(tmp_path)
    for name, block in zip(FILES, ("worker", "sink"), strict=True):
        (tmp_path / name).write_text(snippet(PAGE, block), encoding="utf-8")
    async with databases.fresh() as dsn:
        database = await asyncpg.connect(dsn)
        await database.execute(snippet(PAGE, "table"))
        yield Sink(database, tmp_path, classpath, _environ(kafka, dsn))
        await database.close()


def _unpack(folder: Path) -> None:
    command = ["/bin/sh", "-ec", snippet(PAGE, "unpack")]
    subprocess.run(command, cwd=folder, check=True)  # noqa: S603 - the page's own words


def _environ(kafka: str, dsn: str) -> dict[str, str]:
    server = urlsplit(dsn)
    return {
        "CARELINE_KAFKA": kafka,
        "CONNECT_LISTENER": f"http://127.0.0.1:{ports.free_ports().intake}",
        "PGHOST": str(server.hostname),
        "PGPORT": str(server.port),
        "PGDATABASE": server.path.removeprefix("/"),
        "PGUSER": str(server.username),
        "PGPASSWORD": str(server.password),
    }


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_connect_lands_every_record_once(kafka: str, sink: Sink) -> None:
    """All that was told is in the table without `private`, and still once when delivered again."""
    assert names(PAGE) == {"table", "unpack", "worker", "sink", "attainment"}
    before = await read_all(kafka, *TOPICS)
    await sink.run_until(len(before))
    landed = await sink.rows()
    assert landed == sorted((each.topic, each.partition, each.offset) for each in before)
    assert any(b"sealed" in each.value for each in before)
    assert not await sink.database.fetchval(SEALED)

    await _forget_offsets(kafka)  # everything is delivered again, on top of what is new
    await tell(kafka, [told.news("while Connect was away")])
    await sink.run_until(len(before) + 1)
    after = await read_all(kafka, *TOPICS)
    assert await sink.rows() == sorted((each.topic, each.partition, each.offset) for each in after)

    found = await sink.database.fetch(snippet(PAGE, "attainment"))
    assert {plan: (met, breached) for plan, met, breached in found} == told.attainment()
    events = await sink.database.fetchval("SELECT count(*) FROM events")
    assert events == len({json.loads(each.value)["id"] for each in after}) < len(after)


async def _forget_offsets(kafka: str) -> None:
    """Delete the sink's group, once its member has left: it begins at the beginning again."""
    admin = AdminClient({"bootstrap.servers": kafka})

    async def deleted() -> bool:
        answer = admin.delete_consumer_groups([GROUP])[GROUP]
        failure = await asyncio.to_thread(answer.exception)
        return failure is None

    await until(deleted, within=120, what="the group is gone")
