"""Events that don't go out, or are not heard."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import pytest_asyncio

from shared.envelope import Topic
from tests.support.desk import SERVICES, Desk, running_desk
from tests.support.lone_broker import LoneBroker, running_broker
from tests.support.operators import command
from tests.support.prometheus import needs_prometheus
from tests.support.provoking import ask, asked, change, left_open
from tests.support.spoiled_topics import delete_all, pour, put_bent, put_unreadable, set_on_topic
from tests.support.stack import Stack
from tests.support.watched import Watched, numbers, watching

pytestmark = [
    needs_prometheus,
    pytest.mark.long,
    pytest.mark.timeout(420),  # more than all waits of a test together
    pytest.mark.asyncio(loop_scope="module"),
]

READERS = {"sla", "notifier", "messaging"}
RELAYS_TURN = "SELECT pg_advisory_xact_lock(x'0CA2E0B0'::bigint)"
"""What a relay holds while it publishes."""
SLOW_DATABASE = """
    CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN PERFORM pg_sleep(2); RETURN NULL; END';
    CREATE TRIGGER slow AFTER INSERT OR UPDATE ON stream_positions
        FOR EACH STATEMENT EXECUTE FUNCTION wait()
"""
"""Each batch takes two seconds and more: 250 records a second are the most that are handled."""
AS_QUICK_AS_EVER = "DROP TRIGGER slow ON stream_positions; DROP FUNCTION wait()"
TOO_MANY = 500
"""Records a second."""


@pytest.fixture(scope="module")
def broker() -> Iterator[LoneBroker]:
    """A Kafka that may be frozen."""
    with running_broker() as running:
        yield running


@pytest.fixture(scope="module")
def desk(
    stack: Stack, broker: LoneBroker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Desk]:
    """A desk of which nothing runs yet."""
    own = Stack(broker.bootstrap_servers, stack.postgres_admin_dsn)
    with running_desk(own, tmp_path_factory.mktemp("stream")) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def watched(desk: Desk) -> AsyncIterator[Watched]:
    """A desk whose stream is its own."""
    async with watching(desk, desk.folder, *SERVICES) as begun:
        yield begun


@pytest.mark.alert("OutboxStuck")
async def test_events_that_do_not_leave_a_database_are_told_of(watched: Watched) -> None:
    """A session that hangs has the relay's turn; what waited goes out once it is ended."""
    async with left_open(watched.desk.dsn("sla"), RELAYS_TURN):
        await ask(watched.desk, name="stuck")
        alert = await watched.fires("OutboxStuck")
        assert (alert.labels["job"], alert.labels["severity"]) == ("sla", "page")
        oldest, waiting, _ = await watched.follow_runbook("OutboxStuck")
        for answer in (oldest, waiting):
            assert {each.labels["job"] for each in answer if each.value} == {"sla"}
    await watched.ends("OutboxStuck")


@pytest.mark.alert("PublishingFails")
async def test_a_broker_that_takes_nothing_is_told_of(watched: Watched, broker: LoneBroker) -> None:
    """It stands still: intake refuses what it can't keep, until the broker goes on."""
    asking = asyncio.create_task(_go_on_asking(watched.desk))
    broker.freeze()
    try:
        assert (await watched.fires("PublishingFails")).labels["job"] == "intake"
        errors, _, tickets = await watched.follow_runbook("PublishingFails")
        assert max(each.value for each in errors if each.labels["job"] == "intake") > 3
        assert {each.labels["outcome"] for each in tickets if each.value} >= {"unavailable"}
    finally:
        broker.thaw()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
    await watched.ends("PublishingFails")
    await ask(watched.desk, name="again")


async def _go_on_asking(desk: Desk) -> None:
    """Four customers at once, again and again, whatever they are told."""
    async with httpx.AsyncClient(base_url=desk.url("intake"), timeout=20) as client:
        while True:
            body = asked("refused@customer.example")
            await asyncio.gather(*(client.post("/v1/tickets", json=body) for _ in range(4)))


@pytest.mark.alert("TopicDiffers")
async def test_a_topic_that_somebody_has_changed_is_told_of(watched: Watched) -> None:
    """A service that starts says so; when it was mended, whoever starts anew finds it well."""
    desk = watched.desk
    await set_on_topic(desk, Topic.NOTIFICATIONS, {"retention.ms": "3600000"})
    await _start_again(desk, "sla")
    alert = await watched.fires("TopicDiffers")
    assert alert.labels["topic"] == f"{desk.namespace}.{Topic.NOTIFICATIONS}"
    differs, *_ = await watched.follow_runbook("TopicDiffers")
    found = {(each.labels["job"], each.labels["topic"]) for each in differs if each.value}
    assert found == {("sla", alert.labels["topic"])}
    await asyncio.to_thread(_repair, desk)
    await _start_again(desk, "sla")
    topic = alert.labels["topic"]
    await watched.until(f'careline_topic_differences{{job="sla",topic="{topic}"}} == 0')
    await watched.ends("TopicDiffers")


async def _start_again(desk: Desk, service: str) -> None:
    desk.stop(service)
    desk.start(service)
    await desk.ready(service)


def _repair(desk: Desk) -> None:
    """What `make topics` does with this."""
    kafka, namespace = desk.stack.bootstrap_servers, desk.namespace
    wanted = {"KAFKA": kafka, "NAMESPACE": namespace, "PARTITIONS": "4"}
    said = command("deploy.topics", "--repair", "--yes", **wanted)
    assert said.status == 0, said


@pytest.mark.alert("LagGrowing")
async def test_a_service_that_can_not_keep_up_is_told_of(watched: Watched) -> None:
    """Sla's database has become slow, and more comes than it can note: it catches up afterwards."""
    database = watched.desk.dsn("sla")
    await change(database, SLOW_DATABASE)
    pouring = asyncio.create_task(pour(watched.desk, Topic.MESSAGES, rate=TOO_MANY))
    try:
        alert = await watched.fires("LagGrowing", within=120)
        assert alert.labels["job"] == "sla"
        lag, *_ = await watched.follow_runbook("LagGrowing")
        behind = {each.labels["job"] for each in lag if each.value > 500}
        assert behind == {"sla"}
    finally:
        pouring.cancel()
        await asyncio.gather(pouring, return_exceptions=True)
        await change(database, AS_QUICK_AS_EVER)
    await watched.ends("LagGrowing")
    await watched.until('sum(careline_consumer_lag_records{job="sla"}) == 0')


@pytest.mark.alert("FarBehind")
async def test_a_service_that_hears_nothing_is_told_of(watched: Watched) -> None:
    """A lock keeps messaging from handling what it reads; nobody else is behind."""
    async with left_open(watched.desk.dsn("messaging"), "LOCK TABLE threads IN EXCLUSIVE MODE"):
        await ask(watched.desk, name="behind")
        alert = await watched.fires("FarBehind")
        assert (alert.labels["job"], alert.labels["severity"]) == ("messaging", "page")
        behind, *_ = await watched.follow_runbook("FarBehind")
        assert {each.labels["job"] for each in behind if each.value > 5} == {"messaging"}
    await watched.ends("FarBehind")


@pytest.mark.alert("ReadFailing")
async def test_partitions_that_can_not_be_read_are_told_of(watched: Watched) -> None:
    """On each lies a record that can't be unpacked; whoever asks meanwhile waits behind it."""
    await put_bent(watched.desk, Topic.TICKETS)
    alert = await watched.fires("ReadFailing")
    assert alert.labels["topic"] == f"{watched.desk.namespace}.{Topic.TICKETS}"
    failures, *_ = await watched.follow_runbook("ReadFailing")
    assert {each.labels["job"] for each in failures if each.value} == READERS
    await delete_all(watched.desk, Topic.TICKETS)
    await watched.ends("ReadFailing")


@pytest.mark.alert("DeadLetters")
@pytest.mark.alert("DeadLettersMany")
async def test_records_that_nobody_can_handle_are_told_of(watched: Watched) -> None:
    """One waits for the morning; many of them, put there at once, do not."""
    await put_unreadable(watched.desk, Topic.TICKETS, 1)
    assert (await watched.fires("DeadLetters")).labels["severity"] == "ticket"
    dead, by_topic, _ = await watched.follow_runbook("DeadLetters")
    assert {each.labels["job"] for each in dead if each.value} == READERS
    assert max(numbers(by_topic)) > 0
    assert await watched.prometheus.alert("DeadLettersMany") is None
    await put_unreadable(watched.desk, Topic.TICKETS, 25)
    assert (await watched.fires("DeadLettersMany")).labels["severity"] == "page"
    await watched.follow_runbook("DeadLettersMany")
    await watched.ends("DeadLettersMany")
    await watched.ends("DeadLetters")
