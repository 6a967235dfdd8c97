"""Plans of accounts, wishes for others, and links: as heard, in any order, more than once."""

from datetime import datetime, timedelta
from itertools import permutations
from uuid import UUID

import pytest

from services.messaging import doing, store
from shared.database import Database
from shared.envelope import Cause, derive_id
from shared.events import PlanChanged, PlanChangedData, TicketCreated
from shared.handling import (
    DeclineReason,
    PlanChangeDeclined,
    PlanChangeDeclinedData,
    PlanChangeRequested,
)
from shared.links import Link
from tests.support import said
from tests.support.inbox import hear, shown
from tests.support.visiting import ACCOUNT, AGENT, customer, do, post, status_of, thread_of

CREATED = said.ticket_created(account=ACCOUNT)
TICKET = said.ticket_of(CREATED)
NOW = CREATED.time


def plan_changed(
    plan: str, *, at: datetime = NOW, since: datetime | None = None, account: str = ACCOUNT
) -> PlanChanged:
    """What sla says of an account."""
    since = since or at
    data = PlanChangedData(account=account, plan=plan, since=since, changed_by="a-lead")
    cause = Cause(derive_id(CREATED.id, plan, str(at), str(since)), account)
    return PlanChanged.say(data, cause=cause, source=said.SLA, time=at)


def declined(asked: PlanChangeRequested) -> PlanChangeDeclined:
    """What sla says of a plan that it doesn't know."""
    data = PlanChangeDeclinedData(
        request=asked.id,
        account=asked.data.account,
        plan=asked.data.plan,
        reason=DeclineReason.UNKNOWN_PLAN,
    )
    return PlanChangeDeclined.say(data, cause=asked.as_cause, source=said.SLA, time=said.now())


async def plan_of(database: Database, now: datetime) -> str | None:
    """The plan in force."""
    async with database.connection() as connection:
        return await store.read_plan(connection, ACCOUNT, now=now)


async def requested(database: Database) -> list[PlanChangeRequested]:
    """What was asked of sla."""
    events = (await shown(database, TICKET)).said
    return [event for event in events if isinstance(event, PlanChangeRequested)]


@pytest.fixture(autouse=True)
async def opened(database: Database) -> None:
    """The ticket is there."""
    await hear(database, CREATED)


async def test_the_plan_in_force_is_the_latest_that_has_begun(database: Database) -> None:
    """In whatever order changes are heard, and however often."""
    hour = timedelta(hours=1)
    first = plan_changed("starter")
    second = plan_changed("advanced", at=NOW + hour)
    coming = plan_changed("premium", at=NOW + hour, since=NOW + 5 * hour)
    for order in permutations((first, second, coming)):
        await hear(database, *order)
        await hear(database, *order)
        seen = [await plan_of(database, NOW + hours * hour) for hours in (-1, 0, 2, 5)]
        assert seen == [None, "starter", "advanced", "premium"]
        async with database.transaction() as connection:
            await connection.execute("DELETE FROM account_plans")


async def test_a_plan_is_asked_for_once_until_sla_answers(database: Database) -> None:
    """Then it may be asked for again."""
    for _ in range(2):
        await do(database, AGENT, doing.request_plan, TICKET, "advanced")
    (asked,) = await requested(database)
    assert (asked.data.account, asked.data.plan, asked.data.by) == (ACCOUNT, "advanced", "a-agent")
    await hear(database, plan_changed("advanced", at=said.now()))
    await do(database, AGENT, doing.request_plan, TICKET, "advanced")
    assert len(await requested(database)) == 2


async def test_why_a_plan_is_declined_is_kept(database: Database) -> None:
    """Until somebody asks for another one; the customer's wish stays with the agent."""
    await post(database, customer(), TICKET, "Please", asks_for_plan="gold")
    await do(database, AGENT, doing.request_plan, TICKET, "gold")
    (asked,) = await requested(database)
    for _ in range(2):
        await hear(database, declined(asked))
    assert await _declined(database) == ("gold", "unknown_plan")
    assert (await thread_of(database, TICKET)).asked_plan == "gold"
    await do(database, AGENT, doing.request_plan, TICKET, "gold")
    assert len(await requested(database)) == 2
    assert await _declined(database) is None


async def test_a_wish_ends_when_the_plan_changes_or_an_agent_is_done_with_it(
    database: Database,
) -> None:
    """A change from before the wish leaves it, however late it is heard."""
    await post(database, customer(), TICKET, "Please", asks_for_plan="advanced")
    await hear(database, plan_changed("starter", at=NOW - timedelta(hours=1)))
    assert (await thread_of(database, TICKET)).asked_plan == "advanced"
    await hear(database, plan_changed("advanced", at=said.now()))
    assert (await thread_of(database, TICKET)).asked_plan is None
    await post(database, customer(), TICKET, "And now", asks_for_plan="premium")
    for _ in range(2):
        await do(database, AGENT, _dismiss)
    assert (await thread_of(database, TICKET)).asked_plan is None
    assert await status_of(do(database, customer(), _dismiss)) == 403


async def test_who_asks_for_the_plan_that_is_in_force_is_answered_too(database: Database) -> None:
    """Sla says once more what it said of it then."""
    in_force = plan_changed("advanced", at=NOW - timedelta(days=9))
    await hear(database, in_force)
    await post(database, customer(), TICKET, "Please", asks_for_plan="advanced")
    await do(database, AGENT, doing.request_plan, TICKET, "advanced")
    assert await _waiting(database) == "advanced"
    await hear(database, in_force)
    assert await _waiting(database) is None
    assert (await thread_of(database, TICKET)).asked_plan is None


@pytest.mark.parametrize("plan", ["", "a b", "x" * 65])
async def test_what_is_no_plan_is_not_asked_for(database: Database, plan: str) -> None:
    """Which plans there are, sla knows; this is no plan anywhere."""
    assert await status_of(do(database, AGENT, doing.request_plan, TICKET, plan)) == 422
    assert await requested(database) == []


async def test_links_are_kept_as_they_are_told(database: Database) -> None:
    """Of the form with its ticket, of mails as they go out; a repeat changes nothing."""
    linked = _with_link(said.ticket_created("linked"), "1" * 64)
    sent = said.acknowledged(linked)
    mailed = sent.model_copy(
        update={"data": sent.data.model_copy(update={"link": _link("2" * 64, sent.time)})}
    )
    for _ in range(2):
        await hear(database, mailed, linked)
    async with database.connection() as connection:
        rows = await connection.fetch("SELECT sha256, ticket, origin FROM links ORDER BY sha256")
    ticket = UUID(linked.subject)
    assert [tuple(row) for row in rows] == [("1" * 64, ticket, "form"), ("2" * 64, ticket, "mail")]


async def _dismiss(connection: object, visitor: object, *, now: datetime) -> None:
    await doing.dismiss_plan(connection, visitor, TICKET, now=now)  # type: ignore[arg-type]  # as `do` has it


async def _declined(database: Database) -> tuple[str, str] | None:
    async with database.connection() as connection:
        return await store.read_declined(connection, TICKET)


async def _waiting(database: Database) -> str | None:
    async with database.connection() as connection:
        return await store.read_plan_request(connection, TICKET)


def _with_link(created: TicketCreated, sha256: str) -> TicketCreated:
    link = _link(sha256, created.time)
    return created.model_copy(update={"data": created.data.model_copy(update={"link": link})})


def _link(sha256: str, made: datetime) -> Link:
    return Link(sha256=sha256, expires=made + timedelta(days=30))
