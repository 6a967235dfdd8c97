"""A service as a process: it starts before what it needs, says what it waits for, ends in time."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import httpx
import pytest

from deploy.local import ports
from shared.envelope import Topic
from tests.support.databases import PASSWORD
from tests.support.gate import gate_to
from tests.support.lone_broker import LoneBroker
from tests.support.samples import ticket_created
from tests.support.sealing import STREAM_SECRET
from tests.support.service import Service, a_service
from tests.support.stack import Stack
from tests.support.stream import publish, read_events
from tests.support.waiting import until

STOPS_WITHIN = 10
"""Seconds: what every service promises."""


def has_ipv6_here() -> bool:
    """Whether one can listen on `::1`."""
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


@pytest.fixture
def settings(stack: Stack, namespace: str, dsn: str) -> dict[str, str]:
    """What a service is told when all is there."""
    return {
        "KAFKA": stack.bootstrap_servers,
        "NAMESPACE": namespace,
        "PARTITIONS": "2",
        "DATABASE": dsn,
    }


@pytest.fixture
def service(tmp_path: Path, settings: dict[str, str]) -> Iterator[Service]:
    """The small service, not started yet."""
    with a_service(tmp_path, settings) as made:
        yield made


async def parts(service: Service) -> dict[str, str]:
    """What readiness says of each part."""
    answer = await service.answers("/health/ready", 503)
    found: dict[str, str] = answer.json()["parts"]
    return found


@pytest.mark.timeout(240)
async def test_it_starts_before_what_it_needs_and_says_what_is_missing(
    service: Service, stack: Stack, namespace: str, dsn: str
) -> None:
    """Alive at once; readiness names the part that waits; it goes on as soon as that is there."""
    async with gate_to(dsn) as database, gate_to(stack.bootstrap_servers) as kafka:
        await database.shut()
        await kafka.shut()
        service.start(KAFKA=kafka.address, DATABASE=database.dsn(dsn))
        await service.answers("/health/live", 200)
        assert set((await parts(service)).values()) == {"starting"}

        await database.open()

        async def next_is_kafka() -> bool:
            found = await parts(service)
            return (found["postgres"], found["schema"], found["topics"]) == (
                "ready",
                "ready",
                "starting",
            )

        await until(next_is_kafka)
        await kafka.open()
        await service.ready()
        await publish(stack.bootstrap_servers, namespace, [ticket_created()])
        await until(lambda: read_events(stack.bootstrap_servers, namespace, Topic.SLA))
    waited = {line["part"] for line in service.log() if line["event"] == "waiting_for"}
    assert waited == {"postgres", "topics"}
    assert PASSWORD not in json.dumps(service.log()) + service.errors()


@pytest.mark.skipif(not has_ipv6_here(), reason="this machine has no address of the newer kind")
async def test_a_container_finds_its_service_by_either_kind_of_address(service: Service) -> None:
    """On a net of IPv6 alone it listens on `::`, and is asked there."""
    service.start(HTTP_HOST="::")
    asked = [sys.executable, "-m", "shared.health", "ready"]
    told = {"CARELINE_HTTP_HOST": "::", "CARELINE_HTTP_PORT": str(service.port)}

    async def is_ready() -> bool:
        asking = await asyncio.create_subprocess_exec(
            *asked, env=os.environ | told, stdout=subprocess.DEVNULL
        )
        return await asking.wait() == 0

    await until(is_ready, what="it says that it is ready")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_ends_when_told_to(service: Service, number: signal.Signals) -> None:
    """A signal ends it in time with status 0; no process of its own and no listener is left."""
    service.start()
    await service.ready()
    assert service.children() == []
    service.signal(number)
    assert await service.ended(within=STOPS_WITHIN) == 0
    assert ports.is_free(service.port)
    assert service.log()[-1]["event"] == "stopped"
    assert service.errors() == ""


async def test_it_ends_while_it_waits(service: Service) -> None:
    """A signal also ends a service that has not found Kafka yet."""
    service.start(KAFKA=f"127.0.0.1:{ports.free_ports().kafka}")
    await service.answers("/health/live", 200)
    await until(lambda: any(line["event"] == "waiting_for" for line in service.log()))
    service.signal(signal.SIGTERM)
    assert await service.ended(within=STOPS_WITHIN) == 0
    assert service.errors() == ""


async def test_a_slow_caller_does_not_keep_it(service: Service) -> None:
    """A request whose body never ends holds up the end no longer than allowed."""
    service.start()
    await service.ready()
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    writer.write(b"POST /echo HTTP/1.1\r\nHost: it\r\nContent-Length: 100\r\n\r\nthe beginning")
    await writer.drain()
    service.signal(signal.SIGTERM)
    assert await service.ended(within=STOPS_WITHIN) == 0
    writer.close()
    assert b" 200 " not in await reader.read()


async def test_a_frozen_broker_does_not_keep_it(service: Service, lone_broker: LoneBroker) -> None:
    """With the broker hanging, goodbyes that nobody answers are given up in time."""
    service.start(KAFKA=lone_broker.bootstrap_servers)
    await service.ready()
    lone_broker.freeze()
    try:
        service.signal(signal.SIGTERM)
        assert await service.ended(within=STOPS_WITHIN) == 0
    finally:
        lone_broker.thaw()


@pytest.mark.timeout(180)
async def test_a_frozen_database_does_not_keep_it(service: Service, dsn: str) -> None:
    """Nor does a database that takes every call and answers none."""
    async with gate_to(dsn) as database:
        service.start(DATABASE=database.dsn(dsn))
        await service.ready()
        database.leave_ajar()
        await asyncio.sleep(6)  # by then its workers ask for more connections
        service.signal(signal.SIGTERM)
        assert await service.ended(within=STOPS_WITHIN) == 0


@pytest.mark.timeout(240)
async def test_a_lost_broker_shows_in_readiness_and_passes(
    service: Service, lone_broker: LoneBroker
) -> None:
    """With nothing to do and a silent broker it says so, and is ready again by itself."""
    service.start(KAFKA=lone_broker.bootstrap_servers)
    await service.ready()
    lone_broker.freeze()
    try:
        found = await parts(service)
    finally:
        lone_broker.thaw()
    assert found["stream"].startswith("no answer from the broker")
    await service.ready()


async def test_a_lost_database_shows_in_readiness_and_passes(service: Service, dsn: str) -> None:
    """A service that can't work says so, stays alive, and is ready again by itself."""
    async with gate_to(dsn) as database:
        service.start(DATABASE=database.dsn(dsn))
        await service.ready()
        await database.shut()
        found = await parts(service)
        assert found["relay"].startswith("failed ")
        await service.answers("/health/live", 200)
        await database.open()
        await service.ready()


async def test_events_in_hand_survive_the_end(
    service: Service, stack: Stack, namespace: str
) -> None:
    """Told to end while events come in, it loses none: the next start does the rest."""
    service.start()
    await service.ready()
    said = [ticket_created(f"ticket {number}") for number in range(300)]
    sending = asyncio.create_task(publish(stack.bootstrap_servers, namespace, said))
    await until(lambda: read_events(stack.bootstrap_servers, namespace, Topic.SLA))
    service.signal(signal.SIGTERM)
    assert await service.ended() == 0
    await sending
    service.start()

    async def answered() -> bool:
        found = await read_events(stack.bootstrap_servers, namespace, Topic.SLA)
        return {event.causationid for event in found} == {event.id for event in said}

    await until(answered)


WRONG = {
    "NAMESPACE": "Our Desk!",
    "PARTITIONS": "none",
    "HTTP_PORT": "99999",
    "LOG_LEVEL": "LOUD",
    "DATABASE": "mysql://me:a-secret@127.0.0.1/desk",
    "DATABASE_CONNECTIONS": "-1",
}


async def test_wrong_settings_are_named(service: Service) -> None:
    """Status 2 and one line for each setting, with its name and what was expected; no secret."""
    service.start(**WRONG)
    assert await service.ended() == 2
    lines = service.errors().splitlines()
    assert sorted(line.partition(": ")[0] for line in lines) == sorted(
        f"CARELINE_{name}" for name in WRONG
    )
    assert [line for line in lines if ": expected " not in line] == []
    assert "a-secret" not in service.errors()
    assert service.log() == []


async def test_a_missing_setting_is_named(service: Service) -> None:
    """What must be told and was not is named too."""
    del service.settings["DATABASE"]
    service.start()
    assert await service.ended() == 2
    assert service.errors().startswith("CARELINE_DATABASE: expected postgresql://")
    assert service.errors().endswith("got nothing\n")


@pytest.mark.parametrize("content", [None, '{"keys": [{"kty": "EC"}]}'])
async def test_a_key_set_that_is_none_is_named(
    tmp_path: Path, settings: dict[str, str], content: str | None
) -> None:
    """A file of keys that is missing or broken ends a service with status 2 and one line."""
    path = tmp_path / "keys.json"
    if content is not None:
        path.write_text(content)
    secrets = {"PSEUDONYM_SECRET": "a secret of the tests", "STREAM_SECRET": STREAM_SECRET}
    told = settings | secrets | {"JWKS_FILE": str(path)}
    with a_service(tmp_path, told, "services.intake") as intake:
        intake.start()
        assert await intake.ended() == 2
        (line,) = intake.errors().splitlines()
        assert line.startswith("CARELINE_JWKS_FILE: ")


async def test_a_taken_port_is_said_plainly(service: Service) -> None:
    """Whoever has the port keeps it; the service says which one it wanted, and ends."""
    with socket.create_server(("127.0.0.1", service.port)):
        service.start()
        assert await service.ended() == 2
    (line,) = service.errors().splitlines()
    assert line.startswith("CARELINE_HTTP_PORT: Address already in use")
    assert str(service.port) in line
    assert service.log() == []


async def test_a_database_of_another_story_ends_it(service: Service, dsn: str) -> None:
    """What waiting can't mend is logged with its kind, and the status is 1."""
    connection = await asyncpg.connect(dsn)
    await connection.execute("UPDATE schema_migrations SET checksum = 'edited'")
    await connection.close()
    service.start()
    assert await service.ended() == 1
    (failed,) = [line for line in service.log() if line["event"] == "start_failed"]
    assert failed["part"] == "schema"
    assert failed["exception"][0]["exc_type"] == "MigrationError"


async def test_metrics_are_there_from_the_first_moment(service: Service) -> None:
    """What is counted can be scraped, ready or not."""
    service.start(KAFKA=f"127.0.0.1:{ports.free_ports().kafka}")
    text = (await service.answers("/metrics", httpx.codes.OK)).text
    assert "\ncareline_ready 0.0\n" in text
