"""Processes that are away, not ready or fail at their work."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from functools import partial

import asyncpg
import pytest
import pytest_asyncio

from deploy.local import ports
from deploy.local.prometheus_api import Series
from shared.envelope import Topic
from tests.support.backups import take_backup
from tests.support.desk import SECRET, SERVICES, Desk, running_desk
from tests.support.lost_database import has_heard_all, lose_database
from tests.support.operators import command
from tests.support.prometheus import needs_prometheus
from tests.support.provoking import address_of, ask, change, left_open
from tests.support.spoiled_topics import delete_all
from tests.support.stack import Stack
from tests.support.waiting import until
from tests.support.watched import Watched, watching

pytestmark = [
    needs_prometheus,
    pytest.mark.timeout(420),  # more than all waits of a test together
    pytest.mark.asyncio(loop_scope="module"),
]

TWIN = "messaging-twin"
"""The second replica of messaging; the other services have one each."""
HEARD_BY_SLA = (Topic.TICKETS, Topic.MESSAGES, Topic.SLA, Topic.ACCOUNTS)
TOO_LARGE = 2 * 1024 * 1024
"""Bytes: more than a producer hands to a broker."""


@pytest.fixture(scope="module")
def desk(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk of which nothing runs yet."""
    with running_desk(stack, tmp_path_factory.mktemp("services")) as made:
        yield made


@pytest.fixture(scope="module")
def twins_port() -> int:
    """Where the second replica of messaging listens."""
    return ports.free_ports().messaging


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def watched(desk: Desk, twins_port: int) -> AsyncIterator[Watched]:
    """A desk of five processes, all of them ready."""
    async with watching(desk, desk.folder, *SERVICES, twins={"messaging": twins_port}) as begun:
        await _start_twin(begun, twins_port)
        yield begun


async def _start_twin(watched: Watched, port: int, **settings: str) -> None:
    watched.desk.start("messaging", name=TWIN, CARELINE_HTTP_PORT=str(port), **settings)
    await watched.until(f'up{{job="messaging",instance="127.0.0.1:{port}"}} == 1')
    if not settings:
        await watched.until("min(careline_ready) == 1")


def _by_job(answer: list[Series]) -> dict[str, float]:
    return {each.labels["job"]: each.value for each in answer}


@pytest.mark.alert("Watchdog")
@pytest.mark.alert("ServiceDown")
@pytest.mark.alert("MetricsAbsent")
async def test_a_service_that_was_killed_is_told_of(watched: Watched) -> None:
    """Nobody answers for it and nothing is known of it, until it is started again."""
    watched.desk.kill("sla")
    for name in ("ServiceDown", "MetricsAbsent"):
        alert = await watched.fires(name)
        assert (alert.labels["job"], alert.labels["severity"]) == ("sla", "page")
    up, *_ = await watched.follow_runbook("ServiceDown")
    assert {each.labels["job"] for each in up if not each.value} == {"sla"}
    _, ready, _ = await watched.follow_runbook("MetricsAbsent")
    assert _by_job(ready).keys() == set(SERVICES) - {"sla"}
    watched.desk.start("sla")
    for name in ("ServiceDown", "MetricsAbsent"):
        await watched.ends(name)
    await watched.fires("Watchdog")
    await watched.follow_runbook("Watchdog")
    await watched.desk.ready("sla")


@pytest.mark.long
@pytest.mark.alert("TargetDown")
async def test_a_replica_that_was_killed_is_told_of(watched: Watched, twins_port: int) -> None:
    """It waits for the morning, since another one carries its partitions."""
    watched.desk.kill(TWIN)
    alert = await watched.fires("TargetDown")
    assert alert.labels["instance"] == f"127.0.0.1:{twins_port}"
    assert alert.labels["severity"] == "ticket"
    _, left, _ = await watched.follow_runbook("TargetDown")
    assert _by_job(left)["messaging"] == 1
    assert await watched.prometheus.alert("ServiceDown") is None
    await _start_twin(watched, twins_port)
    await watched.ends("TargetDown")


@pytest.mark.long
@pytest.mark.alert("NotReady")
async def test_a_service_without_its_database_is_told_of(watched: Watched) -> None:
    """Its password was changed under it: it says which part is not there, and needs no restart."""
    desk = watched.desk
    await _set_password(desk, "sla", "another-one")
    desk.stop("sla")
    desk.start("sla")
    alert = await watched.fires("NotReady")
    assert (alert.labels["job"], alert.labels["severity"]) == ("sla", "page")
    parts, *_ = await watched.follow_runbook("NotReady")
    assert ("sla", "postgres") in {(each.labels["job"], each.labels["part"]) for each in parts}
    await _set_password(desk, "sla", SECRET)
    await watched.ends("NotReady")


async def _set_password(desk: Desk, service: str, password: str) -> None:
    role = desk.dsn(service).rpartition("/")[2]
    await change(desk.stack.postgres_admin_dsn, f"ALTER ROLE {role} PASSWORD '{password}'")


@pytest.mark.long
@pytest.mark.alert("ReplicaNotReady")
async def test_a_replica_that_is_not_ready_is_told_of(watched: Watched, twins_port: int) -> None:
    """It has a wrong password, which the other one has not: nobody is woken."""
    desk = watched.desk
    desk.stop(TWIN)
    wrong = desk.dsn("messaging").replace(SECRET, "a-slip")
    await _start_twin(watched, twins_port, CARELINE_DATABASE=wrong)
    alert = await watched.fires("ReplicaNotReady")
    assert alert.labels["instance"] == f"127.0.0.1:{twins_port}"
    parts, ready, _ = await watched.follow_runbook("ReplicaNotReady")
    assert "postgres" in {each.labels["part"] for each in parts}
    assert _by_job(ready)["messaging"] == 1
    assert await watched.prometheus.alert("NotReady") is None
    desk.stop(TWIN)
    await _start_twin(watched, twins_port)
    await watched.ends("ReplicaNotReady")


@pytest.mark.long
@pytest.mark.alert("RebuildRunningLong")
async def test_a_rebuild_that_stands_still_is_told_of(watched: Watched) -> None:
    """A lock keeps sla from learning its lost database again; that it is not ready is no page."""
    desk = watched.desk
    await ask(desk, 3, name="rebuilt")
    desk.stop("sla")
    await lose_database(desk, "sla")
    await asyncio.to_thread(_migrate, desk, "sla")
    async with left_open(desk.dsn("sla"), "LOCK TABLE tickets IN EXCLUSIVE MODE"):
        desk.start("sla")
        await watched.fires("RebuildRunningLong")
        rebuilding, lag, _ = await watched.follow_runbook("RebuildRunningLong")
        assert {job for job, is_so in _by_job(rebuilding).items() if is_so} == {"sla"}
        assert max(each.value for each in lag if each.labels["job"] == "sla") > 0
        assert await watched.prometheus.alert("NotReady") is None
    await watched.ends("RebuildRunningLong")
    await desk.ready("sla")


def _migrate(desk: Desk, service: str) -> None:
    said = command("shared.migrate_job", service, DATABASE=desk.dsn(service))
    assert said.status == 0, said


@pytest.mark.long
@pytest.mark.alert("RestoreIncomplete")
async def test_a_backup_that_is_older_than_the_stream_is_told_of(watched: Watched) -> None:
    """What came after it was deleted from the stream: sla says so until somebody has seen to it."""
    desk = watched.desk
    await _restore_without_the_last(desk, 2)
    desk.start("sla")
    alert = await watched.fires("RestoreIncomplete")
    assert alert.labels["job"] == "sla"
    lost, *_ = await watched.follow_runbook("RestoreIncomplete")
    assert _by_job(lost)["sla"] == 2
    await desk.ready("sla")
    await change(desk.dsn("sla"), "UPDATE rebuild SET lost_offsets = 0")
    desk.stop("sla")
    desk.start("sla")
    await desk.ready("sla")
    # While it was away the alert was, too: it has to stay away once sla is heard again.
    await watched.until('careline_restore_lost_offsets{job="sla"} == 0')
    await watched.ends("RestoreIncomplete")


async def _restore_without_the_last(desk: Desk, number: int) -> None:
    """Put sla's database back to before so many tickets, which the stream has no longer."""
    heard = partial(has_heard_all, desk, "sla", HEARD_BY_SLA)
    connection = await asyncpg.connect(desk.dsn("sla"))
    try:
        await ask(desk, name="before")
        await until(heard, what="sla has heard what came before the backup")
        backup = await take_backup(connection)
        await ask(desk, number, name="after")
        await until(heard, what="sla has heard what came after it")
        desk.stop("sla")
        await backup.put_back(connection)
    finally:
        await connection.close()
    await delete_all(desk, Topic.TICKETS)


@pytest.mark.long
@pytest.mark.alert("WorkerFailing")
async def test_work_that_fails_again_and_again_is_told_of(watched: Watched) -> None:
    """An event that no broker takes stops sla's relay; each that is to follow tries once more."""
    desk = watched.desk
    large = "INSERT INTO outbox (topic, key, value) VALUES ('sla', 'large', $1)"
    await change(desk.dsn("sla"), large, b"x" * TOO_LARGE)
    asking = asyncio.create_task(_go_on_asking(desk))
    try:
        alert = await watched.fires("WorkerFailing")
        assert (alert.labels["job"], alert.labels["worker"]) == ("sla", "relay")
        failed, waits, _ = await watched.follow_runbook("WorkerFailing")
        assert max(each.value for each in failed if each.labels["worker"] == "relay") > 10
        assert _by_job(waits)["sla"] > 0
    finally:
        asking.cancel()
        await change(desk.dsn("sla"), "DELETE FROM outbox WHERE key = 'large'")
    await watched.ends("WorkerFailing")
    assert "step_failed" in {line["event"] for line in desk.log("sla")}


async def _go_on_asking(desk: Desk) -> None:
    for number in itertools.count():
        await ask(desk, name=f"again-{number}")
        await asyncio.sleep(0.2)


@pytest.mark.long
@pytest.mark.alert("KeysFailing")
async def test_a_secret_that_opens_no_keys_is_told_of(watched: Watched) -> None:
    """Notifier was given another one than its neighbours; with theirs it mails what had waited."""
    desk, mailbox = watched.desk, watched.desk.mailbox
    desk.stop("notifier")
    desk.start("notifier", CARELINE_STREAM_SECRET="another-secret-which-nobody-else-has")
    await ask(desk, name="sealed")
    alert = await watched.fires("KeysFailing")
    assert (alert.labels["job"], alert.labels["severity"]) == ("notifier", "page")
    parts, *_ = await watched.follow_runbook("KeysFailing")
    shut_out = {each.labels["job"] for each in parts if not each.value}
    assert shut_out == {"notifier"}
    desk.stop("notifier")
    desk.start("notifier")
    await watched.until('careline_part_ready{job="notifier",part="keyring"} == 1')
    await watched.ends("KeysFailing")
    await until(lambda: mailbox.to(address_of(0, "sealed")), what="they have their mail")
