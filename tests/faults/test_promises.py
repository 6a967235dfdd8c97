"""What customers were promised: deadlines that don't fire, breaches, and what the auditor finds."""

from collections.abc import AsyncIterator, Iterator
from functools import partial
from urllib.parse import urlsplit
from uuid import UUID

import pytest
import pytest_asyncio

from deploy.auditor import grants
from deploy.local import auditor
from tests.support.desk import AUDITOR, SECRET, SERVICES, WITH_DATABASE, Desk, running_desk
from tests.support.lone_broker import LoneBroker, running_broker
from tests.support.prometheus import needs_prometheus
from tests.support.provoking import ask, change, left_open, put_on_a_plan
from tests.support.stack import Stack
from tests.support.waiting import until
from tests.support.watched import Watched, numbers, watching

pytestmark = [
    needs_prometheus,
    pytest.mark.long,
    pytest.mark.timeout(420),  # more than all waits of a test together
    pytest.mark.asyncio(loop_scope="module"),
]

SOON = {
    "CARELINE_AUDIT_SLOTTED_WITHIN": "5",
    "CARELINE_AUDIT_DATABASE_EVERY": "0.5",
}
FEWEST = 100
"""Tickets that an auditor must be let remember."""
RUNNING = "SELECT FROM deadlines WHERE state = 'running' FOR NO KEY UPDATE"
HAS_A_DEADLINE = 'sum(sla_deadlines_due_within_hour{plan="starter"}) >= 1'


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
    with running_desk(own, tmp_path_factory.mktemp("promises")) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def watched(desk: Desk) -> AsyncIterator[Watched]:
    """A desk with an auditor; its account is promised answers within seconds."""
    async with watching(desk, desk.folder, *SERVICES, more=[AUDITOR]) as begun:
        server = urlsplit(desk.stack.postgres_admin_dsn)
        owners = {service: desk.dsn(service) for service in WITH_DATABASE}
        address = f"{server.hostname}:{server.port}"
        told = await auditor.admit(desk.stack.postgres_admin_dsn, address, SECRET, owners)
        desk.settings |= SOON | dict(told)
        await put_on_a_plan(desk)
        await _start_auditor(begun)
        yield begun


async def _start_auditor(watched: Watched, **settings: str) -> None:
    watched.desk.start(AUDITOR, **settings)
    await watched.desk.ready(AUDITOR)
    await watched.until("max(auditor_behind_seconds) < 4")


@pytest.mark.alert("TimersOverdue")
async def test_deadlines_that_do_not_fire_are_told_of(watched: Watched) -> None:
    """A transaction that somebody left open holds them: they fire once it is ended."""
    await put_on_a_plan(watched.desk, "starter", "held")
    await ask(watched.desk, 2, account="held", name="held")
    await watched.until(HAS_A_DEADLINE)
    async with left_open(watched.desk.dsn("sla"), RUNNING):
        assert (await watched.fires("TimersOverdue")).labels["severity"] == "page"
        oldest, overdue, _ = await watched.follow_runbook("TimersOverdue")
        assert min(*numbers(oldest), *numbers(overdue)) > 0
    await watched.ends("TimersOverdue")


@pytest.mark.alert("HeardLate")
async def test_a_partition_that_is_not_heard_is_told_of(watched: Watched) -> None:
    """A lock keeps sla from handling what it hears: it says no breach until it has."""
    async with left_open(watched.desk.dsn("sla"), "LOCK TABLE tickets IN EXCLUSIVE MODE"):
        await ask(watched.desk)
        assert (await watched.fires("HeardLate")).labels["severity"] == "page"
        behind, lag, _ = await watched.follow_runbook("HeardLate")
        assert max(numbers(behind)) > 5
        assert max(numbers(lag)) > 0
    await watched.ends("HeardLate")


@pytest.mark.alert("BreachSurge")
async def test_many_breaches_at_once_are_told_of(watched: Watched) -> None:
    """Nobody answers fifteen tickets in time; it says of which plan they are."""
    await put_on_a_plan(watched.desk, "professional", "many")
    await ask(watched.desk, 15, account="many", name="many")
    await watched.fires("BreachSurge")
    breaches, *_ = await watched.follow_runbook("BreachSurge")
    broken = {each.labels["plan"] for each in breaches if each.value > 5}
    assert broken == {"professional"}
    await watched.ends("BreachSurge")


@pytest.mark.alert("RecountStuck")
async def test_a_recount_that_stands_still_is_told_of(watched: Watched) -> None:
    """Somebody's transaction holds a ticket that is to follow its account's new plan."""
    await put_on_a_plan(watched.desk, "starter", "moving")
    (ticket,) = await ask(watched.desk, account="moving", name="moving")
    await watched.until(HAS_A_DEADLINE)
    held = f"SELECT FROM tickets WHERE ticket = '{ticket}' FOR UPDATE"
    async with left_open(watched.desk.dsn("sla"), held):
        await put_on_a_plan(watched.desk, "basic", "moving")
        await watched.fires("RecountStuck")
        oldest, unfinished, _ = await watched.follow_runbook("RecountStuck")
        assert max(numbers(oldest)) > 10
        assert numbers(unfinished) == [1]
    await watched.ends("RecountStuck")


@pytest.mark.alert("TicketsPassedOver")
async def test_a_ticket_that_can_not_be_counted_is_told_of(watched: Watched) -> None:
    """Its catalogue is not there any more: it keeps what it was promised, and the log names it."""
    await put_on_a_plan(watched.desk, "starter", "lost")
    (ticket,) = await ask(watched.desk, account="lost", name="lost")
    await watched.until(HAS_A_DEADLINE)
    lose = "UPDATE tickets SET catalogue_version = 'lost' WHERE ticket = $1"
    await change(watched.desk.dsn("sla"), lose, ticket)
    await put_on_a_plan(watched.desk, "basic", "lost")
    await watched.fires("TicketsPassedOver")
    passed_over, *_ = await watched.follow_runbook("TicketsPassedOver")
    assert max(numbers(passed_over)) >= 1
    log = watched.desk.log("sla")
    assert str(ticket) in {line["ticket"] for line in log if line["event"] == "ticket_passed_over"}
    await watched.ends("TicketsPassedOver")


@pytest.mark.alert("InvariantViolated")
async def test_a_row_that_was_changed_behind_a_service_is_told_of(watched: Watched) -> None:
    """The auditor sees that database and stream disagree, says which promise, and that it heals."""
    (ticket,) = await ask(watched.desk, name="changed")
    await until(partial(_is_breached, watched.desk, ticket), what="nothing more comes of it")
    database = watched.desk.dsn("sla")
    spoil = "UPDATE deadlines SET revision = revision + $2 WHERE ticket = $1"
    await change(database, spoil, ticket, 5)
    alert = await watched.fires("InvariantViolated")
    assert (alert.labels["promise"], alert.labels["severity"]) == ("deadlines_agree", "page")
    found, *_ = await watched.follow_runbook("InvariantViolated")
    assert {each.labels["promise"] for each in found if each.value} == {"deadlines_agree"}
    await change(database, spoil, ticket, -5)
    await watched.ends("InvariantViolated")


async def _is_breached(desk: Desk, ticket: UUID) -> bool:
    found = "SELECT FROM deadlines WHERE ticket = $1 AND state = 'breached'"
    return bool(await desk.query("sla", found, ticket))


@pytest.mark.alert("AuditorDatabaseUnread")
async def test_a_database_that_the_auditor_may_not_read_is_told_of(watched: Watched) -> None:
    """Its rights were taken away, in one database: the alert says in which."""
    owner = watched.desk.dsn("sla")
    await change(owner, f"REVOKE SELECT ON tickets FROM {grants.ROLE}")  # noqa: S608 - its name
    assert (await watched.fires("AuditorDatabaseUnread")).labels["database"] == "sla"
    reads, *_ = await watched.follow_runbook("AuditorDatabaseUnread")
    expected = {service: float(service != "sla") for service in WITH_DATABASE}
    assert {each.labels["database"]: each.value for each in reads} == expected
    await grants.apply(owner, "sla")
    await watched.ends("AuditorDatabaseUnread")


@pytest.mark.alert("AuditorBehind")
async def test_an_auditor_that_hears_nothing_is_told_of(
    watched: Watched, broker: LoneBroker
) -> None:
    """The broker stands still: what happens now is not looked at until it goes on."""
    broker.freeze()
    try:
        await watched.fires("AuditorBehind")
        behind, checked, _ = await watched.follow_runbook("AuditorBehind")
        assert max(numbers(behind)) > 5
        assert numbers(checked) == [0]
    finally:
        broker.thaw()
    await watched.ends("AuditorBehind")


@pytest.mark.alert("AuditorMissing")
async def test_that_nobody_checks_is_told_of(watched: Watched) -> None:
    """The auditor was stopped: its alerts would be silent."""
    assert watched.desk.stop(AUDITOR) == 0
    await watched.fires("AuditorMissing")
    up, *_ = await watched.follow_runbook("AuditorMissing")
    assert numbers(up) == [0]
    await _start_auditor(watched)
    await watched.ends("AuditorMissing")


@pytest.mark.alert("AuditorForgets")
async def test_more_tickets_than_it_may_remember_are_told_of(watched: Watched) -> None:
    """The oldest are let go before they were judged; with room for more, no longer."""
    watched.desk.stop(AUDITOR)
    await _start_auditor(watched, CARELINE_AUDIT_TICKETS=str(FEWEST))
    await watched.until("count_over_time(auditor_forgotten_tickets_total[5s]) >= 3")
    await ask(watched.desk, FEWEST + 5, account="nobody", name="crowd")
    await watched.fires("AuditorForgets")
    tracked, most, _ = await watched.follow_runbook("AuditorForgets")
    assert numbers(tracked) == numbers(most) == [FEWEST]
    watched.desk.stop(AUDITOR)
    await _start_auditor(watched)
    await watched.ends("AuditorForgets")
