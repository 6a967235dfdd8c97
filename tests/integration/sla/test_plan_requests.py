"""An agent asks for another plan in a conversation: sla makes the change, or says why not."""

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import httpx
import pytest

from shared.deadlines import DeadlineScheduled
from shared.envelope import Topic
from shared.events import PlanChanged, TicketSlotted
from shared.handling import DeclineReason, PlanChangeDeclined, PlanChangeRequested
from tests.support import said
from tests.support.desk import Desk, running_desk
from tests.support.said_handling import plan_change_requested
from tests.support.sla_desk import put_plan, said_of, tell
from tests.support.stack import Stack
from tests.support.stream import read_events
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(240)  # more than all waits of a test together


@pytest.fixture(scope="module")
def desk(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk of which sla runs, for all tests of this module; each uses an account of its own."""
    with running_desk(stack, tmp_path_factory.mktemp("plan-requests")) as made:
        made.start("sla")
        yield made


@pytest.fixture
async def agent(desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    """A client with an agent's token."""
    await desk.ready("sla")
    async with httpx.AsyncClient(base_url=desk.url("sla"), headers=desk.bearer("agent")) as client:
        yield client


async def test_a_request_changes_the_plan_and_moves_the_clocks(
    desk: Desk, agent: httpx.AsyncClient
) -> None:
    """The agent is named as who changed it; the ticket's first promise is made by that plan."""
    created = said.ticket_created("upgrade", account="upgrade")
    await tell(desk, created)
    await said_of(desk, [created], until_each=TicketSlotted)
    requested = plan_change_requested(created, "starter")
    await tell(desk, requested)
    (changed,) = await _changes(desk, "upgrade", 1)
    assert (changed.data.plan, changed.data.changed_by) == ("starter", requested.data.by)
    assert changed.causationid == requested.id
    await said_of(desk, [created], until_each=DeadlineScheduled)
    (entry,) = (await agent.get("/v1/accounts/upgrade")).json()["history"]
    assert (entry["plan"], entry["changed_by"]) == ("starter", requested.data.by)


async def test_a_request_that_comes_again_does_not_undo_what_came_after_it(
    desk: Desk, agent: httpx.AsyncClient
) -> None:
    """Replayed after an admin has put the account onto another plan, it changes nothing."""
    created = said.ticket_created("again", account="again")
    requested = plan_change_requested(created, "centurion")
    await tell(desk, created, requested)
    await _changes(desk, "again", 1)
    await put_plan(desk, "again", "basic")
    marker = said.ticket_created("behind", account="behind")
    await tell(desk, requested, marker)
    await said_of(desk, [marker], until_each=TicketSlotted)
    later = plan_change_requested(created, "nowhere", key="marker")
    await tell(desk, later)
    await _declined(desk, [later])
    account = (await agent.get("/v1/accounts/again")).json()
    assert (account["plan"], len(account["history"])) == ("basic", 2)


async def test_a_request_for_the_plan_in_force_is_answered_all_the_same(desk: Desk) -> None:
    """Whoever waits for an answer has it: the change that counts is said once more."""
    created = said.ticket_created("same", account="same")
    await tell(desk, created, plan_change_requested(created, "basic"))
    first, *_ = await _changes(desk, "same", 1)
    second = plan_change_requested(created, "basic", key="two")
    await tell(desk, second)
    again = await _changes(desk, "same", 2)
    assert [event.id for event in again] == [first.id, first.id]
    once, twice = (event.data for event in again)
    assert twice == once.model_copy(update={"answered": (second.id,)})


async def test_what_cannot_be_done_is_declined_with_its_reason(
    desk: Desk, agent: httpx.AsyncClient
) -> None:
    """Another account, no such plan, a ticket that nobody knows: the partition goes on."""
    created = said.ticket_created("declined", account="declined")
    unknown = said.ticket_created("never-said", account="declined")
    requests = [
        plan_change_requested(created, "basic", account="somebody-else", key="one"),
        plan_change_requested(created, "platinum", key="two"),
        plan_change_requested(unknown, "basic", key="three"),
    ]
    await tell(desk, created, *requests)
    declined = await _declined(desk, requests)
    assert [event.data.reason for event in declined] == [
        DeclineReason.ANOTHER_ACCOUNT,
        DeclineReason.UNKNOWN_PLAN,
        DeclineReason.ANOTHER_ACCOUNT,
    ]
    for account in ("somebody-else", "declined"):
        assert (await agent.get(f"/v1/accounts/{account}")).status_code == 404
    await tell(desk, plan_change_requested(created, "basic", key="four"))
    await _changes(desk, "declined", 1)


async def _changes(desk: Desk, account: str, wanted: int) -> list[PlanChanged]:
    async def said_so_often() -> list[PlanChanged] | None:
        found = [
            event
            for event in await read_events(
                desk.stack.bootstrap_servers, desk.namespace, Topic.ACCOUNTS
            )
            if isinstance(event, PlanChanged) and event.data.account == account
        ]
        return found if len(found) >= wanted else None

    return await until(said_so_often, within=60, what=f"{wanted} changes of {account}")


async def _declined(
    desk: Desk, requests: Sequence[PlanChangeRequested]
) -> list[PlanChangeDeclined]:
    asked = [request.id for request in requests]

    async def all_of_them() -> list[PlanChangeDeclined] | None:
        events: Sequence[Any] = await read_events(
            desk.stack.bootstrap_servers, desk.namespace, Topic.SLA
        )
        found = {
            event.data.request: event for event in events if isinstance(event, PlanChangeDeclined)
        }
        return [found[id_] for id_ in asked] if found.keys() >= set(asked) else None

    return await until(all_of_them, within=60, what="every request is declined")
