"""Error budgets that burn: what customers would notice, one exercise for each objective."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import pytest_asyncio

from tests.support.desk import SERVICES, Desk, running_desk
from tests.support.lone_broker import LoneBroker, running_broker
from tests.support.prometheus import needs_prometheus
from tests.support.provoking import (
    address_of,
    answer,
    ask,
    asked,
    frozen,
    left_open,
    open_pages,
    put_on_a_plan,
)
from tests.support.stack import Stack
from tests.support.watched import Watched, numbers, watching

pytestmark = [
    needs_prometheus,
    pytest.mark.long,
    pytest.mark.timeout(480),  # more than all waits of a test together
    pytest.mark.asyncio(loop_scope="module"),
]

PAGES, TICKETS = ("14.4", "6"), ("3", "1")
"""The rates at which somebody is woken, and those that wait for the morning."""
MINUTE = 62.0
"""Seconds that a service is away: what is owed within a minute is late by then."""
MANY = 20
NOBODY = "no-plan-was-bought"
OPEN_PAGES = 12


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
    with running_desk(own, tmp_path_factory.mktemp("objectives")) as made:
        made.settings |= {
            "CARELINE_ALERTS_PER_MINUTE": "1000",
            "CARELINE_ALERTS_PER_HOUR": "1000",
        }
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def watched(desk: Desk) -> AsyncIterator[Watched]:
    """A desk whose account is promised answers within seconds."""
    async with watching(desk, desk.folder, *SERVICES) as begun:
        await put_on_a_plan(desk)
        yield begun


@pytest.mark.alert("IntakeSlow")
async def test_slow_answers_are_a_ticket_when_few_and_a_page_when_many(
    watched: Watched, broker: LoneBroker
) -> None:
    """One slow answer in 25 burns the budget four times too fast: nobody is woken until all are."""
    async with httpx.AsyncClient(timeout=20) as client:
        for _ in range(24):
            await _wait_for_the_broker(watched.desk, broker, client)
            for _ in range(24):
                await client.get(f"{watched.desk.url('intake')}/v1/nothing")
        await watched.burns_at("IntakeSlow", *TICKETS)
        assert not set(PAGES) & set(await watched.burns("IntakeSlow"))
        for _ in range(30):
            await _wait_for_the_broker(watched.desk, broker, client)
    await watched.burns_at("IntakeSlow", "14.4")
    everything, publishing, _ = await watched.follow_runbook("IntakeSlow")
    assert min(max(numbers(everything)), max(numbers(publishing))) > 0.25
    await watched.burns_no_more("IntakeSlow", *PAGES)


async def _wait_for_the_broker(desk: Desk, broker: LoneBroker, client: httpx.AsyncClient) -> None:
    """Ask while the broker stands still, for longer than an answer may take."""
    broker.freeze()
    asyncio.get_running_loop().call_later(0.4, broker.thaw)
    body = asked(address_of(0, "slow"), NOBODY)
    answered = await client.post(f"{desk.url('intake')}/v1/tickets", json=body)
    assert answered.status_code == httpx.codes.ACCEPTED


@pytest.mark.alert("IntakeAnswersFailing")
async def test_answers_that_fail_are_a_page(watched: Watched, broker: LoneBroker) -> None:
    """The broker stands still: 503 for all who ask, until it goes on; then the pages end."""
    with _standing_still(broker):
        codes = await _ask_for(watched.desk, seconds=8)
        assert codes == {503}
        await watched.burns_at("IntakeAnswersFailing", *PAGES)
        failing, *_ = await watched.follow_runbook("IntakeAnswersFailing")
        assert {each.labels["http_response_status_code"] for each in failing} == {"503"}
    await watched.burns_no_more("IntakeAnswersFailing", *PAGES)


@contextlib.contextmanager
def _standing_still(broker: LoneBroker) -> Iterator[None]:
    broker.freeze()
    try:
        yield
    finally:
        broker.thaw()


async def _ask_for(desk: Desk, seconds: float) -> set[int]:
    """Let customers ask for so long, several at once; how they were answered."""
    end = time.monotonic() + seconds

    async def asking(client: httpx.AsyncClient, number: int) -> set[int]:
        codes = set()
        while time.monotonic() < end:
            body = asked(address_of(number, "failing"), NOBODY)
            said = await client.post(f"{desk.url('intake')}/v1/tickets", json=body)
            codes.add(said.status_code)
            await asyncio.sleep(0.2)
        return codes

    async with httpx.AsyncClient(timeout=20) as client:
        found = await asyncio.gather(*(asking(client, number) for number in range(8)))
    return set().union(*found)


@pytest.mark.alert("ChatSlow")
async def test_pages_that_show_changes_late_are_a_page(watched: Watched) -> None:
    """Twelve open pages of a ticket wait for a table that somebody has locked."""
    desk, database = watched.desk, watched.desk.dsn("messaging")
    (ticket,) = await ask(desk, account=NOBODY, name="chat")
    async with open_pages(desk, ticket, address_of(0, "chat"), OPEN_PAGES):
        await watched.until(f"sum(thread_live_streams) >= {OPEN_PAGES}")
        await asyncio.sleep(2)  # until the pages have shown how the ticket began
        for turn in range(3):
            async with left_open(database, "LOCK TABLE account_plans IN ACCESS EXCLUSIVE MODE"):
                await answer(desk, ticket, f"This is answer {turn}.")
                await asyncio.sleep(2.5)
        await watched.until("sum(rate(thread_live_seconds_count[5s])) > 0")
        quantile, streams, _ = await watched.follow_runbook("ChatSlow")
        assert max(numbers(quantile)) > 2
        assert numbers(streams) == [OPEN_PAGES]
        await watched.burns_at("ChatSlow", "6")
    await watched.burns_no_more("ChatSlow", *PAGES)


@pytest.mark.alert("DeadlinesSlow")
async def test_breaches_that_are_said_seconds_late_are_a_page(watched: Watched) -> None:
    """Sla stands still when they fall due; nobody is told of minutes, since it was none."""
    await ask(watched.desk, MANY, name="slow")
    await watched.until('sum(sla_deadlines_due_within_hour{plan="centurion"}) >= 1')
    with frozen(watched.desk, "sla"):
        await asyncio.sleep(6)
    await watched.burns_at("DeadlinesSlow", "6")
    await watched.follow_runbook("DeadlinesSlow")
    assert await watched.burns("DeadlinesLate") == {}
    await watched.burns_no_more("DeadlinesSlow", *PAGES)


@pytest.mark.alert("DeadlinesLate")
async def test_breaches_that_are_said_minutes_late_are_a_page(watched: Watched) -> None:
    """Sla was away when they fell due, for more than a minute; it says them when it is back."""
    await put_on_a_plan(watched.desk, "starter", "late")
    await ask(watched.desk, MANY, account="late", name="late")
    await watched.until(f'sum(sla_deadlines_due_within_hour{{plan="starter"}}) >= {MANY}')
    watched.desk.stop("sla")
    await asyncio.sleep(12 + MINUTE)
    watched.desk.start("sla")
    await watched.desk.ready("sla")
    await watched.burns_at("DeadlinesLate", "6")
    late, *_ = await watched.follow_runbook("DeadlinesLate")
    assert min(numbers(late)) >= MANY / 2
    await watched.burns_no_more("DeadlinesLate", *PAGES)


@pytest.mark.alert("AcknowledgementsLate")
@pytest.mark.alert("BreachAlertsLate")
async def test_mails_that_go_a_minute_late_are_a_page(watched: Watched) -> None:
    """Notifier was away: customers hear late that they were heard, leads that a promise slips."""
    watched.desk.stop("notifier")
    await ask(watched.desk, MANY, name="unheard")
    await asyncio.sleep(MINUTE)
    watched.desk.start("notifier")
    await watched.desk.ready("notifier")
    for name in ("AcknowledgementsLate", "BreachAlertsLate"):
        await watched.burns_at(name, "6")
        await watched.follow_runbook(name)
    for name in ("AcknowledgementsLate", "BreachAlertsLate"):
        await watched.burns_no_more(name, *PAGES)
